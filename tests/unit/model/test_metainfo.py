"""The .torrent files that bitween makes (BEP 3)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import BadPath
from bitween.model import metainfo
from bitween.model.metainfo import (
    LARGEST_PIECE,
    HashedFile,
    bencode,
    info_section,
    make_torrent,
    piece_size_for,
)

KIB = 2**10
FILES = [HashedFile(("a", "b", "one"), 1), HashedFile(("a", "two"), 2)]


class PieceSizeTests(SynchronousTestCase):
    """The size of a piece follows from that of the torrent."""

    def test_pieces_double_at_2048_of_them(self) -> None:
        """From 64 KiB to 16 MiB."""
        for total, size in (
            (0, 64 * KIB),
            (2048 * 64 * KIB, 64 * KIB),
            (2048 * 64 * KIB + 1, 128 * KIB),
            (1024 * LARGEST_PIECE, LARGEST_PIECE // 2),
            (1024 * LARGEST_PIECE + 1, LARGEST_PIECE),
            (2**60, LARGEST_PIECE),
        ):
            self.assertEqual(piece_size_for(total), size)


class MakeTorrentTests(SynchronousTestCase):
    """What the metadata holds."""

    def info(self, *files: HashedFile) -> bytes:
        """The info dictionary of a torrent named x."""
        _, content = make_torrent("x", files, 16, b"p" * 20)
        return info_section(content)

    def test_one_file_has_a_length_and_a_folder_has_files(self) -> None:
        """A folder of one file is a folder."""
        rest = b"4:name1:x12:piece lengthi16e6:pieces20:" + b"p" * 20 + b"e"
        self.assertEqual(self.info(HashedFile((), 5)), b"d6:lengthi5e" + rest)
        files = b"d5:filesld6:lengthi5e4:pathl1:aeee"
        self.assertEqual(self.info(HashedFile(("a",), 5)), files + rest)

    def test_what_others_refuse_is_not_made(self) -> None:
        """Each limit is the largest number that is allowed."""
        size = len(self.info(*FILES))
        for name, limit, words in (
            ("MAX_FILES", 2, "more than 1 files"),
            ("MAX_FOLDERS", 2, "more than 1 folders"),
            ("MAX_DEPTH", 2, "more than 1 folders one in another"),
            (
                "MAX_METADATA",
                size + metainfo.ROOM_FOR_SEAL,
                "a list of files and pieces of more than 0 MiB",
            ),
        ):
            patch = self.patch(metainfo, name, limit)
            self.assertEqual(len(self.info(*FILES)), size)
            setattr(metainfo, name, limit - 1)
            error = self.assertRaises(BadPath, self.info, *FILES)
            self.assertIn(f"'x' holds too much to be shared as one: {words}", str(error))
            self.assertTrue(error.hint)
            patch.restore()

    def test_the_largest_list_is_named_in_mebibytes(self) -> None:
        """As a number without a fraction."""
        self.patch(metainfo, "MAX_METADATA", 3 * 2**20)
        error = self.assertRaises(BadPath, make_torrent, "x", FILES, 16, b"p" * 3 * 2**20)
        self.assertIn("a list of files and pieces of more than 3 MiB", str(error))

    def test_bencoding(self) -> None:
        """Keys are sorted as bytes, texts are UTF-8."""
        self.assertEqual(
            bencode({"b": -1, "a": ["é", b"\xff", {}], "é": []}),
            b"d1:al2:\xc3\xa91:\xffdee1:bi-1e2:\xc3\xa9lee",
        )
