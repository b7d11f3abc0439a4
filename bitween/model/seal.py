"""
The seal of a share: the secret that opens its swarm, and the info-hash of its sealed torrent.

A share is a capability: who holds its 32-byte secret can meet the others who hold it, and nobody
else can.  Two values derive from the secret: the key of the TLS authority of the swarm
(:mod:`bitween.crypto.authority`), and the *mark*, 16 bytes.

BitTorrent transfers the *sealed* form of a torrent: its info dictionary with one more entry, whose
value is the mark.  So a torrent has two info-hashes.  XMPP, the database and the API speak of
``hash``, that of the dictionary without the mark; libtorrent's session has the *sealed hash*, since
a TLS client sends the info-hash in the clear (as the server name).  Without the secret nobody can
tell to which content a sealed hash belongs.

To take access back, a share gets a new secret, and a random *salt* in its info dictionary: another
``hash`` for the same files and pieces, so that nothing has to be hashed.

The format is that of "Sealed transfers" in ``docs/protocol.rst``.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bitween.errors import InvalidValue
from bitween.model import base64url
from bitween.model.metainfo import bencode
from bitween.model.torrent import InfoHash

#: Bytes of the secret of a share, of a mark, and of a salt.
SECRET_SIZE = 32
MARK_SIZE = 16
SALT_SIZE = 16

_HASH_SIZE = 20
_PACKED_SIZE = SECRET_SIZE + _HASH_SIZE

_MARK_PURPOSE = b"bitween 2 mark"
_SALT_KEY = b"bitween salt"
_SEAL_KEY = b"bitween seal"

# How many values may stand before the place of our entries: these keys come early in the alphabet,
# and only a hostile dictionary has much before them.
_MOST_VALUES = 1000
_LONGEST_NUMBER = 20


@dataclass(frozen=True, slots=True)
class Seal:
    """
    What it takes to meet the others who have a share.

    :param secret: 32 bytes.
    :param sealed_hash: the info-hash of the sealed torrent.
    """

    secret: bytes
    sealed_hash: InfoHash

    def __repr__(self) -> str:
        """Name the sealed hash alone: a secret must not get into a log."""
        return f"Seal(sealed_hash={self.sealed_hash!r})"


def new_secret() -> bytes:
    """Draw the secret of a share."""
    return secrets.token_bytes(SECRET_SIZE)


def new_salt() -> bytes:
    """Draw a salt for :func:`salted`."""
    return secrets.token_bytes(SALT_SIZE)


def pack(seal: Seal) -> bytes:
    """The 52 bytes of a seal: the secret and the sealed hash."""
    return seal.secret + bytes.fromhex(seal.sealed_hash)


def unpack(packed: bytes) -> Seal:
    """
    Read what :func:`pack` returned.

    :raises InvalidValue: if it has another size.
    """
    if len(packed) != _PACKED_SIZE:
        raise InvalidValue(f"a seal has {_PACKED_SIZE} bytes, not {len(packed)}")
    return Seal(packed[:SECRET_SIZE], InfoHash(packed[SECRET_SIZE:].hex()))


def seal_text(packed: bytes) -> str:
    """
    Write a packed seal as text.

    :returns: 70 characters: base64url without padding (RFC 4648 section 5).
    """
    return base64url.encode(packed)


def parse_seal_text(text: str) -> bytes:
    """
    Read what :func:`seal_text` wrote.

    :returns: the packed seal.
    :raises InvalidValue: if it is not exactly that.
    """
    return base64url.decode(text, _PACKED_SIZE)


def derived(secret: bytes, purpose: bytes, size: int) -> bytes:
    """
    Derive a key from a secret: HKDF-SHA256 without a salt (RFC 5869).

    :param purpose: the ``info`` of the RFC.
    :param size: bytes of the key, at most 255 * 32.
    """
    return HKDF(SHA256(), size, None, purpose).derive(secret)


def mark(secret: bytes) -> bytes:
    """The mark of a secret, by which the sealed form of a torrent differs from the plain one."""
    return derived(secret, _MARK_PURPOSE, MARK_SIZE)


def sealed(info: bytes, secret: bytes) -> bytes:
    """
    Put the mark of a secret into an info dictionary.

    :param info: a bencoded info dictionary, its keys sorted (BEP 3).
    :returns: the same with one more entry; nothing else is read or changed.
    :raises InvalidValue: if it is no dictionary, or has a mark already.
    """
    start, end = _place(info, _SEAL_KEY)
    if start != end:
        raise InvalidValue("the info dictionary is sealed already")
    return info[:start] + _entry(_SEAL_KEY, mark(secret)) + info[end:]


def unsealed(info: bytes, secret: bytes, info_hash: InfoHash) -> bytes:
    """
    Take the mark out of an info dictionary, and check that this makes it that of a share.

    :param info: the bencoded info dictionary of a sealed torrent.
    :param info_hash: the ``hash`` of the share.
    :returns: the info dictionary without the mark.
    :raises InvalidValue: if the mark is not that of the secret, or the dictionary not that of the
        share.
    """
    start, end = _place(info, _SEAL_KEY)
    if info[start:end] != _entry(_SEAL_KEY, mark(secret)):
        raise InvalidValue("the metadata has not the mark of the share's secret")
    plain = info[:start] + info[end:]
    if info_hash_of(plain) != info_hash:
        raise InvalidValue("the metadata is that of another share")
    return plain


def salted(info: bytes, salt: bytes) -> bytes:
    """
    Give an info dictionary another info-hash, over the same files and pieces.

    :param info: a bencoded info dictionary, its keys sorted (BEP 3).
    :param salt: random bytes; they replace those of an earlier salt.
    :raises InvalidValue: if it is no dictionary.
    """
    start, end = _place(info, _SALT_KEY)
    return info[:start] + _entry(_SALT_KEY, salt) + info[end:]


def info_hash_of(info: bytes) -> InfoHash:
    """The v1 info-hash of a bencoded info dictionary (BEP 3)."""
    return InfoHash(hashlib.sha1(info, usedforsecurity=False).hexdigest())


def seal_of(info: bytes, secret: bytes) -> Seal:
    """
    The seal that a secret makes of an info dictionary.

    :raises InvalidValue: see :func:`sealed`.
    """
    return Seal(secret, info_hash_of(sealed(info, secret)))


def _entry(key: bytes, value: bytes) -> bytes:
    return bencode(key) + bencode(value)


def _place(info: bytes, key: bytes) -> tuple[int, int]:
    """
    Find where an entry of a dictionary stands, or belongs.

    :returns: where it begins and ends; twice the same where it is missing.
    :raises InvalidValue: if what stands before that is no dictionary.
    """
    try:
        return _find(info, key)
    except (IndexError, ValueError):
        raise InvalidValue("the info dictionary cannot be read") from None


def _find(info: bytes, wanted: bytes) -> tuple[int, int]:
    if info[:1] != b"d":
        raise ValueError
    at = 1
    steps = _steps()
    while info[at] != ord("e"):
        key, after = _string(info, at)
        if key > wanted:
            break
        end = _end_of_value(info, after, steps)
        if key == wanted:
            return at, end
        at = end
    return at, at


def _steps() -> Iterator[int]:
    """Count the values that are read, up to the bound."""
    return iter(range(_MOST_VALUES))


def _end_of_value(info: bytes, at: int, steps: Iterator[int]) -> int:
    depth = 0
    for _ in steps:
        kind = info[at]
        if kind in b"ld":
            at, depth = at + 1, depth + 1
        elif kind == ord("e") and depth:
            at, depth = at + 1, depth - 1
        elif kind == ord("i"):
            at = info.index(b"e", at, at + _LONGEST_NUMBER + 2) + 1
        else:
            _, at = _string(info, at)
        if not depth:
            return at
    raise ValueError


def _string(info: bytes, at: int) -> tuple[bytes, int]:
    colon = info.index(b":", at, at + _LONGEST_NUMBER)
    digits = info[at:colon]
    if not digits.isdigit():
        raise ValueError
    end = colon + 1 + int(digits)
    if end > len(info):
        raise IndexError
    return info[colon + 1 : end], end
