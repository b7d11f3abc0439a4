"""Ways in words."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.way import UNTRIED, Rung, Way


class WayTests(SynchronousTestCase):
    """What a person reads."""

    def test_every_rung(self) -> None:
        """Each has its words, and no two the same."""
        self.assertEqual(len({Way(rung).text for rung in Rung}), len(Rung))
        self.assertEqual(Way(Rung.IPV6).text, "direct (IPv6)")
        relayed = Way(Rung.RELAY, through="proxy.example.org")
        self.assertEqual(relayed.text, "by relay at proxy.example.org")

    def test_none(self) -> None:
        """Nobody tried, or there is none and the reason is known."""
        self.assertEqual(UNTRIED.text, "not tried yet")
        self.assertEqual(Way(reason="they sleep").text, "not reachable: they sleep")
