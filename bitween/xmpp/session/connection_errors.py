"""
Why there is no connection, or no longer one: errors of Twisted and OpenSSL as ``XMPPError``.

A :class:`bitween.errors.LogInRefused` means that the server, its certificate or the account has to
change before another attempt makes sense; everything else is a ``NotConnected`` and passes.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from OpenSSL import SSL
from OpenSSL.SSL import X509VerificationCodes as Code
from twisted.internet import error as net
from twisted.words.protocols.jabber import sasl
from twisted.words.protocols.jabber.error import StanzaError, StreamError
from twisted.words.protocols.jabber.xmlstream import FeatureNotAdvertized, TLSError
from twisted.words.protocols.jabber.xmlstream import TimeoutError as NoAnswer
from twisted.words.xish.domish import ParserError

from bitween.errors import (
    CertificateRefused,
    CredentialsRefused,
    LogInRefused,
    NotConnected,
    RequestRefused,
    XMPPError,
)
from bitween.model.text import printable
from bitween.xmpp.session.parser import NoStream
from bitween.xmpp.session.scram import MOST_ITERATIONS, ServerNotAuthentic, TooManyIterations
from bitween.xmpp.session.tls import CertificateForAnother, CertificateNotAccepted

_NO_REASON = "no reason given"

# Conditions of RFC 6120 §6.5 that are no fault of the account.
_PASSING_SASL = frozenset({"temporary-auth-failure", "aborted"})

#: What the server has against an account (RFC 6120 §6.5): detail, text and hint.
_CREDENTIALS = {
    "not-authorized": (
        "not_authorized",
        "the server does not take this user name and password",
        "check --jid and the password",
    ),
    "credentials-expired": (
        "password_expired",
        "the server says that this password has expired",
        "set a new one with another client",
    ),
    "account-disabled": (
        "disabled",
        "the server says that this account is disabled",
        "ask the server's operator; the log-in is tried again",
    ),
}

#: Details of refusals that can end without a change of this daemon's options.
_PASSING = frozenset({"not_yet_valid", "expired", "authority_expired", "disabled"})

_UNKNOWN_AUTHORITY = frozenset(
    {
        Code.ERR_UNABLE_TO_GET_ISSUER_CERT,
        Code.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        Code.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        Code.ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
        Code.ERR_SELF_SIGNED_CERT_IN_CHAIN,
    }
)

#: Stream errors (RFC 6120 §4.9.3) after which coming back quickly would do harm.
UNWELCOME = frozenset({"policy-violation", "resource-constraint"})

#: The stream error that a server sends when a later session has taken our resource.  Taking it back
#: would make two programs displace each other forever.
DISPLACED = "conflict"

#: What ended a stream, in words; the condition is the detail of the error.
_STREAM_WORDS = {
    "policy-violation": "the server says that we broke its rules",
    "resource-constraint": "the server is short of resources",
    "system-shutdown": "the server is shutting down",
    "connection-timeout": "the server took us for gone",
    "host-gone": "the server serves this domain no longer",
}

#: Network errors: the detail, which never changes, and a text.
_NETWORK_WORDS: tuple[tuple[type[BaseException], str, str], ...] = (
    (net.DNSLookupError, "unknown_host", "{host} cannot be found"),
    (net.UnknownHostError, "unknown_host", "{host} cannot be found"),
    (net.ConnectionRefusedError, "refused", "{host} refuses connections"),
    (net.TimeoutError, "silent", "{host} does not answer"),
    (net.TCPTimedOutError, "silent", "{host} does not answer"),
    (net.NoRouteError, "no_route", "there is no way to {host} at the moment"),
    (net.ConnectionDone, "closed", "{host} closed the connection"),
    (net.ConnectionLost, "lost", "the connection to {host} was lost"),
    (NoAnswer, "silent", "{host} does not answer"),
)


def connection_error(
    error: BaseException | None, host: str, *, in_session: bool = False
) -> XMPPError:
    """
    Make the error that says why there is no connection, or no longer one.

    :param error: what ended the connection, or prevented it.
    :param host: the server, as the user knows it.
    :param in_session: whether it ended a session, which another program may have displaced; before
        that, an attacker on the network could claim so.
    :returns: a :class:`LogInRefused` if another attempt would not help.
    """
    if isinstance(error, XMPPError):
        return error
    if isinstance(error, SSL.Error):
        return _tls_error(error, host)
    if isinstance(error, sasl.SASLError):
        return _sasl_error(error)
    if isinstance(error, StreamError | StanzaError | FeatureNotAdvertized | TLSError):
        return _stream_error(error, host, in_session=in_session)
    if isinstance(error, ParserError):
        return _not_understood(error, host)
    return _network_error(error, host)


def may_pass(error: LogInRefused) -> bool:
    """Whether a refusal can end without a change of the daemon's options."""
    return error.detail in _PASSING


