"""
The key of this device: with it the device signs what it says, and reads what is sealed to it.

A device has two key pairs, both derived from the 64 bytes that its key file holds
(:mod:`bitween.storage.device_key_file`): Ed25519 to sign (RFC 8032), and X-Wing, the hybrid of
ML-KEM-768 and X25519, to receive by HPKE (RFC 9180, with HKDF-SHA256 and AES-256-GCM).  What is
sealed today stays sealed as long as one half of the hybrid holds.

:mod:`bitween.model.device_trust` decides which keys of contacts count.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from bitween.crypto.signature import fingerprint
from bitween.errors import InvalidValue

#: bytes of the secret from which both key pairs are derived.
SECRET_LENGTH = 64
#: bytes of a public key for sealing: ML-KEM-768, then X25519.
KEM_LENGTH = 1184 + 32
#: bytes by which a sealed text is longer than its plaintext.
SEAL_OVERHEAD = 1088 + 32 + 16

_SEED_LENGTH = 32
_MLKEM_PUBLIC_LENGTH = 1184
_MLKEM_SEED_LENGTH = 64
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class DeviceKey:
    """
    The key pairs of this device.

    :ivar public: the Ed25519 public key, 32 bytes.
    :ivar fingerprint: the SHA-256 of ``public``, 64 hexadecimal digits.
    :ivar kem_public: the public key for :func:`seal_to`, 1,216 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        """
        :param secret: 64 random bytes, as :meth:`new_secret` makes them.
        :raises InvalidValue: if they are fewer or more.
        """
        if len(secret) != SECRET_LENGTH:
            raise InvalidValue(f"a device's secret has {SECRET_LENGTH} bytes")
        self._signing = Ed25519PrivateKey.from_private_bytes(secret[:_SEED_LENGTH])
        self.public = self._signing.public_key().public_bytes_raw()
        self.fingerprint = fingerprint(self.public)
        # X-Wing (draft-connolly-cfrg-xwing-kem), GenerateKeyPairDerand.
        expanded = hashlib.shake_256(secret[_SEED_LENGTH:]).digest(_MLKEM_SEED_LENGTH + 32)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_LENGTH])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_LENGTH:])
        self._opening = MLKEM768X25519PrivateKey(mlkem, x25519)
        self.kem_public = (
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    @staticmethod
    def new_secret() -> bytes:
        """Draw the secret of a new device."""
        return secrets.token_bytes(SECRET_LENGTH)

    def sign(self, data: bytes) -> bytes:
        """Return the signature of some bytes, 64 bytes."""
        return self._signing.sign(data)

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """
        Read what was sealed to us.

        :param info: what it is for; it must be what the sealer gave.
        :raises InvalidValue: if it was sealed to another key or for something else, or is changed.
        """
        try:
            return _SUITE.decrypt(ciphertext, self._opening, info)
        except (InvalidTag, ValueError):
            raise InvalidValue("a sealed text cannot be opened") from None


def seal_to(kem_public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """
    Seal bytes so that only one device can read them.

    :param kem_public: that device's public key for sealing.
    :param info: what it is for; the reader must give the same.
    :raises InvalidValue: if the key is malformed.
    """
    if len(kem_public) != KEM_LENGTH:
        raise InvalidValue(f"a key for sealing has {KEM_LENGTH} bytes")
    try:
        key = MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(kem_public[:_MLKEM_PUBLIC_LENGTH]),
            X25519PublicKey.from_public_bytes(kem_public[_MLKEM_PUBLIC_LENGTH:]),
        )
        return _SUITE.encrypt(plaintext, key, info)
    except ValueError:
        raise InvalidValue("a key for sealing is malformed") from None
