"""The account of the traffic with each contact."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.traffic import STORE_DELAY, TrafficAccount
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.events import PeerMoved
from bitween.model.traffic import Traffic
from tests.support.fakes.memory import FakeMemory

BOB, EVE = "bob@example.org", "eve@example.org"


class TrafficTests(SynchronousTestCase):
    """Bob and Eve are at home behind one router; Bob has a server elsewhere, too."""

    def setUp(self) -> None:
        """Let them announce themselves."""
        self.clock, self.memory, self.catalogue = Clock(), FakeMemory(), Catalogue()
        self.announce(BOB, ("192.0.2.1", 1000), ("198.51.100.7", 1000))
        self.announce(EVE, ("192.0.2.1", 2000))
        self.account = TrafficAccount(self.clock, self.memory, self.catalogue)

    def announce(self, jid: str, *addresses: tuple[str, int]) -> None:
        """Let a contact announce addresses."""
        parsed = tuple(PeerAddress.parse(*address) for address in addresses)
        self.catalogue.replace_item(jid, "desk", [Announcement("desk", addresses=parsed)])

    def move(self, address: str, port: int | None) -> None:
        """Exchange one byte in, two bytes out."""
        self.account.record(PeerMoved(address=address, port=port, downloaded=1, uploaded=2))

    def totals(self) -> tuple[Traffic, Traffic]:
        """Bob's and Eve's."""
        return self.account.of(BOB), self.account.of(EVE)

    def test_a_peer_that_we_dialled_is_known_by_address_and_port(self) -> None:
        """Two contacts may share the address."""
        self.move("192.0.2.1", 2000)
        self.move("192.0.2.1", 1000)
        self.move("192.0.2.1", 1000)
        self.assertEqual(self.totals(), (Traffic(2, 4), Traffic(1, 2)))

    def test_a_peer_that_dialled_us_is_known_by_its_address_alone(self) -> None:
        """If contacts share the address, the traffic counts for none of them."""
        self.move("198.51.100.7", None)
        self.move("192.0.2.1", None)
        self.move("203.0.113.9", None)
        self.assertEqual(self.totals(), (Traffic(1, 2), Traffic()))

    def test_a_relayed_peer_is_known_by_its_local_address(self) -> None:
        """The relay gives each device an address of this machine."""
        who = {"127.1.0.1": EVE}
        self.account = TrafficAccount(self.clock, self.memory, self.catalogue, who.get)
        self.move("127.1.0.1", None)
        self.assertEqual(self.totals(), (Traffic(), Traffic(1, 2)))
        self.assertEqual(self.account.contact_at("127.1.0.1", 40000), EVE)

    def test_the_sums_include_unknown_peers(self) -> None:
        """They do after a restart, too."""
        self.move("192.0.2.1", 1000)
        self.move("203.0.113.9", None)
        self.assertEqual((self.account.session, self.account.ever), (Traffic(2, 4), Traffic(2, 4)))
        self.account.close()
        again = TrafficAccount(self.clock, self.memory, self.catalogue)
        self.assertEqual((again.session, again.ever), (Traffic(), Traffic(2, 4)))

    def test_traffic_is_stored_soon_and_at_once_at_the_end(self) -> None:
        """Changes are stored together; after the end, each is stored at once."""
        self.move("192.0.2.1", 1000)
        self.move("192.0.2.1", 2000)
        self.assertEqual(self.memory.traffic(), {})
        self.clock.advance(STORE_DELAY)
        self.assertEqual(self.memory.traffic(), {BOB: Traffic(1, 2), EVE: Traffic(1, 2)})
        self.move("192.0.2.1", 1000)
        self.account.close()
        self.move("192.0.2.1", 1000)
        self.assertEqual(self.memory.traffic()[BOB], Traffic(3, 6))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        again = TrafficAccount(self.clock, self.memory, self.catalogue)
        self.assertEqual(again.of(BOB), Traffic(3, 6))

    def test_nothing_is_lost_while_the_disk_is_full(self) -> None:
        """What could not be stored is stored with the next change."""
        memory = FakeMemory()
        memory.broken = True
        self.account = TrafficAccount(self.clock, memory, self.catalogue)
        self.move("192.0.2.1", 1000)
        self.clock.advance(STORE_DELAY)
        memory.broken = False
        self.move("192.0.2.1", 2000)
        self.clock.advance(STORE_DELAY)
        self.assertEqual(memory.traffic(), {BOB: Traffic(1, 2), EVE: Traffic(1, 2)})
