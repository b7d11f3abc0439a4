"""Why a request failed, as a ``BitweenError``."""

from __future__ import annotations

from typing import Any

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
from bitween.xmpp.namespaces import NS_STANZAS

# Characters of a server's own words that are told.
_MAX_TOLD = 200


def no_session() -> NotConnected:
    """Say that what was asked for needs a session, and there is none."""
    return NotConnected(
        "there is no connection to the XMPP server", "try again later", detail="now"
    )


def request_error(error: BaseException) -> BitweenError:
    """Say why a request came to nothing."""
    if isinstance(error, BitweenError):
        return error
    if isinstance(error, StanzaError):
        text = f": {printable(error.text)}" if error.text else ""
        condition = printable(error.condition or "an error without a reason")
        return RequestRefused(
            f"the answer was {condition}{text}",
            detail="answer",
            values={"condition": f"{condition}{text}"},
        )
    if isinstance(error, NoAnswer):
        return RequestRefused("there was no answer", "try again later", detail="no_answer")
    if isinstance(error, net.ConnectionLost | net.ConnectionDone | SSL.Error | CancelledError):
        return NotConnected(
            "the connection to the server broke off", "try again later", detail="broken"
        )
    return RequestRefused(f"the answer makes no sense ({type(error).__name__})")


def subscription_error(jid: str, presence: Any) -> RequestRefused:
    """
    Say why somebody whom we asked to become a contact was not reached.

    :param presence: of the type ``error`` (RFC 6121 §3.1.3, RFC 6120 §8.3.3).
    """
    told = {
        element.name: str(element)
        for error in presence.elements(presence.uri, "error")
        for element in error.elements()
        if element.uri == NS_STANZAS
    }
    text = told.pop("text", "")
    condition = next(iter(told), "")
    host = jid.partition("@")[2]
    if condition == "remote-server-not-found":
        return RequestRefused(
            f"the server {host} cannot be found",
            "check the address",
            detail="no_server",
            values={"host": host},
        )
    if condition == "remote-server-timeout":
        return RequestRefused(
            f"the server {host} does not answer",
            "the request is sent again from time to time",
            detail="silent_server",
            values={"host": host},
        )
    if condition in {"item-not-found", "gone"}:
        return RequestRefused(
            f"the server {host} has no account {jid}",
            "check the address",
            detail="no_account",
            values={"host": host, "jid": jid},
        )
    said = ": ".join(printable(part, _MAX_TOLD) for part in (condition, text) if part)
    return RequestRefused(
        f"the server {host} answered with an error: {said or 'no reason'}",
        detail="server_error",
        values={"host": host, "condition": said or "?"},
    )
