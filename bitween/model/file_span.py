"""The position of a file in the pieces of its torrent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PieceRange:
    """
    A range of bytes of one piece.

    :param piece: its number, from 0.
    :param start: the offset of the first byte in the piece.
    :param end: the offset after the last byte.
    """

    piece: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FileSpan:
    """
    A file's range in the bytes of its torrent (BEP 3: the files follow each other).

    :param offset: the offset of the file's first byte in the torrent.
    :param size: bytes of the file.
    :param piece_length: bytes of a piece.
    """

    offset: int
    size: int
    piece_length: int

    def piece_ranges(self, start: int, end: int) -> Iterator[PieceRange]:
        """
        Yield the ranges of pieces that make up a range of the file, in order.

        :param start: the offset of the first byte in the file.
        :param end: the offset after the last byte, at most the file's size.
        """
        at, stop = self.offset + start, self.offset + end
        while at < stop:
            piece, inside = divmod(at, self.piece_length)
            length = min(self.piece_length - inside, stop - at)
            yield PieceRange(piece, inside, inside + length)
            at += length

    def last_piece(self, end: int) -> int:
        """
        The number of the piece that holds the last byte of a range.

        :param end: the offset after that byte in the file; more than 0.
        """
        return (self.offset + end - 1) // self.piece_length
