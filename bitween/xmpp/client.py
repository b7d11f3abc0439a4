"""The connection to the XMPP server: made, verified, kept alive, made again, closed cleanly."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConnector, IDelayedCall
from twisted.internet.protocol import ClientFactory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import client as jabber_client
from twisted.words.protocols.jabber import xmlstream
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish.xmlstream import (
    STREAM_ERROR_EVENT,
    XmlStreamFactoryMixin,
)
from wokkel.client import XMPPClient, XMPPClientConnector
from wokkel.generic import Request
from wokkel.ping import NS_PING
from wokkel.subprotocols import StreamManager

from bitween.errors import LogInRefused, NotConnected, XMPPError
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.observable import Observable
from bitween.xmpp.backoff import Backoff
from bitween.xmpp.budget import ByteBudget
from bitween.xmpp.failures import UNWELCOME, connection_error
from bitween.xmpp.jids import parse_account
from bitween.xmpp.sasl import LogInInitializer
from bitween.xmpp.stream import REQUEST_TIMEOUT, Stream
from bitween.xmpp.tls import connection_options

#: seconds from the TCP connection to a session that can be used.
NEGOTIATION_TIMEOUT = 30
#: seconds between two pings (XEP-0199), and until one without an answer means a dead link.
PING_INTERVAL = 30
PING_TIMEOUT = 10
#: seconds that a session has to last before the next drop is taken for the first one.
SETTLED_AFTER = 10
#: seconds until a TCP connection that acknowledges nothing is given up by the system.
UNACKNOWLEDGED = 30
#: seconds for the server to close its side at the end.
CLOSE_TIMEOUT = 3


@dataclass(frozen=True, slots=True)
class Account:
    """
    How to reach and use an XMPP account.

    :param jid: ``user@domain``, or with a resource; without one the server chooses.
    :param server: host and port in place of the look-up of RFC 6120 §3.2.
    :param ca_pem: PEM of further trust roots.
    :param plain_allowed: whether the password may be told to the server, over verified TLS, where
        that offers nothing better.
    """

    jid: str
    password: str = field(repr=False)
    server: tuple[str, int] | None = None
    ca_pem: bytes | None = field(default=None, repr=False)
    plain_allowed: bool = False


class _Authenticator(xmlstream.ConnectAuthenticator):
    """Negotiates a stream: TLS, log-in, resource."""

    namespace = "jabber:client"

    def __init__(self, jid: JID, account: Account) -> None:
        super().__init__(jid.host)
        self.jid = jid
        self.password = account.password
        self._asked_for = jid
        self._tls = connection_options(jid.host, account.ca_pem)
        self._plain_allowed = account.plain_allowed

    def associateWithStream(self, xs: Any) -> None:
        """Begin a negotiation."""
        super().associateWithStream(xs)
        # Binding puts the JID that the server gave in its place.
        self.jid = self._asked_for
        xs.initializers = [
            jabber_client.CheckVersionInitializer(xs),
            xmlstream.TLSInitiatingInitializer(xs, required=True, configurationForTLS=self._tls),
            LogInInitializer(xs, plain_allowed=self._plain_allowed),
            jabber_client.BindInitializer(xs, required=True),
            jabber_client.SessionInitializer(xs, required=False),
        ]


class _Factory(XmlStreamFactoryMixin, ClientFactory):
    """Makes streams; when to connect again is the client's business."""

    protocol = Stream
    noisy = False

    def __init__(self, authenticator: _Authenticator, **stream_options: Any) -> None:
        super().__init__(authenticator, **stream_options)
        self.authenticator = authenticator
        self.failed: Callable[[Failure], None] = lambda _: None

    def clientConnectionFailed(self, _connector: IConnector, reason: Failure) -> None:
        self.failed(reason)


