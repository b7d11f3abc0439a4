"""How daemons log in on each server, and how they tell why they cannot."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import ClassVar

from bitween.testing.private_server import PrivateServer
from tests.support.harness import Daemon, EjabberdTestCase, OnEveryServer, ProsodyTestCase


class LogIn(OnEveryServer):
    """Mechanisms, and refusals: at the first log-in, and later."""

    #: What the server offers, ``%`` being the hash function.
    offered: ClassVar[set[str]]
    #: Passwords that it takes.
    passwords: ClassVar[Sequence[str]]

    async def log_in(self, scram: str) -> tuple[set[str], list[str]]:
        """Log in; the mechanisms that are offered over TLS, and those that are used."""
        server = self.run_server(self.server_type(limits=True, scram=scram), "alice")
        alice = self.daemon(server, "alice", options=["--log-traffic"])
        await alice.start()
        await alice.says("<success")
        offered = re.findall(r"<mechanism>([^<]*)</mechanism>", alice.log)
        used = re.findall(r"out <auth [^>]*mechanism='([^']*)'", alice.log)
        return set(offered), used

    async def test_scram_sha_1(self) -> None:
        """It is used though PLAIN is offered, and without a binding that the server cannot do."""
        offered, used = await self.log_in("SHA-1")
        self.assertEqual(offered, {name.replace("%", "SHA-1") for name in self.offered})
        self.assertEqual(used, ["SCRAM-SHA-1"])

    async def test_scram_sha_256(self) -> None:
        """The same with the better hash function."""
        offered, used = await self.log_in("SHA-256")
        self.assertEqual(offered, {name.replace("%", "SHA-256") for name in self.offered})
        self.assertEqual(used, ["SCRAM-SHA-256"])

    async def test_passwords_beyond_ascii(self) -> None:
        """What servers prepare in different ways logs in, and emoji where the server takes them."""
        server = self.run_server(self.server_type())
        for number, password in enumerate(self.passwords):
            user = f"alice{number}"
            server.add_account(user, password)
            alice = self.daemon(server, user, password=password)
            await alice.start()
            await alice.online()
            await alice.stop()

    async def test_a_wrong_password(self) -> None:
        """The server's refusal is told, and the process does not live on."""
        daemon = self.daemon(self.server("alice"), "alice", password="wrong")
        line = await self.refusal_of(daemon)
        self.assertIn("does not take this user name and password", line)
        # The reason stands in the log's last line, where an operator looks first.
        last = daemon.log.strip().splitlines()[-1]
        self.assertIn("does not take this user name and password", last)

    async def test_an_unknown_account(self) -> None:
        """It is told as a wrong password is: servers do not tell these apart."""
        line = await self.refusal_of(self.daemon(self.server("alice"), "bob"))
        self.assertIn("does not take this user name and password", line)

    async def test_an_unknown_certificate(self) -> None:
        """A certificate that nobody vouches for is told as such, with what to do."""
        server = self.server("alice")
        with open(server.ca_file, encoding="ascii") as file:
            trusted = self.make_file("ca.pem", file.read().encode())
        server.certify()
        server.restart()
        line = await self.refusal_of(self.daemon(server, "alice", options=["--ca-file", trusted]))
        self.assertIn("certificate", line)
        self.assertIn("--ca-file", line)

    async def test_a_certificate_that_has_expired(self) -> None:
        """It is renewed one day, or the clock is set: the daemon waits, and says what is wrong."""
        server = self.server("alice")
        now = dt.datetime.now(dt.UTC)
        server.certify(valid=(now - dt.timedelta(2), now - dt.timedelta(1)))
        server.restart()
        alice = self.daemon(server, "alice")
        await alice.start()
        status = await alice.until(lambda s: s["connection"]["state"] == "waiting", "Api.status")
        self.assertIn("this machine's clock says", status["connection"]["error"])
        self.assertTrue(alice.running)

    async def test_a_start_behind_another_certificate(self) -> None:
        """An account that has logged in before is not given up: the network may be the cause."""
        server = self.server("alice")
        alice = await self.online(server)
        await alice.stop()
        with open(server.ca_file, encoding="ascii") as file:
            trusted = self.make_file("ca.pem", file.read().encode())
        server.certify()
        server.restart()
        alice.options = ["--ca-file", trusted]
        await alice.start()
        await self.fails(alice, "is not trusted")
        self.assertTrue(alice.running)

    async def test_a_password_that_is_changed(self) -> None:
        """A daemon that was online says that it has failed, and why, and lives on."""
        server = self.server("alice")
        alice = await self.online(server)
        server.add_account("alice", "another")
        server.restart()
        await self.fails(alice, "does not take this user name and password")

    async def test_a_certificate_that_is_changed(self) -> None:
        """A daemon that was online says that it has failed, and why, and lives on."""
        server = self.server("alice")
        alice = await self.online(server)
        server.certify()
        server.restart()
        await self.fails(alice, "is not trusted")

    async def online(self, server: PrivateServer) -> Daemon:
        """Start alice's daemon, and wait until it is logged in."""
        alice = self.daemon(server, "alice")
        await alice.start()
        await alice.online()
        return alice

    async def fails(self, daemon: Daemon, why: str) -> None:
        """Wait until a daemon has failed; the status and one line of the log say why."""
        status = await daemon.until(lambda s: s["connection"]["state"] == "failed", "Api.status")
        self.assertIn(why, status["connection"]["error"])
        await daemon.says(why)
        self.assertEqual(daemon.log.count(why), 1, daemon.log)
        self.assertNotIn("Traceback", daemon.log)


