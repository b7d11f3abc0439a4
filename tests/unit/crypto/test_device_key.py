"""The keys of this device, checked against fixed vectors and hostile input."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.crypto.device_key import KEM_LENGTH, SEAL_OVERHEAD, SECRET_LENGTH, DeviceKey, seal_to
from bitween.crypto.signature import verify
from bitween.errors import InvalidValue
from bitween.model import base64url

# RFC 8032 §7.1, TEST 2, and the first test vector of draft-connolly-cfrg-xwing-kem.
_ED25519 = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
_XWING = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
_INFO = b"urn:bitween:2 page"
# "Two weeks on the island", sealed once to the key above.
_SEALED = (
    "Wn1VtHG_F3wXF0l07qk5wQRMBzr9rFOrK4iraORv8M0g1KszKGea90v4fHHa8r2grJrc95gal97K25BwFaVPrZnn"
    "LjgZZPABOTeJLwWYEZuP2snv8eC8MrbfECub5EpxBdOupTLXjXHgsoLFNfU17Myz27U103l9L_5I_TTbFN5Cudug"
    "TzV3lPW6Pg38xcXYdalxpA3cBTb70ZvsyQlrUqTC3hWyr5hf8F5lDRQ9ltqxJTqP_qtpiCdJ_KQuwD_hMJxOjqec"
    "n3Wj8j-Ik10PbYFwTBjfONKUheQjsXkTJCad0Elpajp_h9SeDMl9gVtgHEkVo-CjtgO_93zgWO2RIO67bcFTnuko"
    "Ut14b8M6WvRw2l8xHpdrroL57oMCpB2DdThsbsFqhTIfjJ5kWGC723DGZJQNdVCpfKVkMmEUc21NuC5Xp_AZSZLu"
    "PPDdT0TzQSg9LhBvYEaHHpk2TC68SoTynHkEFMxkLkVWSwLdAixtPc78V2llr4hPMKzI1-"
    "ELanJa_m7HRhW_e0g_SWAt4uxLSsUky7yN1Re11OWAOVzHXFO6SdP8OrzujwAiZAjjSzqndYtqtMtVVdjmudf1wa"
    "T2u8CHCjOjISh2-"
    "bwfl77Rkg2xLq4z3yqvqYSpQJhjs38bWeh3djWP3oBbZcVjBkyiizoyLBXQGxd5MEHHz7060rmzUy9GWXTdkgd6I"
    "22RuMaOExqhv8iFyJlnipPvTtvyl2gpnvx_tx3fndL5XOozwKkOVx99IL2m9nnsyv8KgZ_8E0PhmGk7OOprvC-"
    "_NEtGc-hx_LcMK5UwM-"
    "FClEAv21Zp_rODh4eOFtIF6VFJP3Mt1RR7E7xoxKt3Fbyg6cIsqOemRQDadgKhhB5jjpZv6wKWv8Zrkeo2fGHw-T"
    "jSBbcRLo4YyuOx3yba4uVaF2R5ckHhh2-"
    "HKVwYlZlonj6WMl4iOtDJPOw1Gv8ZrroG6dnT_uFXxDVgSWVmchIkOwN4fFcGVZOgEUsKP3haa-Oyus2YEHxawkj"
    "5sXK0VEXtuBL2uZ8wnTznP4B1RNQbJ3lTfw7gowg9161CAVt9EL1rZ1Iky0lPdmPoDiGz7Omb_TW33BV6C3jTI0R"
    "rBn3JwBVi0UBKdyo295YxJdh6AxoCpvyrfqSo5NGZ8pHqo_WJLznAbMeq2uBulgDKagMYtP2wQ6dJgKKYnObNl2K"
    "WJosZTrcWoWQL1_KZhd18ER0qer9qGdPrHpUnr0UXwaVg5m38iLcXX_AJYel0jCN1c6yvnOggDM1kOgdZ0vtbiLO"
    "09Ru1frVXjcdkHc19PPbhmc5BzFS8P_6DE-TIfEITrrTYyZP37cS-EanNd0o7VE2WF_tjxMj7lNsZFAy_3Zm3Ek6"
    "VGk965qDgLRoRvFf2qXjQr1T4mjidGzF9I6E-0CGTy6zoZtLRxBRTfie-"
    "xE8H3TZ9Cu6Z3PkL6YgWlXhQlzQBNx-t4xTW1CSJR4rUh-DQLEpQ-"
    "bLX3tCb7qCBWfyyCKcIailRbXvIXmA9A79cEfO6p_XanFHxwA7fT63d1hgot-pvVdwBqw"
)


class DeviceKeyTests(SynchronousTestCase):
    """``DeviceKey`` and ``seal_to``."""

    def setUp(self) -> None:
        """Derive the key of the vectors."""
        self.key = DeviceKey(_ED25519 + _XWING)

    def test_the_vectors_of_the_standards(self) -> None:
        """The same secret gives the same keys in every version of bitween."""
        self.assertEqual(
            self.key.public.hex(),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        )
        self.assertEqual(len(self.key.kem_public), KEM_LENGTH)
        self.assertEqual(self.key.kem_public[:16].hex(), "e2236b35a8c24b39b10aa1323a96a919")
        self.assertEqual(
            self.key.kem_public[-32:].hex(),
            "859edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534",
        )
        self.assertTrue(
            self.key.fingerprint.startswith("39f713d0a644253f04529421b9f51b9b"),
        )
        self.assertEqual(self.key.sign(b"\x72").hex()[:32], "92a009a9f0d4cab8720e820b5f642540")

    def test_what_was_sealed_before_can_be_opened(self) -> None:
        """A later version of the library reads the same format."""
        sealed = base64url.decode(_SEALED, SEAL_OVERHEAD + 23)
        self.assertEqual(self.key.open(sealed, _INFO), b"Two weeks on the island")

    def test_new_secrets_differ(self) -> None:
        """And each makes a key that signs."""
        one, other = DeviceKey(DeviceKey.new_secret()), DeviceKey(DeviceKey.new_secret())
        self.assertNotEqual(one.public, other.public)
        self.assertNotEqual(one.kem_public, other.kem_public)
        self.assertTrue(verify(one.public, one.sign(b"data"), b"data"))
        self.assertFalse(verify(other.public, one.sign(b"data"), b"data"))

    def test_a_secret_of_another_length_is_refused(self) -> None:
        """It has 64 bytes."""
        for length in (0, 32, SECRET_LENGTH - 1, SECRET_LENGTH + 1):
            self.assertRaises(InvalidValue, DeviceKey, bytes(length))

    def test_only_the_key_opens_what_is_sealed_to_it(self) -> None:
        """And only for what it was sealed."""
        sealed = seal_to(self.key.kem_public, b"secret", _INFO)
        self.assertEqual(len(sealed), len(b"secret") + SEAL_OVERHEAD)
        self.assertEqual(self.key.open(sealed, _INFO), b"secret")
        other = DeviceKey(DeviceKey.new_secret())
        self.assertRaises(InvalidValue, other.open, sealed, _INFO)
        self.assertRaises(InvalidValue, self.key.open, sealed, b"something else")
        self.assertRaises(InvalidValue, self.key.open, sealed, b"")

    def test_the_same_text_is_never_sealed_alike(self) -> None:
        """A server cannot see that a list has not changed."""
        sealed = {seal_to(self.key.kem_public, b"secret", _INFO) for _ in range(4)}
        self.assertEqual(len(sealed), 4)

    def test_any_changed_bit_is_found(self) -> None:
        """In each part: both halves of the key, the text, and its tag."""
        sealed = seal_to(self.key.kem_public, b"secret", _INFO)
        for place in (*range(0, len(sealed), 37), *range(len(sealed) - 40, len(sealed))):
            changed = bytearray(sealed)
            changed[place] ^= 4
            self.assertRaises(InvalidValue, self.key.open, bytes(changed), _INFO)

    @given(st.binary(max_size=1500))
    def test_noise_is_refused(self, noise: bytes) -> None:
        """Nothing but our own error is raised."""
        self.assertRaises(InvalidValue, self.key.open, noise, _INFO)

    def test_malformed_public_keys_are_refused(self) -> None:
        """Of another length, with numbers out of range, or with a point that gives no secret."""
        mlkem, x25519 = self.key.kem_public[:1184], self.key.kem_public[1184:]
        for bad in (b"", mlkem, x25519, mlkem + x25519[:-1], mlkem + x25519 + b"\0"):
            self.assertRaises(InvalidValue, seal_to, bad, b"secret", _INFO)
        self.assertRaises(InvalidValue, seal_to, b"\xff" * 1184 + x25519, b"secret", _INFO)
        self.assertRaises(InvalidValue, seal_to, mlkem + bytes(32), b"secret", _INFO)
