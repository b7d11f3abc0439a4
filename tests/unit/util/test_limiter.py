"""Unit tests for bitween.util.limiter."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.util.limiter import BoundedDict, KeyedLimiter


class BoundedDictTests(SynchronousTestCase):
    """A dictionary that drops its oldest entries."""

    def test_drops_the_oldest_entry(self) -> None:
        """An entry above the limit takes the place of the oldest one."""
        entries: BoundedDict[str, int] = BoundedDict(2)
        entries["a"] = 1
        entries["b"] = 2
        entries["c"] = 3
        self.assertEqual(dict(entries), {"b": 2, "c": 3})

    def test_setting_a_key_makes_it_the_newest(self) -> None:
        """A key that is set again outlives keys that were set after its first time."""
        entries: BoundedDict[str, int] = BoundedDict(2)
        entries["a"] = 1
        entries["b"] = 2
        entries["a"] = 3
        entries["c"] = 4
        self.assertEqual(list(entries.items()), [("a", 3), ("c", 4)])

    def test_reading_does_not_change_the_order(self) -> None:
        """A key that is only read is dropped in its turn."""
        entries: BoundedDict[str, int] = BoundedDict(2)
        entries.update(a=1, b=2)
        self.assertEqual(entries["a"], 1)
        entries.setdefault("c", 3)
        self.assertEqual(list(entries), ["b", "c"])

    def test_is_a_mapping(self) -> None:
        """Entries can be removed, counted and looked up like those of any dictionary."""
        entries: BoundedDict[str, int] = BoundedDict(3)
        entries.update(a=1, b=2)
        del entries["a"]
        self.assertNotIn("a", entries)
        self.assertEqual((entries.pop("b"), entries.pop("b", None), len(entries)), (2, None, 0))
        with self.assertRaises(KeyError):
            entries["a"]


class KeyedLimiterTests(SynchronousTestCase):
    """A token bucket for each key."""

    def setUp(self) -> None:
        """Allow two requests at once, and one every two seconds, for two keys."""
        self.clock = Clock()
        self.limiter: KeyedLimiter[str] = KeyedLimiter(self.clock, rate=0.5, burst=2, max_keys=2)

    def _allowed(self, key: str, tries: int = 5) -> int:
        return sum(self.limiter.allow(key) for _ in range(tries))

    def test_each_key_has_a_burst_of_its_own(self) -> None:
        """What one key uses is not missing for another."""
        self.assertEqual((self._allowed("alice"), self._allowed("bob")), (2, 2))

    def test_tokens_come_back(self) -> None:
        """A bucket fills at its rate, up to the burst."""
        self._allowed("alice")
        self.clock.advance(2)
        self.assertEqual(self._allowed("alice"), 1)
        self.clock.advance(100)
        self.assertEqual(self._allowed("alice"), 2)

    def test_a_refusal_costs_nothing(self) -> None:
        """Tokens that are not enough for one request are left for a smaller one."""
        self.limiter.bucket("bob").consume(1)
        self.assertFalse(self.limiter.allow("bob", 2))
        self.assertTrue(self.limiter.allow("bob", 1))

    def test_forgets_the_key_that_was_idle_the_longest(self) -> None:
        """Above the limit, the key that has asked least recently has a full bucket again."""
        self._allowed("alice")
        self._allowed("bob")
        self._allowed("alice")
        self._allowed("carol")
        self.assertEqual((self._allowed("alice"), self._allowed("bob")), (0, 2))