class ProsodyLogInTests(LogIn, ProsodyTestCase):
    """On Prosody."""

    offered = {"PLAIN", "SCRAM-%"}
    passwords = ("🔑 pässword 🦄", "ﬁe\u0301🦄")

    async def test_a_resource_with_an_emoji(self) -> None:
        """It does not take one, but gives another each time: that is said, with what to do."""
        alice = self.daemon(self.server("alice"), "alice", resource="home 🏠🪿")
        await alice.start()
        await alice.online()
        await alice.says("in place of the resource")
        self.assertTrue((await alice.call("Api.status"))["jid"].startswith("alice@localhost/"))


class EjabberdLogInTests(LogIn, EjabberdTestCase):
    """On ejabberd."""

    # It offers -PLUS without the binding types that it can do (XEP-0440).
    offered = {"PLAIN", "SCRAM-%", "SCRAM-%-PLUS"}
    # It makes no account with a character that Unicode 3.2 has not.
    passwords = ("pässword ﬁe\u0301", "пароль")

    async def test_a_resource_with_an_emoji(self) -> None:
        """It does not take one; that is said, with what to do."""
        alice = self.daemon(self.server("alice"), "alice", resource="home 🏠🪿")
        line = await self.refusal_of(alice)
        self.assertIn("does not accept the resource", line)
        self.assertIn("--jid", line)


class NoServerTests(ProsodyTestCase):
    """Where no server is reached, the status and the log say why, and tries go on."""

    async def waits(self, place: str, why: str) -> None:
        """Start a daemon whose server is at a place where there is none."""
        alice = self.daemon(self.server("alice"), "alice", options=["--server", place])
        await alice.start()
        status = await alice.until(
            lambda status: status["connection"]["state"] == "waiting", "Api.status"
        )
        self.assertIn(why, status["connection"]["error"])
        await alice.says(f"not connected: {status['connection']['error']}")

    async def test_a_host_that_is_not_found(self) -> None:
        """The name is told."""
        await self.waits("server.invalid:5222", "server.invalid:5222 cannot be found")

    async def test_a_port_that_nobody_listens_on(self) -> None:
        """Host and port are told."""
        await self.waits("127.0.0.1:1", "127.0.0.1:1 refuses connections")