def is_final(error: LogInRefused, *, proven: bool) -> bool:
    """
    Whether waiting does not help after a refusal of the first log-in.

    :param proven: whether this account has logged in in an earlier run: then everything but the
        password was right once, and the fault is with the server or the network.
    """
    return not may_pass(error) and (isinstance(error, CredentialsRefused) or not proven)


def is_displaced(error: LogInRefused) -> bool:
    """Whether a later session has taken our resource."""
    return error.detail == DISPLACED


def silent(host: str, words: str = "does not answer") -> NotConnected:
    """
    Make the error for a server that does not answer, or no longer.

    :param host: the server, as the user knows it.
    :param words: the predicate of the message, whose subject is the host.
    """
    return NotConnected(f"{host} {words}", detail="silent", values={"host": host})


def _tls_error(error: BaseException, host: str) -> XMPPError:
    if isinstance(error, CertificateNotAccepted):
        return _certificate_error(error, host)
    if isinstance(error, CertificateForAnother):
        return CertificateRefused(
            f"the certificate of {host} is not for {error.domain}"
            f"{error.names and f', but for {error.names}'}",
            "check the JID's domain; a network's log-in page may be in between",
            detail="name",
            values={"host": host, "domain": error.domain, "names": error.names or "…"},
        )
    reasons = ", ".join(
        str(entry[-1])
        for entry in (error.args[0] if error.args and isinstance(error.args[0], list) else ())
    )
    return NotConnected(
        f"the encrypted connection to {host} failed: {reasons or 'broken off'}",
        detail="encryption",
        values={"host": host, "why": reasons or "…"},
    )


def _certificate_error(error: CertificateNotAccepted, host: str) -> CertificateRefused:
    clock = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if error.code == Code.ERR_CERT_NOT_YET_VALID:
        begins = f"{error.certificate.not_valid_before_utc:%Y-%m-%d}"
        return CertificateRefused(
            f"the certificate of {host} is not valid before {begins}; "
            f"this machine's clock says {clock}",
            "set the clock; the log-in is tried again until then",
            detail="not_yet_valid",
            values={"host": host, "date": begins, "clock": clock},
        )
    if error.code == Code.ERR_CERT_HAS_EXPIRED:
        ended = f"{error.certificate.not_valid_after_utc:%Y-%m-%d}"
        values = {"host": host, "date": ended, "clock": clock}
        if error.depth:
            return CertificateRefused(
                f"the certificate of an authority that vouches for {host} expired on {ended}; "
                f"this machine's clock says {clock}",
                "if the clock is right, the server's operator has to renew it, or you have to "
                "update the system's certificates or the file of --ca-file",
                detail="authority_expired",
                values=values,
            )
        return CertificateRefused(
            f"the certificate of {host} expired on {ended}; this machine's clock says {clock}",
            "if the clock is right, the server's operator has to renew it",
            detail="expired",
            values=values,
        )
    if error.code in _UNKNOWN_AUTHORITY:
        return CertificateRefused(
            f"the certificate of {host} is not trusted: its authority is unknown here",
            "name the file with the authority's certificate with --ca-file; "
            "a network's log-in page may be in between",
            detail="untrusted",
            values={"host": host},
        )
    return CertificateRefused(
        f"the certificate of {host} is not accepted (OpenSSL's verification error {error.code})",
        "the server's operator has to replace it",
        detail="not_accepted",
        values={"host": host, "code": str(error.code)},
    )


