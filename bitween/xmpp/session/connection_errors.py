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

#: What the server has against an account, by condition (RFC 6120 §6.5).
_CREDENTIALS = {
    "not-authorized": "credentials_refused.not_authorized",
    "credentials-expired": "credentials_refused.password_expired",
    "account-disabled": "credentials_refused.disabled",
}

#: Refusals that can end without a change of this daemon's options.
_PASSING = frozenset(
    {
        "certificate_refused.not_yet_valid",
        "certificate_refused.expired",
        "certificate_refused.authority_expired",
        "credentials_refused.disabled",
    }
)

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
_DISPLACED_BY_ANOTHER = "log_in_refused.conflict"

#: What ended a stream, by condition.
_STREAM_ENDS = {
    "policy-violation": "not_connected.policy-violation",
    "resource-constraint": "not_connected.resource-constraint",
    "system-shutdown": "not_connected.system-shutdown",
    "connection-timeout": "not_connected.connection-timeout",
    "host-gone": "not_connected.host-gone",
}

#: Network errors; the first class that fits counts.
_NETWORK_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (net.DNSLookupError, "not_connected.unknown_host"),
    (net.UnknownHostError, "not_connected.unknown_host"),
    (net.ConnectionRefusedError, "not_connected.refused"),
    (net.TimeoutError, "not_connected.silent"),
    (net.TCPTimedOutError, "not_connected.silent"),
    (net.NoRouteError, "not_connected.no_route"),
    (net.ConnectionDone, "not_connected.closed"),
    (net.ConnectionLost, "not_connected.lost"),
    (NoAnswer, "not_connected.silent"),
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
    return error.id in _PASSING


def is_final(error: LogInRefused, *, proven: bool) -> bool:
    """
    Whether waiting does not help after a refusal of the first log-in.

    :param proven: whether this account has logged in in an earlier run: then everything but the
        password was right once, and the fault is with the server or the network.
    """
    return not may_pass(error) and (isinstance(error, CredentialsRefused) or not proven)


def is_displaced(error: LogInRefused) -> bool:
    """Whether a later session has taken our resource."""
    return error.id == _DISPLACED_BY_ANOTHER


def _tls_error(error: BaseException, host: str) -> XMPPError:
    if isinstance(error, CertificateNotAccepted):
        return _certificate_error(error, host)
    if isinstance(error, CertificateForAnother):
        domain, names = error.domain, error.names
        if not names:
            return CertificateRefused.of("certificate_refused.nameless", host=host, domain=domain)
        return CertificateRefused.of(
            "certificate_refused.name", host=host, domain=domain, names=names
        )
    reasons = ", ".join(
        str(entry[-1])
        for entry in (error.args[0] if error.args and isinstance(error.args[0], list) else ())
    )
    if not reasons:
        return NotConnected.of("not_connected.encryption_broken_off", host=host)
    return NotConnected.of("not_connected.encryption", host=host, why=reasons)


def _certificate_error(error: CertificateNotAccepted, host: str) -> CertificateRefused:
    clock = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if error.code == Code.ERR_CERT_NOT_YET_VALID:
        begins = f"{error.certificate.not_valid_before_utc:%Y-%m-%d}"
        return CertificateRefused.of(
            "certificate_refused.not_yet_valid", host=host, date=begins, clock=clock
        )
    if error.code == Code.ERR_CERT_HAS_EXPIRED:
        ended = f"{error.certificate.not_valid_after_utc:%Y-%m-%d}"
        return CertificateRefused.of(
            "certificate_refused.authority_expired"
            if error.depth
            else "certificate_refused.expired",
            host=host,
            date=ended,
            clock=clock,
        )
    if error.code in _UNKNOWN_AUTHORITY:
        return CertificateRefused.of("certificate_refused.untrusted", host=host)
    return CertificateRefused.of(
        "certificate_refused.not_accepted", host=host, code=str(error.code)
    )


def _not_understood(error: ParserError, host: str) -> NotConnected:
    why = printable(str(error))
    no_xmpp = isinstance(error, NoStream)
    return NotConnected.of(
        "not_connected.not_understood" if no_xmpp else "not_connected.xml", host=host, why=why
    )


def _sasl_error(error: BaseException) -> XMPPError:
    if isinstance(error, ServerNotAuthentic | sasl.SASLIncorrectEncodingError):
        return LogInRefused.of("log_in_refused.server_not_authentic")
    if isinstance(error, sasl.SASLNoAcceptableMechanism):
        return LogInRefused.of("log_in_refused.no_mechanism")
    if isinstance(error, TooManyIterations):
        return LogInRefused.of(
            "log_in_refused.iterations", n=error.iterations, most=MOST_ITERATIONS
        )
    condition = getattr(error, "condition", None)
    if condition is None or condition in _PASSING_SASL:
        return _put_off(condition)
    if condition in _CREDENTIALS:
        return CredentialsRefused.of(_CREDENTIALS[condition])
    return LogInRefused.of("log_in_refused.refused", condition=printable(str(condition)))


def _put_off(condition: str | None) -> NotConnected:
    if not condition:
        return NotConnected.of("not_connected.put_off_without_reason")
    return NotConnected.of("not_connected.put_off", condition=condition)


def _stream_error(error: Any, host: str, *, in_session: bool) -> XMPPError:
    if isinstance(error, FeatureNotAdvertized | TLSError):
        return LogInRefused.of("log_in_refused.no_encryption", host=host)
    if isinstance(error, StanzaError):
        condition = printable(error.condition or _NO_REASON)
        return RequestRefused.of("request_refused.session", host=host, condition=condition)
    condition = printable(error.condition or _NO_REASON)
    final = _final_stream_error(condition, host, in_session=in_session)
    if final is not None:
        return final
    if condition == "see-other-host":
        return _redirected(error, host)
    if condition in _STREAM_ENDS:
        return NotConnected.of(_STREAM_ENDS[condition])
    return NotConnected.of("not_connected.stream", host=host, condition=condition)


def _redirected(error: Any, host: str) -> NotConnected:
    """
    Make the error for a redirection (RFC 6120 §4.9.3.19).

    It is not followed: neither the user nor the domain's DNS has named that place.
    """
    place = printable((error.text or "").strip(), 100)
    if not place:
        return NotConnected.of("not_connected.redirected_somewhere", host=host)
    return NotConnected.of("not_connected.redirected", host=host, place=place)


def _final_stream_error(condition: str, host: str, *, in_session: bool) -> LogInRefused | None:
    """Return the refusal for a stream error after which another attempt does harm, or no good."""
    if condition == DISPLACED and in_session:
        return LogInRefused.of(_DISPLACED_BY_ANOTHER)
    if condition == "host-unknown":
        return LogInRefused.of("log_in_refused.unknown_domain", host=host)
    return None


def _network_error(error: BaseException | None, host: str) -> NotConnected:
    for kind, message in _NETWORK_ERRORS:
        if isinstance(error, kind):
            return NotConnected.of(message, host=host)
    why = printable(str(error)) or type(error).__name__
    return NotConnected.of("not_connected.other", host=host, why=why)
