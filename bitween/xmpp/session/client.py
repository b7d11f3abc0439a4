"""The session with the XMPP server: begun, kept, taken up again, begun anew, closed cleanly."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import client as jabber_client
from twisted.words.protocols.jabber import xmlstream
from twisted.words.protocols.jabber.error import StanzaError, StreamError
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish.domish import ParserError
from twisted.words.xish.xmlstream import STREAM_ERROR_EVENT, BootstrapMixin
from wokkel.client import XMPPClient
from wokkel.generic import Request
from wokkel.subprotocols import StreamManager

from bitween.errors import BitweenError, LogInRefused, NotConnected, RequestRefused, XMPPError
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.jid import MAX_JID, ascii_domain
from bitween.model.text import printable
from bitween.util.backoff import Backoff
from bitween.util.observable import Observable
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.jids import parse_account, stamped
from bitween.xmpp.namespaces import NS_BIND
from bitween.xmpp.roster.presence import unavailable
from bitween.xmpp.session.connector import Connector
from bitween.xmpp.session.dns import Place, look_up, system_resolver
from bitween.xmpp.session.errors import (
    UNWELCOME,
    connection_error,
    is_displaced,
    is_final,
    may_pass,
    no_session,
    silent,
)
from bitween.xmpp.session.keepalive import KeepAlive, notice_dead_links
from bitween.xmpp.session.key_derivation import KeyDerivation
from bitween.xmpp.session.passwords import Password
from bitween.xmpp.session.request_budget import RequestBudget
from bitween.xmpp.session.sasl import LogInInitializer
from bitween.xmpp.session.stream import REQUEST_TIMEOUT, Stream
from bitween.xmpp.session.stream_management import (
    RESUMABLE_FOR,
    EnableInitializer,
    ResumeInitializer,
    StreamManagement,
)
from bitween.xmpp.session.tls import connection_options

#: seconds from the TCP connection to a session that can be used.
NEGOTIATION_TIMEOUT = 30
#: seconds that a session has to last before the next drop is taken for the first one.
SETTLED_AFTER = 10
#: Links in a row that may break before a resumed session settles: it may be what breaks them.
MAX_RESUMPTIONS = 3
#: seconds for the server to close its side at the end.
CLOSE_TIMEOUT = 3

_ALPN = (b"xmpp-client",)

#: Makes the step of a stream's negotiation that logs in.
_LogIn = Callable[[Any], LogInInitializer]


@dataclass(frozen=True, slots=True)
class Account:
    """
    How to reach and use an XMPP account.

    :param jid: ``user@domain``, or with a resource; without one the server chooses.
    :param server: host and port in place of the look-up of RFC 6120 §3.2.
    :param ca_pem: PEM of further trust roots.
    :param plain_allowed: whether the password may be told to the server, over verified TLS, where
        that offers nothing better.
    :param direct_tls: whether ``server`` wants TLS from the first byte on (XEP-0368).
    :param proven: whether the account has logged in in an earlier run.
    """

    jid: str
    password: str = field(repr=False)
    server: tuple[str, int] | None = None
    ca_pem: bytes | None = field(default=None, repr=False)
    plain_allowed: bool = False
    direct_tls: bool = False
    proven: bool = False


class _Authenticator(xmlstream.ConnectAuthenticator):
    """Negotiates one stream: TLS, log-in, then the session of before or a new one."""

    namespace = "jabber:client"

    def __init__(
        self,
        jid: JID,
        tls: Any,
        log_in: _LogIn,
        *,
        direct_tls: bool,
        session: StreamManagement | None,
    ) -> None:
        """
        :param tls: what verifies the server.
        :param log_in: makes the step that logs in.
        :param session: the one to be resumed, if there is one.
        """
        super().__init__(jid.host)
        self.jid = jid
        self._log_in = log_in
        self._tls = tls
        self._direct_tls = direct_tls
        self._session = session

    def associateWithStream(self, xs: Any) -> None:
        """Lay out the negotiation."""
        super().associateWithStream(xs)
        starttls = xmlstream.TLSInitiatingInitializer(xs, configurationForTLS=self._tls)
        session = self._session
        xs.initializers = [
            jabber_client.CheckVersionInitializer(xs),
            *([] if self._direct_tls else [starttls]),
            self._log_in(xs),
            *([] if session is None else [ResumeInitializer(xs, session)]),
            _Bind(xs),
            jabber_client.SessionInitializer(xs, required=False),
            EnableInitializer(xs, required=False),
        ]

    def connectionMade(self) -> None:
        """Begin, with TLS first where the server expects that."""
        if self._direct_tls:
            self.xmlstream.transport.startTLS(self._tls)
        super().connectionMade()


class _Bind(jabber_client.BindInitializer):
    """The step that binds a resource (RFC 6120 §7)."""

    def initialize(self) -> Any:
        """
        Bind.

        :raises RequestRefused: if the server has no sessions to offer.
        """
        if self.feature not in self.xmlstream.features:
            raise RequestRefused("the server offers no session after the log-in")
        resource = str(self.xmlstream.authenticator.jid.resource or "")
        return super().initialize().addErrback(_not_bound, resource)

    def onBind(self, iq: Any) -> None:
        """
        Take over the JID that the server has given us, whatever is in it.

        :raises RequestRefused: if it has given none, or one of another domain, which it cannot
            speak for: contacts would be told to look for us there.
        """
        bound = next(iq.elements(NS_BIND, "bind"), None)
        jid = stamped(str((bound and bound.jid) or ""))
        if not (jid.user and jid.host and jid.resource):
            raise RequestRefused("the server binds the session to no resource")
        asked = self.xmlstream.authenticator.jid
        if not _same_domain(jid.host, asked.host):
            raise RequestRefused(
                f"the server binds the session to the account {printable(jid.userhost())}, "
                "which is another domain's"
            )
        self.xmlstream.authenticator.jid = jid
        self.xmlstream.hold()


def _same_domain(one: str, other: str) -> bool:
    try:
        return one == other or ascii_domain(one) == ascii_domain(other)
    except UnicodeError:
        return False


def _not_bound(failure: Failure, resource: str) -> Failure:
    """
    Say so where it is the resource that the server does not take (RFC 6120 §7.7.2.1).

    :raises LogInRefused: then.
    """
    error = failure.value
    if resource and isinstance(error, StanzaError) and error.condition == "bad-request":
        raise LogInRefused(
            f"the server does not take the resource {printable(repr(resource), 80)}",
            "choose another one with --jid user@domain/resource",
            detail="resource",
            values={"resource": printable(resource, 80)},
        )
    return failure


class Client(XMPPClient):
    """
    A service that stays logged in.

    Handlers are called as wokkel does it: ``connectionInitialized`` when a session begins, and
    ``connectionLost`` when it is over.  One of them has to call :meth:`session_is_ready`, upon
    which the state is online.  When only the link is lost and the server then resumes the session
    (XEP-0198), handlers are told nothing, requests stay open, and what was sent meanwhile arrives.

    :ivar status: where the connection stands.
    :ivar changes: hands out every new status.
    :ivar budget: what may be sent without clogging the line.
    """

    timeout = REQUEST_TIMEOUT

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        account: Account,
        fatal: Callable[[LogInRefused], None],
        *,
        log_traffic: bool = False,
        backoff: Backoff | None = None,
        resolver: Any = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP``, ``IReactorPluggableNameResolver`` and
            ``IReactorTime``.
        :param fatal: called if the first log-in is refused for good; there is no other try then.
        :param log_traffic: whether the stream goes to the logger ``bitween.xmpp.traffic``.
        :param resolver: the ``IResolver`` for SRV records; the system's name servers by default.
        :param wall: seconds since the epoch.
        :raises InvalidValue: if the JID is none.
        :raises ConfigurationError: if ``ca_pem`` holds no certificate.
        """
        self.jid = parse_account(account.jid)
        self._asked_for = self.jid
        self._account = account
        self._fatal = fatal
        self._log_traffic = log_traffic
        self._resolver = resolver
        self._wall = wall
        self._tls = {
            direct: connection_options(self.jid.host, account.ca_pem, _ALPN if direct else ())
            for direct in (False, True)
        }
        self.budget = TokenBucket(reactor)
        # XMPPClient's own constructor would make a factory that knows neither TLS options nor us.
        StreamManager.__init__(self, BootstrapMixin(), reactor)
        self.answer_only(lambda _: True)
        self.factory.addBootstrap(STREAM_ERROR_EVENT, self._stream_error)
        self._log_in = partial(
            LogInInitializer,
            password=Password(account.password),
            keys=KeyDerivation(reactor),
            plain_allowed=account.plain_allowed,
        )
        self._connector = Connector(reactor, self._places)
        self._keep_alive = KeepAlive(reactor, self.jid.host, self.budget, self._link_is_dead)
        self._backoff = backoff or Backoff()
        self._was_online = False
        self._ready = False
        self._suspended = False
        self._resumptions = 0
        self._error: XMPPError | None = None
        self._logged = ""
        self._unwelcome = False
        self._attempt: Deferred[None] | None = None
        self._negotiating: Stream | None = None
        self._timers: dict[str, IDelayedCall] = {}
        self._closed: Deferred[None] | None = None
        self.changes: Observable[ConnectionStatus] = Observable()
        self.status = ConnectionStatus(self.jid.full(), ConnectionState.CONNECTING, self._wall())

    # ---- the service

    def startService(self) -> None:
        """Begin to connect."""
        Service.startService(self)
        self._connect()

    def stopService(self) -> Deferred[None]:
        """
        Say goodbye and close.

        :returns: fires when the connection is closed; contacts see us leave before that.
        """
        Service.stopService(self)
        self._cancel(*self._timers)
        self._keep_alive.stop()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        stream = self._negotiating or (None if self._suspended else self.xmlstream)
        if stream is None:
            self._end_session(Failure(ConnectionDone()))
            self._set_state(ConnectionState.WAITING, _shut_down())
            return succeed(None)
        self._closed = Deferred()
        self._say_goodbye(stream)
        self._later("close", CLOSE_TIMEOUT, stream.transport.abortConnection)
        return self._closed

    @property
    def online(self) -> bool:
        """Whether there is a session that can be used, and its link is up."""
        # At the end of a session, handlers hear of it before the state is another one.
        return self._ready and self.status.state is ConnectionState.ONLINE

    @property
    def in_session(self) -> bool:
        """Whether there is a session; if its link is gone, what is sent waits for another one."""
        return self._ready

    def session_is_ready(self) -> None:
        """Note that everything is in place for the session to be used."""
        self._ready = True
        if not self._was_online:
            self._log.info("online as {jid}", jid=printable(self.jid.full(), MAX_JID))
            self._logged = ""
        self._was_online = True
        self._link_is_up()

    def give_up_session(self, error: XMPPError) -> None:
        """End a session that cannot be used; another try follows."""
        if self.xmlstream is not None:
            self.xmlstream.forget()
        self._cut(error)

    def look_alive(self) -> None:
        """Find out at once whether the link still holds, or try at once to have one again."""
        if self.online:
            self._keep_alive.ping()
        elif self.status.state is ConnectionState.WAITING:
            self.reconnect()

    def reconnect(self) -> None:
        """Try now what would be tried later; nothing happens if that is being done."""
        if "retry" in self._timers:
            self._cancel("retry")
            self._connect()

    def answer_only(self, knows: Callable[[str], bool]) -> None:
        """
        Answer requests of others as the server would if we were not there (RFC 6121 §8.5.3.2.3).

        :param knows: whether the sender of a request, as the server has stamped it, may know of us.
        """
        self._knows = knows
        self._courtesy = RequestBudget(self._reactor, knows)

    # ---- sending

    def send(self, obj: Any) -> None:
        """
        Send a stanza in the present session.

        wokkel would keep it for the next session, where it may be out of place.

        :raises NotConnected: if there is no session.
        """
        if not self._initialized:
            raise no_session()
        self.xmlstream.send(obj)

    def request(self, request: Request) -> Deferred[Any]:
        """
        Send a request and wait for its answer.

        :raises NotConnected: if there is no session.
        """
        if request.timeout is None:
            request.timeout = self.timeout
        if not self._initialized:
            raise no_session()
        answer: Deferred[Any] = super().request(request)
        return answer

    # ---- a connection is made and negotiated

    def _connect(self) -> None:
        if self.status.state is not ConnectionState.FAILED:
            self._set_state(ConnectionState.CONNECTING, self.status.cause)
        self._error = None
        self._unwelcome = False
        attempt = self._attempt = self._connector.connect(self._stream)
        attempt.addErrback(self._not_connected).addErrback(
            lambda failure: self._log.failure("connecting", failure)
        )

    async def _places(self) -> Sequence[Place]:
        if self._account.server is not None:
            return [Place(*self._account.server, self._account.direct_tls)]
        if self._resolver is None:
            self._resolver = system_resolver(self._reactor)
        return await look_up(self._resolver, self._asked_for.host)

    def _stream(self, place: Place) -> Stream:
        session = self.xmlstream.management if self._suspended else None
        authenticator = _Authenticator(
            self._asked_for,
            self._tls[place.direct_tls],
            self._log_in,
            direct_tls=place.direct_tls,
            session=session if session is not None and session.resumable else None,
        )
        stream = Stream(
            authenticator,
            self._reactor,
            self.budget,
            self._link_lost,
            knows=self._knows,
            answers=self._courtesy.allows,
            log_traffic=self._log_traffic,
        )
        self.factory.installBootstraps(stream)
        return stream

    def _not_connected(self, reason: Failure) -> None:
        if self.running:
            self._try_again(connection_error(reason.value, self._server_name))

    def _connected(self, xs: Any) -> None:
        self._negotiating = xs
        self.budget.reset()
        notice_dead_links(xs.transport)
        self._later("negotiation", NEGOTIATION_TIMEOUT, self._negotiation_timed_out)

    def _negotiation_timed_out(self) -> None:
        self._cut(silent(self._server_name, "stopped answering in the log-in"))

    def initializationFailed(self, reason: Failure) -> None:
        """Note why the negotiation failed, and close."""
        self._cut(connection_error(reason.value, self._server_name))

    def _authd(self, xs: Any) -> None:
        self._negotiating = None
        if xs.resumed_at is None:
            self._begin_session(xs)
        elif self._suspended:
            self._resume_session(xs)
        else:
            # It was given up in the meantime.
            xs.transport.abortConnection()

    # ---- a session begins, is interrupted, is resumed, and ends

    def _begin_session(self, xs: Any) -> None:
        if self._suspended:
            self._log.info("the server does not know the session any more; this is a new one")
            self._end_session(Failure(ConnectionLost()))
            self._set_state(ConnectionState.CONNECTING, self.status.cause)
        # The resource may be another one than was asked for.
        self.jid = xs.authenticator.jid
        if self.jid.userhost() != self._asked_for.userhost():
            self._log.warn(
                "the server has logged us in as {given}, not as {asked}",
                given=printable(self.jid.userhost(), MAX_JID),
                asked=printable(self._asked_for.userhost(), MAX_JID),
            )
        if self._asked_for.resource not in (None, self.jid.resource):
            self._log.warn(
                "the server gives us {given!r} in place of the resource {asked!r}: if it gives "
                "another each time, choose another one with --jid user@domain/resource",
                given=printable(self.jid.resource),
                asked=printable(self._asked_for.resource),
            )
        StreamManager._connected(self, xs)  # noqa: SLF001  # that of wokkel, overridden above
        StreamManager._authd(self, xs)  # noqa: SLF001  # same
        self._keep_alive.start(xs)
        xs.release()

    def _resume_session(self, xs: Stream) -> None:
        self._suspended = False
        self._cancel("resumable")
        self._resumptions += 1
        self.xmlstream.take_over(xs)
        self._keep_alive.start(self.xmlstream)
        self._link_is_up()

    def _link_is_up(self) -> None:
        self._cancel("negotiation")
        self._later("settled", SETTLED_AFTER, self._settled)
        if self._logged:
            self._log.info("connected again")
            self._logged = ""
        self._set_state(ConnectionState.ONLINE)

    def _settled(self) -> None:
        self._backoff.reset()
        self._resumptions = 0

    def _link_is_dead(self) -> None:
        self._cut(silent(self._server_name, "stopped answering"))

    def _cut(self, error: XMPPError) -> None:
        """Break the link off; what follows is decided when it is lost."""
        self._error = self._error or error
        stream = self._negotiating or (None if self._suspended else self.xmlstream)
        if stream is not None:
            stream.transport.abortConnection()

    def _stream_error(self, reason: Failure) -> None:
        in_session = self._negotiating is None
        self._error = self._error or connection_error(
            reason.value, self._server_name, in_session=in_session
        )
        if isinstance(reason.value, StreamError) and reason.value.condition in UNWELCOME:
            self._unwelcome = True
        if in_session and self.xmlstream is not None:
            self.xmlstream.forget()
        if isinstance(reason.value, ParserError):
            # What comes after it has no meaning, and the server may leave it at that.
            self._cut(self._error)

    def _disconnected(self, _reason: Any) -> None:
        """Pass over how wokkel hears of a stream's end: :meth:`_link_lost` says of which one."""

    def _link_lost(self, stream: Stream, reason: Failure) -> None:
        error = self._error or connection_error(reason.value, self._server_name)
        self._cancel("negotiation", "settled", "close")
        self._keep_alive.stop()
        if stream is self._negotiating:
            self._negotiating = None
            self._connector.disappointed()
            stream.end(reason)
        elif stream is self.xmlstream and self._resumable:
            self._suspended = True
            stream.suspend()
            self._later("resumable", RESUMABLE_FOR, self._session_expired)
        elif stream is self.xmlstream:
            self._end_session(reason)
        if self.running:
            self._try_again(error)
        else:
            self._finish()

    @property
    def _resumable(self) -> bool:
        management = self.xmlstream.management
        return (
            self.running
            and self._ready
            and management is not None
            and management.resumable
            and self._resumptions < MAX_RESUMPTIONS
        )

    def _session_expired(self) -> None:
        self._end_session(Failure(ConnectionLost()))
        self._set_state(self.status.state, self.status.cause, self.status.next_try)

    def _end_session(self, reason: Failure) -> None:
        stream = self.xmlstream
        if stream is None:
            return
        self._ready = self._suspended = False
        self._resumptions = 0
        self._cancel("resumable")
        StreamManager._disconnected(self, reason)  # noqa: SLF001  # that of wokkel, overridden above
        stream.end(reason)

    def _try_again(self, error: XMPPError) -> None:
        """Say why there is no connection, and decide when the next try is."""
        refused = isinstance(error, LogInRefused) and not may_pass(error)
        if isinstance(error, LogInRefused):
            self._end_session(Failure(ConnectionLost()))
            first = not self._was_online and is_final(error, proven=self._account.proven)
            if first or is_displaced(error):
                self._set_state(ConnectionState.FAILED, error)
                self._fatal(error)
                return
        if str(error) != self._logged:
            self._logged = str(error)
            self._log.warn("not connected: {error}", error=str(error))
        patient = refused or self._unwelcome
        delay = self._backoff.longest() if patient else self._backoff.next()
        self._later("retry", delay, self._connect)
        state = ConnectionState.FAILED if refused else ConnectionState.WAITING
        self._set_state(state, error, self._wall() + delay)

    # ---- odds and ends

    def _say_goodbye(self, stream: Stream) -> None:
        if stream is self.xmlstream:
            stream.send(unavailable())
        # Without it the server would keep the session for a resumption, and us online.
        stream.sendFooter()
        stream.transport.loseConnection()

    def _finish(self) -> None:
        self._end_session(Failure(ConnectionDone()))
        self._set_state(ConnectionState.WAITING, _shut_down())
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.callback(None)

    @property
    def _server_name(self) -> str:
        if self._account.server is None:
            return str(self._asked_for.host)
        host, port = self._account.server
        return f"{host}:{port}"

    def _set_state(
        self,
        state: ConnectionState,
        cause: BitweenError | None = None,
        next_try: float | None = None,
    ) -> None:
        self.status = ConnectionStatus(
            self.jid.full(),
            state,
            self._wall(),
            "" if cause is None else str(cause),
            self._suspended,
            cause,
            next_try,
        )
        self.changes.notify(self.status)

    def _later(self, name: str, delay: float, call: Callable[[], object]) -> None:
        self._cancel(name)

        def due() -> None:
            del self._timers[name]
            call()

        self._timers[name] = self._reactor.callLater(delay, due)

    def _cancel(self, *names: str) -> None:
        for name in names:
            timer = self._timers.pop(name, None)
            if timer is not None:
                timer.cancel()


def _shut_down() -> NotConnected:
    return NotConnected("shut down", detail="shut_down")
