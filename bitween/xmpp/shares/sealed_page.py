"""
Pages of restricted lists: signed by their publisher, sealed to the device that asks.

The content of the IQ is base64 of an HPKE ciphertext; its plaintext is JSON (docs/protocol.rst,
"Restricted lists").  :mod:`bitween.xmpp.shares` reads and makes the page itself; here it is only a
value of JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from bitween.crypto.canonical import canonical_json
from bitween.crypto.device_key import seal_to
from bitween.crypto.signature import SIGNATURE_LENGTH
from bitween.errors import InvalidValue, RequestRefused
from bitween.model import base64url
from bitween.model.text import printable
from bitween.xmpp.extensions.device_keys import DeviceKeys
from bitween.xmpp.statements import Signed, Statements

#: bytes of a sealed page that are read.
MAX_SEALED = 400_000

_KIND = "page"
_INFO = b"urn:bitween:2 page"
_PARTS = frozenset({"page", "issued", "until", "signature"})


class SealedPages:
    """Seals our pages for devices, and opens theirs."""

    def __init__(self, statements: Statements, keys: DeviceKeys) -> None:
        self._statements = statements
        self._keys = keys

    async def seal(self, jid: str, resource: str, page: dict[str, Any]) -> str:
        """
        Sign a page and seal it to a device.

        :param page: has the id of the request at ``request``.
        :returns: base64.
        :raises RequestRefused: if the device does not count, or does not tell its key.
        :raises NotConnected: if there is no session.
        """
        to = f"{jid}/{resource}"
        if not self._statements.devices.trust(jid, resource).counts:
            raise RequestRefused.of("request_refused.untrusted", who=printable(to))
        kem = await self._keys.kem(jid, resource)
        # Its key may have changed meanwhile.
        if not self._statements.devices.trust(jid, resource).counts:
            raise RequestRefused.of("request_refused.untrusted", who=printable(to))
        signed = self._statements.sign(_KIND, to, page)
        plaintext = canonical_json(
            {
                "page": page,
                "issued": signed.issued,
                "until": signed.until,
                "signature": base64url.encode(signed.signature),
            }
        )
        return base64.b64encode(seal_to(kem, plaintext, _INFO)).decode("ascii")

    def open(self, jid: str, resource: str, text: str, request_id: str) -> dict[str, Any]:
        """
        Read a page that a device has sealed to us.

        :param text: base64.
        :param request_id: of the request that the page must answer.
        :raises InvalidValue: if it is not a page of that device for this request.
        """
        page, signed = _parse(self._statements.key.open(_decoded(text), _INFO))
        if page.get("request") != request_id:
            raise InvalidValue("a page answers another request")
        if not self._statements.accepts(_KIND, jid, resource, signed, page):
            raise InvalidValue("a page is not signed by the device that sent it")
        return page


def _decoded(text: str) -> bytes:
    """
    :raises InvalidValue: if it is no base64, or too long.
    """
    try:
        compact = "".join(text.split()) if len(text) <= 2 * MAX_SEALED else ""
        sealed = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValue("a page is no base64") from None
    if not 0 < len(sealed) <= MAX_SEALED:
        raise InvalidValue("a page has no possible size")
    return sealed


def _parse(plaintext: bytes) -> tuple[dict[str, Any], Signed]:
    """
    Read the parts of a page.

    :raises InvalidValue: if they are not a page and a signature.
    """
    try:
        parts = json.loads(plaintext)
    except (ValueError, RecursionError):
        raise InvalidValue("a page is no JSON") from None
    if not isinstance(parts, dict) or set(parts) != _PARTS or not isinstance(parts["page"], dict):
        raise InvalidValue("a page has not its four parts")
    issued, until = parts["issued"], parts["until"]
    if type(issued) is not int or type(until) is not int or min(issued, until) < 0:
        raise InvalidValue("the times of a page are no numbers")
    signature = base64url.decode(parts["signature"], SIGNATURE_LENGTH)
    return parts["page"], Signed(issued, until, signature)
