"""
The client's side of SCRAM (RFC 5802, RFC 7677): its messages, and the server's proof.

It does no I/O, and leaves the expensive step, hashing the password, to its caller.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from twisted.words.protocols.jabber import sasl

#: Rounds of hashing that a server may ask for.  RFC 7677 §4 asks for 4,096 at least; Prosody and
#: ejabberd use 10,000 or less, and what OWASP recommends for SHA-1 is 1,300,000.
LEAST_ITERATIONS = 4096
MOST_ITERATIONS = 2_000_000

# characters of a server's message; real ones have about a hundred.
_MAX_MESSAGE = 4096
_MAX_DIGITS = 10


class ServerNotAuthentic(sasl.SASLError):
    """The server could not prove that it knows the password, or violates SCRAM."""


class TooManyIterations(sasl.SASLError):
    """
    The server asks for more rounds of hashing than are done for any server.

    :ivar iterations: how many.
    """

    def __init__(self, iterations: int) -> None:
        super().__init__(f"{iterations} iterations")
        self.iterations = iterations


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """
    What the salted password is made with (RFC 5802 §3, ``Hi``).

    :param hash_name: as :mod:`hashlib` knows it.
    """

    hash_name: str
    salt: bytes
    iterations: int


class Scram:
    """
    One exchange.

    :ivar name: of the mechanism.
    :ivar verified: whether the server has proved that it knows the password.
    """

    def __init__(self, mechanism: str, user: str, binding: tuple[str, bytes] | None = None) -> None:
        """
        :param mechanism: a SCRAM mechanism with SHA-1 or SHA-256; ends in ``-PLUS`` if there is a
            binding.
        :param user: prepared as the server does it.
        :param binding: channel binding type and data; ``None`` for none.
        """
        self.name = mechanism
        self.verified = False
        self._hash_name = (
            mechanism.removeprefix("SCRAM-").removesuffix("-PLUS").replace("SHA-", "sha")
        )
        kind, data = binding or ("", b"")
        self._gs2 = f"p={kind},," if binding else "n,,"
        self._binding = base64.b64encode(self._gs2.encode() + data).decode()
        self._nonce = secrets.token_urlsafe(24)
        self._first = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self._challenge = ""
        self._signature: bytes | None = None

    def first(self) -> bytes:
        """The first message of the client."""
        return (self._gs2 + self._first).encode()

    def challenged(self, challenge: bytes) -> KeyRequest:
        """
        Read the server's first message.

        :param challenge: the message, decoded from base64.
        :returns: what the caller has to compute for :meth:`final`.
        :raises ServerNotAuthentic: if it is not what RFC 5802 asks for.
        :raises TooManyIterations: if it asks for too much work.
        """
        text = _decoded(challenge)
        nonce, salt, count = _attributes(text, "r", "s", "i")
        if self._challenge or not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ServerNotAuthentic("the challenge belongs to another exchange")
        self._challenge, self._nonce = text, nonce
        return KeyRequest(self._hash_name, _from_base64(salt), _iterations(count))

    def final(self, salted_password: bytes) -> bytes:
        """
        The last message of the client: the proof that it knows the password.

        It follows :meth:`challenged`.

        :param salted_password: made from the password as the :class:`KeyRequest` says.
        """
        client_key = self._mac(salted_password, b"Client Key")
        stored_key = hashlib.new(self._hash_name, client_key).digest()
        without_proof = f"c={self._binding},r={self._nonce}"
        message = f"{self._first},{self._challenge},{without_proof}".encode()
        signature = self._mac(stored_key, message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._signature = self._mac(self._mac(salted_password, b"Server Key"), message)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    @property
    def answered(self) -> bool:
        """Whether the client's final message has been made."""
        return self._signature is not None

    def verify(self, proof: bytes) -> None:
        """
        Check the server's signature (RFC 5802 §3).

        :param proof: the message, decoded from base64; may be empty once the server is verified.
        :raises ServerNotAuthentic: if it is missing or wrong.
        """
        if self.verified and not proof:
            return
        (signature,) = _attributes(_decoded(proof), "v")
        if self._signature is None or not hmac.compare_digest(
            self._signature, _from_base64(signature)
        ):
            raise ServerNotAuthentic("the server's signature is wrong")
        self.verified = True

    def _mac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._hash_name)


def _decoded(message: bytes) -> str:
    try:
        text = message.decode()
    except UnicodeDecodeError:
        raise ServerNotAuthentic("a message that is not text") from None
    if len(text) > _MAX_MESSAGE:
        raise ServerNotAuthentic("a message that is too long")
    return text


def _attributes(text: str, *names: str) -> list[str]:
    """
    Read the first attributes of a message; what follows are extensions, which may be passed over.

    :raises ServerNotAuthentic: if they are others, or a mandatory extension comes before them.
    """
    attributes = text.split(",")[: len(names)]
    if [attribute[:2] for attribute in attributes] != [f"{name}=" for name in names]:
        raise ServerNotAuthentic("a message that is none of SCRAM's")
    return [attribute[2:] for attribute in attributes]


def _iterations(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ServerNotAuthentic("an iteration count that is not a number")
    count = int(text)
    if count < LEAST_ITERATIONS:
        raise ServerNotAuthentic("fewer iterations than RFC 7677 asks for")
    if count > MOST_ITERATIONS:
        raise TooManyIterations(count)
    return count


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ServerNotAuthentic("a value that is no base64") from None
