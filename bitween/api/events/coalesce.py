"""Tells what changed of many things, a thing at most once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds between two tellings.
INTERVAL = 1.0
#: Things that are told in one turn of the reactor.
AT_ONCE = 500

Key = TypeVar("Key")
Value = TypeVar("Value")
Fields = Mapping[str, object]


class ChangeCoalescer(Generic[Key, Value]):
    """
    Gathers which fields of which things have changed, and tells those alone, as they are then.

    A field that is as it was before is told too if it was otherwise in between, for somebody may
    have looked at it then.
    """

    def __init__(
        self,
        clock: IReactorTime,
        fields: Mapping[str, Callable[[Value], object]],
        tell: Callable[[Sequence[tuple[Key, Fields]]], None],
    ) -> None:
        """
        :param fields: how to read each field.
        :param tell: called with at most :data:`AT_ONCE` things and their changed fields.
        """
        self._clock = clock
        self._fields = fields
        self._tell = tell
        self._known: dict[Key, Value] = {}
        # What was before each change: comparing waits, for it takes longer than the change.
        self._due: dict[Key, list[Value | None]] = {}
        self._telling: IDelayedCall | None = None
        self._not_before = 0.0

    def known(self, key: Key) -> Value | None:
        """A thing as it was put or changed last."""
        return self._known.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Take a thing over as it is; there is nothing to tell of it."""
        self._known[key] = value

    def change(self, key: Key, value: Value) -> None:
        """Take over what became of a thing; all the fields of one that was unknown are told."""
        before = self._known.get(key)
        self._known[key] = value
        if before != value:
            self._due.setdefault(key, []).append(before)
            self._tell_later()

    def forget(self, key: Key) -> None:
        """Tell nothing more of a thing."""
        self._known.pop(key, None)
        self._due.pop(key, None)

    def stop(self) -> None:
        """Tell nothing more at all."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        self._due.clear()

    def _tell_later(self) -> None:
        if self._telling is None:
            # Not at once: many things change in the same turn.
            wait = max(0.0, self._not_before - self._clock.seconds())
            self._telling = self._clock.callLater(wait, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = None
        keys = list(islice(self._due, AT_ONCE))
        changes = [(key, self._changed(self._due.pop(key), self._known[key])) for key in keys]
        if self._due:
            self._telling = self._clock.callLater(0, self._tell_now)
        else:
            self._not_before = self._clock.seconds() + INTERVAL
        told = [(key, fields) for key, fields in changes if fields]
        if told:
            self._tell(told)

    def _changed(self, earlier: Sequence[Value | None], value: Value) -> Fields:
        now = {name: read(value) for name, read in self._fields.items()}
        return {
            name: now[name]
            for name, read in self._fields.items()
            if any(before is None or read(before) != now[name] for before in earlier)
        }
