"""The accounts that the user has blocked (XEP-0191), here or with another client."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import IQ
from twisted.words.xish import domish
from wokkel.subprotocols import IQHandlerMixin

from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import parse_contact, split
from bitween.xmpp.namespaces import NS_BLOCKING
from bitween.xmpp.session.errors import no_session, request_error

#: Entries that are remembered; the server enforces all of them.
MAX_BLOCKED = 10_000

_PUSHES = {
    f"/iq[@type='set']/{name}[@xmlns='{NS_BLOCKING}']": f"_on_{name}"
    for name in ("block", "unblock")
}


class BlockList(Extension, IQHandlerMixin):
    """
    Knows the block list and changes it; what it means is for others to say.
    """

    iqHandlers = _PUSHES

    _log = Logger()

    def __init__(self, changed: Callable[[frozenset[str]], None]) -> None:
        """
        :param changed: gets the bare JIDs and domains that are blocked now, or no longer; called
            when the list already has the change.
        """
        super().__init__()
        self._changed = changed
        self._blocked: frozenset[str] = frozenset()

    def __contains__(self, jid: str) -> bool:
        """Whether this bare JID, or its whole domain, is blocked."""
        return jid in self._blocked or jid.partition("@")[2] in self._blocked

    @property
    def blocked(self) -> tuple[str, ...]:
        """All entries, sorted: bare JIDs, domains, and what else other clients have added."""
        return tuple(sorted(self._blocked))

    def connectionInitialized(self) -> None:
        """Fetch the list; the server then sends us its changes (§3.2)."""
        for path in self.iqHandlers:
            self.xmlstream.addObserver(path, self.handleRequest)
        Deferred.fromCoroutine(self._fetch()).addErrback(
            lambda failure: self._log.failure("fetching the block list", failure)
        )

    async def block(self, jid: str) -> None:
        """
        Block an account.

        :param jid: as the user types it; a resource is dropped.
        :raises InvalidValue: if the JID is malformed.
        :raises NotConnected: if there is no connection.
        :raises RequestRefused: if the server refuses.
        """
        await self._change("block", parse_contact(jid))

    async def unblock(self, jid: str) -> None:
        """
        Unblock an account.

        :param jid: as the user types it; a resource is dropped.
        :raises InvalidValue: if the JID is malformed.
        :raises NotConnected: if there is no connection.
        :raises RequestRefused: if the server refuses.
        """
        await self._change("unblock", parse_contact(jid))

    async def _fetch(self) -> None:
        # The session is not ready yet, which send_iq would require.
        iq = IQ(self.xmlstream, "get")
        iq.addElement((NS_BLOCKING, "blocklist"))
        try:
            answer = await iq.send()
        except Exception as error:
            self._log.debug("no block list: {why}", why=str(request_error(error)))
            return
        listed = answer.firstChildElement()
        self._set(frozenset() if listed is None else _items(listed))

    async def _change(self, kind: str, jid: str) -> None:
        if not self.parent.online:
            raise no_session()
        request: Element = domish.Element((NS_BLOCKING, kind))
        request.addElement("item")["jid"] = jid
        try:
            await self.send_iq("set", request)
        except Exception as error:
            raise request_error(error) from None
        self._set(self._blocked | {jid} if kind == "block" else self._blocked - {jid})

    def _on_block(self, iq: Element) -> None:
        self._check(iq)
        self._set(self._blocked | _items(iq.block))

    def _on_unblock(self, iq: Element) -> None:
        self._check(iq)
        # Without an item it means all entries (§3.5).
        all_entries = iq.unblock.firstChildElement() is None
        self._set(frozenset() if all_entries else self._blocked - _items(iq.unblock))

    def _check(self, iq: Element) -> None:
        """
        :raises StanzaError: if another sender has forged it.
        """
        own = self.parent.jid
        if iq.getAttribute("from", "") not in ("", own.userhost(), own.full()):
            raise StanzaError("service-unavailable")

    def _set(self, blocked: frozenset[str]) -> None:
        if len(blocked) > MAX_BLOCKED:
            self._log.warn("the block list is too long; bitween uses only a part of it")
            blocked = frozenset(sorted(blocked)[:MAX_BLOCKED])
        news, self._blocked = self._blocked ^ blocked, blocked
        if news:
            self._changed(news)


def _items(parent: Element) -> frozenset[str]:
    elements: Iterable[Any] = parent.elements(NS_BLOCKING, "item")
    # Blocking one resource does not block the account.
    jids = (split(element.getAttribute("jid")) for element in elements)
    return frozenset(bare for bare, resource in jids if bare and not resource)
