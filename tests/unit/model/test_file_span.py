"""Where a file lies in the pieces of its torrent, against a model of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.file_span import FileSpan

_FEW = st.integers(0, 100)


class SpanTests(SynchronousTestCase):
    """Any part of any file."""

    @given(_FEW, _FEW, st.integers(1, 40), _FEW, _FEW)
    def test_the_parts_make_up_the_requested_bytes(
        self, offset: int, size: int, length: int, start: int, end: int
    ) -> None:
        """The parts of pieces, put together, are exactly the bytes that are asked for."""
        torrent = bytes(range(offset + size)) + b"\xff" * 50
        pieces = [torrent[at : at + length] for at in range(0, len(torrent), length)]
        span = FileSpan(offset, size, length)
        end = min(end, size)
        parts = list(span.piece_ranges(start, end))
        got = b"".join(pieces[part.piece][part.start : part.end] for part in parts)
        self.assertEqual(got, torrent[offset : offset + size][start:end])
        self.assertTrue(all(part.start < part.end <= length for part in parts))
        if parts:
            self.assertEqual(parts[-1].piece, span.last_piece(end))
