"""What every relay has to do: the one that listens on loopback, and the fake."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from bitween.connect.ports import RelayPort
from bitween.errors import RequestRefused
from bitween.model.route import RELAY_NETWORK, RelayRoute
from bitween.network.relay import Relay
from bitween.network.relay_ports import RelayStream
from tests.support.fakes.connector_ports import FakeRelay

BOB, CAROL = ("bob@example.org", "laptop"), ("carol@example.org", "phone")
ROUTE = RelayRoute("proxy.example.org")


class Contract:
    """Keeps the suite itself from being run."""

    class RelayTests(TestCase):
        """The suite; ``answer`` stands for the XMPP servers."""

        relay: RelayPort

        def make(self) -> RelayPort:
            """A relay."""
            raise NotImplementedError

        def answer(self, route: RelayRoute | None) -> None:
            """Let the search for a route end; ``None`` for no route."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make it."""
            self.relay = self.make()

        def test_each_device_has_an_address_of_its_own(self) -> None:
            """It is in the relay's network, stays the same, and leads back to the device."""
            bob, carol = self.relay.local_address(*BOB), self.relay.local_address(*CAROL)
            self.assertNotEqual(bob.address, carol.address)
            self.assertEqual(self.relay.local_address(*BOB), bob)
            for device, address in ((BOB, bob), (CAROL, carol)):
                self.assertIn(ip_address(address.address), RELAY_NETWORK)
                self.assertEqual(self.relay.device_at(address.address), device)

        def test_other_addresses_stand_for_no_device(self) -> None:
            """Neither those of the network nor others."""
            self.assertIsNone(self.relay.device_at("127.1.77.7"))
            self.assertIsNone(self.relay.device_at("192.0.2.7"))

        def test_a_disconnected_device_has_no_address(self) -> None:
            """The next one is another: libtorrent remembers peers by their address."""
            before = self.relay.local_address(*BOB)
            self.relay.disconnect(*BOB)
            self.assertIsNone(self.relay.device_at(before.address))
            self.assertNotEqual(self.relay.local_address(*BOB).address, before.address)

        def test_disconnecting_an_unknown_device_does_nothing(self) -> None:
            """The connector does not keep account of addresses."""
            self.relay.disconnect(*CAROL)

        def test_a_route_is_found_or_refused(self) -> None:
            """A refusal says why."""
            finding = self.relay.find_route(*BOB)
            self.assertNoResult(finding)
            self.answer(ROUTE)
            self.assertEqual(self.successResultOf(finding), ROUTE)
            finding = self.relay.find_route(*BOB)
            self.answer(None)
            self.failureResultOf(finding, RequestRefused)


class Streams:
    """The streams of a session that never opens one."""

    def __init__(self) -> None:
        self.routes: list[Deferred[RelayRoute]] = []

    def find_relay(self, _jid: str, _resource: str) -> Deferred[RelayRoute]:
        """Begin to search."""
        self.routes.append(Deferred())
        return self.routes[-1]

    def open(self, _jid: str, _resource: str) -> Deferred[RelayStream]:
        """Open none."""
        return Deferred()

    def accept(self, _taker: object) -> None:
        """Offer none."""

    def when_crowded(self, _make_room: object) -> None:
        """Open none."""


class OpenGate:
    """Lets everybody in."""

    def guard(self) -> None:
        """Let them."""

    def allow(self, source: tuple[str, int]) -> None:
        """Let them."""

    def forget(self, source: tuple[str, int]) -> None:
        """Let them."""


class LoopbackRelayTests(Contract.RelayTests):
    """The relay that listens on loopback."""

    def make(self) -> RelayPort:
        """A relay between streams that never come, and no BitTorrent port."""
        self.streams = Streams()
        relay = Relay(reactor, self.streams, lambda: None, OpenGate())
        relay.startService()
        self.addCleanup(relay.stopService)
        return relay

    def answer(self, route: RelayRoute | None) -> None:
        """Let the servers answer."""
        finding = self.streams.routes[-1]
        if route is None:
            finding.errback(RequestRefused("neither server relays"))
        else:
            finding.callback(route)


class FakeRelayTests(Contract.RelayTests):
    """The fake."""

    def make(self) -> RelayPort:
        """The fake."""
        self.fake = FakeRelay()
        return self.fake

    def answer(self, route: RelayRoute | None) -> None:
        """Let the last search end."""
        self.fake.answer(route)
