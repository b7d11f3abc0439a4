"""Stream management (XEP-0198): what of a session has arrived, and taking it up again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.words.protocols.jabber.xmlstream import BaseFeatureInitiatingInitializer
from twisted.words.xish import domish

from bitween.errors import NotConnected
from bitween.xmpp.namespaces import NS_SM

FEATURE = (NS_SM, "sm")

#: seconds for which a session whose link is gone is kept, on both sides.
RESUMABLE_FOR = 30
#: What is kept for being sent again; beyond that the session cannot be resumed any more.
MAX_STANZAS = 2000
MAX_BYTES = 1 << 20

REQUEST = f"<r xmlns='{NS_SM}'/>"

_MODULUS = 1 << 32
_STANZAS = frozenset({"iq", "message", "presence"})
_MAX_TOKEN = 4000


def is_stanza(element: Any) -> bool:
    """Whether an element is one that stream management counts."""
    return (
        domish.IElement.providedBy(element)
        and element.name in _STANZAS
        and element.uri in (None, "jabber:client")
    )


class StreamManagement:
    """
    The books of one session: what came, what went, and what has not been acknowledged.

    :ivar token: what the server knows the session by, ``None`` if it does not let it be resumed.
    """

    def __init__(self, token: str | None) -> None:
        self.token = token
        self._handled = 0
        self._acknowledged = 0
        self._sent: deque[str] = deque()
        self._size = 0
        self._asking = False
        self._news = False

    @property
    def resumable(self) -> bool:
        """Whether nothing is lost if the session is taken up again."""
        return self.token is not None

    @property
    def unacknowledged(self) -> Iterable[str]:
        """What has to be sent again after the session was taken up, oldest first."""
        return tuple(self._sent)

    @property
    def report(self) -> str:
        """The acknowledgement of everything that came."""
        return f"<a xmlns='{NS_SM}' h='{self._handled}'/>"

    @property
    def resume(self) -> domish.Element:
        """The request to take the session up again (§5)."""
        element = domish.Element((NS_SM, "resume"))
        element["previd"] = self.token or ""
        element["h"] = str(self._handled)
        return element

    def came(self) -> None:
        """Count a stanza of the server's."""
        self._handled = (self._handled + 1) % _MODULUS

    def went(self, stanza: str) -> None:
        """Keep a stanza of ours until it is acknowledged."""
        if not self.resumable:
            return
        self._sent.append(stanza)
        self._news = True
        self._size += len(stanza)
        if len(self._sent) > MAX_STANZAS or self._size > MAX_BYTES:
            self.give_up()

    def acknowledged(self, count: str | None) -> None:
        """Forget what the server has handled; a count that cannot be ends all trust in it."""
        self._asking = False
        if not self.resumable:
            return
        news = (_number(count) - self._acknowledged) % _MODULUS
        if news > len(self._sent):
            self.give_up()
            return
        self._acknowledged = (self._acknowledged + news) % _MODULUS
        for _ in range(news):
            self._size -= len(self._sent.popleft())

    def asks(self) -> bool:
        """
        Whether to ask now for an acknowledgement; one question stands at a time.

        Where the answer acknowledges nothing, asking the same again would have no end.
        """
        ask = bool(self._sent) and self._news and not self._asking
        if ask:
            self._asking, self._news = True, False
        return ask

    def interrupted(self) -> None:
        """Note that the link is gone, and a question that stood on it."""
        self._asking, self._news = False, True

    def give_up(self) -> None:
        """Keep nothing any more: the session ends with its link."""
        self.token = None
        self._sent.clear()
        self._size = 0


class EnableInitializer(BaseFeatureInitiatingInitializer):
    """
    The step of the negotiation that has a new session counted (§3).

    The server may name a ``location`` for coming back.  It is not used: a server that is asked
    elsewhere says that it does not know the session, which costs no more than a new one, while the
    place would be one that neither the user nor the domain's DNS has named.
    """

    feature = FEATURE

    def start(self) -> Deferred[None]:
        """Ask for it; a refusal is no harm."""
        done: Deferred[None] = Deferred()
        enable = domish.Element((NS_SM, "enable"))
        enable["resume"] = "true"
        # Where the server heeds it, others do not see us for long when we are gone for good.
        enable["max"] = str(RESUMABLE_FOR)

        def answered(answer: Any) -> None:
            if answer.name == "enabled":
                self.xmlstream.management = StreamManagement(_token(answer))
            done.callback(None)

        _once(self.xmlstream, ("enabled", "failed"), answered)
        self.xmlstream.send(enable)
        return done


class ResumeInitializer(BaseFeatureInitiatingInitializer):
    """The step of the negotiation that takes an earlier session up again, if that works (§5)."""

    feature = FEATURE

    def __init__(self, xs: Any, session: StreamManagement) -> None:
        super().__init__(xs)
        self._session = session

    def start(self) -> Deferred[None]:
        """Ask for it; what follows upon success is not needed, upon a refusal it is."""
        done: Deferred[None] = Deferred()

        def answered(answer: Any) -> None:
            if answer.name == "failed":
                done.callback(None)
            elif answer.getAttribute("previd") != self._session.token:
                done.errback(NotConnected("the server resumed a session that is not ours"))
            else:
                self.xmlstream.resumed_at = answer.getAttribute("h", "")
                del self.xmlstream.initializers[1:]
                done.callback(None)

        _once(self.xmlstream, ("resumed", "failed"), answered)
        self.xmlstream.send(self._session.resume)
        return done


def _once(xs: Any, names: tuple[str, ...], call: Any) -> None:
    """Call with the first element of stream management that has one of the names."""
    paths = [f"/{name}[@xmlns='{NS_SM}']" for name in names]

    def answered(answer: Any) -> None:
        for path in paths:
            xs.removeObserver(path, answered)
        call(answer)

    for path in paths:
        xs.addObserver(path, answered)


def _token(enabled: Any) -> str | None:
    token = str(enabled.getAttribute("id", ""))
    resumable = enabled.getAttribute("resume") in ("true", "1")
    return token if resumable and 0 < len(token) <= _MAX_TOKEN else None


def _number(count: str | None) -> int:
    """Read a count; one that is none becomes one that cannot be."""
    if count is not None and count.isascii() and count.isdigit() and len(count) <= 10:
        return int(count) % _MODULUS
    return -1
