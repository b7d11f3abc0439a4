"""What two lists of candidates tell before anybody dials."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.candidates import (
    confirmed_address,
    dial_order,
    direct_obstacle,
    failure_reasons,
    may_share_network,
    punch_obstacle,
    route_kind_at,
)
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.route import Obstacle, RouteKind


def at(
    address: str, kind: CandidateKind = CandidateKind.HOST, reached: bool | None = None
) -> Candidate:
    """A candidate on port 6881."""
    return Candidate(PeerAddress.parse(address, 6881), kind, reached)


class OrderTests(SynchronousTestCase):
    """Which address is dialled first."""

    def ordered(self, *theirs: Candidate) -> list[str]:
        """Theirs as we, at home in 192.168.1.0/24, would dial them."""
        ours = [at("192.168.1.5"), at("2001:db8:1::5")]
        return [address.address for address in dial_order(theirs, ours)]

    def test_the_ladder_s_order(self) -> None:
        """Our own network, IPv6, public IPv4, other private networks."""
        self.assertEqual(
            self.ordered(
                at("10.0.0.1"), at("9.9.9.9"), at("2620:fe::9"), at("192.168.1.7"), at("172.16.0.1")
            ),
            ["192.168.1.7", "2620:fe::9", "9.9.9.9", "10.0.0.1", "172.16.0.1"],
        )

    def test_every_near_address_comes_before_any_other(self) -> None:
        """Ours come first, whatever the addresses' texts; then IPv6 before IPv4."""
        self.assertEqual(
            self.ordered(at("20.0.0.1"), at("2001:500:2::c"), at("2001:db8:1::7"), at("127.0.0.1")),
            ["127.0.0.1", "2001:db8:1::7", "2001:500:2::c", "20.0.0.1"],
        )

    def test_what_others_found(self) -> None:
        """Of equal candidates, one that was reached comes first; one that was not comes last."""
        theirs = [
            at("2620:fe::1", reached=False),
            at("9.9.9.8"),
            at("9.9.9.9", CandidateKind.MAPPED, reached=True),
        ]
        self.assertEqual(self.ordered(*theirs), ["9.9.9.9", "9.9.9.8", "2620:fe::1"])

    def test_what_is_not_dialled(self) -> None:
        """An address at which they were only seen is for meeting; nothing is dialled twice."""
        theirs = [
            at("9.9.9.9", CandidateKind.REFLEXIVE),
            at("9.9.9.8"),
            at("9.9.9.8", CandidateKind.CONFIGURED),
        ]
        self.assertEqual(self.ordered(*theirs), ["9.9.9.8"])


class RungTests(SynchronousTestCase):
    """The kind of a direct route to an address."""

    def test_the_address_decides_the_route_kind(self) -> None:
        """The address tells, and for IPv4 whether a router forwards it."""
        theirs = [at("9.9.9.9", CandidateKind.MAPPED), at("9.9.9.8")]
        for address, rung in (
            ("192.168.7.7", RouteKind.LAN),
            ("127.0.0.1", RouteKind.LAN),
            ("fd00::1", RouteKind.LAN),
            ("2620:fe::9", RouteKind.IPV6),
            ("9.9.9.8", RouteKind.IPV4),
            ("9.9.9.7", RouteKind.IPV4),
            ("9.9.9.9", RouteKind.MAPPED),
        ):
            self.assertIs(route_kind_at(PeerAddress.parse(address, 6881), theirs), rung, address)

    def test_an_interface_s_address_is_not_a_mapped_one(self) -> None:
        """A router may name the address that the device has itself."""
        theirs = [at("9.9.9.9"), at("9.9.9.9", CandidateKind.MAPPED)]
        self.assertIs(route_kind_at(theirs[0].address, theirs), RouteKind.IPV4)


class ConfirmedAddressTests(SynchronousTestCase):
    """The address that libtorrent dials before a probe has ended."""

    def confirmed(self, *theirs: Candidate) -> str | None:
        """The address for us, at home in 192.168.1.0/24."""
        address = confirmed_address(theirs, [at("192.168.1.5")])
        return None if address is None else address.address

    def test_near_addresses_are_confirmed(self) -> None:
        """Addresses in our network are, and those of this machine."""
        self.assertEqual(self.confirmed(at("192.168.1.7")), "192.168.1.7")
        self.assertEqual(self.confirmed(at("127.0.0.1")), "127.0.0.1")

    def test_elsewhere_a_contact_has_reached_it(self) -> None:
        """Without that, libtorrent would dial in vain and drop what comes from there."""
        self.assertEqual(self.confirmed(at("9.9.9.9", reached=True)), "9.9.9.9")
        self.assertIsNone(self.confirmed(at("9.9.9.9")))
        self.assertIsNone(self.confirmed())


class SharedNetworkTests(SynchronousTestCase):
    """Whether two devices may be behind one router."""

    def assert_may_share(self, some: list[Candidate], others: list[Candidate]) -> None:
        """They may, whichever of them asks."""
        self.assertTrue(may_share_network(some, others))
        self.assertTrue(may_share_network(others, some))

    def test_reflexive_addresses_tell_networks_apart(self) -> None:
        """Those of IPv4 do: behind one router they are the same."""
        self.assertFalse(may_share_network([seen("9.9.9.9")], [seen("9.9.9.8")]))
        self.assert_may_share([seen("9.9.9.9")], [seen("9.9.9.9")])

    def test_without_a_reflexive_address_nothing_is_excluded(self) -> None:
        """IPv6 addresses differ within one network, too."""
        self.assert_may_share([seen("9.9.9.9")], [at("192.168.1.7")])
        self.assert_may_share([seen("2620:fe::9")], [seen("2620:fe::8")])


