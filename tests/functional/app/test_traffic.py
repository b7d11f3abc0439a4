"""The account of what was exchanged with whom."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.traffic import KEEPING, TrafficAccount
from bitween.errors import StoreError
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.events import PeerMoved
from bitween.model.traffic import Traffic
from tests.support.fakes.memory import FakeMemory

BOB, EVE = "bob@example.org", "eve@example.org"


class BrokenMemory(FakeMemory):
    """Cannot be written for a while."""

    broken = True

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """Fail, or remember."""
        if self.broken:
            raise StoreError("the disk is full")
        super().keep_traffic(changed)


class TrafficTests(SynchronousTestCase):
    """Bob and Eve are at home behind one router; Bob has a server elsewhere, too."""

    def setUp(self) -> None:
        """Let them announce themselves."""
        self.clock, self.memory, self.catalogue = Clock(), FakeMemory(), Catalogue()
        self.announce(BOB, ("192.0.2.1", 1000), ("198.51.100.7", 1000))
        self.announce(EVE, ("192.0.2.1", 2000))
        self.account = TrafficAccount(self.clock, self.memory, self.catalogue)

    def announce(self, jid: str, *addresses: tuple[str, int]) -> None:
        """Let somebody be at addresses."""
        parsed = tuple(PeerAddress.parse(*address) for address in addresses)
        self.catalogue.replace_item(jid, "desk", [Announcement("desk", addresses=parsed)])

    def book(self, address: str, port: int | None) -> None:
        """Exchange one byte in, two bytes out."""
        self.account.book(PeerMoved(address=address, port=port, downloaded=1, uploaded=2))

    def totals(self) -> tuple[Traffic, Traffic]:
        """Bob's and Eve's."""
        return self.account.of(BOB), self.account.of(EVE)

    def test_by_address_and_port(self) -> None:
        """Whom we dialled we know."""
        self.book("192.0.2.1", 2000)
        self.book("192.0.2.1", 1000)
        self.book("192.0.2.1", 1000)
        self.assertEqual(self.totals(), (Traffic(2, 4), Traffic(1, 2)))

    def test_by_address_alone(self) -> None:
        """Who dialled us we know if nobody else is there; else it is nobody's."""
        self.book("198.51.100.7", None)
        self.book("192.0.2.1", None)
        self.book("203.0.113.9", None)
        self.assertEqual(self.totals(), (Traffic(1, 2), Traffic()))

    def test_by_relay(self) -> None:
        """Who is met at an address of this machine that stands for them is known by it."""
        who = {"127.1.0.1": EVE}
        self.account = TrafficAccount(self.clock, self.memory, self.catalogue, who.get)
        self.book("127.1.0.1", None)
        self.assertEqual(self.totals(), (Traffic(), Traffic(1, 2)))
        self.assertEqual(self.account.whose("127.1.0.1", 40000), EVE)

    def test_everybody_together(self) -> None:
        """What nobody can be said to have brought counts in the sums, also after a restart."""
        self.book("192.0.2.1", 1000)
        self.book("203.0.113.9", None)
        self.assertEqual((self.account.session, self.account.ever), (Traffic(2, 4), Traffic(2, 4)))
        self.account.close()
        again = TrafficAccount(self.clock, self.memory, self.catalogue)
        self.assertEqual((again.session, again.ever), (Traffic(), Traffic(2, 4)))

    def test_it_is_kept(self) -> None:
        """Soon, in one go; at once when the daemon ends, and what comes after that, too."""
        self.book("192.0.2.1", 1000)
        self.book("192.0.2.1", 2000)
        self.assertEqual(self.memory.traffic(), {})
        self.clock.advance(KEEPING)
        self.assertEqual(self.memory.traffic(), {BOB: Traffic(1, 2), EVE: Traffic(1, 2)})
        self.book("192.0.2.1", 1000)
        self.account.close()
        self.book("192.0.2.1", 1000)
        self.assertEqual(self.memory.traffic()[BOB], Traffic(3, 6))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        again = TrafficAccount(self.clock, self.memory, self.catalogue)
        self.assertEqual(again.of(BOB), Traffic(3, 6))

    def test_a_disk_that_is_full(self) -> None:
        """Nothing is lost of what could not be stored."""
        memory = BrokenMemory()
        self.account = TrafficAccount(self.clock, memory, self.catalogue)
        self.book("192.0.2.1", 1000)
        self.clock.advance(KEEPING)
        memory.broken = False
        self.book("192.0.2.1", 2000)
        self.clock.advance(KEEPING)
        self.assertEqual(memory.traffic(), {BOB: Traffic(1, 2), EVE: Traffic(1, 2)})
