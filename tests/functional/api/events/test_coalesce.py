"""Telling what changed: the changed fields alone, of each thing at most once a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.events.coalesce import AT_ONCE, ChangeCoalescer, Fields

Point = tuple[int, int]

FIELDS = {"x": lambda point: point[0], "y": lambda point: point[1]}


class DeltasTests(SynchronousTestCase):
    """Points that move."""

    def setUp(self) -> None:
        """Begin with no point."""
        self.clock = Clock()
        self.told: list[Mapping[str, Fields]] = []
        self.deltas: ChangeCoalescer[str, Point] = ChangeCoalescer(self.clock, FIELDS, self.tell)

    def tell(self, changes: Sequence[tuple[str, Fields]]) -> None:
        """Keep what is told."""
        self.told.append(dict(changes))

    def advance(self, seconds: float) -> list[Mapping[str, Fields]]:
        """What is told within some time."""
        self.told.clear()
        self.clock.advance(seconds)
        return list(self.told)

    def test_changed_fields_only(self) -> None:
        """Of a thing that is known, only what changed is told."""
        self.deltas.put("a", (1, 1))
        self.deltas.change("a", (1, 2))
        self.assertEqual(self.advance(0), [{"a": {"y": 2}}])

    def test_a_new_thing_is_reported_whole(self) -> None:
        """All of it is told."""
        self.deltas.change("a", (1, 2))
        self.assertEqual(self.advance(0), [{"a": {"x": 1, "y": 2}}])

    def test_an_unchanged_thing_is_not_reported(self) -> None:
        """Nothing is told, and nothing waits."""
        self.deltas.put("a", (1, 1))
        self.deltas.change("a", (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_that_is_told_changed(self) -> None:
        """What changed is no field: nothing is told."""
        deltas: ChangeCoalescer[str, Point] = ChangeCoalescer(
            self.clock, {"x": FIELDS["x"]}, self.tell
        )
        deltas.put("a", (1, 1))
        deltas.change("a", (1, 2))
        self.assertEqual(self.advance(1), [])

    def test_once_a_second(self) -> None:
        """What changes soon after is told together, with its last value, when a second is over."""
        self.deltas.change("a", (0, 0))
        self.advance(0)
        for step in range(1, 8):
            self.deltas.change("a", (step, 0))
            self.deltas.change("b", (step, step))
            self.assertEqual(self.advance(0.125), [])
        told = self.advance(0.125)
        self.assertEqual(told, [{"a": {"x": 7}, "b": {"x": 7, "y": 7}}])

    def test_changes_in_one_turn_are_reported_together(self) -> None:
        """What changes in one turn of the reactor is told together."""
        self.deltas.change("a", (1, 1))
        self.deltas.change("b", (2, 2))
        self.assertEqual(len(self.advance(0)), 1)

    def test_a_field_that_changed_back_is_reported(self) -> None:
        """A field that changed back is reported: a client may have read it in between."""
        self.deltas.put("a", (1, 1))
        self.deltas.change("a", (2, 1))
        self.deltas.change("a", (1, 1))
        self.assertEqual(self.advance(0), [{"a": {"x": 1}}])

    def test_many_at_once(self) -> None:
        """Many are told in portions, each in a call of its own from the reactor."""
        for number in range(AT_ONCE + 1):
            self.deltas.change(str(number), (number, 0))
        self.assertEqual([len(told) for told in self.advance(0)], [AT_ONCE, 1])
        self.deltas.change("0", (1, 1))
        self.assertEqual(self.advance(0.75), [])
        self.assertEqual(self.advance(0.25), [{"0": {"x": 1, "y": 1}}])

    def test_a_forgotten_thing_is_reported_whole_when_it_returns(self) -> None:
        """Of what is forgotten nothing is told; when it is back, all of it."""
        self.deltas.change("a", (1, 1))
        self.deltas.forget("a")
        self.deltas.forget("never known")
        self.assertEqual(self.advance(0), [])
        self.assertIsNone(self.deltas.known("a"))
        self.deltas.change("a", (1, 1))
        self.assertEqual(self.advance(1), [{"a": {"x": 1, "y": 1}}])

    def test_nothing_is_reported_after_a_stop(self) -> None:
        """Nothing waits any more, whether something did or not."""
        self.deltas.stop()
        self.deltas.change("a", (1, 1))
        self.deltas.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
