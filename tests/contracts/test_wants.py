"""What tells devices of our wants: the one that speaks XMPP, and the fake."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.ports import WantsPort
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.introduction import Introduction
from bitween.model.torrent import InfoHash
from tests.support.fakes.connector_ports import FakeWants
from tests.support.hostile_server_case import BOB, HostileServerCase

HASH = InfoHash("cd" * 20)
KEY = (BOB, "laptop")
OFFER = Introduction(HASH, "7d2a9e4c", (Candidate(PeerAddress("192.0.2.7", 6881)),))


class Contract:
    """Keeps the suite itself from being run."""

    class WantsTests(SynchronousTestCase):
        """The suite; bob's laptop is the other side."""

        wants: WantsPort

        def grant(self) -> None:
            """Have the laptop make the share ready."""
            raise NotImplementedError

        def deliver(self) -> None:
            """Have everything arrive that was sent."""

        def ended(self) -> list[tuple[InfoHash, bool]]:
            """Each end of a want that reached the laptop."""
            raise NotImplementedError

        def test_a_want_is_granted_when_the_share_is_ready(self) -> None:
            """Not before."""
            wanting = self.wants.want(*KEY, HASH)
            self.deliver()
            self.assertNoResult(wanting)
            self.grant()
            self.assertIs(self.successResultOf(wanting), True)

        def test_the_end_reaches_the_device(self) -> None:
            """With whether we seed."""
            self.wants.want(*KEY, HASH)
            self.deliver()
            self.grant()
            for seeds in (True, False):
                ending = self.wants.done(*KEY, HASH, seeds=seeds)
                self.deliver()
                self.assertIs(self.successResultOf(ending), True)
            self.assertEqual(self.ended(), [(HASH, True), (HASH, False)])


class XmppWantsTests(HostileServerCase, Contract.WantsTests):
    """Over XMPP, on a stream in memory; the server does what it should."""

    def setUp(self) -> None:
        """Have bob's laptop wait for the test."""
        super().setUp()
        self.wants = self.alice.wants
        self.ready: Deferred[None] = Deferred()
        self.bob.granting = lambda: self.ready

    def grant(self) -> None:
        """Let it go on."""
        self.ready.callback(None)
        self.deliver()

    def deliver(self) -> None:
        """Have the server deliver."""
        self.server.deliver()

    def ended(self) -> list[tuple[InfoHash, bool]]:
        """What reached it."""
        return [(info_hash, seeds) for _, _, info_hash, seeds in self.bob.ended]

    def test_an_introduction_needs_a_want_of_the_device(self) -> None:
        """Of the device that gets it: alice has not said that bob wants anything of her."""
        introducing = self.wants.introduce(*KEY, OFFER)
        self.deliver()
        self.assertIs(self.successResultOf(introducing), False)


class FakeWantsTests(Contract.WantsTests):
    """The fake."""

    def setUp(self) -> None:
        """Make it."""
        self.fake = FakeWants()
        self.wants = self.fake

    def grant(self) -> None:
        """Answer."""
        self.fake.wanted[-1][2].callback(True)

    def ended(self) -> list[tuple[InfoHash, bool]]:
        """What was recorded."""
        return [(info_hash, seeds) for _, info_hash, seeds in self.fake.ended]
