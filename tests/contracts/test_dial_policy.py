"""What every dial policy has to do: the strict one, and the fake."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.dial_policy import DialPolicy
from bitween.connect.ports import DialPolicyPort
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.network_link import Link
from tests.support.fakes.connector_ports import FakeDialPolicy

BOB = "bob@example.org"
PUBLIC, LOOPBACK = PeerAddress("9.9.9.9", 6881), PeerAddress("127.0.0.1", 6881)


class Contract:
    """Keeps the suite itself from being run."""

    class DialPolicyTests(SynchronousTestCase):
        """The suite."""

        policy: DialPolicyPort

        def make(self) -> DialPolicyPort:
            """The policy of a machine with a network."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make it."""
            self.policy = self.make()

        def test_public_addresses_are_dialled_without_proof(self) -> None:
            """Contacts may connect from them, too."""
            self.assertTrue(self.policy.may_dial(PUBLIC))
            self.assertFalse(self.policy.needs_proof(PUBLIC))
            self.assertTrue(self.policy.may_connect_from(PUBLIC))

        def test_loopback_is_not_dialled(self) -> None:
            """No proof changes that."""
            self.assertFalse(self.policy.may_dial(LOOPBACK))
            self.assertFalse(self.policy.needs_proof(LOOPBACK))
            self.assertFalse(self.policy.may_connect_from(LOOPBACK))

        def test_some_addresses_are_within_the_budget(self) -> None:
            """They keep their order, and are not counted twice."""
            second = PeerAddress("8.8.4.4", 6881)
            for _ in range(100):
                self.assertEqual(self.policy.within_budget(BOB, [PUBLIC, second]), [PUBLIC, second])
            self.policy.connected(BOB, PUBLIC)
            self.assertEqual(self.policy.within_budget(BOB, [PUBLIC]), [PUBLIC])


class StrictPolicyTests(Contract.DialPolicyTests):
    """The policy of the product."""

    candidates = (Candidate(PeerAddress("10.0.0.1", 6881)),)
    links: tuple[Link, ...] = ()

    def make(self) -> DialPolicyPort:
        """The policy of a machine that is here."""
        return DialPolicy(Clock(), self, lambda _: False)


class FakePolicyTests(Contract.DialPolicyTests):
    """The fake."""

    def make(self) -> DialPolicyPort:
        """The fake."""
        return FakeDialPolicy()
