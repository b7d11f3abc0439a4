"""
Hashes files in child processes, one path at a time on each disk.

Sharing a path takes its info-hash, and for that all its bytes are read and hashed, at about 1 GB/s
for each process.  The reactor must not do that.  So the :class:`Hasher` keeps a queue of requests
and hands each to a child process (``worker.py``):

* A request waits while another one reads from the same disk, because two readers only slow one disk
  down, and while every core has a process.
* A process answers with its progress, and at last with the metainfo or an error.  Then it is idle.
  One idle process is kept for the next request, so that a small file needs no new process.
* Cancelling a request kills its process.  A process that ends by itself fails its request.

The application asks through ``HasherPort``, with a job for each path that the user adds.
"""

from __future__ import annotations

import binascii
import json
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorProcess
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import HashingFailed
from bitween.files import json_process
from bitween.files.answers import read_error
from bitween.files.json_process import JsonProcess
from bitween.model.job import ReportProgress
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.text import visible_path
from bitween.model.torrent import Metainfo, parse_info_hash
from bitween.util.own_code import OwnCode

_WORKER = "bitween.files.hashing.worker"
_CODE = OwnCode(_WORKER)


@dataclass(eq=False, slots=True)
class _Request:
    path: str
    strict: bool
    disk: Hashable
    report: ReportProgress
    hashed: Deferred[Metainfo]


def disk_of(path: str) -> Hashable:
    """Identify the file system that holds a path; ``None`` if the path does not exist."""
    try:
        return os.stat(path).st_dev
    except OSError:
        return None


class Hasher(Service):
    """
    Makes metainfo of paths in child processes; see the head of this module.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorProcess,
        hidden: bool = True,
        private: Sequence[str] = (),
        most: int | None = None,
        disk_of: Callable[[str], Hashable] = disk_of,
    ) -> None:
        """
        :param reactor: starts the child processes.
        :param hidden: whether files in a folder whose names begin with a dot are shared.
        :param private: paths of secrets, which are left out of folders that hold them.
        :param most: the most child processes that work at a time; by default one for each core.
        :param disk_of: called with the path of each request; identifies the disk that holds it.
            Requests for which it returns equal values run one after the other.
        """
        self._reactor = reactor
        self._hidden = hidden
        self._private = [os.path.realpath(path) for path in private]
        self._most = most or os.cpu_count() or 1
        self._disk_of = disk_of
        self._queue: list[_Request] = []
        self._working: dict[_Worker, _Request] = {}
        self._idle: _Worker | None = None
        self._dying: set[_Worker] = set()

    def startService(self) -> None:
        """Start a child process."""
        super().startService()
        self._keep_one()

    def stopService(self) -> Deferred[None]:
        """Cancel all requests, and end the child processes; fires when they have ended."""
        super().stopService()
        for request in [*self._queue, *self._working.values()]:
            request.hashed.cancel()
        if self._idle is not None:
            self._drop(self._idle)
            self._idle = None
        gone = gatherResults([worker.gone for worker in self._dying])
        return gone.addCallback(lambda _: None)

    def hash_path(
        self, path: str, report: ReportProgress, strict: bool = False
    ) -> Deferred[Metainfo]:
        """
        Hash a file or folder, after earlier requests for the same disk.

        Cancelling the Deferred cancels the request.

        :param path: absolute.
        :param report: called with the bytes done and the bytes in all.
        :param strict: whether to refuse a folder of which a part has to be left out.
        :raises BadPath: if the path cannot be shared.
        :raises HashingFailed: if reading fails.
        """
        hashed: Deferred[Metainfo] = Deferred(self._cancelled)
        self._queue.append(_Request(path, strict, self._disk_of(path), report, hashed))
        self._begin_what_can()
        return hashed

    def _begin_what_can(self) -> None:
        for request in self._queue[:]:
            busy = {other.disk for other in self._working.values()}
            free = len(self._working) < self._most and request.disk not in busy
            # A callback of a request that failed may have changed the queue.
            if free and request in self._queue:
                self._queue.remove(request)
                self._begin(request)

    def _begin(self, request: _Request) -> None:
        if self._idle is None and _CODE.is_updated:
            path = visible_path(request.path)
            request.hashed.errback(HashingFailed.of("hashing_failed.updated", path=path))
            return
        worker, self._idle = self._idle or self._new_worker(), None
        self._working[worker] = request
        worker.ask(
            path=request.path,
            hidden=self._hidden,
            strict=request.strict,
            private=self._private,
        )

    def _new_worker(self) -> _Worker:
        worker = _Worker(self._answered, self._ended)
        json_process.start(self._reactor, worker, _WORKER)
        return worker

    def _keep_one(self) -> None:
        """Keep one idle child process for the next path."""
        wanted = self.running and not self._working and self._idle is None
        if wanted and not _CODE.is_updated:
            self._idle = self._new_worker()

    def _cancelled(self, hashed: Deferred[Metainfo]) -> None:
        self._queue = [request for request in self._queue if request.hashed is not hashed]
        for worker, request in list(self._working.items()):
            if request.hashed is hashed:
                del self._working[worker]
                self._drop(worker)
        if self.running:
            self._begin_what_can()
            self._keep_one()

    def _drop(self, worker: _Worker) -> None:
        self._dying.add(worker)
        worker.kill()

    def _answered(self, worker: _Worker, answer: dict[str, Any]) -> None:
        request = self._working[worker]
        if "progress" in answer:
            request.report(*answer["progress"])
            return
        del self._working[worker]
        if self._idle is None:
            self._idle = worker
        else:
            self._drop(worker)
        self._begin_what_can()
        if "hashed" in answer:
            request.hashed.callback(_metainfo(answer["hashed"]))
        else:
            request.hashed.errback(read_error(answer["failed"], HashingFailed))

    def _ended(self, worker: _Worker, reason: Failure) -> None:
        if worker in self._dying:
            self._dying.discard(worker)
            return
        self._log.warn("a hashing process ended: {reason}", reason=reason.getErrorMessage())
        if worker is self._idle:
            self._idle = None
        request = self._working.pop(worker, None)
        self._begin_what_can()
        if worker.was_ready:
            # A process that could not even start would fail again.
            self._keep_one()
        if request is not None:
            request.hashed.errback(
                HashingFailed.of(
                    "hashing_failed.broke_off",
                    path=visible_path(request.path),
                    why=reason.getErrorMessage(),
                )
            )


class _Worker(JsonProcess):
    """The child process, one request at a time."""

    work = "hashing"

    def __init__(
        self,
        answered: Callable[[_Worker, dict[str, Any]], None],
        ended: Callable[[_Worker, Failure], None],
    ) -> None:
        super().__init__()
        self._answered = answered
        self._ended = ended
        self.was_ready = False

    def ask(self, **request: object) -> None:
        """Have a path hashed; see :func:`bitween.files.hashing.worker.hash_path`."""
        assert self.transport is not None
        self.transport.write(json.dumps(request).encode() + b"\n")

    def answered(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.was_ready = True
        else:
            self._answered(self, message)

    def ended(self, reason: Failure) -> None:
        self._ended(self, reason)


def _metainfo(hashed: dict[str, Any]) -> Metainfo:
    return Metainfo(
        info_hash=parse_info_hash(hashed["info_hash"]),
        name=str(hashed["name"]),
        total_size=int(hashed["total_size"]),
        torrent_file=binascii.a2b_base64(hashed["torrent_file"]),
        left_out=LeftOut(
            tuple(LeftOutEntry(path, Why(why)) for path, why in hashed["left_out"]),
            hashed["left_out_total"],
        ),
    )
