"""What whatever knows our neighbours has to do: the one that asks for proof, and the fake."""

from __future__ import annotations

from ipaddress import ip_interface

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.ports import NeighboursPort
from bitween.model.network_link import Network
from bitween.network.neighbours import ARRIVAL, Neighbours
from tests.support.fakes.connector_ports import FakeNeighbours

BOB, CAROL = ("bob@example.org", "laptop"), ("carol@example.org", "phone")
LINK = (ip_interface("10.0.0.1/24"),)
HOME = LINK[0].network


class Contract:
    """Keeps the suite itself from being run."""

    class NeighboursTests(SynchronousTestCase):
        """The suite; ``prove`` and ``fail_to_prove`` stand for bob's laptop."""

        neighbours: NeighboursPort

        def make(self) -> NeighboursPort:
            """What knows the neighbours of a machine in one network."""
            raise NotImplementedError

        def prove(self) -> None:
            """Have the laptop, which was asked to, prove that it is in our network."""
            raise NotImplementedError

        def fail_to_prove(self) -> None:
            """Have the laptop, which was asked to, prove nothing."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make it."""
            self.neighbours = self.make()

        def shared(self) -> set[Network]:
            """The networks that bob's laptop shares with us."""
            return set(self.neighbours.shared_networks(*BOB))

        def proved(self) -> None:
            """Have the laptop asked, and prove it."""
            asking = self.neighbours.request_proof(*BOB)
            self.assertNoResult(asking)
            self.prove()
            self.assertEqual(self.successResultOf(asking), {HOME})

        def test_without_a_proof_no_network_is_shared(self) -> None:
            """What a device announces counts for nothing."""
            self.assertEqual(self.shared(), set())

        def test_a_device_proves_to_be_in_our_network(self) -> None:
            """That counts for this device only, and is not asked again."""
            self.proved()
            self.assertEqual(self.shared(), {HOME})
            self.assertEqual(set(self.neighbours.shared_networks(*CAROL)), set())
            self.assertEqual(self.successResultOf(self.neighbours.request_proof(*BOB)), {HOME})

        def test_a_device_that_proves_nothing_shares_nothing(self) -> None:
            """The request is answered all the same."""
            asking = self.neighbours.request_proof(*BOB)
            self.fail_to_prove()
            self.assertEqual(self.successResultOf(asking), set())
            self.assertEqual(self.shared(), set())

        def test_a_connection_from_our_network_is_a_proof(self) -> None:
            """One from elsewhere is none."""
            self.neighbours.connected(*BOB, "9.9.9.9")
            self.assertEqual(self.shared(), set())
            self.neighbours.connected(*BOB, "10.0.0.7")
            self.assertEqual(self.shared(), {HOME})

        def test_a_device_that_is_gone_proves_it_again(self) -> None:
            """It may come back elsewhere."""
            self.proved()
            self.neighbours.forget(*BOB)
            self.assertEqual(self.shared(), set())

        def test_in_other_networks_nothing_is_proved(self) -> None:
            """Our interfaces have changed: the device may not be in the new network."""
            self.proved()
            self.neighbours.interfaces_changed()
            self.assertEqual(self.shared(), set())


class MulticastPort:
    """A socket that has joined every group."""

    def joinGroup(self, _group: str, _interface: str) -> Deferred[None]:
        """Join."""
        return succeed(None)

    def stopListening(self) -> Deferred[None]:
        """Close."""
        return succeed(None)


class MulticastClock(Clock):
    """A clock, and a network on which the test sends."""

    def listenMulticast(self, _port: int, protocol: DatagramProtocol, **_: object) -> MulticastPort:
        """Listen for tokens."""
        self.protocol = protocol
        return MulticastPort()


class MulticastNeighboursTests(Contract.NeighboursTests):
    """The one that asks for a token over XMPP and listens for it, on a network of the test's."""

    def make(self) -> NeighboursPort:
        """Listen in one network."""
        self.clock = MulticastClock()
        self.tokens: list[tuple[bytes, Deferred[None]]] = []
        neighbours = Neighbours(self.clock, lambda: [LINK], self.ask)
        neighbours.startService()
        self.addCleanup(neighbours.stopService)
        return neighbours

    def ask(self, jid: str, resource: str, token: bytes) -> Deferred[None]:
        """Pass a token on to the laptop."""
        self.assertEqual((jid, resource), BOB)
        self.tokens.append((token, Deferred()))
        return self.tokens[-1][1]

    def prove(self) -> None:
        """Send the token."""
        token, answer = self.tokens[-1]
        answer.callback(None)
        self.clock.protocol.datagramReceived(token, ("10.0.0.7", 27681))

    def fail_to_prove(self) -> None:
        """Claim to have sent it."""
        self.tokens[-1][1].callback(None)
        self.clock.advance(ARRIVAL)


class FakeNeighboursTests(Contract.NeighboursTests):
    """The fake."""

    def make(self) -> NeighboursPort:
        """The fake, of which nothing is assumed."""
        self.fake = FakeNeighbours(frozenset({HOME}))
        self.fake.networks = frozenset()
        return self.fake

    def prove(self) -> None:
        """Prove it."""
        self.fake.prove(frozenset({HOME}))

    def fail_to_prove(self) -> None:
        """Prove nothing."""
        self.fake.prove(frozenset())
