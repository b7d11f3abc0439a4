"""The XML stream: forged answers, time-outs, traffic log, byte budget, resumption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import xmlstream
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish import domish

from bitween.model.text import printable
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.extensions.messages import leave_no_trace
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_SASL, NS_SM, NS_STREAMS
from bitween.xmpp.session.parser import BoundedElementStream
from bitween.xmpp.session.stream_management import REQUEST, StreamManagement, is_stanza
from bitween.xmpp.shares.list_codec import is_page

#: seconds until a request without an answer has failed.
REQUEST_TIMEOUT = 30

#: Stanzas, and characters of them, that are held while a session is being set up.
MAX_HELD, MAX_HELD_SIZE = 100, 1_000_000

#: bytes by which the byte budget may be overdrawn before the link is renewed.  Only answers get
#: there: what we send ourselves overdraws it by less than a tenth of this.
MAX_OVERDRAWN = 4_000_000

_MAX_OPEN_REQUESTS = 4096
_MAX_LOGGED = 100_000


class AnswerGuard:
    """
    Remembers the recipient of each request, so that no one else can answer it (RFC 6120 §8.1.2.1).

    wokkel and Twisted match answers by their id alone.
    """

    def __init__(self) -> None:
        self._recipients: dict[str, str] = {}

    def sent(self, stanza: domish.Element) -> None:
        """Note a stanza that is sent."""
        if stanza.name == "iq" and stanza.getAttribute("type") in ("get", "set"):
            if len(self._recipients) >= _MAX_OPEN_REQUESTS:
                del self._recipients[next(iter(self._recipients))]
            self._recipients[stanza.getAttribute("id", "")] = stanza.getAttribute("to", "")

    def admits(self, stanza: domish.Element, own: JID) -> bool:
        """
        Whether a received stanza is not a forged answer.

        :param own: our JID.
        """
        if not _is_answer(stanza):
            return True
        stanza_id = stanza.getAttribute("id", "")
        if stanza_id not in self._recipients:
            return False
        sender = stanza.getAttribute("from", "")
        # A request without recipient goes to our own account; the answer may lack its sender.
        server = {"", own.host, own.userhost(), own.full()}
        recipient = self._recipients[stanza_id]
        if sender != recipient and not (recipient in server and sender in server):
            return False
        del self._recipients[stanza_id]
        return True


class Stream(xmlstream.XmlStream):
    """
    Twisted's XMPP stream, hardened, and able to outlive its connection.

    The client decides what follows when the link is lost: :meth:`end`, or :meth:`suspend` and, when
    the server has resumed the session on another stream, :meth:`take_over`.

    :ivar management: the state of stream management, once it is enabled.
    :ivar resumed_at: the server's count of received stanzas, once it has resumed a session.
    :ivar forged: forged answers that were refused.
    """

    iqDefaultTimeout = REQUEST_TIMEOUT
    transport: Any
    stream: Any
    management: StreamManagement | None = None
    resumed_at: str | None = None

    _log = Logger()

    def __init__(
        self,
        authenticator: Any,
        clock: IReactorTime,
        budget: TokenBucket,
        link_lost: Callable[[Stream, Failure], None],
        *,
        knows: Callable[[str], bool],
        answers: Callable[[str, int], bool],
        log_traffic: bool,
    ) -> None:
        """
        :param authenticator: negotiates the stream, and knows our JID.
        :param budget: charged with the bytes that are sent.
        :param link_lost: called when the connection is lost, with the stream whose session it
            carried (this one, or the one that has taken it over) and the reason.
        :param knows: whether the sender of a request (as the server has stamped it, empty if it has
            not) may know that we are online.
        :param answers: whether an answer may be sent; called with another account's JID and the
            size in bytes, and expected to count what it allows.
        :param log_traffic: whether stanzas go to the logger ``bitween.xmpp.traffic``.
        """
        super().__init__(authenticator)
        self._clock = clock
        self._link_lost = link_lost
        self._knows = knows
        self._answers = answers
        # A class attribute would get the class's namespace.
        self._traffic = Logger(namespace="bitween.xmpp.traffic") if log_traffic else None
        self._guard = AnswerGuard()
        self._suspended = False
        self._renewed = False
        self._open = False
        self._held: list[domish.Element] | None = None
        self._held_size = 0
        self._releasing = False
        self._heir: Stream | None = None
        self._budget = budget
        self.rawDataOutFn = lambda data: budget.consume(len(data))
        self.forged = 0

    def send(self, obj: Any) -> None:
        """
        Send a stanza or raw text; a stanza of a suspended session waits for its resumption.

        An answer to a JID that sends too many requests is dropped.

        :param obj: an element, or XML that is serialized already.
        """
        text = self._text(obj)
        if self._is_limited(obj) and not self._answers(obj.getAttribute("to"), len(text.encode())):
            return
        if self._traffic is not None:
            self._traffic.info("out {stanza}", stanza=_shown(obj))
        counted = self.management if is_stanza(obj) else None
        if counted is not None:
            counted.sent(text)
        if not self._suspended:
            super().send(text)
            if counted is not None:
                self._ask()

    def _is_limited(self, obj: Any) -> bool:
        """Whether this is an answer to another account that no other limit applies to."""
        if not (is_stanza(obj) and obj.getAttribute("type") in ("result", "error")):
            return False
        own = self.authenticator.jid
        jid, _ = split(obj.getAttribute("to"))
        return jid not in ("", own.host, own.userhost()) and not is_page(obj)

    def _text(self, obj: Any) -> str:
        if not domish.IElement.providedBy(obj):
            return str(obj)
        if obj.name == "iq" and obj.getAttribute("type") == "error":
            # Twisted and wokkel send back the request, however large it is.
            obj.children = obj.children[-1:]
        elif obj.name == "message":
            leave_no_trace(obj)
        self._guard.sent(obj)
        # As Twisted serializes it.
        prefixes = list(self.prefixes.values())
        return str(obj.toXml(self.prefixes, defaultUri=self.namespace, prefixesInScope=prefixes))

    def _ask(self) -> None:
        if self.management is not None and self.management.asks():
            self.send(REQUEST)

    def _initializeStream(self) -> None:
        if self.stream is not None:
            # The rest of the bytes that ended it was sent before TLS, or before the log-in.
            self.stream.ElementEvent = _ignore
            self.stream.DocumentEndEvent = _ignore
        self.stream = BoundedElementStream()
        self.stream.DocumentStartEvent = self.onDocumentStart
        self.stream.ElementEvent = self.onElement
        self.stream.DocumentEndEvent = self.onDocumentEnd

    def dataReceived(self, data: bytes) -> None:
        """Parse received bytes, for the session that this connection belongs to."""
        if self._heir is not None:
            self._heir.dataReceived(data)
            return
        super().dataReceived(data)
        if self.stream is not None and self.stream.worn_out:
            self._renew("the names in received stanzas fill the memory")
        elif self._budget.overdrawn > MAX_OVERDRAWN:
            self._renew("the server delivers more requests than it lets us answer in time")

    def _renew(self, why: str) -> None:
        if not self._renewed:
            self._renewed = True
            self._log.warn("the link is renewed: {why}", why=why)
            self.transport.abortConnection()

    def onElement(self, element: domish.Element) -> None:
        """Count a stanza, and dispatch it unless it is a forged answer."""
        if self._traffic is not None:
            self._traffic.info("in {stanza}", stanza=_shown(element))
        if self.management is not None:
            if element.uri == NS_SM:
                self._account(self.management, element)
                return
            if is_stanza(element):
                self.management.received()
        if self._open or not is_stanza(element) or _is_answer(element):
            self._take(element)
        elif self._held is not None:
            self._keep(self._held, element)
        if self._releasing:
            self._hand_over()

    def hold(self) -> None:
        """
        Hold received stanzas until :meth:`release`.

        From the binding on, a server delivers what arrives for us, such as a message that waited
        for an earlier session; but handlers listen only when the session begins.  Stanzas before
        the binding are dropped.
        """
        self._held = []

    def release(self) -> None:
        """
        Dispatch the held stanzas after the current element: only then are handlers that have just
        begun to listen called.
        """
        self._open = self._releasing = True

    def _hand_over(self) -> None:
        self._releasing = False
        held, self._held = self._held or [], None
        for element in held:
            self._take(element)

    def _keep(self, held: list[domish.Element], element: domish.Element) -> None:
        self._held_size += len(element.toXml())
        if len(held) < MAX_HELD and self._held_size <= MAX_HELD_SIZE:
            held.append(element)

    def _take(self, element: domish.Element) -> None:
        if self._guard.admits(element, self.authenticator.jid):
            if _is_request(element) and not self._knows(element.getAttribute("from", "")):
                self.send(StanzaError("service-unavailable").toResponse(element))
            else:
                super().onElement(element)
            return
        self.forged += 1
        if self.forged == 1:
            sender = printable(split(element.getAttribute("from"))[0])
            self._log.warn("refused an answer of {sender}, which got no request", sender=sender)

    def _account(self, management: StreamManagement, element: domish.Element) -> None:
        if element.name == "r":
            self.send(management.report)
        elif element.name == "a":
            management.acknowledged(element.getAttribute("h"))
            self._ask()

    def onStreamError(self, error: domish.Element) -> None:
        """Report why the server ends the stream, and where it redirects us if it does."""
        place = next(error.elements(NS_STREAMS, "see-other-host"), None)
        if place is not None:
            # Twisted's exception has no field for the place, but one for a text.
            error.addElement((NS_STREAMS, "text"), content=str(place))
        super().onStreamError(error)

    def onDocumentEnd(self) -> None:
        """Close: the server has ended the session, so it cannot be resumed."""
        self.forget()
        super().onDocumentEnd()

    def connectionLost(self, reason: Failure) -> None:
        """Report it to the client, which decides what follows."""
        stream = self._heir or self
        stream._link_lost(stream, reason)  # noqa: SLF001  # of the same class

    def forget(self) -> None:
        """Make the session end with its link."""
        if self.management is not None:
            self.management.give_up()

    def end(self, reason: Failure) -> None:
        """
        End the session: notify the handlers.

        :param reason: why the connection is lost.
        """
        super().connectionLost(reason)

    def suspend(self) -> None:
        """Hold what is sent from now on, until the session is resumed."""
        self._suspended = True
        if self.management is not None:
            self.management.interrupted()

    def take_over(self, successor: Stream) -> None:
        """
        Continue the session on the connection of another stream, which has resumed it.

        Stanzas that did not arrive over the old connection are sent again.

        :param successor: the other stream; what arrives on its connection comes to this one.
        """
        management = self.management
        assert management is not None
        management.acknowledged(successor.resumed_at)
        self.transport, self.stream = successor.transport, successor.stream
        self.stream.ElementEvent = self.onElement
        self.stream.DocumentEndEvent = self.onDocumentEnd
        successor._heir = self
        self._suspended = self._renewed = False
        for text in management.unacknowledged:
            self.send(text)
        self._ask()

    def _callLater(self, delay: float, call: Callable[..., object], *args: object) -> object:
        return self._clock.callLater(delay, call, *args)


def _ignore(*_: object) -> None:
    """Ignore an event."""


def _is_answer(element: domish.Element) -> bool:
    return element.name == "iq" and element.getAttribute("type") in ("result", "error")


def _is_request(element: domish.Element) -> bool:
    return element.name == "iq" and element.getAttribute("type") in ("get", "set")


def _shown(obj: Any) -> str:
    """Format a stanza for the log; the secrets of the log-in are masked."""
    if not domish.IElement.providedBy(obj):
        return printable(str(obj), _MAX_LOGGED)
    if obj.uri == NS_SASL and obj.name in {"auth", "challenge", "response", "success"}:
        mechanism = printable(obj.getAttribute("mechanism", ""))
        shown = f" mechanism='{mechanism}'" if mechanism else ""
        return f"<{obj.name} xmlns='{NS_SASL}'{shown}>…</{obj.name}>"
    try:
        return printable(obj.toXml(), _MAX_LOGGED)
    except RecursionError:
        return f"<{obj.name}> nested too deeply to show"
