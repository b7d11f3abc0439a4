"""Which bytes a ``Range`` header asks for, against a model of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.files.byte_range import ByteRange, Unsatisfiable, asked_range

_SIZES = st.integers(0, 300)
_POSITIONS = st.integers(0, 400)


def taken(header: bytes, content: bytes) -> bytes | None:
    """What is asked for of some bytes; ``None`` if that does not exist."""
    try:
        asked = asked_range(header, len(content))
    except Unsatisfiable:
        return None
    return content if asked is None else content[asked.start : asked.end]


class ByteRangeTests(SynchronousTestCase):
    """RFC 9110 §14.1.2."""

    @given(_SIZES, _POSITIONS, _POSITIONS)
    def test_a_range_includes_its_last_byte(self, size: int, first: int, last: int) -> None:
        """The last byte belongs to what is asked for; what does not exist cannot be had."""
        content = bytes(i % 251 for i in range(size))
        got = taken(b"bytes=%d-%d" % (first, last), content)
        if last < first:
            self.assertEqual(got, content)  # malformed, and so passed over
        else:
            self.assertEqual(got, content[first : last + 1] or None)

    @given(_SIZES, _POSITIONS)
    def test_a_range_without_end_reaches_the_end(self, size: int, first: int) -> None:
        """Without a last byte, all from the first one on."""
        content = bytes(i % 251 for i in range(size))
        self.assertEqual(taken(b"bytes=%d-" % first, content), content[first:] or None)

    @given(_SIZES, _POSITIONS)
    def test_the_last_ones(self, size: int, length: int) -> None:
        """Without a first byte, so many at the end."""
        content = bytes(i % 251 for i in range(size))
        expected = content[max(0, size - length) :] if length else b""
        self.assertEqual(taken(b"bytes=-%d" % length, content), expected or None)

    @given(st.binary(max_size=30))
    def test_any_range_stays_within_the_file(self, header: bytes) -> None:
        """Whatever is sent, no more than there is comes of it."""
        asked = None
        try:
            asked = asked_range(header, 10)
        except Unsatisfiable:
            return
        if asked is not None:
            self.assertTrue(0 <= asked.start < asked.end <= 10)

    def test_unsupported_ranges_give_the_whole(self) -> None:
        """Several ranges, other units and what is malformed give the whole."""
        for header in (None, b"", b"bytes=-", b"bytes=0-1,3-4", b"lines=0-1", b"bytes=x-1", b"0-1"):
            self.assertIsNone(asked_range(header, 10), header)
        self.assertEqual(asked_range(b"Bytes= 1-2", 10), ByteRange(1, 3))
