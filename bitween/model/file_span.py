"""Where a file lies in the pieces of its torrent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """
    Bytes of one piece.

    :param piece: counted from 0.
    :param start: of the first byte, counted in the piece.
    :param end: after the last one.
    """

    piece: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """
    A file among the bytes of its torrent (BEP 3: the files follow each other).

    :param offset: of the file's first byte.
    :param size: bytes.
    :param piece_length: bytes.
    """

    offset: int
    size: int
    piece_length: int

    def parts(self, start: int, end: int) -> Iterator[Part]:
        """
        Give the parts of pieces of which some bytes of the file consist, in their order.

        :param start: of the first byte, counted in the file.
        :param end: after the last one, at most the file's size.
        """
        at, stop = self.offset + start, self.offset + end
        while at < stop:
            piece, inside = divmod(at, self.piece_length)
            length = min(self.piece_length - inside, stop - at)
            yield Part(piece, inside, inside + length)
            at += length

    def last_piece(self, end: int) -> int:
        """
        Tell the piece that holds the last of some bytes.

        :param end: after that byte, counted in the file; more than 0.
        """
        return (self.offset + end - 1) // self.piece_length
