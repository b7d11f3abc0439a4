"""Links and servers fail: the daemon notices, says so, and comes back by itself."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorSocket
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SkipTest

from bitween.daemon.log_in import DISPLACED_STATUS
from bitween.storage import api_location
from tests.support.fakes.tcp_proxy import TcpProxy
from tests.support.harness import (
    Daemon,
    EjabberdTestCase,
    OnEveryServer,
    ProsodyTestCase,
    together,
    until,
)
from tests.support.private_ejabberd import PrivateEjabberd
from tests.support.raw_client import RawClient
from tests.support.veth import NoNamespaces, Veth

# seconds for subscriptions that ejabberd has dropped to be asked for again.
_REMINDED_WITHIN = 150.0


async def not_online(daemon: Daemon) -> Any:
    """Wait until a daemon has lost its session; its connection, which says why."""
    status = await daemon.until(lambda s: s["connection"]["state"] != "online", "Api.status")
    return status["connection"]


async def noticed(daemon: Daemon) -> None:
    """
    Wait until a daemon has noticed a dead link, and says so.

    Left to the system, that would take it a quarter of an hour.
    """
    connection = await not_online(daemon)
    assert "stopped answering" in connection["error"] or "was lost" in connection["error"]


class Faults(OnEveryServer):
    """What a server does to its clients."""

    async def test_a_server_that_is_killed(self) -> None:
        """Daemons wait with a reason; when it is back, so are contacts, presence and shares."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        first = await alice.share(self.make_file("first", b"1"))
        await bob.finds(first)
        server.stop()  # so that it has written down who is whose contact
        await together([not_online(alice), not_online(bob)])
        server.start()
        await together([alice.online(), bob.online()])
        await bob.finds(first)
        server.kill()
        for daemon in (alice, bob):
            self.assertTrue((await not_online(daemon))["error"])
        # As long as the session could be resumed, contacts do not blink.
        await bob.until(lambda found: not found["items"][0]["online"], "xmpp.find")
        second = await alice.share(self.make_file("second", b"2"))
        server.start()
        await together([bob.finds(first), bob.finds(second)])

    async def test_a_server_that_is_stopped(self) -> None:
        """Its reason is told in words, as far as it comes through; then everybody comes back."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        await bob.finds(await alice.share(self.make_file("file", b"1")))
        server.stop()
        await alice.says("not connected: ")
        # Prosody says nothing to a session that could be resumed; and the last words of a server
        # are lost if it closes the connection while our data lies there unread.
        reasons = ("the server is shutting down", "closed the connection", "was lost")
        self.assertTrue(any(reason in alice.log for reason in reasons), alice.log)
        server.start()
        await alice.online()

    async def test_a_second_login_with_the_same_resource(self) -> None:
        """
        The daemon gives way for good: it ends cleanly and says why.

        Its status is one after which a supervisor does not start it again.
        """
        server = self.server("alice")
        alice = self.daemon(server, "alice", resource="laptop")
        await alice.start()
        await alice.online()
        other = RawClient(server, "alice", "laptop")
        self.addCleanup(other.stop)
        await other.online
        self.assertEqual(await alice.ended(), DISPLACED_STATUS)
        self.assertEqual(alice.log.count("bitween: another program has logged in with the same"), 1)
        self.assertNotIn("Traceback", alice.log)
        self.assertFalse(os.path.exists(os.path.join(alice.state_dir, api_location.FILE_NAME)))
        await other.publish("<x xmlns='y'/>")

    async def test_a_copy_of_a_state_directory(self) -> None:
        """The older daemon ends, and at its next start is a device of its own."""
        server = self.server("alice")
        alice = self.daemon(server, "alice")
        await alice.start()
        await alice.online()
        chosen = str((await alice.call("Api.status"))["jid"]).partition("/")[2]
        other = RawClient(server, "alice", chosen)
        self.addCleanup(other.stop)
        await other.online
        self.assertEqual(await alice.ended(), 1)
        await alice.start()
        await alice.online()
        now = str((await alice.call("Api.status"))["jid"]).partition("/")[2]
        self.assertNotEqual(now, chosen)
        await other.publish("<x xmlns='y'/>")

    async def test_a_contact_who_is_there_in_name_only(self) -> None:
        """Who does not answer when something is wanted is shown so, and comes back by itself."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        info_hash = await bob.share(self.make_file("file", b"1" * 100_000))
        await alice.finds(info_hash)
        bob.freeze()
        await alice.call("bt.add_torrent_by_hash", hash=info_hash)

        def answering(expected: bool) -> Any:
            return lambda said: (
                [
                    resource["answering"]
                    for contact in said["contacts"]
                    for resource in contact["resources"]
                ]
                == [expected]
            )

        said = await alice.until(answering(expected=False), "xmpp.get_contacts")
        (resource,) = said["contacts"][0]["resources"]
        self.assertTrue(resource["online"])
        self.assertEqual(resource["way"]["because"][0]["detail"], "not_answering")
        bob.thaw()
        await alice.complete(info_hash)


