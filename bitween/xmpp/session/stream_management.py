"""
Stream management (XEP-0198): acknowledgements, and resuming a session after its link is lost.

Both sides count the stanzas that they receive and report the count on request.  What we send is
kept until the server has acknowledged it.  When the next link resumes the session, the server says
how much it has received, and the rest is sent again; so a lost connection loses and repeats
nothing.

:class:`StreamManagement` is the state of one session, and survives its links;
:class:`bitween.xmpp.session.stream.Stream` calls it for every stanza.
:class:`EnableInitializer` begins it in the negotiation of a new session,
:class:`ResumeInitializer` tries to resume an old one.  A session can no longer be resumed when too
much waits for acknowledgement or the server's counts are wrong; it then ends with its link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.words.protocols.jabber.xmlstream import BaseFeatureInitiatingInitializer
from twisted.words.xish import domish

from bitween.errors import NotConnected
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_SM

FEATURE = (NS_SM, "sm")

#: seconds for which both sides keep a session whose link is lost.
RESUMABLE_FOR = 30
#: Unacknowledged stanzas, and characters of them, that are kept; beyond that the session cannot be
#: resumed.
MAX_STANZAS = 2000
MAX_BYTES = 1 << 20

REQUEST = f"<r xmlns='{NS_SM}'/>"

_MODULUS = 1 << 32
_STANZAS = frozenset({"iq", "message", "presence"})
_MAX_TOKEN = 4000


def is_stanza(element: Element) -> bool:
    """Whether stream management counts an element."""
    return (
        domish.IElement.providedBy(element)
        and element.name in _STANZAS
        and element.uri in (None, "jabber:client")
    )


class StreamManagement:
    """
    The counters of one session, and the stanzas that are not acknowledged.

    :ivar token: the server's id of the session; ``None`` if it cannot be resumed.
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
        """Whether the session can be resumed without loss."""
        return self.token is not None

    @property
    def unacknowledged(self) -> Iterable[str]:
        """The stanzas to send again when the session is resumed, oldest first."""
        return tuple(self._sent)

    @property
    def report(self) -> str:
        """The acknowledgement of everything received."""
        return f"<a xmlns='{NS_SM}' h='{self._handled}'/>"

    @property
    def resume(self) -> domish.Element:
        """The request to resume the session (§5)."""
        element = domish.Element((NS_SM, "resume"))
        element["previd"] = self.token or ""
        element["h"] = str(self._handled)
        return element

    def received(self) -> None:
        """Count a received stanza."""
        self._handled = (self._handled + 1) % _MODULUS

    def sent(self, stanza: str) -> None:
        """
        Keep a sent stanza until it is acknowledged.

        :param stanza: serialized.
        """
        if not self.resumable:
            return
        self._sent.append(stanza)
        self._news = True
        self._size += len(stanza)
        if len(self._sent) > MAX_STANZAS or self._size > MAX_BYTES:
            self.give_up()

    def acknowledged(self, count: str | None) -> None:
        """
        Forget what the server has received; an impossible count ends the resumability.

        :param count: the ``h`` of its report, as received: all stanzas of the session, modulo 2^32.
        """
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
        Whether to ask for an acknowledgement now; one question is open at a time.

        It does not repeat a question whose answer has acknowledged nothing: that would not end.
        """
        ask = bool(self._sent) and self._news and not self._asking
        if ask:
            self._asking, self._news = True, False
        return ask

    def interrupted(self) -> None:
        """Note that the link is lost, and an open question with it."""
        self._asking, self._news = False, True

    def give_up(self) -> None:
        """Keep nothing from now on: the session ends with its link."""
        self.token = None
        self._sent.clear()
        self._size = 0


class EnableInitializer(BaseFeatureInitiatingInitializer):
    """
    The step of the negotiation that enables stream management for a new session (§3).

    The server may name a ``location`` for the resumption.  It is not used: neither the user nor the
    domain's DNS has named that place, and a resumption that fails elsewhere costs only a new
    session.
    """

    feature = FEATURE

    def start(self) -> Deferred[None]:
        """Ask for it; a refusal does no harm."""
        done: Deferred[None] = Deferred()
        enable = domish.Element((NS_SM, "enable"))
        enable["resume"] = "true"
        # If the server applies it, contacts do not see us for long after we are gone for good.
        enable["max"] = str(RESUMABLE_FOR)

        def answered(answer: Element) -> None:
            if answer.name == "enabled":
                self.xmlstream.management = StreamManagement(_token(answer))
            done.callback(None)

        _once(self.xmlstream, ("enabled", "failed"), answered)
        self.xmlstream.send(enable)
        return done


class ResumeInitializer(BaseFeatureInitiatingInitializer):
    """The step of the negotiation that resumes an earlier session, if that works (§5)."""

    feature = FEATURE

    def __init__(self, xs: Any, session: StreamManagement) -> None:
        """
        :param xs: the stream that is negotiated.
        :param session: the session to resume; it has a token.
        """
        super().__init__(xs)
        self._session = session

    def start(self) -> Deferred[None]:
        """Ask for it; skip the later steps if it succeeds."""
        done: Deferred[None] = Deferred()

        def answered(answer: Element) -> None:
            if answer.name == "failed":
                done.callback(None)
            elif answer.getAttribute("previd") != self._session.token:
                done.errback(NotConnected.of("not_connected.other_session"))
            else:
                self.xmlstream.resumed_at = answer.getAttribute("h", "")
                del self.xmlstream.initializers[1:]
                done.callback(None)

        _once(self.xmlstream, ("resumed", "failed"), answered)
        self.xmlstream.send(self._session.resume)
        return done


def _once(xs: Any, names: tuple[str, ...], call: Any) -> None:
    """Call once, with the first stream management element of one of the names."""
    paths = [f"/{name}[@xmlns='{NS_SM}']" for name in names]

    def answered(answer: Element) -> None:
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
    """Read a count; a malformed one becomes an impossible one."""
    if count is not None and count.isascii() and count.isdigit() and len(count) <= 10:
        return int(count) % _MODULUS
    return -1
