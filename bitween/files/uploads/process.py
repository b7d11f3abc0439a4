"""The process that writes an upload, seen from the daemon."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorProcess
from twisted.python.failure import Failure

from bitween.errors import BitweenError, UploadFailed
from bitween.files import json_process
from bitween.files.answers import read_error
from bitween.files.json_process import JsonProcess
from bitween.files.uploads.frames import FrameKind, frame, head
from bitween.util.own_code import UPDATED, WHAT_TO_DO, OwnCode

_WORKER = "bitween.files.uploads.worker"
_CODE = OwnCode(_WORKER)


class Writer(JsonProcess):
    """
    Writes to the disk what it is given.

    :ivar gone: fires when the process has ended and removed what was not kept.
    """

    work = "writing"

    def __init__(
        self, said: Callable[[dict[str, Any]], None], failed: Callable[[BitweenError], None]
    ) -> None:
        """
        :param said: told each answer of the process.
        :param failed: told once why nothing more can be written.
        """
        super().__init__()
        self._said = said
        self._failed: Callable[[BitweenError], None] | None = failed

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
        json_process.start(reactor, writer, _WORKER, *arguments)
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

    def answered(self, message: dict[str, Any]) -> None:
        """Pass an answer on, or an error."""
        if "failed" in message:
            self._fail(read_error(message["failed"], UploadFailed))
        elif self._failed is not None:
            self._said(message)

    def ended(self, reason: Failure) -> None:
        """Report an end that came too early."""
        self._fail(UploadFailed(f"writing broke off: {reason.getErrorMessage()}", "send it again"))

    def _fail(self, error: BitweenError) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)