class ProsodyFaultTests(Faults, ProsodyTestCase):
    """On Prosody."""


class EjabberdFaultTests(Faults, EjabberdTestCase):
    """On ejabberd."""


class BlackHole(OnEveryServer):
    """A link that lets nothing through, and tells nobody."""

    async def test_it_is_noticed_and_passes(self) -> None:
        """The daemon says so; when the link is back, it comes back with its shares."""
        server = self.server("alice", "bob")
        link = TcpProxy(self, server.host, server.port)
        alice = self.daemon(server, "alice", options=["--server", self.listen(link)])
        bob = self.daemon(server, "bob")
        await self.make_contacts([alice, bob])
        first = await alice.share(self.make_file("first", b"1"))
        await bob.finds(first)
        link.cut()
        await noticed(alice)
        second = await alice.share(self.make_file("second", b"2"))
        link.mend()
        await together([alice.online(), bob.finds(first), bob.finds(second)])


class ProsodyBlackHoleTests(BlackHole, ProsodyTestCase):
    """On Prosody."""


class EjabberdBlackHoleTests(BlackHole, EjabberdTestCase):
    """On ejabberd."""


class NetworkTests(ProsodyTestCase):
    """A network between the daemon and its server, which loses acknowledgements as well."""

    async def test_a_black_hole(self) -> None:
        """It is noticed, and passes."""
        try:
            network = self.enterContext(Veth())
        except NoNamespaces as reason:
            raise SkipTest(str(reason)) from None
        server = self.server("alice")
        with network.listen() as listening:
            link: Any = TcpProxy(self, server.host, server.port)
            sockets = IReactorSocket(reactor)
            port: Any = sockets.adoptStreamPort(listening.fileno(), listening.family, link)
        self.addCleanup(port.stopListening)
        place = f"{network.address}:{port.getHost().port}"
        alice = self.daemon(server, "alice", options=["--server", place])
        await alice.start()
        await alice.online()
        network.cut()
        await noticed(alice)
        network.mend()
        await alice.online()


class HalfOpenTests(ProsodyTestCase):
    """Servers that take a connection and then fall silent."""

    async def test_it_is_given_up(self) -> None:
        """Silent at once, or after it agreed to TLS: in time it is told, and tried again."""
        server = self.server("alice", "bob")
        silent = Factory.forProtocol(Protocol)
        alice = self.daemon(server, "alice", options=["--server", self.listen(silent)])
        link = TcpProxy(self, server.host, server.port, cut_after=b"<proceed")
        bob = self.daemon(server, "bob", options=["--server", self.listen(link)])
        await together([alice.start(), bob.start()])
        for daemon in (alice, bob):
            status = await daemon.until(
                lambda status: status["connection"]["state"] == "waiting", "Api.status"
            )
            self.assertIn("stopped answering in the log-in", status["connection"]["error"])
        link.mend()
        await bob.online()


class Refusals(OnEveryServer):
    """A server that refuses what we need."""

    async def test_a_server_without_pep(self) -> None:
        """The log says so, once; what is known of others is still fetched."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        path = self.make_file("his", b"2")
        info_hash = await bob.share(path)
        await alice.finds(info_hash)
        server.stop()
        server.pep = False
        server.start()
        await alice.share(self.make_file("hers", b"1"))
        refusal = "could not publish our shares: the answer was service-unavailable"
        await alice.says(refusal)
        await alice.finds(info_hash)
        self.assert_same(path, await alice.download(info_hash))
        await together([alice.online(), bob.online()])
        self.assertEqual(alice.log.count(refusal), 1)
        self.assertNotIn("Traceback", alice.log)


class ProsodyRefusalTests(Refusals, ProsodyTestCase):
    """On Prosody."""


class EjabberdRefusalTests(Refusals, EjabberdTestCase):
    """On ejabberd."""

    async def test_several_new_contacts_within_a_minute(self) -> None:
        """Debian's limit drops subscriptions of the second one; they are asked for again."""
        users = ("alice", "bob", "carol")
        server = self.run_server(PrivateEjabberd(limits=True, presence_limit=True), *users)
        alice, *others = daemons = [self.daemon(server, user) for user in users]
        await together([daemon.start() for daemon in daemons])
        await together([daemon.online() for daemon in daemons])
        for other in others:
            await other.call("xmpp.add_contact", jid=alice.jid)
            await alice.call("xmpp.add_contact", jid=other.jid)

        async def subscriptions() -> list[str]:
            answers = [await daemon.call("xmpp.get_contacts") for daemon in daemons]
            return [c["subscription"] for answer in answers for c in answer["contacts"]]

        await until(subscriptions, lambda found: found == ["both"] * 4, patience=_REMINDED_WITHIN)
