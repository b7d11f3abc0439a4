"""Reads verified pieces; pieces that a reader waits for are fetched before all others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.alerts import PieceRead
from bitween.bittorrent.engine.session import Session
from bitween.errors import SwarmError
from bitween.model.file_span import FileSpan
from bitween.model.text import printable
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import run_in_slices

# How much is requested beyond the awaited piece: bytes, and pieces at most.
_AHEAD = 8 * 2**20
_MOST_AHEAD = 64
# Milliseconds from the deadline of one piece to that of the next.
_PACE = 100
# A contact chooses the length of pieces, and each is held in memory as a whole.
_LARGEST_PIECE = 32 * 2**20
# Bytes that are hashed in one step.
_STEP = 2**20


class OpenFile:
    """
    A file that is being read.

    :ivar wanted: the requested pieces; the reader waits for the first one.
    :ivar waiting: fires with that piece; ``None`` while the reader waits for nothing.
    """

    def __init__(
        self, reader: PieceReader, info_hash: InfoHash, info: lt.torrent_info, span: FileSpan
    ) -> None:
        """
        :param info: has the hashes of the pieces.
        :param span: where the file lies among the pieces.
        """
        self.info_hash = info_hash
        self.span = span
        self.wanted = range(0)
        self.waiting: Deferred[bytes] | None = None
        self._reader = reader
        self._info = info

    def piece(self, number: int, last: int) -> Deferred[bytes]:
        """
        Read a whole piece once it is here and verified; the Deferred may be cancelled.

        The piece is compared with its hash again, so that a file that has changed since is never
        read by mistake.

        :param number: the number of the piece in the torrent, from 0.
        :param last: the last piece that is going to be read, one after the other.
        :returns: fires with the bytes of the piece.
        :raises SwarmError: if it cannot be read, has changed, or the torrent is removed meanwhile.
        """
        return Deferred.fromCoroutine(self._piece(number, last))

    def close(self) -> None:
        """Request nothing more."""
        self._reader.close(self)

    async def _piece(self, number: int, last: int) -> bytes:
        ahead = min(_MOST_AHEAD, max(1, _AHEAD // self.span.piece_length))
        self.waiting = Deferred()
        try:
            self._reader.want(self, range(number, min(last, number + ahead) + 1))
            data = await self.waiting
        finally:
            self.waiting = None
        digest = hashlib.sha1(usedforsecurity=False)
        await run_in_slices(self._reader.reactor, _hashing(digest, memoryview(data)))
        if digest.digest() != self._info.hash_for_piece(number):
            raise SwarmError.of("swarm_error.changed")
        return data


def _hashing(digest: hashlib._Hash, data: memoryview) -> Iterator[None]:
    for start in range(0, len(data), _STEP):
        digest.update(data[start : start + _STEP])
        yield


class PieceReader:
    """
    Reads the files of torrents.

    libtorrent reads in its own threads, and from memory what is not on the disk yet.
    """

    def __init__(self, reactor: IReactorTime, session: Callable[[], Session]) -> None:
        """:param session: returns the current session; raises ``SwarmError`` if there is none."""
        self.reactor = reactor
        self._session = session
        self._open: dict[InfoHash, list[OpenFile]] = {}

    def open(self, info_hash: InfoHash, index: int) -> OpenFile:
        """
        Open a file.

        :param index: of the file, as libtorrent counts.
        :raises SwarmError: if libtorrent does not have the torrent yet, or its pieces are too long.
        """
        info = self._session().torrent_info(info_hash)
        if info is None:
            raise SwarmError.of("swarm_error.loading")
        length = info.piece_length()
        if length > _LARGEST_PIECE:
            raise SwarmError.of("swarm_error.long_pieces")
        layout = info.layout()
        span = FileSpan(layout.file_offset(index), layout.file_size(index), length)
        file = OpenFile(self, info_hash, info, span)
        self._open.setdefault(info_hash, []).append(file)
        return file

    def want(self, file: OpenFile, pieces: range) -> None:
        """
        Have pieces fetched, and read the first of them.

        :param file: its ``waiting`` fires with the bytes of the first piece.
        :param pieces: their numbers in the torrent, in the order in which they are read; at least
            one.
        :raises SwarmError: if the torrent has been removed.
        """
        if file not in self._open.get(file.info_hash, ()):
            raise SwarmError.of("swarm_error.removed")
        before = self._wanted(file.info_hash)
        file.wanted = pieces
        self._session().want_piece(file.info_hash, pieces[0], 0, bring=True)
        for place, piece in enumerate(pieces[1:], 1):
            if piece not in before:
                self._session().want_piece(file.info_hash, piece, place * _PACE, bring=False)
        self._unwant(file.info_hash, before)

    def close(self, file: OpenFile) -> None:
        """Cancel the requests for one file, except for pieces that other readers want."""
        readers = self._open.get(file.info_hash, [])
        if file not in readers:
            return
        before = self._wanted(file.info_hash)
        readers.remove(file)
        if not readers:
            del self._open[file.info_hash]
        self._unwant(file.info_hash, before)

    def take(self, read: PieceRead) -> None:
        """Hand a piece to the readers that wait for it."""
        for file in list(self._open.get(read.info_hash, ())):
            if file.waiting is None or file.wanted[0] != read.piece:
                continue
            if read.error:
                error = SwarmError.of("swarm_error.unreadable", why=printable(read.error))
                file.waiting.errback(error)
            else:
                file.waiting.callback(read.data)

    def forget(self, info_hash: InfoHash) -> None:
        """
        Fail the readers of a torrent that leaves the session.

        It may be added again to be verified, and a request for pieces would have them written.
        """
        for file in self._open.pop(info_hash, ()):
            if file.waiting is not None:
                file.waiting.errback(SwarmError.of("swarm_error.removed"))

    def forget_all(self) -> None:
        """Fail all readers."""
        for info_hash in list(self._open):
            self.forget(info_hash)

    def _wanted(self, info_hash: InfoHash) -> set[int]:
        return set(self._pieces(info_hash))

    def _pieces(self, info_hash: InfoHash) -> Iterator[int]:
        for file in self._open.get(info_hash, ()):
            yield from file.wanted

    def _unwant(self, info_hash: InfoHash, before: set[int]) -> None:
        for piece in before - self._wanted(info_hash):
            self._session().unwant_piece(info_hash, piece)
