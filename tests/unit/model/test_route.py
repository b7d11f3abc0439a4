"""Ways in words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import RequestRefused
from bitween.model.route import UNTRIED, Obstacle, RelayRoute, Route, RouteKind


class WayTests(SynchronousTestCase):
    """What a person reads."""

    def test_every_route_kind_has_its_own_words(self) -> None:
        """Each has its words, and no two the same."""
        self.assertEqual(len({Route(rung).text for rung in RouteKind}), len(RouteKind))
        self.assertEqual(Route(RouteKind.IPV6).text, "direct (IPv6)")
        relayed = Route(RouteKind.RELAY, through="proxy.example.org")
        self.assertEqual(relayed.text, "by relay at proxy.example.org")

    def test_an_absent_route_has_words(self) -> None:
        """Nobody tried, or there is none and the reason is known."""
        self.assertEqual(UNTRIED.text, "")
        asleep = Route(obstacles=(Obstacle("they sleep"),))
        self.assertEqual(asleep.text, "not reachable: they sleep")
        self.assertEqual(asleep.fix, "")

    def test_all_obstacles_are_given_with_advice(self) -> None:
        """All are told; what helps against the last one that anything helps against."""
        refused = Obstacle.of_error(RequestRefused.of("request_refused.no_relay"))
        silent = Obstacle("they are silent", "wake them")
        way = Route(obstacles=(silent, refused, Obstacle("it rains")))
        self.assertEqual(
            way.reason, "they are silent; neither XMPP server offers a relay; it rains"
        )
        self.assertIn("enable proxy65", way.fix)
        self.assertEqual((refused.id, refused.error), ("request_refused.no_relay", RequestRefused))

    def test_a_relay_with_a_size_limit_is_in_band(self) -> None:
        """A limit of 0 bytes is one, too."""
        self.assertEqual(
            [RelayRoute(most=most).in_band for most in (None, 0, 1)], [False, True, True]
        )

    def test_a_route_is_dialled_unless_it_is_an_inbound_one(self) -> None:
        """Only peers that have dialled us make one."""
        self.assertFalse(Route(RouteKind.IPV4).inbound_only)

    def test_an_obstacle_of_a_message_has_its_id(self) -> None:
        """The page translates it by that."""
        obstacle = Obstacle.of("obstacle.not_answering")
        self.assertEqual(obstacle.id, "obstacle.not_answering")
        self.assertTrue(obstacle.reason)