class ObstacleTests(SynchronousTestCase):
    """Why no direct way can be."""

    def test_one_common_family_is_no_obstacle(self) -> None:
        """One family in common is enough to try."""
        self.assertIsNone(direct_obstacle([at("10.0.0.1"), at("2620:fe::9")], [at("9.9.9.9")]))

    def test_no_family_in_common(self) -> None:
        """The reason names who has what, as the other side would see it the other way round."""
        found = direct_obstacle([at("10.0.0.1")], [at("2620:fe::9")])
        assert found is not None
        self.assertEqual(found.reason, "they have IPv6 only and you IPv4 only")
        self.assertTrue(found.fix)

    def test_missing_addresses_are_an_obstacle(self) -> None:
        """Without addresses on one side there is nothing to try."""
        for ours, theirs, words in (
            ([at("9.9.9.9")], [], "they announce no address"),
            ([], [at("9.9.9.9")], "this machine has no address"),
        ):
            found = direct_obstacle(ours, theirs)
            assert found is not None
            self.assertIn(words, found.reason)

    def test_failed_attempts_are_counted_in_the_words(self) -> None:
        """After everything was tried, the words count what was dialled."""
        theirs = [at("9.9.9.9"), at("9.9.9.8", CandidateKind.REFLEXIVE)]
        silent, no_hole = failure_reasons(theirs)
        self.assertIn("at 1 address of theirs", silent.reason)
        self.assertIn("hole punching did not work", no_hole.reason)
        silent, no_meeting = failure_reasons(theirs, Obstacle("bob sleeps", "wake him"))
        self.assertIn("--announce", silent.fix)
        self.assertEqual(no_meeting, Obstacle("bob sleeps"))


class NoHoleTests(SynchronousTestCase):
    """Where both sides would dial each other at the same time in vain."""

    def setUp(self) -> None:
        """Two at home, of which one is behind a router that shows everybody another port."""
        self.symmetric = [at("192.168.1.5"), seen("9.9.9.9", varies=True)]
        self.usual = [at("192.168.1.7"), seen("9.9.9.8")]

    def assert_hope(self, ours: list[Candidate], theirs: list[Candidate]) -> None:
        """No obstacle is found, from either side."""
        self.assertIsNone(punch_obstacle(ours, theirs))
        self.assertIsNone(punch_obstacle(theirs, ours))

    def test_whose_router_it_is(self) -> None:
        """The reason names whose router it is, and the fix what helps."""
        for ours, theirs, words in (
            (self.symmetric, self.usual, "your router uses"),
            (self.usual, self.symmetric, "their router uses"),
            (self.symmetric, [seen("9.9.9.8", varies=True)], "both routers use"),
        ):
            found = punch_obstacle(ours, theirs)
            assert found is not None
            self.assertIn(words, found.reason)
            self.assertIn("symmetric NAT", found.reason)
            self.assertIn("UPnP", found.fix)

    def test_a_hole_is_likely_behind_usual_routers(self) -> None:
        """Where nobody is known to be behind such a router, a hole is hoped for."""
        self.assert_hope(self.usual, [at("192.168.1.5"), seen("9.9.9.9")])
        self.assert_hope(self.usual, [at("192.168.1.5")])

    def test_somebody_can_be_dialled(self) -> None:
        """A forwarded port, a public address or IPv6 on both sides is worth a try before."""
        for address in (
            at("9.9.9.8", CandidateKind.MAPPED),
            at("9.9.9.8", CandidateKind.CONFIGURED),
            at("9.9.9.8"),
            at("9.9.9.8", reached=True),
        ):
            self.assert_hope(self.symmetric, [*self.usual, address])
        closed = at("2620:fe::9", reached=False)  # a firewall is passed by a hole
        self.assert_hope([*self.symmetric, at("2620:fe::8")], [*self.usual, closed])
        ours = at("2620:fe:1::9", reached=False)
        self.assert_hope([*self.symmetric, ours], [*self.usual, closed])

    def test_nobody_can_be_dialled(self) -> None:
        """A router's router forwards nothing; others tried in vain; one alone has IPv6."""
        for address in (
            at("100.64.0.7", CandidateKind.MAPPED),
            at("9.9.9.8", CandidateKind.CONFIGURED, reached=False),
            at("2620:fe::9"),
        ):
            self.assertIsNotNone(punch_obstacle(self.symmetric, [*self.usual, address]), address)
            self.assertIsNotNone(punch_obstacle([*self.usual, address], self.symmetric), address)

    def test_hole_punching_in_one_home_is_uncertain(self) -> None:
        """Who is seen at the same address may be in the same network, or not be seen at all."""
        self.assert_hope(self.symmetric, [at("192.168.1.7"), seen("9.9.9.9", varies=True)])
        self.assert_hope(self.symmetric, [at("192.168.1.7")])
        self.assertIsNotNone(punch_obstacle(self.symmetric, [at("10.0.0.7")]))


def seen(address: str, *, varies: bool = False) -> Candidate:
    """A reflexive candidate."""
    return Candidate(PeerAddress.parse(address, 6881), CandidateKind.REFLEXIVE, varies=varies)
