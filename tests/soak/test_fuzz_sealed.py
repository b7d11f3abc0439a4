"""
Sealed pages of strangers and servers: none is accepted, and nothing but our own error is raised.

The seed is fixed.  ``BITWEEN_FUZZ=100000`` says how many pages to try; without it they are few
enough for every run of the suite.
"""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.devices import DeviceTrust
from bitween.crypto.device_key import DeviceKey, seal_to
from bitween.errors import InvalidValue
from bitween.model import base64url
from bitween.xmpp.shares.sealed_page import SealedPages
from bitween.xmpp.statements import Statements

ROUNDS = int(os.environ.get("BITWEEN_FUZZ", "2000"))
SEED = 20261

READER, WRITER = "alice@localhost/here", "bob@localhost/laptop"
INFO = b"urn:bitween:2 page"
PAGE: dict[str, Any] = {
    "request": "p1",
    "id": "5f0c0b7d2a9e4c11",
    "revision": 7,
    "reset": True,
    "more": False,
    "last": 7,
    "shares": [{"hash": "ab" * 20, "name": "Ferien ü", "size": 123, "tags": ["a"]}],
    "gone": [],
}
ODD: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**53 + 1, 10**400, "", "p1", "\ud800", "x" * 5000),
    *([], {}, [[[]]], {"a": {"b": []}}, float("nan"), float("inf"), "nul\0"),
)


class _Party:
    """A device that signs, seals and opens."""

    def __init__(self, full: str) -> None:
        self.jid, _, self.resource = full.partition("/")
        self.key = DeviceKey(DeviceKey.new_secret())
        self.devices = DeviceTrust()
        self.statements = Statements(self.key, self.devices)
        self.statements.begin(self.jid, self.resource)


class _Keys:
    """Knows the key of one reader, whom it need not ask."""

    def __init__(self, reader: _Party) -> None:
        self._reader = reader

    async def kem(self, _: str, __: str) -> bytes:
        """Tell it."""
        return self._reader.key.kem_public


class SealedFuzz(SynchronousTestCase):
    """alice knows bob's key; the server knows every public key."""

    def setUp(self) -> None:
        """Let both know each other's keys."""
        self.draw = random.Random(SEED)
        self.alice, self.bob, self.server = (_Party(f) for f in (READER, WRITER, WRITER))
        self.alice.devices.announced(self.bob.jid, self.bob.resource, self.bob.key.public)
        self.bob.devices.announced(self.alice.jid, self.alice.resource, self.alice.key.public)
        self.pages = SealedPages(self.alice.statements, _Keys(self.alice))  # type: ignore[arg-type]  # all of it that is used
        self.of_bob = SealedPages(self.bob.statements, _Keys(self.alice))  # type: ignore[arg-type]  # all of it that is used

    def open(self, text: str) -> dict[str, Any]:
        """Have alice open a page."""
        return self.pages.open(self.bob.jid, self.bob.resource, text, "p1")

    def good(self) -> str:
        """A page of bob's."""
        sealing = self.of_bob.seal(self.alice.jid, self.alice.resource, PAGE)
        try:
            sealing.send(None)
        except StopIteration as done:
            return str(done.value)
        raise AssertionError("sealing waits for something")

    def test_no_page_that_bob_has_not_made_is_accepted(self) -> None:
        """Ciphertexts that were changed, and plaintexts that the server seals itself."""
        sealed = base64.b64decode(self.good())
        kinds: tuple[Callable[[bytes], str], ...] = (
            self.changed_bytes,
            self.changed_text,
            self.of_the_server,
            self.of_the_server,
        )
        for number in range(ROUNDS):
            text = kinds[number % len(kinds)](sealed)
            with self.assertRaises(InvalidValue, msg=text):
                self.open(text)
        self.assertEqual(self.open(self.good()), PAGE)

    def changed_bytes(self, sealed: bytes) -> str:
        """Flip, cut, insert, or swap bytes of a ciphertext."""
        data = bytearray(sealed)
        for _ in range(self.draw.randint(1, 4)):
            at = self.draw.randrange(len(data))
            match self.draw.randrange(4):
                case 0:
                    data[at] ^= 1 << self.draw.randrange(8)
                case 1:
                    del data[at : at + self.draw.randint(1, 50)]
                case 2:
                    data[at:at] = self.draw.randbytes(self.draw.randint(1, 50))
                case _:
                    data[at:] = self.draw.randbytes(len(data) - at)
            data = data or bytearray(1)
        return base64.b64encode(bytes(data) if bytes(data) != sealed else b"x").decode()

    def changed_text(self, sealed: bytes) -> str:
        """Change the base64."""
        text = base64.b64encode(sealed).decode()
        at = self.draw.randrange(len(text))
        odd = self.draw.choice(("", "=", "-_", "é", "\0", "AAAA", text[:at]))
        changed = text[:at] + odd + text[at + self.draw.randint(1, 9) :]
        return changed if changed != text else ""

    def of_the_server(self, sealed: bytes) -> str:
        """Seal to alice what looks like a page; the server has no key that alice knows."""
        del sealed
        page: dict[str, object] = dict(PAGE)
        signer = self.draw.choice((self.server, self.alice))
        signed = signer.statements.sign("page", READER, PAGE)
        parts: dict[str, object] = {
            "page": page,
            "issued": signed.issued,
            "until": signed.until,
            "signature": base64url.encode(signed.signature),
        }
        for _ in range(self.draw.randrange(3)):
            changed: dict[str, object] = self.draw.choice((page, parts))
            key = self.draw.choice((*changed, "more"))
            if self.draw.random() < 0.3:
                changed.pop(key, None)
            else:
                changed[key] = self.draw.choice(ODD)
        plaintext = json.dumps(parts).encode()
        if self.draw.random() < 0.2:
            at = self.draw.randrange(len(plaintext))
            plaintext = plaintext[:at] + self.draw.randbytes(3) + plaintext[at:]
        if self.draw.random() < 0.05:
            plaintext = b"[" * 100_000
        return base64.b64encode(seal_to(self.alice.key.kem_public, plaintext, INFO)).decode()
