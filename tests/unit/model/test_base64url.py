"""Keys as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model import base64url


class Base64UrlTests(SynchronousTestCase):
    """RFC 4648 §5, without padding."""

    def test_these_texts(self) -> None:
        """The alphabet for URLs, no padding."""
        self.assertEqual(base64url.encode(b"\xfb\xff\xfe"), "-__-")
        self.assertEqual(base64url.encode(b"\0"), "AA")
        self.assertEqual(base64url.decode("", 0), b"")

    @given(st.binary(max_size=70))
    def test_what_is_encoded_is_decoded(self, data: bytes) -> None:
        """For every length."""
        self.assertEqual(base64url.decode(base64url.encode(data), len(data)), data)

    def test_other_texts_are_refused(self) -> None:
        """Another length, padding, white space, the other alphabet, other scripts, no text."""
        for bad in ("", "A", "AAA", "AA==", "A=", "A\n", " A", "+/", "A٣", "AB", b"AA", None, 3):
            self.assertRaises(InvalidValue, base64url.decode, bad, 1)

    def test_no_two_texts_mean_the_same(self) -> None:
        """The bits after the last byte must be 0."""
        self.assertEqual(base64url.decode("Ag", 1), b"\x02")
        for bad in ("Ah", "Ai", "Av"):
            self.assertRaises(InvalidValue, base64url.decode, bad, 1)
