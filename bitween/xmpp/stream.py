"""The XML stream: who may answer what we asked, time-outs, traffic log, byte budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.words.protocols.jabber import xmlstream
from twisted.words.protocols.jabber.jid import JID
from twisted.words.protocols.jabber.sasl import NS_XMPP_SASL
from twisted.words.xish import domish

from bitween.model.text import printable
from bitween.xmpp.budget import ByteBudget
from bitween.xmpp.jids import split

#: seconds until a request without an answer has failed.
REQUEST_TIMEOUT = 30

_MAX_OPEN_REQUESTS = 4096
_MAX_LOGGED = 100_000


class AnswerGuard:
    """
    Remembers whom each request went to, so that nobody else can answer it (RFC 6120 §8.1.2.1).

    wokkel and Twisted match answers by their id alone.
    """

    def __init__(self) -> None:
        self._asked: dict[str, str] = {}

    def sent(self, stanza: domish.Element) -> None:
        """Take note of a stanza that goes out."""
        if stanza.name == "iq" and stanza.getAttribute("type") in ("get", "set"):
            if len(self._asked) >= _MAX_OPEN_REQUESTS:
                del self._asked[next(iter(self._asked))]
            self._asked[stanza.getAttribute("id", "")] = stanza.getAttribute("to", "")

    def admits(self, stanza: domish.Element, own: JID) -> bool:
        """
        Whether a stanza that came in is anything but a forged answer.

        :param own: our JID, as far as it is known.
        """
        if stanza.name != "iq" or stanza.getAttribute("type") not in ("result", "error"):
            return True
        stanza_id = stanza.getAttribute("id", "")
        if stanza_id not in self._asked:
            return False
        sender = stanza.getAttribute("from", "")
        # What is sent to nobody goes to our own account, and the server may leave its name out.
        server = {"", own.host, own.userhost(), own.full()}
        asked = self._asked[stanza_id]
        if sender != asked and not (asked in server and sender in server):
            return False
        del self._asked[stanza_id]
        return True


class Stream(xmlstream.XmlStream):
    """Twisted's XMPP stream, on its guard."""

    iqDefaultTimeout = REQUEST_TIMEOUT

    _log = Logger()

    def __init__(
        self, authenticator: Any, clock: IReactorTime, budget: ByteBudget, *, log_traffic: bool
    ) -> None:
        super().__init__(authenticator)
        self._clock = clock
        # As a class attribute it would be named for the class.
        self._traffic = Logger(namespace="bitween.xmpp.traffic") if log_traffic else None
        self._guard = AnswerGuard()
        self.rawDataOutFn = lambda data: budget.charge(len(data))
        self.forged = 0

    def send(self, obj: Any) -> None:
        """Send a stanza or raw text."""
        if domish.IElement.providedBy(obj):
            self._guard.sent(obj)
        if self._traffic is not None:
            self._traffic.info("out {stanza}", stanza=_shown(obj))
        super().send(obj)

    def onElement(self, element: domish.Element) -> None:
        """Hand a stanza to whoever waits for it, unless it is a forged answer."""
        if self._traffic is not None:
            self._traffic.info("in {stanza}", stanza=_shown(element))
        if self._guard.admits(element, self.authenticator.jid):
            super().onElement(element)
            return
        self.forged += 1
        if self.forged == 1:
            sender = printable(split(element.getAttribute("from"))[0])
            self._log.warn("refused an answer of {sender}, who was not asked", sender=sender)

    def _callLater(self, delay: float, call: Callable[..., object], *args: object) -> object:
        return self._clock.callLater(delay, call, *args)


def _shown(obj: Any) -> str:
    """A stanza as a line for the log, with the secrets of the log-in masked."""
    if not domish.IElement.providedBy(obj):
        return printable(str(obj), _MAX_LOGGED)
    if obj.uri == NS_XMPP_SASL and obj.name in {"auth", "challenge", "response", "success"}:
        mechanism = printable(obj.getAttribute("mechanism", ""))
        shown = f" mechanism='{mechanism}'" if mechanism else ""
        return f"<{obj.name} xmlns='{NS_XMPP_SASL}'{shown}>…</{obj.name}>"
    try:
        return printable(obj.toXml(), _MAX_LOGGED)
    except RecursionError:
        return f"<{obj.name}> nested too deeply to show"
