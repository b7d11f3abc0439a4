"""Why a request failed, as a ``BitweenError``."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import TimeoutError as NoAnswer

from bitween.errors import (
    BitweenError,
    NotConnected,
    RequestRefused,
)
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_STANZAS

# Characters that are quoted of a server's own words.
_MAX_QUOTED = 200


def no_session() -> NotConnected:
    """Make the error for a request that needs a session when there is none."""
    return NotConnected.of("not_connected.now")


def request_error(error: BaseException) -> BitweenError:
    """
    Make the error that says why a request failed.

    :param error: what the request raised; a ``BitweenError`` is returned as it is.
    :returns: ``NotConnected`` if the connection broke off, else ``RequestRefused``.
    """
    if isinstance(error, BitweenError):
        return error
    if isinstance(error, StanzaError):
        text = f": {printable(error.text)}" if error.text else ""
        condition = printable(error.condition or "an error without a reason")
        return RequestRefused.of("request_refused.answer", condition=f"{condition}{text}")
    if isinstance(error, NoAnswer):
        return RequestRefused.of("request_refused.no_answer")
    if isinstance(error, net.ConnectionLost | net.ConnectionDone | SSL.Error | CancelledError):
        return NotConnected.of("not_connected.broken")
    return RequestRefused.of("request_refused.malformed", why=type(error).__name__)


def subscription_error(jid: str, presence: Element) -> RequestRefused:
    """
    Make the error that says why a subscription request did not arrive.

    :param jid: the bare JID that the request was for.
    :param presence: of the type ``error`` (RFC 6121 §3.1.3, RFC 6120 §8.3.3).
    """
    conditions = {
        element.name: str(element)
        for error in presence.elements(presence.uri, "error")
        for element in error.elements()
        if element.uri == NS_STANZAS
    }
    text = conditions.pop("text", "")
    condition = next(iter(conditions), "")
    host = jid.partition("@")[2]
    if condition == "remote-server-not-found":
        return RequestRefused.of("request_refused.no_server", host=host)
    if condition == "remote-server-timeout":
        return RequestRefused.of("request_refused.silent_server", host=host)
    if condition in {"item-not-found", "gone"}:
        return RequestRefused.of("request_refused.no_account", host=host, jid=jid)
    reason = ": ".join(printable(part, _MAX_QUOTED) for part in (condition, text) if part)
    if not reason:
        return RequestRefused.of("request_refused.server_error_without_reason", host=host)
    return RequestRefused.of("request_refused.server_error", host=host, condition=reason)
