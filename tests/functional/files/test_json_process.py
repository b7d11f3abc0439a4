"""Child processes that answer with lines of JSON."""

from __future__ import annotations

import json
import signal
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.error import ProcessTerminated
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from bitween.errors import EmptyFolder, HashingFailed, UploadFailed
from bitween.files import json_process
from bitween.files.answers import failure, read_error
from bitween.files.json_process import JsonProcess
from tests.support.waiting import reactor_turn


class Recorder(JsonProcess):
    """Keeps what the process says."""

    work = "testing"

    def __init__(self, stop_after: int | None = None) -> None:
        """:param stop_after: kill the process after so many answers."""
        super().__init__()
        self.answers: list[dict[str, Any]] = []
        self.ending: BaseException | None = None
        self._stop_after = stop_after

    def answered(self, message: dict[str, Any]) -> None:
        """Keep it."""
        self.answers.append(message)
        if len(self.answers) == self._stop_after:
            self.kill()

    def ended(self, reason: Failure) -> None:
        """Keep it."""
        self.ending = reason.value


class OutputTests(SynchronousTestCase):
    """What arrives from a process."""

    def test_lines_arrive_in_any_blocks(self) -> None:
        """An answer is complete with its newline, however the bytes are split."""
        answers = [{"number": number, "text": "\u00fc" * number} for number in range(5)]
        output = b"".join(json.dumps(each).encode() + b"\n" for each in answers)
        for size in (1, 7, len(output)):
            process = Recorder()
            for start in range(0, len(output), size):
                process.outReceived(output[start : start + size])
            self.assertEqual(process.answers, answers)
            process.outReceived(b'{"more":')
            self.assertEqual(process.answers, answers)

    def test_standard_error_is_logged(self) -> None:
        """It is one line of the log, and fit to be shown; its last line is kept."""
        process = Recorder()
        with capturedLogs() as logs:
            process.errReceived(b"Traceback\n  in \x1b[1mworker\nValueError: no\n")
        (event,) = logs
        text = "the testing process says: Traceback |   in \ufffd[1mworker | ValueError: no"
        self.assertEqual(formatEvent(event), text)
        self.assertEqual(process.complaint, "ValueError: no")


class ErrorTests(SynchronousTestCase):
    """Errors on their way from a child to the daemon."""

    def test_an_error_keeps_its_class(self) -> None:
        """Message and hint arrive, too."""
        failed = cast(dict[str, Any], failure(EmptyFolder("empty", "fill it"))["failed"])
        error = read_error(failed, HashingFailed)
        self.assertEqual(
            (type(error), error.message, error.hint), (EmptyFolder, "empty", "fill it")
        )

    def test_an_error_keeps_its_id_and_values(self) -> None:
        """The page can translate it."""
        sent = EmptyFolder.of("empty_folder.path", path="/x")
        error = read_error(cast(dict[str, Any], failure(sent)["failed"]), HashingFailed)
        self.assertEqual((error.id, error.values), ("empty_folder.path", {"path": "/x"}))
        self.assertEqual(str(error), str(sent))

    def test_an_unknown_kind(self) -> None:
        """It is read as the default; also if it names something that is no error."""
        for kind in ("SystemExit", "annotations", "Sequence"):
            failed = cast(dict[str, Any], failure(EmptyFolder("no"))["failed"])
            error = read_error({**failed, "kind": kind}, UploadFailed)
            self.assertIs(type(error), UploadFailed)


class ProcessTests(TestCase):
    """A real process; Python's own ``json.tool`` writes its input as lines of JSON."""

    def start(self, process: Recorder, text: bytes) -> None:
        """Start it with some input."""
        json_process.start(cast(Any, reactor), process, "json.tool", "--json-lines", "--compact")
        assert process.transport is not None
        process.transport.write(text)

    async def test_answers_and_ends(self) -> None:
        """Its answers arrive before its end."""
        process = Recorder()
        self.start(process, b'{"a": 1}\n{"b": 2}\n')
        assert process.transport is not None
        process.transport.closeStdin()
        await process.gone
        self.assertEqual(process.answers, [{"a": 1}, {"b": 2}])

    async def test_a_killed_process_gives_no_answer(self) -> None:
        """No answer is heard after that, and killing it again is harmless."""
        process = Recorder(stop_after=1)
        self.start(process, b'{"a": 1}\n{"b": 2}\n')
        assert process.transport is not None
        process.transport.closeStdin()
        await process.gone
        process.kill()
        self.assertEqual(process.answers, [{"a": 1}])

    async def test_a_process_that_is_killed(self) -> None:
        """The reason names the signal."""
        process = Recorder(stop_after=1)
        self.start(process, b'{"a": 1}\n')
        assert process.transport is not None
        process.transport.signalProcess("STOP")
        # Only a running reactor sees its children end.
        await reactor_turn()
        process.kill()
        await process.gone
        assert isinstance(process.ending, ProcessTerminated)
        self.assertEqual(process.ending.signal, signal.SIGKILL)
