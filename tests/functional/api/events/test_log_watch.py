"""Warnings of the log as events: a line each, printable, and not too many."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.events.log_watch import MAX_A_SECOND, LogWatch
from bitween.api.results.encoding.common import Json


class LogWatchTests(SynchronousTestCase):
    """A log of its own."""

    def setUp(self) -> None:
        """Watch it."""
        self.clock = Clock()
        self.clock.advance(100)
        self.told: list[Json] = []
        self._log = Logger("test", observer=LogPublisher(LogWatch(self.clock, self.told.append)))

    def texts(self) -> list[object]:
        """What was told."""
        return [data["text"] for data in self.told]

    def test_only_warnings_and_worse_are_reported(self) -> None:
        """Warnings and worse are told, the rest is not."""
        for level in LogLevel.iterconstants():
            self._log.emit(level, "{level_name}", level_name=level.name)
        self.assertEqual(
            self.told,
            [{"level": name, "text": name, "more": 0} for name in ("warn", "error", "critical")],
        )

    def test_the_text_is_one_bounded_harmless_line(self) -> None:
        """It is one bounded line in which nothing disturbs a terminal."""
        self._log.warn("{text}", text="red \x1b[31m \u202e" + "x" * 1000 + "\nsecond line")
        (text,) = self.texts()
        assert isinstance(text, str)
        self.assertTrue(text.startswith("red \ufffd[31m \ufffdxxx"))
        self.assertEqual(len(text), 500)

    def test_tracebacks_stay_in_the_log(self) -> None:
        """Its traceback stays in the log."""
        self._log.failure("it broke", Failure(ValueError("secret of the inside")))
        self.assertEqual(self.told, [{"level": "critical", "text": "it broke", "more": 0}])

    def test_warnings_beyond_a_bound_are_only_counted(self) -> None:
        """Beyond a bound only their number is told, with the next one."""
        for number in range(MAX_A_SECOND + 7):
            self._log.warn("{number}", number=number)
        self.assertEqual(len(self.told), MAX_A_SECOND)
        self.clock.advance(1)
        self._log.warn("later")
        self._log.warn("after that")
        self.assertEqual([data["more"] for data in self.told[-2:]], [7, 0])

    def test_fault_in_telling(self) -> None:
        """What is logged because telling failed is not told in turn."""
        watch = LogWatch(self.clock, self.fail_to_tell)
        self._log = Logger("test", observer=LogPublisher(watch))
        self._log.warn("first")
        self.assertEqual(self.texts(), ["first"])
        self._log.warn("second")
        self.assertEqual(self.texts(), ["first", "second"])

    def fail_to_tell(self, data: Json) -> None:
        """Tell, and log as an Observable does whose subscriber fails."""
        self.told.append(data)
        self._log.critical("a subscriber failed")
