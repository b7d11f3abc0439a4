"""Reading files of torrents while they are fetched, between real libtorrent sessions."""

from __future__ import annotations

import os
from dataclasses import replace

from twisted.internet.defer import CancelledError, Deferred

from bitween.bittorrent.engine import piece_reader
from bitween.bittorrent.engine.piece_reader import OpenFile
from bitween.errors import SwarmError
from bitween.model.torrent_options import Limits
from tests.support.swarms import LOOPBACK, SwarmCase, address_of, when, write

#: bytes/s
SLOW = replace(LOOPBACK, limits=Limits(upload=300_000))
PIECE = 64 * 2**10
SIZE = 60 * PIECE + 1234


class ReadingTests(SwarmCase):
    """Bob reads a folder of two files that Alice has."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Alice shares it, slowly."""
        self.alice = await self.start(options=SLOW)
        self.source = self.folder("source")
        self.content = os.urandom(SIZE)
        write(os.path.join(self.source, "a"), b"a" * (2 * PIECE + 99))
        write(os.path.join(self.source, "b"), self.content)
        self.info_hash = await self.share(self.alice, self.source)
        self.bob = await self.start()

    async def begin(self) -> None:
        """Have Bob fetch it."""
        await self.bob.download(self.info_hash, "", self.folder("downloads"))
        self.bob.offer_peers(self.info_hash, [address_of(self.alice)])
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).progress.done > 0)

    async def read(self, file: OpenFile, start: int, end: int) -> bytes:
        """Some bytes of a file."""
        last = file.span.last_piece(end)
        read = b""
        for part in file.span.piece_ranges(start, end):
            read += (await file.piece(part.piece, last))[part.start : part.end]
        return read

    async def test_what_is_complete(self) -> None:
        """Any bytes come as they are, to several at a time."""
        one, other = (self.alice.open_file(self.info_hash, 1) for _ in range(2))
        self.assertEqual(one.span.offset, 2 * PIECE + 99)
        got = Deferred.fromCoroutine(self.read(other, 0, SIZE))
        for start, end in ((0, 1), (5, 3 * PIECE), (SIZE - 7, SIZE)):
            self.assertEqual(await self.read(one, start, end), self.content[start:end])
        self.assertEqual(await got, self.content)
        one.close()
        other.close()

    async def test_what_is_on_its_way(self) -> None:
        """The end of a file is here long before the rest, because a reader waits for it."""
        await self.begin()
        file = self.bob.open_file(self.info_hash, 1)
        got = await self.read(file, SIZE - 2 * PIECE, SIZE)
        self.assertEqual(got, self.content[-2 * PIECE :])
        self.assertLess(self.bob.file_progress(self.info_hash)[1], SIZE // 2)
        file.close()
        self.alice.limit(Limits())
        await when(self.bob, lambda: self.bob.library.get(self.info_hash).complete)

    async def test_a_cancelled_read_gets_nothing_more(self) -> None:
        """A reader that stops waiting gets nothing, and the others go on."""
        await self.begin()
        one, other = (self.bob.open_file(self.info_hash, 1) for _ in range(2))
        waiting = one.piece(60, 60)
        also = other.piece(60, 60)
        waiting.cancel()
        await self.assertFailure(waiting, CancelledError)
        one.close()
        self.assertEqual(len(await also), PIECE)
        other.close()

    async def test_reads_of_a_removed_torrent_fail(self) -> None:
        """When a torrent goes, waiting for it is in vain, and so is asking for more."""
        await self.begin()
        file = self.bob.open_file(self.info_hash, 1)
        waiting = self.assertFailure(file.piece(60, 60), SwarmError)
        await self.bob.remove(self.info_hash, True)
        await waiting
        await self.assertFailure(file.piece(60, 60), SwarmError)
        file.close()

    async def test_reads_fail_when_the_daemon_stops(self) -> None:
        """When the daemon stops, nobody waits on."""
        await self.begin()
        waiting = self.assertFailure(
            self.bob.open_file(self.info_hash, 1).piece(60, 60), SwarmError
        )
        await self.stop(self.bob)
        await waiting

    async def test_a_changed_file_is_never_read(self) -> None:
        """What has become of a file since is never given in place of it, wherever a link leads."""
        path = os.path.join(self.source, "b")
        os.rename(path, f"{path}.old")
        os.symlink(write(os.path.join(self.folder(), "secret"), b"s" * SIZE), path)
        file = self.alice.open_file(self.info_hash, 1)
        await self.assertFailure(file.piece(5, 5), SwarmError)
        file.close()

    async def test_files_with_too_large_pieces_are_not_read(self) -> None:
        """A file whose pieces would take too much memory is not read."""
        self.patch(piece_reader, "_LARGEST_PIECE", PIECE - 1)
        self.assertRaises(SwarmError, self.alice.open_file, self.info_hash, 1)
