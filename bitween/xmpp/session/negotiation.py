"""The negotiation of one stream (RFC 6120 §4.3): TLS, log-in, then a resumed or a new session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import client as jabber_client
from twisted.words.protocols.jabber import xmlstream
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.jid import JID

from bitween.errors import LogInRefused, RequestRefused
from bitween.model.jid import MAX_JID, ascii_domain
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.jids import stamped
from bitween.xmpp.namespaces import NS_BIND
from bitween.xmpp.session.sasl import LogInInitializer
from bitween.xmpp.session.stream_management import (
    EnableInitializer,
    ResumeInitializer,
    StreamManagement,
)

#: Makes the step of a stream's negotiation that logs in.
MakeLogIn = Callable[[Any], LogInInitializer]


class StreamAuthenticator(xmlstream.ConnectAuthenticator):
    """Negotiates one stream."""

    namespace = "jabber:client"

    def __init__(
        self,
        jid: JID,
        tls: Any,
        log_in: MakeLogIn,
        *,
        direct_tls: bool,
        session: StreamManagement | None,
    ) -> None:
        """
        :param jid: the JID to log in as, with the resource to request if there is one; the
            bound one replaces it.
        :param tls: the options of the TLS connection, which verify the server.
        :param log_in: gets the stream, and makes the step that logs in.
        :param direct_tls: whether TLS begins with the connection (XEP-0368), not after STARTTLS.
        :param session: the session to resume, if there is one.
        """
        super().__init__(jid.host)
        self.jid = jid
        self._log_in = log_in
        self._tls = tls
        self._direct_tls = direct_tls
        self._session = session

    def associateWithStream(self, xs: Any) -> None:
        """
        Set the steps of the negotiation.

        :param xs: the :class:`~bitween.xmpp.session.stream.Stream` to negotiate.
        """
        super().associateWithStream(xs)
        starttls = xmlstream.TLSInitiatingInitializer(xs, configurationForTLS=self._tls)
        session = self._session
        xs.initializers = [
            jabber_client.CheckVersionInitializer(xs),
            *([] if self._direct_tls else [starttls]),
            self._log_in(xs),
            *([] if session is None else [ResumeInitializer(xs, session)]),
            Bind(xs),
            jabber_client.SessionInitializer(xs, required=False),
            EnableInitializer(xs, required=False),
        ]

    def connectionMade(self) -> None:
        """Begin, with TLS first where the server expects that."""
        if self._direct_tls:
            self.xmlstream.transport.startTLS(self._tls)
        super().connectionMade()


class Bind(jabber_client.BindInitializer):
    """The step that binds a resource (RFC 6120 §7)."""

    _log = Logger()

    def initialize(self) -> Any:
        """
        Bind.

        :raises RequestRefused: if the server offers no session.
        """
        if self.feature not in self.xmlstream.features:
            raise RequestRefused.of("request_refused.no_session")
        resource = str(self.xmlstream.authenticator.jid.resource or "")
        return super().initialize().addErrback(_not_bound, resource)

    def onBind(self, iq: Element) -> None:
        """
        Take the JID that the server has bound, which need not be the one that was requested.

        :param iq: the answer to the request to bind.
        :raises RequestRefused: if there is none, or it is of another domain, which the server
            cannot speak for: contacts would look for us there.
        """
        bound = next(iq.elements(NS_BIND, "bind"), None)
        jid = stamped(str((bound and bound.jid) or ""))
        if not (jid.user and jid.host and jid.resource):
            raise RequestRefused.of("request_refused.no_resource")
        requested = self.xmlstream.authenticator.jid
        if not _same_domain(jid.host, requested.host):
            raise RequestRefused.of("request_refused.other_account", jid=printable(jid.userhost()))
        self._warn_of_changes(requested, jid)
        self.xmlstream.authenticator.jid = jid
        self.xmlstream.hold()

    def _warn_of_changes(self, requested: JID, bound: JID) -> None:
        if bound.userhost() != requested.userhost():
            self._log.warn(
                "the server has logged us in as {given}, not as {requested}",
                given=printable(bound.userhost(), MAX_JID),
                requested=printable(requested.userhost(), MAX_JID),
            )
        if requested.resource not in (None, bound.resource):
            self._log.warn(
                "the server gives us {given!r} in place of the resource {requested!r}: if it gives "
                "another one each time, choose one that it accepts with --jid user@domain/resource",
                given=printable(bound.resource),
                requested=printable(requested.resource),
            )


def _same_domain(one: str, other: str) -> bool:
    try:
        return one == other or ascii_domain(one) == ascii_domain(other)
    except UnicodeError:
        return False


def _not_bound(failure: Failure, resource: str) -> Failure:
    """
    Explain a failure that is due to the requested resource (RFC 6120 §7.7.2.1).

    :raises LogInRefused: then.
    """
    error = failure.value
    if resource and isinstance(error, StanzaError) and error.condition == "bad-request":
        raise LogInRefused.of("log_in_refused.resource", resource=printable(resource, 80))
    return failure
