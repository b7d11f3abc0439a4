"""Rate limits by time of day and day of the week."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bitween.errors import InvalidValue
from bitween.model.quantity import parse_rate
from bitween.model.text import printable
from bitween.model.torrent_options import Limits

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_A_DAY = 24 * 60

_ENTRY = re.compile(
    r"(?:(?P<days>[a-z,-]+)\s+)?"
    r"(?P<h1>\d{1,2}):(?P<m1>\d\d)-(?P<h2>\d{1,2}):(?P<m2>\d\d)"
    r"(?P<rates>(?:\s+(?:upload|download)=\S+){1,2})",
    re.ASCII | re.IGNORECASE,
)
# Characters of a malformed entry in an error.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """
    Limits for certain times.

    :param days: the days on which the period begins, 0 for Monday.
    :param start: minutes since midnight.
    :param end: the same; an end that is not after the start is on the next day.
    :param upload: bytes/s, 0 for no limit; ``None`` for the usual limit.
    :param download: the same for the other direction.
    """

    days: frozenset[int]
    start: int
    end: int
    upload: int | None
    download: int | None

    def holds(self, day: int, minute: int) -> bool:
        """
        Whether the limits apply at a minute of a day of the week.

        :param day: 0 for Monday.
        :param minute: minutes since midnight.
        """
        if self.start < self.end:
            return day in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return day in self.days
        return (day - 1) % 7 in self.days and minute < self.end


def parse_entry(text: str) -> ScheduleEntry:
    """
    Parse ``[DAYS] HH:MM-HH:MM [upload=RATE] [download=RATE]``.

    ``DAYS`` are days and ranges of days (``mon-fri,sun``), every day by default; see
    :func:`parse_rate` for rates.

    :raises InvalidValue: if the text is not an entry.
    """
    match = _ENTRY.fullmatch(text.strip())
    if match is None:
        raise InvalidValue.of("invalid_value.schedule", text=printable(text, _SHOWN))
    pairs = [pair.split("=") for pair in match["rates"].split()]
    rates = {name.lower(): parse_rate(rate) for name, rate in pairs}
    if len(rates) != len(pairs):
        raise InvalidValue.of("invalid_value.schedule_twice", text=printable(text, _SHOWN))
    return ScheduleEntry(
        days=_days(match["days"].lower()) if match["days"] else frozenset(range(7)),
        start=_minute(match["h1"], match["m1"]),
        end=_minute(match["h2"], match["m2"]),
        upload=rates.get("upload"),
        download=rates.get("download"),
    )


def limits_at(entries: Sequence[ScheduleEntry], usual: Limits, when: time.struct_time) -> Limits:
    """
    The limits at a moment: those of the first entry that applies, else the usual ones.

    :param entries: in order of precedence.
    :param usual: apply where no entry does, and where an entry leaves a direction open.
    :param when: local time.
    """
    for entry in entries:
        if entry.holds(when.tm_wday, when.tm_hour * 60 + when.tm_min):
            return Limits(
                usual.upload if entry.upload is None else entry.upload,
                usual.download if entry.download is None else entry.download,
            )
    return usual


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for span in text.split(","):
        first, _, last = span.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise InvalidValue.of(
                "invalid_value.day", day=printable(span, _SHOWN), known=", ".join(_DAYS)
            )
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update(day % 7 for day in range(begin, end + 1 + (7 if end < begin else 0)))
    return frozenset(days)


def _minute(hour: str, minute: str) -> int:
    if int(minute) > 59 or int(hour) * 60 + int(minute) > _MINUTES_A_DAY:
        raise InvalidValue.of("invalid_value.time", time=f"{hour}:{minute}")
    return int(hour) * 60 + int(minute)
