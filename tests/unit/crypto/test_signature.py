"""Signatures of devices, checked against RFC 8032 and hostile input."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.crypto.signature import fingerprint, is_weak, verify

# RFC 8032 §7.1, TEST 2.
_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
_DATA = bytes.fromhex("72")
_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


class SignatureTests(SynchronousTestCase):
    """``verify`` and ``fingerprint``."""

    def test_the_vector_of_the_standard_is_accepted(self) -> None:
        """RFC 8032 §7.1, TEST 2."""
        self.assertTrue(verify(_PUBLIC, _SIGNATURE, _DATA))

    def test_any_other_bit_is_refused(self) -> None:
        """In the key, the signature and the data."""
        for place in range(32):
            self.assertFalse(verify(_flip(_PUBLIC, place), _SIGNATURE, _DATA))
        for place in range(64):
            self.assertFalse(verify(_PUBLIC, _flip(_SIGNATURE, place), _DATA))
        self.assertFalse(verify(_PUBLIC, _SIGNATURE, _flip(_DATA, 0)))

    def test_another_length_is_refused(self) -> None:
        """Nothing raises."""
        for length in (0, 1, 31, 33, 63, 65, 1000):
            self.assertFalse(verify(bytes(length), _SIGNATURE, _DATA))
            self.assertFalse(verify(_PUBLIC, bytes(length), _DATA))

    def test_a_signature_has_one_form(self) -> None:
        """RFC 8032 §5.1.7: S plus the order of the group is refused."""
        order = 2**252 + 27742317777372353535851937790883648493
        number = int.from_bytes(_SIGNATURE[32:], "little") + order
        self.assertFalse(verify(_PUBLIC, _SIGNATURE[:32] + number.to_bytes(32, "little"), _DATA))

    def test_keys_under_which_anything_is_signed_are_refused(self) -> None:
        """Of the point 1, this signature fits every text."""
        weak = (1).to_bytes(32, "little")
        signature = weak + bytes(32)
        self.assertFalse(verify(weak, signature, _DATA))
        for last in (0x00, 0x80):
            self.assertTrue(is_weak(weak[:-1] + bytes([last])))
        self.assertFalse(is_weak(_PUBLIC))

    def test_the_fingerprint(self) -> None:
        """SHA-256 of the public key, in hexadecimal digits."""
        self.assertEqual(
            fingerprint(_PUBLIC), "39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f"
        )


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
