"""What the client is and can do: service discovery (XEP-0030), entity capabilities (XEP-0115)."""

from __future__ import annotations

import base64
import hashlib

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish
from wokkel.generic import VersionHandler
from wokkel.subprotocols import IQHandlerMixin

from bitween import __version__
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_CAPS, NS_DISCO_INFO, NS_DISCO_ITEMS, NS_VERSION

NODE = "https://xmpp.kwoh.de/bitween"

#: category, type, language, name (XEP-0030 §3.1).
IDENTITY = ("client", "bot", "", "bitween")

_INFO = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_INFO}']"
_ITEMS = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_ITEMS}']"


def verification_string(identity: tuple[str, str, str, str], features: tuple[str, ...]) -> str:
    """
    Hash an identity and features into a verification string (XEP-0115 §5.1).

    :param identity: category, type, language and name (XEP-0030 §3.1).
    :param features: sorted.
    """
    text = "/".join(identity) + "<" + "".join(f"{feature}<" for feature in features)
    # The XEP fixes the function; it guards against accidents only.
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


class Caps(Extension, IQHandlerMixin):
    """
    Lists the features of all extensions of the client, in answers and in our presence.

    It answers the discovery requests that no other extension has answered.  wokkel's own handler
    keeps every JID that asks in memory forever.
    """

    features = frozenset({NS_CAPS, NS_DISCO_INFO, NS_DISCO_ITEMS})

    iqHandlers = {_INFO: "_info", _ITEMS: "_items"}

    @property
    def all_features(self) -> tuple[str, ...]:
        """The features of all extensions, sorted."""
        of_handlers = (getattr(handler, "features", ()) for handler in self.parent)
        return tuple(sorted({feature for features in of_handlers for feature in features}))

    @property
    def verification(self) -> str:
        """The verification string of our identity and features."""
        return verification_string(IDENTITY, self.all_features)

    def element(self) -> Element:
        """Make the element for our presence."""
        element: Element = domish.Element((NS_CAPS, "c"))
        element["hash"] = "sha-1"
        element["node"] = NODE
        element["ver"] = self.verification
        return element

    def connectionInitialized(self) -> None:
        """Listen for requests."""
        self.xmlstream.addObserver(_INFO, self._requested)
        self.xmlstream.addObserver(_ITEMS, self._requested)

    def _requested(self, iq: Element) -> None:
        if iq.handled is not True:
            self.handleRequest(iq)

    def _info(self, iq: Element) -> Element:
        node = iq.query.getAttribute("node", "")
        if node not in ("", f"{NODE}#{self.verification}"):
            raise StanzaError("item-not-found")
        query = _query(NS_DISCO_INFO, node)
        identity = query.addElement("identity")
        identity["category"], identity["type"], _, identity["name"] = IDENTITY
        for feature in self.all_features:
            query.addElement("feature")["var"] = feature
        return query

    def _items(self, iq: Element) -> Element:
        return _query(NS_DISCO_ITEMS, iq.query.getAttribute("node", ""))


class SoftwareVersion(Extension, VersionHandler):
    """Answers which program this is (XEP-0092)."""

    features = frozenset({NS_VERSION})

    def __init__(self) -> None:
        VersionHandler.__init__(self, "bitween", __version__)


def _query(uri: str, node: str) -> Element:
    query: Element = domish.Element((uri, "query"))
    if node:
        query["node"] = node
    return query
