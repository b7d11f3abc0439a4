"""What every private XMPP server has to do: Prosody and ejabberd."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from bitween.errors import ConfigurationError, InvalidValue
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from tests.support.private_ejabberd import PrivateEjabberd, find_ejabberd

_STREAM = (
    b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
_STARTTLS = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_OWNER = """
import signal, sys
sys.path.insert(0, {root!r})
from {module} import {name}
server = {name}({directory!r})
server.start()
print(server.pid, flush=True)
signal.pause()
"""


def log_in(server: PrivateServer, user: str, password: str) -> bytes:
    """Log in with SASL PLAIN over verified TLS; the server's verdict."""
    context = ssl.create_default_context(cafile=server.ca_file)
    with socket.create_connection((server.host, server.port), timeout=60) as plain:
        plain.sendall(_STREAM)
        receive_until(plain, b"</stream:features>")
        plain.sendall(_STARTTLS)
        receive_until(plain, b"<proceed")
        with context.wrap_socket(plain, server_hostname=server.domain) as secure:
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


def processes_of(directory: str) -> list[int]:
    """The processes that name a directory in their arguments or their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            said = b"".join(_read(f"/proc/{pid}/{name}") for name in ("cmdline", "environ"))
        except OSError:  # it has ended, or belongs to another user
            continue
        if directory.encode() in said:
            found.append(int(pid))
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


# A mixin, so that trial does not take the contract itself for tests.
if TYPE_CHECKING:
    _Base = SynchronousTestCase
else:
    _Base = object


class PrivateServerContract(_Base):
    """One server, started and used."""

    server_type: ClassVar[type[PrivateProsody | PrivateEjabberd]]

    def make(self, **options: Any) -> PrivateServer:
        """Make one that is gone when the test ends."""
        server = self.server_type(**options)
        self.addCleanup(server.close)
        return server

    def start(self) -> PrivateServer:
        """Make and start one."""
        server = self.make()
        server.start()
        return server

    def test_a_new_account_logs_in_over_verified_tls(self) -> None:
        """An account made while it runs can log in over TLS that its CA file verifies."""
        server = self.start()
        self.assertEqual(server.add_account("alice", "right horse"), "alice@localhost")
        self.assertIn(b"<success", log_in(server, "alice", "right horse"))
        self.assertIn(b"<failure", log_in(server, "alice", "wrong"))

    def test_it_takes_a_log_in_with_its_rate_limits_on(self) -> None:
        """With its rate limits on it starts and takes a log-in, too."""
        with self.make(limits=True) as server:
            server.add_account("alice", "secret")
            self.assertIn(b"<success", log_in(server, "alice", "secret"))

    def test_a_restart_keeps_port_and_accounts(self) -> None:
        """After a restart, and after a kill, it is at the same port and knows its accounts."""
        server = self.start()
        server.add_account("alice", "secret")
        port = server.port
        server.restart()
        self.assertIn(b"<success", log_in(server, "alice", "secret"))
        server.kill()
        self.assertFalse(server.running)
        server.start()
        self.assertEqual(server.port, port)
        self.assertIn(b"<success", log_in(server, "alice", "secret"))

    def test_another_servers_authority_is_not_trusted(self) -> None:
        """One server's authority does not vouch for another server."""
        one, other = self.start(), self.start()
        one.ca_file = other.ca_file
        with self.assertRaises(ssl.SSLCertVerificationError):
            log_in(one, "alice", "secret")

    def test_nothing_is_left(self) -> None:
        """When it is closed, process and directory are gone."""
        with self.make() as server:
            directory = os.path.dirname(server.log_file)
            self.assertIn(server.pid, processes_of(directory))
        self.assert_gone(directory)
        self.assertFalse(os.path.exists(directory))

    def test_dies_with_its_owner(self) -> None:
        """When its owner is killed in the hardest way, it ends as well."""
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o711)  # where the user who runs it for root gets at it
        directory = os.path.join(folder, "server")
        program = _OWNER.format(
            root=_ROOT,
            module=self.server_type.__module__,
            name=self.server_type.__name__,
            directory=directory,
        )
        owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        self.addCleanup(owner.wait)
        self.addCleanup(owner.kill)
        assert owner.stdout is not None
        with owner.stdout as output:
            self.assertIn(int(output.readline()), processes_of(directory))
        owner.kill()
        owner.wait()
        self.assert_gone(directory)

    def assert_gone(self, directory: str) -> None:
        """Wait for the end of every process of a server, its helpers included."""
        for pid in processes_of(directory):
            with contextlib.suppress(ProcessLookupError):
                process = os.pidfd_open(pid)
                self.addCleanup(os.close, process)
                self.assertTrue(select.select([process], [], [], 60)[0], "a process is left")
        self.assertEqual(processes_of(directory), [])

    def test_dangerous_names_and_passwords_are_refused(self) -> None:
        """A name or password that would break out of a Lua string or a folder is refused."""
        server = self.make()
        self.assertRaises(InvalidValue, server.add_account, "../alice", "secret")
        self.assertRaises(InvalidValue, server.add_account, "alice", 'se"cret')
        self.assertRaises(InvalidValue, server.add_account, "alice", "se\ncret")


class PrivateProsodyTests(PrivateServerContract, SynchronousTestCase):
    """Prosody."""

    server_type = PrivateProsody


class PrivateEjabberdTests(PrivateServerContract, SynchronousTestCase):
    """ejabberd."""

    server_type = PrivateEjabberd

    def setUp(self) -> None:
        """Ask for an ejabberd."""
        try:
            find_ejabberd()
        except ConfigurationError as error:
            raise SkipTest(str(error)) from None
