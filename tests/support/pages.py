"""Pages of restricted lists that are neither signed nor sealed."""

from __future__ import annotations

import base64
import json

from bitween.crypto.canonical import canonical_json
from bitween.errors import InvalidValue, RequestRefused
from bitween.xmpp.shares.restricted_codec import Page


class UnsealedPages:
    """
    Implements :class:`bitween.xmpp.shares.restricted_codec.PageSeal`.

    :ivar refused: full JIDs of devices that do not count.
    """

    def __init__(self) -> None:
        self.refused: set[str] = set()

    async def seal(self, jid: str, resource: str, page: Page) -> str:
        """Write a page as base64."""
        if f"{jid}/{resource}" in self.refused:
            raise RequestRefused("the device is not trusted")
        return base64.b64encode(canonical_json(page)).decode()

    def open(self, jid: str, resource: str, text: str, request_id: str) -> Page:
        """Read what :meth:`seal` wrote."""
        del jid, resource  # nothing is signed
        try:
            page = json.loads(base64.b64decode(text, validate=True))
        except (ValueError, RecursionError):
            raise InvalidValue("not a page") from None
        if not isinstance(page, dict) or page.get("request") != request_id:
            raise InvalidValue("not the page that was requested")
        return page
