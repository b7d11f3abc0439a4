"""
Uploads: files and folders that clients send to the daemon.

A client begins an :class:`Upload` with a name, sends the files one after the other, and at the end
keeps it; then it is moved to the download folder and shared.  An upload is in progress until it is
kept, cancelled or fails.  It fails if the disk is full, if nothing arrives for :data:`IDLE`
seconds, or if the daemon stops.  An upload that has ended still tells why, for a while.

Each upload has a child process (``worker.py``), which writes to a hidden folder, and removes this
folder unless the upload is kept: also if the daemon is killed.  So a half upload is never seen, and
a slow disk does not block the reactor.  The API (``bitween.api.files.upload``) is the only caller.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IPushProducer

from bitween.errors import BitweenError, NoRoom, UnknownUpload, UploadFailed
from bitween.files.uploads.names import safe_root
from bitween.files.uploads.process import Writer
from bitween.files.uploads.worker import PREFIX
from bitween.model.disk_space import reserve

#: The most uploads at the same time; each has a process.
MOST = 8
#: Seconds without data after which an upload is cancelled.
IDLE = 300.0
#: Seconds that processes have to remove incomplete uploads when the daemon stops.
PATIENCE = 10.0
# Uploads that have ended and are remembered, with the reason.
_KEPT = 50


class Upload:
    """
    A file or a folder that a client sends, one file at a time.

    :ivar id: unguessable and unique.
    :ivar is_folder: whether it is a folder.
    :ivar error: why it has ended; ``None`` while it is in progress.
    """

    def __init__(self, reactor: Any, place: str, name: str, is_folder: bool) -> None:
        """
        :param reactor: has the time, and starts the process that writes the upload.
        :param place: the folder that will hold it.
        :param name: a safe name.
        :param is_folder: whether it is a folder; otherwise a single file.
        :raises UploadFailed: if bitween was updated since the daemon started.
        :raises OSError: if no process can be started.
        """
        self.id = secrets.token_hex(8)
        self.is_folder = is_folder
        self.error: BitweenError | None = None
        self._size = 0
        self._told_failure: Callable[[BitweenError], None] | None = None
        self._waiting: Deferred[Any] | None = None
        self._writer = Writer.begin(reactor, [place, name], self._said, self._ended)
        self._idle: IDelayedCall = reactor.callLater(IDLE, self._given_up)

    @property
    def gone(self) -> Deferred[None]:
        """Fires when the process has ended, and what was not kept is removed."""
        return self._writer.gone

    def begin_file(
        self,
        parts: Sequence[str],
        source: IPushProducer,
        failed: Callable[[BitweenError], None],
    ) -> None:
        """
        Begin one of its files.

        :param parts: its path below the folder, name by name; empty for an upload of a single file.
        :param source: is paused while the disk is slower.
        :param failed: called with the error if the file cannot be written.
        :raises UploadFailed: if another file is being sent, or the upload has ended.
        """
        self._check()
        self._told_failure = failed
        self._idle.reset(IDLE)
        self._writer.begin_file(parts, source)

    def write(self, data: bytes) -> None:
        """Write bytes of the current file; nothing, if the upload has ended."""
        if self.error is None:
            self._size += len(data)
            self._idle.reset(IDLE)
            self._writer.write(data)

    def end_file(self) -> Deferred[int]:
        """
        End the file; fires with its size when it is on the disk.

        :raises UploadFailed: if it cannot be written.
        """
        return self._answer(self._writer.end_file)

    def keep(self, taken: Collection[str] = ()) -> Deferred[str]:
        """
        Move the upload to its final place; fires with its path.

        :param taken: names that it must not get, although nothing may have them yet.
        :raises UploadFailed: if that is not possible; then the upload is removed.
        """
        self._check()
        if not self._size:
            self.cancel(UploadFailed.of("upload_failed.empty"))
            self._check()
        return self._answer(lambda: self._writer.keep(taken)).addCallback(self._kept)

    def cancel(self, why: BitweenError | None = None) -> None:
        """
        Cancel the upload, and remove its files.

        :param why: what :attr:`error` becomes; by default, that the upload was cancelled.
        """
        if self.error is None:
            self._ended(why or UploadFailed.of("upload_failed.cancelled"))
            self._writer.end()

    def kill(self) -> None:
        """Kill the process if the disk does not respond; the next start removes the files."""
        self._writer.kill()

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
        if self._told_failure is not None or self._waiting is not None:
            raise UploadFailed.of("upload_failed.sending")

    def _answer(self, ask: Callable[[], None]) -> Deferred[Any]:
        self._waiting = Deferred()
        answer = self._waiting
        if self.error is not None:
            self._waiting = None
            answer.errback(self.error)
        else:
            self._idle.reset(IDLE)
            ask()
        return answer

    def _said(self, message: dict[str, Any]) -> None:
        waiting, self._waiting, self._told_failure = self._waiting, None, None
        if waiting is not None:
            (value,) = message.values()
            waiting.callback(value)

    def _kept(self, path: str) -> str:
        self._ended(UploadFailed.of("upload_failed.complete"))
        self._writer.end()
        return path

    def _given_up(self) -> None:
        self.cancel(UploadFailed.of("upload_failed.idle"))

    def _ended(self, error: BitweenError) -> None:
        self.error = error
        if self._idle.active():
            self._idle.cancel()
        waiting, self._waiting = self._waiting, None
        failed, self._told_failure = self._told_failure, None
        if waiting is not None:
            waiting.errback(error)
        elif failed is not None:
            failed(error)


class Uploads(Service):
    """All uploads, into one folder."""

    def __init__(
        self, reactor: Any, folder: str, spoken_for: Callable[[str], int] = lambda _: 0
    ) -> None:
        """
        :param reactor: has the time, and starts processes.
        :param folder: absolute; exists when the service starts.
        :param spoken_for: called with a folder; returns the bytes that downloads still need on its
            disk.
        """
        self._spoken_for = spoken_for
        self._reactor = reactor
        self._uploads: dict[str, Upload] = {}
        self._cleaner: Writer | None = None
        self.folder = folder

    def startService(self) -> None:
        """Remove the incomplete uploads of an earlier run."""
        super().startService()
        if any(name.startswith(PREFIX) for name in os.listdir(self.folder)):
            arguments = [self.folder]
            self._cleaner = Writer.begin(self._reactor, arguments, lambda _: None, lambda _: None)

    def stopService(self) -> Deferred[None]:
        """Cancel all uploads; fires when they are removed."""
        super().stopService()
        for upload in self._running():
            upload.cancel(UploadFailed.of("upload_failed.stopped"))
        gone = [upload.gone for upload in self._uploads.values()]
        if self._cleaner is not None:
            gone.append(self._cleaner.gone)
        impatient = self._reactor.callLater(PATIENCE, self._kill)

        def ended(_: object) -> None:
            if impatient.active():
                impatient.cancel()

        return gatherResults(gone).addCallback(ended)

    def _kill(self) -> None:
        for upload in self._uploads.values():
            upload.kill()

    def begin(self, name: str, size: int | None = None, *, is_folder: bool) -> Upload:
        """
        Begin an upload.

        :param name: its name, which is made safe.
        :param size: bytes; ``None`` if unknown.
        :param is_folder: whether it is a folder; otherwise a single file.
        :raises InvalidValue: if the name is not valid.
        :raises NoRoom: if it is larger than the free space.
        :raises UploadFailed: if there are too many uploads, or no process can be started.
        """
        name = safe_root(name)
        self.check_room(size or 0)
        if len(self._running()) >= MOST:
            raise UploadFailed.of("upload_failed.too_many", n=MOST)
        ended = [upload.id for upload in self._uploads.values() if upload.error is not None]
        for upload_id in ended[:-_KEPT]:
            del self._uploads[upload_id]
        try:
            upload = Upload(self._reactor, self.folder, name, is_folder)
        except OSError as error:
            raise UploadFailed.of("upload_failed.no_process", why=str(error.strerror)) from None
        self._uploads[upload.id] = upload
        return upload

    def get(self, upload_id: str) -> Upload:
        """
        The upload with this id.

        :raises UnknownUpload: if there is none, or it ended long ago.
        """
        try:
            return self._uploads[upload_id]
        except KeyError:
            raise UnknownUpload("there is no such upload", "begin one") from None

    def check_room(self, size: int) -> None:
        """
        Check that there is room.

        :param size: bytes.
        :raises NoRoom: if there is not.
        :raises UploadFailed: if the folder cannot be used.
        """
        try:
            room = os.statvfs(self.folder)
        except OSError as error:
            raise UploadFailed.of(
                "upload_failed.folder", path=self.folder, why=str(error.strerror)
            ) from None
        # The state directory may lie on the same disk.
        kept = reserve(room.f_blocks * room.f_frsize, holds_state=True)
        free = max(0, room.f_bavail * room.f_frsize - kept - self._spoken_for(self.folder))
        if size > free:
            raise NoRoom.of("no_room.too_large", size=size, free=free, path=self.folder)

    def _running(self) -> list[Upload]:
        return [upload for upload in self._uploads.values() if upload.error is None]