def _not_understood(error: ParserError, host: str) -> NotConnected:
    why = printable(str(error))
    if isinstance(error, NoStream):
        return NotConnected(
            f"{host} does not speak XMPP: {why}",
            "check --server; where TLS begins at once, it is xmpps://HOST:PORT",
            detail="not_understood",
            values={"host": host, "why": why},
        )
    return NotConnected(
        f"{host} sent XML that bitween does not take: {why}",
        detail="xml",
        values={"host": host, "why": why},
    )


def _sasl_error(error: BaseException) -> XMPPError:
    if isinstance(error, ServerNotAuthentic | sasl.SASLIncorrectEncodingError):
        return LogInRefused(
            "the server could not prove that it knows the password",
            "somebody may be in between; check the account and the server",
            detail="server_not_authentic",
        )
    if isinstance(error, sasl.SASLNoAcceptableMechanism):
        return LogInRefused(
            "the server offers no way to log in that bitween takes",
            "it should offer SCRAM",
            detail="no_mechanism",
        )
    if isinstance(error, TooManyIterations):
        return LogInRefused(
            f"the server asks for {error.iterations} rounds of hashing the password, "
            f"more than the {MOST_ITERATIONS} that bitween does",
            "ask the server's operator to lower the iteration count of SCRAM",
            detail="iterations",
            values={"n": str(error.iterations), "most": str(MOST_ITERATIONS)},
        )
    condition = getattr(error, "condition", None)
    if condition is None or condition in _PASSING_SASL:
        return NotConnected(
            f"the server puts the log-in off: {condition or _NO_REASON}",
            detail="put_off",
            values={"condition": condition or "…"},
        )
    if condition in _CREDENTIALS:
        detail, message, hint = _CREDENTIALS[condition]
        return CredentialsRefused(message, hint, detail=detail)
    return LogInRefused(
        f"the server refuses the log-in: {printable(str(condition))}",
        "check the account",
        detail="refused",
        values={"condition": printable(str(condition))},
    )


def _stream_error(error: Any, host: str, *, in_session: bool) -> XMPPError:
    if isinstance(error, FeatureNotAdvertized | TLSError):
        return LogInRefused(
            f"{host} offers no encryption",
            "bitween never sends a password in the clear",
            detail="no_encryption",
            values={"host": host},
        )
    if isinstance(error, StanzaError):
        condition = printable(error.condition or _NO_REASON)
        return RequestRefused(f"{host} refused the session: {condition}")
    condition = printable(error.condition or _NO_REASON)
    final = _final_stream_error(condition, host, in_session=in_session)
    if final is not None:
        return final
    if condition == "see-other-host":
        return _redirected(error, host)
    if condition not in _STREAM_WORDS:
        return NotConnected(
            f"{host} closed the stream: {condition}",
            detail="stream",
            values={"host": host, "condition": condition},
        )
    return NotConnected(_STREAM_WORDS[condition], detail=condition)


def _redirected(error: Any, host: str) -> NotConnected:
    """
    Make the error for a redirection (RFC 6120 §4.9.3.19).

    It is not followed: neither the user nor the domain's DNS has named that place.
    """
    place = printable((error.text or "").strip(), 100)
    return NotConnected(
        f"{host} sends us to {place or 'another server'}, where bitween does not go by itself",
        "if it shall, name that place with --server",
        detail="redirected",
        values={"host": host, "place": place or "…"},
    )


def _final_stream_error(condition: str, host: str, *, in_session: bool) -> LogInRefused | None:
    """Return the refusal for a stream error after which another attempt does harm, or no good."""
    if condition == DISPLACED and in_session:
        return LogInRefused(
            "another program has logged in with the same resource, and this one gives way to it",
            "give each its own, with --jid user@domain/resource",
            detail="conflict",
        )
    if condition == "host-unknown":
        return LogInRefused(
            f"{host} does not serve this account's domain",
            "check --jid and --server",
            detail="unknown_domain",
            values={"host": host},
        )
    return None


def _network_error(error: BaseException | None, host: str) -> NotConnected:
    for kind, detail, text in _NETWORK_WORDS:
        if isinstance(error, kind):
            return NotConnected(text.format(host=host), detail=detail, values={"host": host})
    why = printable(str(error)) or type(error).__name__
    return NotConnected(
        f"no connection to {host}: {why}", detail="other", values={"host": host, "why": why}
    )
