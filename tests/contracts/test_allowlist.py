"""What every allowlist has to do: the one that keeps the IP filter, and the fake."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.allowlist import PeerAllowlist
from bitween.connect.ports import AllowlistPort
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from tests.support.fakes.connector_ports import FakeAllowlist
from tests.support.fakes.swarm import FakeSwarm

BOB, CAROL = ("bob@example.org", "laptop"), ("carol@example.org", "phone")
FIRST, SECOND = PeerAddress("192.0.2.1", 6881), PeerAddress("192.0.2.2", 6881)


class Contract:
    """Keeps the suite itself from being run."""

    class AllowlistTests(SynchronousTestCase):
        """The suite; bob's laptop is online, carol's phone is not."""

        allowlist: AllowlistPort

        def make(self, catalogue: Catalogue) -> AllowlistPort:
            """The allowlist of those who are online."""
            raise NotImplementedError

        def allows(self, address: PeerAddress) -> bool:
            """Whether a peer may connect from an address."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make it."""
            catalogue = Catalogue(Clock().seconds)
            catalogue.set_online(*BOB, True)
            self.allowlist = self.make(catalogue)

        def test_an_online_device_may_connect(self) -> None:
            """Wherever it says that it is."""
            self.allowlist.allow_candidates(*BOB, [FIRST, SECOND])
            self.assertTrue(self.allows(FIRST) and self.allows(SECOND))

        def test_the_last_request_counts(self) -> None:
            """Addresses that are not named again are allowed no longer."""
            self.allowlist.allow_candidates(*BOB, [FIRST])
            self.allowlist.allow_candidates(*BOB, [SECOND])
            self.assertEqual((self.allows(FIRST), self.allows(SECOND)), (False, True))

        def test_a_device_that_is_offline_may_not_connect(self) -> None:
            """Its request came too late."""
            self.allowlist.allow_candidates(*CAROL, [FIRST])
            self.assertFalse(self.allows(FIRST))


class FilteringAllowlistTests(Contract.AllowlistTests):
    """The allowlist of the product."""

    def make(self, catalogue: Catalogue) -> AllowlistPort:
        """The allowlist of a swarm in memory."""
        self.swarm = FakeSwarm()
        return PeerAllowlist(self.swarm, catalogue, lambda _: True, Clock().seconds)

    def allows(self, address: PeerAddress) -> bool:
        """Look at the IP filter."""
        return any(address.ip in network for network in self.swarm.admitted)


class FakeAllowlistTests(Contract.AllowlistTests):
    """The fake."""

    def make(self, catalogue: Catalogue) -> AllowlistPort:
        """The fake."""
        self.fake = FakeAllowlist(catalogue)
        return self.fake

    def allows(self, address: PeerAddress) -> bool:
        """Look at what it recorded."""
        return any(address in allowed for allowed in self.fake.allowed.values())
