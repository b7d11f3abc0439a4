"""What we are and can do: entity capabilities (XEP-0115) and discovery (XEP-0030)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish
from wokkel.subprotocols import IQHandlerMixin, XMPPHandler

from bitween.xmpp.namespaces import (
    NS_BITWEEN,
    NS_BYTESTREAMS,
    NS_CAPS,
    NS_COMMANDS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_IBB,
    NS_NEIGHBOURS,
    NS_PEER_REQUESTS,
    NS_PING,
    NS_RSM,
    NS_SHARES,
    NS_VERSION,
)

NODE = "https://xmpp.kwoh.de/bitween"

#: category, type, language, name (XEP-0030 §3.1).
IDENTITY = ("client", "bot", "", "bitween")
#: With ``+notify`` the server sends us what contacts publish (XEP-0163 §4).
FEATURES = tuple(
    sorted(
        {
            *(NS_CAPS, NS_DISCO_INFO, NS_DISCO_ITEMS, NS_PING, NS_RSM, NS_VERSION),
            *(NS_BITWEEN, NS_PEER_REQUESTS, NS_COMMANDS, f"{NS_SHARES}+notify"),
            *(NS_BYTESTREAMS, NS_IBB, NS_NEIGHBOURS),
        }
    )
)

_INFO = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_INFO}']"
_ITEMS = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_ITEMS}']"


def verification(identity: tuple[str, str, str, str], features: tuple[str, ...]) -> str:
    """
    Hash an identity and features into a verification string (XEP-0115 §5.1).

    :param features: sorted.
    """
    text = "/".join(identity) + "<" + "".join(f"{feature}<" for feature in features)
    # The XEP fixes the function; it guards against accidents only.
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


VERIFICATION = verification(IDENTITY, FEATURES)


def caps_element() -> Any:
    """Make the element that goes into our presence."""
    element = domish.Element((NS_CAPS, "c"))
    element["hash"] = "sha-1"
    element["node"] = NODE
    element["ver"] = VERIFICATION
    return element


class Caps(XMPPHandler, IQHandlerMixin):
    """
    Answers service discovery requests, as far as nobody has who knows more.

    wokkel's own handler keeps every JID that asks in memory, for ever.
    """

    iqHandlers = {_INFO: "_info", _ITEMS: "_items"}

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_INFO, self._asked)
        self.xmlstream.addObserver(_ITEMS, self._asked)

    def _asked(self, iq: Any) -> None:
        if iq.handled is not True:  # an element of that name would be found as well
            self.handleRequest(iq)

    def _info(self, iq: Any) -> Any:
        node = iq.query.getAttribute("node", "")
        if node not in ("", f"{NODE}#{VERIFICATION}"):
            raise StanzaError("item-not-found")
        query = _query(NS_DISCO_INFO, node)
        identity = query.addElement("identity")
        identity["category"], identity["type"], _, identity["name"] = IDENTITY
        for feature in FEATURES:
            query.addElement("feature")["var"] = feature
        return query

    def _items(self, iq: Any) -> Any:
        return _query(NS_DISCO_ITEMS, iq.query.getAttribute("node", ""))


def _query(uri: str, node: str) -> Any:
    query = domish.Element((uri, "query"))
    if node:
        query["node"] = node
    return query
