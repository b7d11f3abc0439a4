"""Short drops of the link to a real server: nothing is lost, and nobody sees a thing (XEP-0198)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.connection import ConnectionState
from bitween.model.contact import Pending
from bitween.model.events import ConnectionChanged, PresenceChanged
from bitween.model.torrent import parse_info_hash
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from bitween.util.backoff import Backoff
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.fakes.loopback import listen
from tests.support.fakes.tcp_proxy import TcpProxy
from tests.support.person import Person
from tests.support.private_ejabberd import ejabberd_or_skip
from tests.support.waiting import until

HOLIDAY = Share(parse_info_hash("a" * 40), "holiday", 5)
HERE = PeerAddress.parse("127.0.0.1", 6881)


# A mixin, so that trial does not run it on no server at all.
if TYPE_CHECKING:
    _Base = TestCase
else:
    _Base = object


class Resumption(_Base):
    """Alice's link goes through a proxy; Bob is a contact of hers who watches."""

    def make_server(self) -> PrivateServer:
        """Make a server."""
        raise NotImplementedError

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes it
        """Have two contacts who are online."""
        self.server = self.make_server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.proxy = TcpProxy(self, "127.0.0.1", self.server.port)
        self.alice = self.person("alice", listen(self, self.proxy))
        self.bob = self.person("bob", self.server.port)
        for person in (self.alice, self.bob):
            person.start()
            await person.online()
        await self.alice.messenger.add_contact(self.bob.jid, "")
        await self.bob.until(lambda: self.bob.pending(self.alice) is Pending.IN)
        await self.bob.messenger.accept_contact(self.alice.jid)
        await self.alice.until(lambda: bool(self.alice.catalogue.online(self.bob.jid)))
        await self.bob.until(lambda: bool(self.bob.catalogue.online(self.alice.jid)))
        for person in (self.alice, self.bob):
            person.told.clear()

    def person(self, user: str, port: int) -> Person:
        """A user with an account."""
        jid = self.server.add_account(user, "secret")
        with open(self.server.ca_file, "rb") as file:
            ca_pem = file.read()
        account = Account(f"{jid}/laptop", "secret", ("127.0.0.1", port), ca_pem)
        messenger = Messenger(
            reactor, Client(reactor, account, self.fail, backoff=Backoff(lambda: 0.0))
        )
        self.addCleanup(messenger.client.stopService)
        return Person(messenger, messenger.client.startService, messenger.client.stopService)

    async def cut_and_resume(self) -> None:
        """Break Alice's link, and wait until she has another one."""
        self.proxy.break_off()
        await self.waiting(self.alice)
        await self.alice.online()

    @staticmethod
    def waiting(person: Person) -> Deferred[None]:
        """Fires when a person's client notices that the link is gone."""
        gone = ConnectionState.WAITING
        return person.until(lambda: person.messenger.status.state is gone)

    async def both(self, come_to: Callable[[Person], Deferred[None]]) -> None:
        """Wait until Alice and Bob have come to something."""
        await gatherResults([come_to(self.alice), come_to(self.bob)])

    def presences(self) -> list[PresenceChanged]:
        """The presence changes that Alice and Bob were told of."""
        events = [*self.alice.told, *self.bob.told]
        return [event for event in events if isinstance(event, PresenceChanged)]

    async def test_contacts_do_not_notice_a_resumption(self) -> None:
        """Neither side sees the other go, again and again; the status says what happens."""
        for n in range(3):
            await self.cut_and_resume()
            self.assertEqual(self.proxy.accepted, n + 2)
        await self.alice.messenger.add_contact("carol@localhost", "")
        self.assertEqual(self.presences(), [])
        states = [e.status for e in self.alice.told if isinstance(e, ConnectionChanged)]
        self.assertEqual(
            [status.state for status in states[:3]],
            [ConnectionState.WAITING, ConnectionState.CONNECTING, ConnectionState.ONLINE],
        )
        self.assertTrue(all(s.resuming for s in states if s.state is not ConnectionState.ONLINE))

    async def test_what_was_sent_into_the_void_arrives(self) -> None:
        """A request that never reached the server is answered after all, and has its effect."""
        carol = self.person("carol", self.server.port)
        carol.start()
        await carol.online()
        self.proxy.cut()
        asking = self.alice.messenger.add_contact(carol.jid, "Carol")
        self.alice.messenger.announce([HOLIDAY], [Candidate(HERE)])
        await until(lambda: self.proxy.client_bytes, "the request is lost on its way")
        self.assertFalse(asking.called)
        await self.cut_and_resume()
        await asking
        await carol.until(lambda: carol.pending(self.alice) is Pending.IN)
        await self.bob.until(lambda: self.bob.sees(self.alice, "laptop", HOLIDAY))
        self.assertEqual(self.presences(), [])

    async def test_what_was_sent_to_us_meanwhile_arrives(self) -> None:
        """The server keeps for us what did not reach us."""
        self.proxy.cut()
        self.bob.messenger.announce([HOLIDAY], [Candidate(HERE)])
        await until(lambda: self.proxy.server_bytes, "the announcement is lost on its way")
        self.assertFalse(self.alice.sees(self.bob, "laptop", HOLIDAY))
        await self.cut_and_resume()
        await self.alice.until(lambda: self.alice.sees(self.bob, "laptop", HOLIDAY))
        self.assertEqual(self.presences(), [])

    async def test_a_server_that_forgot_us(self) -> None:
        """After a crash of the server there is a new session, in which everything works."""
        # So that it has written down who is whose contact.
        self.server.stop()
        await self.both(self.waiting)
        self.server.start()
        await self.both(Person.online)
        self.server.kill()
        await self.both(self.waiting)
        self.server.start()
        await self.both(Person.online)
        self.alice.messenger.announce([HOLIDAY], [Candidate(HERE)])
        await self.bob.until(lambda: self.bob.sees(self.alice, "laptop", HOLIDAY))
        await self.bob.until(lambda: self.bob.catalogue.online(self.alice.jid) == {"laptop"})

    async def test_a_clean_stop_leaves_nothing_behind(self) -> None:
        """Contacts see us leave at once, also after a resumption: the server would wait longer."""
        await self.cut_and_resume()
        await self.alice.stop()
        await self.bob.until(lambda: not self.bob.catalogue.online(self.alice.jid))


class _PatientProsody(PrivateProsody):
    """One that waits for us longer than a test does."""

    hibernation = 600


class ProsodyResumptionTests(Resumption, TestCase):
    """On Prosody."""

    def make_server(self) -> PrivateServer:
        """Make a Prosody."""
        return _PatientProsody(limits=True)


class EjabberdResumptionTests(Resumption, TestCase):
    """On ejabberd."""

    def make_server(self) -> PrivateServer:
        """Make an ejabberd."""
        return ejabberd_or_skip()
