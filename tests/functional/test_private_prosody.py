"""The private XMPP server that the demo, the tests and the benchmarks run on."""

from __future__ import annotations

import base64
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from bitween.cli.private_prosody import PrivateProsody, find_prosody
from bitween.errors import ConfigurationError, InvalidValue

_STREAM = (
    b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
_STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

_OWNER = """
import signal
from bitween.cli.private_prosody import PrivateProsody
prosody = PrivateProsody({directory!r})
prosody.start()
print(prosody.pid, flush=True)
signal.pause()
"""


def log_in(prosody: PrivateProsody, user: str, password: str) -> bytes:
    """Log in with SASL PLAIN over verified TLS; the server's verdict."""
    context = ssl.create_default_context(cafile=prosody.ca_file)
    with socket.create_connection((prosody.host, prosody.port), timeout=10) as plain:
        plain.sendall(_STREAM)
        receive_until(plain, b"</stream:features>")
        plain.sendall(_STARTTLS)
        receive_until(plain, b"<proceed")
        with context.wrap_socket(plain, server_hostname=prosody.domain) as secure:
            secure.sendall(_STREAM)
            receive_until(secure, b"</stream:features>")
            initial = base64.b64encode(f"\0{user}\0{password}".encode())
            secure.sendall(
                b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%b</auth>"
                % initial
            )
            return receive_until(secure, b"xmpp-sasl")


def receive_until(connection: socket.socket, mark: bytes) -> bytes:
    """Read up to and with a mark."""
    received = b""
    while mark not in received:
        chunk = connection.recv(4096)
        if not chunk:
            raise EOFError(received)
        received += chunk
    return received


class PrivateProsodyTests(SynchronousTestCase):
    """One server, started and used."""

    def start(self) -> PrivateProsody:
        """Start one that is gone when the test ends."""
        prosody = PrivateProsody()
        self.addCleanup(prosody.close)
        prosody.start()
        return prosody

    def test_log_in(self) -> None:
        """An account made while it runs can log in over TLS that its CA file verifies."""
        prosody = self.start()
        self.assertEqual(prosody.add_account("alice", "right horse"), "alice@localhost")
        self.assertIn(b"<success", log_in(prosody, "alice", "right horse"))
        self.assertIn(b"<failure", log_in(prosody, "alice", "wrong"))

    def test_limits(self) -> None:
        """With its rate limits on it starts and takes a log-in, too."""
        with PrivateProsody(limits=True) as prosody:
            prosody.add_account("alice", "secret")
            self.assertIn(b"<success", log_in(prosody, "alice", "secret"))

    def test_restart(self) -> None:
        """After a restart, and after a kill, it is at the same port and knows its accounts."""
        prosody = self.start()
        prosody.add_account("alice", "secret")
        port = prosody.port
        prosody.restart()
        self.assertIn(b"<success", log_in(prosody, "alice", "secret"))
        prosody.kill()
        self.assertFalse(prosody.running)
        prosody.start()
        self.assertEqual(prosody.port, port)
        self.assertIn(b"<success", log_in(prosody, "alice", "secret"))

    def test_strangers_certificate(self) -> None:
        """One server's authority does not vouch for another server."""
        one, other = self.start(), self.start()
        one.ca_file = other.ca_file
        with self.assertRaises(ssl.SSLCertVerificationError):
            log_in(one, "alice", "secret")

    def test_nothing_is_left(self) -> None:
        """When it is closed, process and directory are gone."""
        with PrivateProsody() as prosody:
            pid = prosody.pid
            assert pid is not None
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertFalse(os.path.exists(os.path.dirname(prosody.log_file)))

    def test_dies_with_its_owner(self) -> None:
        """When its owner is killed in the hardest way, it ends as well."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o711)  # where the user who runs it for root gets at it
        program = _OWNER.format(directory=os.path.join(folder, "prosody"))
        owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        assert owner.stdout is not None
        with owner.stdout as output:
            process = os.pidfd_open(int(output.readline()))
        self.addCleanup(os.close, process)
        owner.kill()
        ended, _, _ = select.select([process], [], [], 10)
        self.assertTrue(ended)

    def test_account_names(self) -> None:
        """A name or password that would break out of a Lua string or a folder is refused."""
        prosody = PrivateProsody()
        self.addCleanup(prosody.close)
        self.assertRaises(InvalidValue, prosody.add_account, "../alice", "secret")
        self.assertRaises(InvalidValue, prosody.add_account, "alice", 'se"cret')
        self.assertRaises(InvalidValue, prosody.add_account, "alice", "se\ncret")


class FindProsodyTests(SynchronousTestCase):
    """Which Prosody is taken."""

    def unpack(self) -> tuple[str, str]:
        """Lay out what unpacked packages look like; the cache directory and their root."""
        cache = os.path.abspath(self.mktemp())
        root = os.path.join(cache, "bitween/prosody/root")
        os.makedirs(f"{root}/usr/bin")
        os.makedirs(f"{root}/usr/lib/x86_64-linux-gnu")
        with open(f"{root}/usr/bin/prosody", "w", encoding="utf-8") as script:
            script.write("#!/usr/bin/env lua5.4\n")
        return cache, root

    def test_unpacked(self) -> None:
        """An unpacked one is run by the Lua beside it, which looks for libraries there first."""
        cache, root = self.unpack()
        with open(f"{root}/usr/bin/lua5.4", "wb"):
            pass
        found = find_prosody({"XDG_CACHE_HOME": cache}, search_path="")
        self.assertEqual(found.command, (f"{root}/usr/bin/lua5.4", f"{root}/usr/bin/prosody"))
        first, _, others = found.environment["LUA_CPATH"].partition(";")
        self.assertEqual(first, f"{root}/usr/lib/x86_64-linux-gnu/lua/5.4/?.so")
        self.assertIn(";;", others)

    def test_unpacked_beside_an_installed_lua(self) -> None:
        """Where Lua was installed already, and so was not unpacked, that one runs it."""
        cache, root = self.unpack()
        found = find_prosody({"XDG_CACHE_HOME": cache}, search_path="")
        self.assertEqual(found.command, ("lua5.4", f"{root}/usr/bin/prosody"))

    def test_none(self) -> None:
        """Where there is none, the error says what to install."""
        with self.assertRaises(ConfigurationError) as caught:
            find_prosody({"XDG_CACHE_HOME": self.mktemp()}, search_path="")
        self.assertIn("apt-get install prosody", caught.exception.hint)
