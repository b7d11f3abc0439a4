"""The log of events: numbers without gaps, bounds that hold, positions that are known or not."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bitween.api.events.log import EventLog, LoggedEvent, Page
from bitween.api.results.event_types import EventType

ALL = frozenset(EventType)
AMPLE = 2**20
JOB, WARNING = EventType.JOB_DONE, EventType.WARNING


def decoded(event: LoggedEvent) -> dict[str, Any]:
    """An event as a client reads it."""
    fields: dict[str, Any] = json.loads(event.text)
    return fields


def numbers(page: Page) -> list[object]:
    """What the events of a page carry."""
    return [decoded(event)["data"]["n"] for event in page.events]


class EventLogTests(SynchronousTestCase):
    """Reading from a position."""

    def setUp(self) -> None:
        """Begin with an empty log of five events at most."""
        self.now = 1000.5
        self.log = EventLog(lambda: self.now, capacity=5)

    def record(self, *data: object, event_type: EventType = JOB) -> None:
        """Record an event for each number."""
        for number in data:
            self.log.record(event_type, {"n": number})

    def test_an_event_is_one_line_with_id_type_and_time(self) -> None:
        """It has an id, a type, the time and its data, and no character that ends a line."""
        heard: list[LoggedEvent] = []
        self.log.appended.subscribe(heard.append)
        self.log.record(WARNING, {"text": "a\n\u2028b\u00e9"})
        (event,) = heard
        self.assertEqual(
            decoded(event),
            {
                "id": self.log.last,
                "type": "warning",
                "time": 1000.5,
                "data": {"text": "a\n\u2028b\u00e9"},
            },
        )
        self.assertTrue(event.text.isascii())
        self.assertNotIn(b"\n", event.text)

    def test_ids_have_no_gaps(self) -> None:
        """Each is one more than the one before, also where others are dropped."""
        position = self.log.last
        self.record(*range(4))
        page = self.log.after(position, ALL, AMPLE)
        self.assertEqual([event.id - position for event in page.events], [1, 2, 3, 4])
        self.record(*range(40))
        self.assertEqual(self.log.last - position, 44)
        self.assertEqual(self.log.count, 44)

    def test_reader_goes_on(self) -> None:
        """From the last of one page, the next begins; at the end there is nothing."""
        position = self.log.last
        self.record(1, 2)
        page = self.log.after(position, ALL, AMPLE)
        self.assertEqual((numbers(page), page.gap), ([1, 2], False))
        self.record(3)
        page = self.log.after(page.last, ALL, AMPLE)
        self.assertEqual((numbers(page), page.gap), ([3], False))
        self.assertEqual(self.log.after(page.last, ALL, AMPLE), Page((), self.log.last))

    def test_other_types_are_skipped(self) -> None:
        """Events of other types are left out, and the position passes over them."""
        position = self.log.last
        self.record(1)
        self.record(2, event_type=WARNING)
        self.record(3)
        page = self.log.after(position, frozenset({WARNING}), AMPLE)
        self.assertEqual((numbers(page), page.last), ([2], self.log.last))

    def test_room_of_a_page(self) -> None:
        """A page ends where it is full, with one event at least, and the next goes on there."""
        position = self.log.last
        self.record(1, 2, 3)
        pages = []
        while position != self.log.last:
            page = self.log.after(position, ALL, 1)
            pages.append(numbers(page))
            position = page.last
        self.assertEqual(pages, [[1], [2], [3]])

    def test_reader_who_fell_behind(self) -> None:
        """Whose next event is gone has a gap, and goes on from the end."""
        position = self.log.last
        self.record(*range(5))
        self.assertFalse(self.log.after(position, ALL, AMPLE).gap)
        self.record(5)
        self.assertEqual(self.log.after(position, ALL, AMPLE), Page((), self.log.last, gap=True))
        self.assertEqual(numbers(self.log.after(position + 1, ALL, AMPLE)), [1, 2, 3, 4, 5])

    def test_all_that_is_kept(self) -> None:
        """From the start on there is no gap, whatever is gone before."""
        self.record(*range(9))
        page = self.log.after(self.log.start, ALL, AMPLE)
        self.assertEqual((numbers(page), page.gap), ([4, 5, 6, 7, 8], False))

    def test_position_of_another_run(self) -> None:
        """One of an earlier run, of the future, or nonsense: a gap."""
        self.record(1, 2, 3)
        earlier = self.log.last
        self.now += 0.001
        later = EventLog(lambda: self.now)
        later.record(JOB, {"n": 9})
        for position in (earlier, earlier - 2, later.last + 1, 0, -1, 1, 2**60):
            self.assertTrue(later.after(position, ALL, AMPLE).gap, position)

    def test_bounded_by_size(self) -> None:
        """Many large events stay within the limit; the ids have no gaps."""
        log = EventLog(lambda: self.now, capacity=1000, room=10_000)
        position = log.last
        for number in range(100):
            log.record(JOB, {"n": number, "text": "x" * 900})
        page = log.after(log.start, ALL, AMPLE)
        self.assertEqual(numbers(page), list(range(90, 100)))
        self.assertEqual(log.last, position + 100)

    def test_event_larger_than_the_log(self) -> None:
        """It is kept by nobody, and missed as a gap."""
        log = EventLog(lambda: self.now, room=1000)
        position = log.last
        log.record(JOB, {"text": "x" * 2000})
        self.assertTrue(log.after(position, ALL, AMPLE).gap)
        self.assertFalse(log.after(log.last, ALL, AMPLE).gap)
