"""The process that writes an upload, seen from the daemon."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError, NoRoom, UploadFailed
from bitween.files.uploads.frames import FrameKind, frame, head
from bitween.model.text import printable
from bitween.util.own_code import UPDATED, WHAT_TO_DO, OwnCode

_WORKER = "bitween.files.uploads.worker"
_CODE = OwnCode(_WORKER)
_KINDS: dict[str, type[BitweenError]] = {kind.__name__: kind for kind in (NoRoom, UploadFailed)}


class Writer(ProcessProtocol):
    """
    Writes to the disk what it is given.

    :ivar gone: fires when the process has ended, and with it whatever was not kept.
    """

    _log = Logger()

    def __init__(
        self, said: Callable[[dict[str, Any]], None], failed: Callable[[BitweenError], None]
    ) -> None:
        """
        :param said: told each answer of the process.
        :param failed: told once why nothing more can be written.
        """
        self._said = said
        self._failed: Callable[[BitweenError], None] | None = failed
        self._received = b""
        self.gone: Deferred[None] = Deferred()

    @classmethod
    def begin(
        cls,
        reactor: IReactorProcess,
        arguments: Sequence[str],
        said: Callable[[dict[str, Any]], None],
        failed: Callable[[BitweenError], None],
    ) -> Writer:
        """
        Start a process with the arguments of :mod:`bitween.files.uploads.worker`.

        :raises UploadFailed: if its code is another than when the daemon started.
        """
        if _CODE.is_updated:
            raise UploadFailed(f"nothing can be uploaded: {UPDATED}", WHAT_TO_DO)
        writer = cls(said, failed)
        reactor.spawnProcess(
            writer,
            sys.executable,
            [sys.executable, "-P", "-X", "utf8", "-m", _WORKER, *arguments],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            path="/",
        )
        return writer

    def begin_file(self, parts: Sequence[str], source: IPushProducer) -> None:
        """Begin a file, whose source is held back where the disk does not keep up with it."""
        assert self.transport is not None
        self.transport.write(frame(FrameKind.FILE, list(parts)))
        cast("IConsumer", self.transport).registerProducer(source, True)

    def write(self, data: bytes) -> None:
        """Write some of the file."""
        assert self.transport is not None
        self.transport.writeSequence([head(FrameKind.DATA, len(data)), data])

    def end_file(self) -> None:
        """Have the file on the disk."""
        assert self.transport is not None
        cast("IConsumer", self.transport).unregisterProducer()
        self.transport.write(head(FrameKind.END, 0))

    def keep(self, taken: Collection[str]) -> None:
        """Have everything moved to where it belongs."""
        assert self.transport is not None
        self.transport.write(frame(FrameKind.KEEP, list(taken)))

    def end(self) -> None:
        """Have the process end, and remove what was not kept; nothing more is heard of it."""
        self._failed = None
        assert self.transport is not None
        self.transport.closeStdin()

    def kill(self) -> None:
        """End the process at once, if it has not ended."""
        assert self.transport is not None
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            self._log.debug("the writing process was gone already")

    def outReceived(self, data: bytes) -> None:
        """Take what the process says."""
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "failed" in message:
                failed = message["failed"]
                kind = _KINDS.get(failed["kind"], UploadFailed)
                self._fail(kind(failed["message"], failed["hint"]))
            elif self._failed is not None:
                self._said(message)

    def errReceived(self, data: bytes) -> None:
        """Log what the process complains about."""
        text = printable(data.decode(errors="replace").replace("\n", " | "), 2000)
        self._log.warn("the writing process says: {text}", text=text)

    def processEnded(self, reason: Failure) -> None:
        """Tell that the process is gone."""
        self._fail(UploadFailed(f"writing broke off: {reason.getErrorMessage()}", "send it again"))
        self.gone.callback(None)

    def _fail(self, error: BitweenError) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)
