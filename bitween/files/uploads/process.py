"""The daemon's side of the process that writes an upload."""

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
from bitween.util.own_code import OwnCode

_WORKER = "bitween.files.uploads.worker"
_CODE = OwnCode(_WORKER)


class Writer(JsonProcess):
    """
    Writes the files of one upload to the disk, in a child process.

    :ivar gone: fires when the process has ended and removed what was not kept.
    """

    work = "writing"

    def __init__(
        self, said: Callable[[dict[str, Any]], None], failed: Callable[[BitweenError], None]
    ) -> None:
        """
        :param said: called with each answer of the process: ``{"written": BYTES}`` after each file,
            at the end ``{"kept": PATH}``.
        :param failed: called with the error if the upload fails, at most once, and not after
            :meth:`end`.
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
        Start a process.

        :param reactor: starts it.
        :param arguments: of :mod:`bitween.files.uploads.worker`: the folder to write to and the
            name of the upload, or the folder alone.
        :param said: called with each answer; see the constructor.
        :param failed: called with the error if the upload fails; see the constructor.
        :raises UploadFailed: if bitween was updated since the daemon started.
        :raises OSError: if no process can be started.
        """
        if _CODE.is_updated:
            raise UploadFailed.of("upload_failed.updated")
        writer = cls(said, failed)
        json_process.start(reactor, writer, _WORKER, *arguments)
        return writer

    def begin_file(self, parts: Sequence[str], source: IPushProducer) -> None:
        """
        Begin a file.

        :param parts: its path below the upload, name by name; empty if the upload is this file.
        :param source: is paused while the disk is slower.
        """
        assert self.transport is not None
        self.transport.write(frame(FrameKind.FILE, list(parts)))
        cast("IConsumer", self.transport).registerProducer(source, True)

    def write(self, data: bytes) -> None:
        """Write some of the file."""
        assert self.transport is not None
        self.transport.writeSequence([head(FrameKind.DATA, len(data)), data])

    def end_file(self) -> None:
        """End the file, and flush it to the disk."""
        assert self.transport is not None
        cast("IConsumer", self.transport).unregisterProducer()
        self.transport.write(head(FrameKind.END, 0))

    def keep(self, taken: Collection[str]) -> None:
        """Move the upload to its final place; ``taken`` are names that it must not get."""
        assert self.transport is not None
        self.transport.write(frame(FrameKind.KEEP, list(taken)))

    def end(self) -> None:
        """End the process, which removes what was not kept; further answers are ignored."""
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
        self._fail(UploadFailed.of("upload_failed.broke_off", why=reason.getErrorMessage()))

    def _fail(self, error: BitweenError) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)
