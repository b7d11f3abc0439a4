"""
Signs what this device states, and checks what other devices state (docs/protocol.rst, "Devices").

A statement is signed over canonical bytes (:mod:`bitween.crypto.canonical`), never over XML.  It
names its kind, its signer, the one that it is for, when it was signed, and when it ends.  So a
server can neither forge one, nor use it twice, nor use it for another purpose or person.

What can go wrong with the statement of a contact is one answer, *no*: it is dropped as if it had
never arrived.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twisted.logger import Logger

from bitween.crypto.canonical import MAX_NUMBER, canonical_bytes
from bitween.crypto.device_key import DeviceKey
from bitween.crypto.signature import KEY_LENGTH, SIGNATURE_LENGTH, is_weak, verify
from bitween.errors import InvalidValue, StoreError
from bitween.model import base64url
from bitween.model.device_trust import DeviceTable, KnownDevices
from bitween.xmpp.elements import Element

#: Seconds for which a statement counts unless the caller says otherwise.  It is long because clocks
#: differ; no statement is accepted twice.
LIFE = 86400

# Milliseconds: how far the stored time of our last statement runs ahead, so that it is not stored
# each time.
_AHEAD = 60_000


@dataclass(frozen=True, slots=True)
class Signed:
    """
    A signature and its times.

    :param issued: milliseconds since the epoch.
    :param until: seconds since the epoch.
    """

    issued: int
    until: int
    signature: bytes

    def write(self, element: Element) -> None:
        """Set the attributes of an element."""
        element["issued"] = str(self.issued)
        element["until"] = str(self.until)
        element["signature"] = base64url.encode(self.signature)


class IssuedMemory(Protocol):
    """Keeps a time that none of our statements has exceeded, in milliseconds since the epoch."""

    last_issued: int


class NoIssuedMemory:
    """Keeps it as long as the process runs."""

    last_issued = 0


class Statements:
    """
    Signs and checks statements.

    :ivar devices: which keys are known.
    """

    _log = Logger()

    def __init__(
        self,
        key: DeviceKey | None = None,
        devices: KnownDevices | None = None,
        memory: IssuedMemory | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        :param key: ours; a new one if ``None``.
        :param clock: seconds since the epoch.
        """
        self.devices: KnownDevices = DeviceTable() if devices is None else devices
        self._key = key or DeviceKey(DeviceKey.new_secret())
        self._memory: IssuedMemory = memory or NoIssuedMemory()
        self._clock = clock
        self._last = self._stored = self._memory.last_issued
        self._jid = self._resource = ""

    @property
    def key(self) -> DeviceKey:
        """Our key."""
        return self._key

    @property
    def own(self) -> str:
        """Our full JID; empty before the first session."""
        return f"{self._jid}/{self._resource}" if self._jid else ""

    @property
    def own_bare(self) -> str:
        """Our bare JID."""
        return self._jid

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def begin(self, jid: str, resource: str) -> None:
        """
        Begin a session.

        :param jid: our bare JID, as the server bound it.
        """
        self._jid, self._resource = jid, resource
        self.devices.set_own(jid, resource, self._key.public)

    def sign(self, kind: str, audience: str, content: object, life: int = LIFE) -> Signed:
        """
        Sign a statement.

        :param audience: a full JID; our bare one if it is for all.
        :param content: see :func:`bitween.crypto.canonical.canonical_bytes`.
        :param life: seconds for which it counts.
        :raises InvalidValue: if the content has no canonical form.
        """
        issued, until = self.next_issued(), int(self._clock()) + life
        return Signed(issued, until, self.sign_at(kind, audience, content, issued, until))

    def sign_at(  # the parts of a statement, in their order
        self, kind: str, audience: str, content: object, issued: int, until: int
    ) -> bytes:
        """
        Sign a statement whose times are chosen already, see :meth:`sign`.

        :param issued: of :meth:`next_issued`.
        """
        return self._key.sign(canonical_bytes(kind, self.own, audience, issued, until, content))

    def is_signed(  # noqa: PLR0917  # the parts of a statement, in their order
        self, kind: str, signer: str, audience: str, signed: Signed, key: bytes, content: object
    ) -> bool:
        """
        Whether a statement is signed by a key and has not ended; it may be an earlier one.

        :param signer: a full JID.
        """
        if signed.until <= self._clock():
            return False
        try:
            data = canonical_bytes(kind, signer, audience, signed.issued, signed.until, content)
        except InvalidValue:
            return False
        return verify(key, signed.signature, data)

    def accepts(  # the parts of a statement, in their order
        self, kind: str, jid: str, resource: str, signed: Signed, content: object
    ) -> bool:
        """
        Whether a device's statement to us counts; it does so only once.

        :param jid: of the signer, bare.
        """
        key = self.devices.key(jid, resource)
        return (
            bool(key)
            and self.is_signed(kind, f"{jid}/{resource}", self.own, signed, key, content)
            and self.devices.accepts(jid, resource, key, kind, signed.issued)
        )

    def next_issued(self) -> int:
        """Return the time for a statement made now: greater than that of every earlier one."""
        self._last = max(int(self._clock() * 1000), self._last + 1)
        if self._last > self._stored:
            self._stored = self._last + _AHEAD
            try:
                self._memory.last_issued = self._stored
            except StoreError as error:
                self._log.error("{error}", error=error)
        return self._last


def parse_signed(element: Element) -> Signed:
    """
    Read the times and the signature of a statement.

    :raises InvalidValue: if one of them is missing or malformed.
    """
    return Signed(
        _parse_time(element.getAttribute("issued")),
        _parse_time(element.getAttribute("until")),
        base64url.decode(element.getAttribute("signature"), SIGNATURE_LENGTH),
    )


def parse_key(text: object) -> bytes:
    """
    Read an Ed25519 public key.

    :raises InvalidValue: if it is malformed.
    """
    key = base64url.decode(text, KEY_LENGTH)
    if is_weak(key):
        raise InvalidValue("a key proves nothing")
    return key


def _parse_time(text: object) -> int:
    digits = len(str(MAX_NUMBER))
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > digits:
        raise InvalidValue("a time is no number")
    if int(text) > MAX_NUMBER or str(int(text)) != text:
        raise InvalidValue("a time is out of range")
    return int(text)
