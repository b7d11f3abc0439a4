"""Hashes files in a child process, one path at a time."""

from __future__ import annotations

import binascii
import json
import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import (
    BadPath,
    BitweenError,
    EmptyFolder,
    HashingFailed,
    NoSuchPath,
    UnreadablePath,
)
from bitween.model.text import printable
from bitween.model.torrent import Metainfo, parse_info_hash

_WORKER = "bitween.bittorrent.hashing_worker"
_KINDS: dict[str, type[BitweenError]] = {
    kind.__name__: kind
    for kind in (BadPath, NoSuchPath, UnreadablePath, EmptyFolder, HashingFailed)
}

#: Called with the bytes done and the bytes in all.
Report = Callable[[int, int], None]


@dataclass(eq=False, slots=True)
class _Request:
    path: str
    report: Report
    hashed: Deferred[Metainfo]


class Hasher(Service):
    """
    Makes metainfo of paths, away from the reactor.

    The child process is started with the service and kept, so that a small file costs no more than
    the way there and back.  One that ends by itself is replaced.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorProcess) -> None:
        self._reactor = reactor
        self._queue: deque[_Request] = deque()
        self._current: _Request | None = None
        self._worker: _Worker | None = None
        self._dying: set[_Worker] = set()

    def startService(self) -> None:
        """Start the child process."""
        super().startService()
        self._ensure_worker()

    def stopService(self) -> Deferred[None]:
        """Cancel everything, and end the child process; answers when it is gone."""
        super().stopService()
        for request in [*self._queue, self._current]:
            if request is not None:
                request.hashed.cancel()
        self._drop_worker()
        gone = gatherResults([worker.gone for worker in self._dying])
        return gone.addCallback(lambda _: None)

    def hash_path(self, path: str, report: Report) -> Deferred[Metainfo]:
        """
        Hash a file or folder, after those that were asked for before.

        Cancelling the Deferred stops it.

        :param path: absolute.
        :param report: called with the bytes done and the bytes in all.
        :raises BadPath: if it cannot be shared.
        :raises HashingFailed: if reading failed on the way.
        """
        hashed: Deferred[Metainfo] = Deferred(self._cancelled)
        self._queue.append(_Request(path, report, hashed))
        self._next()
        return hashed

    def _next(self) -> None:
        if self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._ensure_worker().ask(self._current.path)

    def _ensure_worker(self) -> _Worker:
        if self._worker is None:
            self._worker = _Worker(self._answered, self._ended)
            self._reactor.spawnProcess(
                self._worker,
                sys.executable,
                [sys.executable, "-P", "-X", "utf8", "-m", _WORKER],
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                path="/",
            )
        return self._worker

    def _cancelled(self, hashed: Deferred[Metainfo]) -> None:
        current = self._current
        if current is not None and current.hashed is hashed:
            self._drop_worker()
            self._current = None
            if self.running:
                self._ensure_worker()
                self._next()
            return
        self._queue = deque(request for request in self._queue if request.hashed is not hashed)

    def _drop_worker(self) -> None:
        if self._worker is not None:
            self._dying.add(self._worker)
            self._worker.kill()
            self._worker = None

    def _answered(self, answer: dict[str, Any]) -> None:
        current = self._current
        if current is None:
            return
        if "progress" in answer:
            current.report(*answer["progress"])
            return
        self._current = None
        if "hashed" in answer:
            current.hashed.callback(_metainfo(answer["hashed"]))
        else:
            current.hashed.errback(_error(answer["failed"]))
        self._next()

    def _ended(self, worker: _Worker, reason: Failure) -> None:
        self._dying.discard(worker)
        if worker is not self._worker:
            return
        self._worker = None
        current, self._current = self._current, None
        self._log.warn("the hashing process ended: {reason}", reason=reason.getErrorMessage())
        if current is not None:
            current.hashed.errback(
                HashingFailed(
                    f"hashing {current.path!r} broke off: {reason.getErrorMessage()}",
                    "share it again",
                )
            )
        if self._queue:
            self._next()
        elif self.running and worker.was_ready:
            # One that could not even start would not do so a moment later.
            self._ensure_worker()


class _Worker(ProcessProtocol):
    """The child process, seen from here: lines of JSON in and out."""

    _log = Logger()

    def __init__(
        self,
        answered: Callable[[dict[str, Any]], None],
        ended: Callable[[_Worker, Failure], None],
    ) -> None:
        self._answered = answered
        self._ended = ended
        self._received = bytearray()
        self._killed = False
        self.gone: Deferred[None] = Deferred()
        self.was_ready = False

    def ask(self, path: str) -> None:
        """Have a path hashed."""
        assert self.transport is not None
        self.transport.write(json.dumps(path).encode() + b"\n")

    def kill(self) -> None:
        """End the process at once, and hear nothing more of it."""
        self._killed = True
        assert self.transport is not None
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            self._log.debug("the hashing process was gone already")

    def outReceived(self, data: bytes) -> None:
        """Take what the process says."""
        start = len(self._received)
        self._received += data
        # Only what is new is searched: one line may hold megabytes.
        while not self._killed and (end := self._received.find(b"\n", start)) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            start = 0
            self._said(json.loads(line))

    def _said(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.was_ready = True
        else:
            self._answered(message)

    def errReceived(self, data: bytes) -> None:
        """Log what the process complains about."""
        text = printable(data.decode(errors="replace").replace("\n", " | "), 2000)
        self._log.warn("the hashing process says: {text}", text=text)

    def processEnded(self, reason: Failure) -> None:
        """Tell that the process is gone."""
        self._ended(self, reason)
        self.gone.callback(None)


def _metainfo(hashed: dict[str, Any]) -> Metainfo:
    return Metainfo(
        info_hash=parse_info_hash(hashed["info_hash"]),
        name=str(hashed["name"]),
        total_size=int(hashed["total_size"]),
        torrent_file=binascii.a2b_base64(hashed["torrent_file"]),
    )


def _error(failed: dict[str, str]) -> BitweenError:
    return _KINDS.get(failed["kind"], HashingFailed)(failed["message"], failed["hint"])
