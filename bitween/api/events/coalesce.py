"""Coalesces changes of many values: reports each value at most once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two reports.
INTERVAL = 1.0
#: Values that one turn of the reactor reports.
AT_ONCE = 500

Key = TypeVar("Key")
Value = TypeVar("Value")
Fields = Mapping[str, object]


class ChangeCoalescer(Generic[Key, Value]):
    """
    Collects which fields of which values changed, and reports these fields with their last value.

    A field that changed and changed back is reported, too: a client may have read the value in
    between.
    """

    def __init__(
        self,
        clock: IReactorTime,
        fields: Mapping[str, Callable[[Value], object]],
        report: Callable[[Sequence[tuple[Key, Fields]]], None],
    ) -> None:
        """
        :param fields: a function for each field's name, which reads it from a value.
        :param report: called with at most :data:`AT_ONCE` keys, each with its changed fields.
        """
        self._clock = clock
        self._fields = fields
        self._report = report
        self._known: dict[Key, Value] = {}
        # The value before each change: the comparison, which takes longer, waits for the report.
        self._changed: dict[Key, list[Value | None]] = {}
        self._reporting: IDelayedCall | None = None
        self._not_before = 0.0

    def known(self, key: Key) -> Value | None:
        """
        The last value of a key.

        :returns: ``None`` if the key has no value.
        """
        return self._known.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Set a value without a report."""
        self._known[key] = value

    def change(self, key: Key, value: Value) -> None:
        """Set a value and report what changed; for a new key, all fields."""
        before = self._known.get(key)
        self._known[key] = value
        if before != value:
            self._changed.setdefault(key, []).append(before)
            self._schedule()

    def forget(self, key: Key) -> None:
        """Drop a value, and its changes."""
        self._known.pop(key, None)
        self._changed.pop(key, None)

    def stop(self) -> None:
        """Drop all changes, and report nothing any longer."""
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        self._changed.clear()

    def _schedule(self) -> None:
        if self._reporting is None:
            # Not at once: many values change in the same turn.
            wait = max(0.0, self._not_before - self._clock.seconds())
            self._reporting = self._clock.callLater(wait, self._report_now)

    def _report_now(self) -> None:
        self._reporting = None
        keys = list(islice(self._changed, AT_ONCE))
        changes = [
            (key, self._changed_fields(self._changed.pop(key), self._known[key])) for key in keys
        ]
        if self._changed:
            self._reporting = self._clock.callLater(0, self._report_now)
        else:
            self._not_before = self._clock.seconds() + INTERVAL
        reported = [(key, fields) for key, fields in changes if fields]
        if reported:
            self._report(reported)

    def _changed_fields(self, earlier: Sequence[Value | None], value: Value) -> Fields:
        now = {name: read(value) for name, read in self._fields.items()}
        return {
            name: now[name]
            for name, read in self._fields.items()
            if any(before is None or read(before) != now[name] for before in earlier)
        }
