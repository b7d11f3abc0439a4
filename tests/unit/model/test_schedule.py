"""Limits by the hour and the day."""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.schedule import ScheduleEntry, limits_at, parse_entry
from bitween.model.torrent_options import Limits

USUAL = Limits(1, 2)


def at(text: str) -> time.struct_time:
    """A moment of the week of Monday, 2 November 2026: ``tue 08:30``."""
    day, clock = text.split()
    number = ("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day)
    return time.strptime(f"2026-11-{2 + number:02} {clock}", "%Y-%m-%d %H:%M")


class ScheduleTests(SynchronousTestCase):
    """Reading entries, and choosing by them."""

    def test_days_and_rates_may_be_left_out(self) -> None:
        """Days, spans of days and both rates may be given or left out."""
        self.assertEqual(
            parse_entry(" Mon-Wed,sun  8:00-18:30 upload=5 DOWNLOAD=0 "),
            ScheduleEntry(frozenset({0, 1, 2, 6}), 480, 1110, 5, 0),
        )
        self.assertEqual(
            parse_entry("00:00-24:00 download=7"),
            ScheduleEntry(frozenset(range(7)), 0, 1440, None, 7),
        )
        self.assertEqual(parse_entry("sat-mon 1:00-2:00 upload=1").days, {5, 6, 0})

    def test_what_makes_no_sense(self) -> None:
        """Each is refused with an example or with what is known."""
        for text in (
            "",
            "8:00-9:00",
            "8-9 upload=1",
            "mon 8:00-9:60 upload=1",
            "mon 24:01-9:00 upload=1",
            "monday 8:00-9:00 upload=1",
            "mon- 8:00-9:00 upload=1 x",
            "xyz-mon 8:00-9:00 upload=1",
            "mon-xyz 8:00-9:00 upload=1",
            "8:00-9:00 upload=1 upload=2",
            "8:00-9:00 upload=9999999999",
            "8:00-9:00 upload=-1",
            "٨:00-9:00 upload=1",
        ):
            with self.assertRaises(InvalidValue) as caught:
                parse_entry(text)
            self.assertTrue(caught.exception.hint)

    def test_the_first_that_holds(self) -> None:
        """Its rates hold in place of the usual ones, which hold where none does."""
        entries = [
            parse_entry("mon-fri 08:00-18:00 upload=100"),
            parse_entry("07:00-19:00 upload=200 download=0"),
        ]
        for moment, limits in {
            "mon 08:00": Limits(100, 2),
            "fri 17:59": Limits(100, 2),
            "fri 18:00": Limits(200, 0),
            "sat 12:00": Limits(200, 0),
            "sun 06:59": USUAL,
            "sun 19:00": USUAL,
        }.items():
            self.assertEqual(limits_at(entries, USUAL, at(moment)), limits, moment)

    def test_an_entry_may_cross_midnight(self) -> None:
        """An entry that ends before it begins goes on into the next day."""
        entries = [parse_entry("fri 22:00-06:00 upload=0")]
        holding = [
            moment
            for moment in ("fri 21:59", "fri 22:00", "sat 05:59", "sat 06:00", "fri 03:00")
            if limits_at(entries, USUAL, at(moment)) != USUAL
        ]
        self.assertEqual(holding, ["fri 22:00", "sat 05:59"])

    def test_an_entry_that_ends_when_it_begins_lasts_a_day(self) -> None:
        """From one day into the next, and from Sunday into Monday."""
        entries = [parse_entry("sun 22:00-22:00 upload=0")]
        holding = [
            moment
            for moment in ("sun 21:59", "sun 22:00", "mon 21:59", "mon 22:00")
            if limits_at(entries, USUAL, at(moment)) != USUAL
        ]
        self.assertEqual(holding, ["sun 22:00", "mon 21:59"])

    def test_minutes_count_and_an_open_direction_stays_usual(self) -> None:
        """An entry may limit one direction only."""
        entries = [parse_entry("08:15-08:45 download=7")]
        limits = [limits_at(entries, USUAL, at(f"mon {clock}")) for clock in ("08:14", "08:30")]
        self.assertEqual(limits, [USUAL, Limits(USUAL.upload, 7)])
        self.assertEqual(parse_entry("08:00-08:59 download=7").end, 8 * 60 + 59)