class Client(XMPPClient):
    """
    A service that stays logged in.

    Handlers are called as wokkel does it: ``connectionInitialized`` after the log-in.  One of them
    has to call :meth:`session_is_ready`, upon which the state is online.

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
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param fatal: called if the first log-in is refused for good; there is no other try then.
        :raises InvalidValue: if the JID is none.
        :raises ConfigurationError: if ``ca_pem`` holds no certificate.
        """
        self.jid = parse_account(account.jid)
        self._asked_for = self.jid
        self._account = account
        self._fatal = fatal
        self.budget = ByteBudget(reactor)
        authenticator = _Authenticator(self.jid, account)
        factory = _Factory(
            authenticator, clock=reactor, budget=self.budget, log_traffic=log_traffic
        )
        factory.failed = self._attempt_failed
        # XMPPClient's own constructor would make a factory that knows neither TLS options nor us.
        StreamManager.__init__(self, factory, reactor)
        factory.addBootstrap(STREAM_ERROR_EVENT, self._stream_error)
        self._backoff = backoff or Backoff()
        self._was_online = False
        self._error: XMPPError | None = None
        self._unwelcome = False
        self._connection: Any = None
        self._timers: dict[str, IDelayedCall] = {}
        self._pings = LoopingCall(self._ping)
        self._pings.clock = reactor
        self._closed: Deferred[None] | None = None
        self.changes: Observable[ConnectionStatus] = Observable()
        self.status = ConnectionStatus(
            self.jid.full(), ConnectionState.CONNECTING, reactor.seconds()
        )

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
        for name in list(self._timers):
            self._cancel(name)
        stream = self.xmlstream
        if stream is None:
            if self._connection is not None:
                self._connection.disconnect()
            self._set_state(ConnectionState.WAITING, "shut down")
            return succeed(None)
        self._closed = Deferred()
        self._say_goodbye(stream)
        self._later("close", CLOSE_TIMEOUT, stream.transport.abortConnection)
        return self._closed

    @property
    def online(self) -> bool:
        """Whether there is a session that can be used."""
        return self.status.state is ConnectionState.ONLINE

    def session_is_ready(self) -> None:
        """Note that everything is in place for the session to be used."""
        self._cancel("negotiation")
        self._was_online = True
        self._later("settled", SETTLED_AFTER, self._backoff.reset)
        self._set_state(ConnectionState.ONLINE)

    def give_up_session(self, error: XMPPError) -> None:
        """End a session that cannot be used; another try follows."""
        self._error = self._error or error
        if self.xmlstream is not None:
            self.xmlstream.transport.abortConnection()

    # ---- sending

    def send(self, obj: Any) -> None:
        """
        Send a stanza in the present session.

        wokkel would keep it for the next session, where it may be out of place.

        :raises NotConnected: if there is no session.
        """
        if not self._initialized:
            raise NotConnected("there is no connection to the XMPP server", "try again later")
        self.xmlstream.send(obj)

    def request(self, request: Request) -> Deferred[Any]:
        """
        Send a request and wait for its answer.

        :raises NotConnected: if there is no session.
        """
        if request.timeout is None:
            request.timeout = self.timeout
        if not self._initialized:
            raise NotConnected("there is no connection to the XMPP server", "try again later")
        answer: Deferred[Any] = super().request(request)
        return answer

    # ---- a connection comes, is negotiated, and goes

    def _connect(self) -> None:
        if self.status.state is not ConnectionState.FAILED:
            self._set_state(ConnectionState.CONNECTING, self.status.error)
        self._error = None
        self._unwelcome = False
        if self._connection is None:
            self._connection = self._getConnection()
        else:
            self._connection.connect()

    def _getConnection(self) -> Any:
        if self._account.server is not None:
            host, port = self._account.server
            return self._reactor.connectTCP(host, port, self.factory)
        connector = XMPPClientConnector(
            self._reactor, self._asked_for.host.encode("idna"), self.factory
        )
        connector.connect()
        return connector

    def _attempt_failed(self, reason: Failure) -> None:
        self._ended(connection_error(reason.value, self._server_name))

    def _connected(self, xs: Any) -> None:
        self.budget.reset()
        _notice_dead_links(xs.transport)
        self._later("negotiation", NEGOTIATION_TIMEOUT, self._negotiation_timed_out)
        super()._connected(xs)

    def _negotiation_timed_out(self) -> None:
        self.give_up_session(NotConnected(f"{self._server_name} stopped answering in the log-in"))

    def _authd(self, xs: Any) -> None:
        super()._authd(xs)
        self._pings.start(PING_INTERVAL, now=False).addErrback(
            lambda failure: self._log.failure("keep-alive ended", failure)
        )

    def initializationFailed(self, reason: Failure) -> None:
        """Note why the negotiation failed, and close."""
        self._error = self._error or connection_error(reason.value, self._server_name)
        if self.xmlstream is not None:
            self.xmlstream.transport.abortConnection()

    def _stream_error(self, reason: Failure) -> None:
        self._error = self._error or connection_error(reason.value, self._server_name)
        if isinstance(reason.value, StreamError) and reason.value.condition in UNWELCOME:
            self._unwelcome = True

    def _disconnected(self, reason: Any) -> None:
        if self._pings.running:
            self._pings.stop()
        if not isinstance(reason, Failure):
            reason = Failure(ConnectionDone())
        super()._disconnected(reason)
        if self.running:
            self._ended(self._error or connection_error(reason.value, self._server_name))
        elif self._closed is not None:
            self._cancel("close")
            self._set_state(ConnectionState.WAITING, "shut down")
            closed, self._closed = self._closed, None
            closed.callback(None)

    def _ended(self, error: XMPPError) -> None:
        """Decide what follows upon a connection that ended or did not come about."""
        for name in list(self._timers):
            self._cancel(name)
        if not self.running:
            return
        self._log.warn("not connected: {error}", error=str(error))
        refused = isinstance(error, LogInRefused)
        self._set_state(ConnectionState.FAILED if refused else ConnectionState.WAITING, str(error))
        if isinstance(error, LogInRefused) and not self._was_online:
            self._fatal(error)
            return
        patient = refused or self._unwelcome
        delay = self._backoff.longest() if patient else self._backoff.next()
        self._later("retry", delay, self._connect)

    @property
    def _server_name(self) -> str:
        if self._account.server is None:
            return str(self._asked_for.host)
        host, port = self._account.server
        return f"{host}:{port}"

    # ---- keep-alive

    def _ping(self) -> None:
        stream = self.xmlstream
        if stream is None:
            return
        ping = xmlstream.IQ(stream, "get")
        ping.addElement((NS_PING, "ping"))
        # A slow server first reads what was sent before.
        ping.timeout = PING_TIMEOUT + self.budget.backlog
        ping.send(self._asked_for.host).addErrback(self._ping_failed, stream)

    def _ping_failed(self, reason: Failure, stream: Any) -> None:
        # An error is an answer too: the link is alive.
        if reason.check(xmlstream.TimeoutError) and stream is self.xmlstream:
            self.give_up_session(NotConnected(f"{self._server_name} stopped answering"))

    # ---- odds and ends

    def _say_goodbye(self, stream: Any) -> None:
        if self._initialized:
            stream.send("<presence type='unavailable'/>")
        stream.sendFooter()
        stream.transport.loseConnection()

    def _set_state(self, state: ConnectionState, error: str = "") -> None:
        self.status = ConnectionStatus(self.jid.full(), state, self._reactor.seconds(), error)
        self.changes.notify(self.status)

    def _later(self, name: str, delay: float, call: Callable[[], object]) -> None:
        self._cancel(name)

        def due() -> None:
            del self._timers[name]
            call()

        self._timers[name] = self._reactor.callLater(delay, due)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def _notice_dead_links(transport: Any) -> None:
    """Have the system give up a connection on which nothing is acknowledged (RFC 5482)."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    handle = getattr(transport, "getHandle", lambda: None)()
    if option is not None and isinstance(handle, socket.socket):
        with contextlib.suppress(OSError):
            handle.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED * 1000)
