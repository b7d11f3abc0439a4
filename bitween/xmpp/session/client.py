"""
The session with the XMPP server: starts it, keeps it, resumes it, replaces it and closes it.

We distinguish a *link* (one connection with one stream) from a *session* (what the server knows us
by).  The states, as :class:`bitween.model.connection.ConnectionStatus` shows them:

========== ==================================================================================
CONNECTING a connection is being made or negotiated
ONLINE     a session is ready, and its link is up
WAITING    there is no link; the next attempt is scheduled
FAILED     the server refuses the log-in; the next attempt, if there is one, is much later
========== ==================================================================================

When a link is lost, the session is *suspended* if the server can resume it (XEP-0198): handlers are
not notified, requests stay open, and what is sent waits.  If the next link resumes it within 30 s,
:meth:`Stream.take_over <bitween.xmpp.session.stream.Stream.take_over>` carries the session
on.  Otherwise the old session ends, and handlers are notified, before a new one begins.

:class:`~bitween.xmpp.session.connector.Connector` makes connections,
:class:`~bitween.xmpp.session.stream_factory.StreamFactory` their streams,
:class:`~bitween.xmpp.session.keepalive.KeepAlive` notices dead links, and
:class:`~bitween.xmpp.session.retries.RetryPolicy` decides when to try again.
:class:`bitween.xmpp.messenger.Messenger` adds the handlers and follows the changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.xish.domish import ParserError
from twisted.words.xish.xmlstream import STREAM_ERROR_EVENT, BootstrapMixin
from wokkel.client import XMPPClient
from wokkel.generic import Request
from wokkel.subprotocols import StreamManager

from bitween.errors import BitweenError, LogInRefused, NotConnected, XMPPError
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.jid import MAX_JID
from bitween.model.text import printable
from bitween.util.backoff import Backoff
from bitween.util.observable import Observable
from bitween.xmpp.roster.presence import unavailable
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.connection_errors import UNWELCOME, connection_error
from bitween.xmpp.session.connector import Connector
from bitween.xmpp.session.dns import Place
from bitween.xmpp.session.errors import no_session
from bitween.xmpp.session.keepalive import KeepAlive, notice_dead_links
from bitween.xmpp.session.request_budget import RequestBudget
from bitween.xmpp.session.retries import RetryPolicy
from bitween.xmpp.session.send_budget import send_budget
from bitween.xmpp.session.stream import REQUEST_TIMEOUT, Stream
from bitween.xmpp.session.stream_factory import StreamFactory
from bitween.xmpp.session.stream_management import RESUMABLE_FOR
from bitween.xmpp.session.timers import Timers

#: seconds from the TCP connection to a session that can be used.
NEGOTIATION_TIMEOUT = 30
#: seconds that a link has to last before the next failure counts as the first one.
SETTLED_AFTER = 10
#: Links in a row that may break before a resumed session settles: it may be what breaks them.
MAX_RESUMPTIONS = 3
#: seconds for the server to close its side at the end.
CLOSE_TIMEOUT = 3


class Client(XMPPClient):
    """
    A service that stays logged in.

    One of the handlers has to call :meth:`session_is_ready` when the session can be used.

    :ivar jid: our JID; with the bound resource from the beginning of a session on.
    :ivar status: the state of the connection.
    :ivar changes: notifies of every new status.
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
        :param fatal: called if the first log-in is refused for good; no other attempt follows.
        :param account: the account to stay logged in to.
        :param log_traffic: whether the stream goes to the logger ``bitween.xmpp.traffic``.
        :param backoff: the delays between attempts; from 1 s to 60 s by default.
        :param resolver: the ``IResolver`` for SRV records; the system's name servers by default.
        :param wall: seconds since the epoch.
        :raises InvalidValue: if the JID is malformed.
        :raises ConfigurationError: if ``ca_pem`` holds no certificate.
        """
        self._streams = StreamFactory(reactor, account, resolver, log_traffic=log_traffic)
        self.jid = self._streams.jid
        self._fatal = fatal
        self._wall = wall
        self.budget = send_budget(reactor)
        # The constructor of XMPPClient would make a factory without our TLS options.
        StreamManager.__init__(self, BootstrapMixin(), reactor)
        self.answer_only(lambda _: True)
        self.factory.addBootstrap(STREAM_ERROR_EVENT, self._stream_error)
        self._connector = Connector(reactor, self._streams.places)
        self._keep_alive = KeepAlive(reactor, self.jid.host, self.budget, self._link_is_dead)
        self._retries = RetryPolicy(backoff or Backoff(), proven=account.proven)
        self._timers = Timers(reactor)
        self._ready = False
        self._suspended = False
        self._resumptions = 0
        self._error: XMPPError | None = None
        self._unwelcome = False
        self._attempt: Deferred[None] | None = None
        self._negotiating: Stream | None = None
        self._closed: Deferred[None] | None = None
        self.changes: Observable[ConnectionStatus] = Observable()
        self.status = ConnectionStatus(self.jid.full(), ConnectionState.CONNECTING, self._wall())

    def startService(self) -> None:
        """Begin to connect."""
        Service.startService(self)
        self._connect()

    def stopService(self) -> Deferred[None]:
        """
        Send our unavailable presence and close.

        :returns: fires when the connection is closed.
        """
        Service.stopService(self)
        self._timers.cancel_all()
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
        self._timers.start("close", CLOSE_TIMEOUT, stream.transport.abortConnection)
        return self._closed

    @property
    def online(self) -> bool:
        """Whether there is a session that can be used, and its link is up."""
        # At the end of a session, its handlers are notified before the state changes.
        return self._ready and self.status.state is ConnectionState.ONLINE

    @property
    def in_session(self) -> bool:
        """Whether there is a session; if its link is lost, what is sent waits for the next one."""
        return self._ready

    def session_is_ready(self) -> None:
        """Note that the session can be used."""
        self._ready = True
        if not self._retries.was_online:
            self._log.info("online as {jid}", jid=printable(self.jid.full(), MAX_JID))
        self._link_is_up()

    def give_up_session(self, error: XMPPError) -> None:
        """
        End a session that cannot be used; another attempt follows.

        :param error: why it cannot be used; shown as the cause in :attr:`status`.
        """
        if self.xmlstream is not None:
            self.xmlstream.forget()
        self._cut(error)

    def look_alive(self) -> None:
        """Check now whether the link is still up; if there is none, connect now."""
        if self.online:
            self._keep_alive.ping()
        elif self.status.state is ConnectionState.WAITING:
            self.reconnect()

    def reconnect(self) -> None:
        """Make the scheduled attempt now; do nothing if one is under way."""
        if "retry" in self._timers:
            self._timers.cancel("retry")
            self._connect()

    def answer_only(self, knows: Callable[[str], bool]) -> None:
        """
        Answer requests of other JIDs as the server would if we were offline (RFC 6121 §8.5.3.2.3).

        :param knows: whether a JID, as the server has stamped it, may know that we are online.
        """
        self._requests = RequestBudget(self._reactor, knows)

    def send(self, obj: Any) -> None:
        """
        Send a stanza in the current session.

        wokkel would keep it for the next session, where it may be out of place.

        :param obj: an element, or XML that is serialized already.
        :raises NotConnected: if there is no session.
        """
        if not self._initialized:
            raise no_session()
        self.xmlstream.send(obj)

    def request(self, request: Request) -> Deferred[Any]:
        """
        Send a request and wait for its answer.

        :param request: its ``timeout`` is in seconds; without one the stream's default is set.
        :returns: fires with the ``iq`` that answers; fails if that is an error, if none comes in
            time, or when the session ends.
        :raises NotConnected: if there is no session.
        """
        if request.timeout is None:
            request.timeout = self.timeout
        if not self._initialized:
            raise no_session()
        answer: Deferred[Any] = super().request(request)
        return answer

    def _connect(self) -> None:
        if self.status.state is not ConnectionState.FAILED:
            self._set_state(ConnectionState.CONNECTING, self.status.cause)
        self._error = None
        self._unwelcome = False
        attempt = self._attempt = self._connector.connect(self._stream)
        attempt.addErrback(self._not_connected).addErrback(
            lambda failure: self._log.failure("connecting", failure)
        )

    def _stream(self, place: Place) -> Stream:
        session = self.xmlstream.management if self._suspended else None
        stream = self._streams.make(place, self.budget, self._requests, self._link_lost, session)
        self.factory.installBootstraps(stream)
        return stream

    def _not_connected(self, reason: Failure) -> None:
        if self.running:
            self._try_again(connection_error(reason.value, self._streams.server_name))

    def _connected(self, xs: Any) -> None:
        self._negotiating = xs
        self.budget.reset()
        notice_dead_links(xs.transport)
        self._timers.start("negotiation", NEGOTIATION_TIMEOUT, self._negotiation_timed_out)

    def _negotiation_timed_out(self) -> None:
        host = self._streams.server_name
        self._cut(NotConnected.of("not_connected.silent_in_log_in", host=host))

    def initializationFailed(self, reason: Failure) -> None:
        """Note why the negotiation failed, and close."""
        self._cut(connection_error(reason.value, self._streams.server_name))

    def _authd(self, xs: Any) -> None:
        self._negotiating = None
        if xs.resumed_at is None:
            self._begin_session(xs)
        elif self._suspended:
            self._resume_session(xs)
        else:
            # The session has ended in the meantime.
            xs.transport.abortConnection()

    def _begin_session(self, xs: Any) -> None:
        if self._suspended:
            self._log.info("the server no longer knows the session; this is a new one")
            self._end_session(Failure(ConnectionLost()))
            self._set_state(ConnectionState.CONNECTING, self.status.cause)
        # The server may have bound another resource than the requested one.
        self.jid = xs.authenticator.jid
        StreamManager._connected(self, xs)  # noqa: SLF001  # that of wokkel, overridden above
        StreamManager._authd(self, xs)  # noqa: SLF001  # same
        self._keep_alive.start(xs)
        xs.release()

    def _resume_session(self, xs: Stream) -> None:
        self._suspended = False
        self._timers.cancel("resumable")
        self._resumptions += 1
        self.xmlstream.take_over(xs)
        self._keep_alive.start(self.xmlstream)
        self._link_is_up()

    def _link_is_up(self) -> None:
        self._timers.cancel("negotiation")
        self._timers.start("settled", SETTLED_AFTER, self._settled)
        self._retries.online()
        self._set_state(ConnectionState.ONLINE)

    def _settled(self) -> None:
        self._retries.settled()
        self._resumptions = 0

    def _link_is_dead(self) -> None:
        host = self._streams.server_name
        self._cut(NotConnected.of("not_connected.stopped_answering", host=host))

    def _cut(self, error: XMPPError) -> None:
        """Abort the link; :meth:`_link_lost` decides what follows."""
        self._error = self._error or error
        stream = self._negotiating or (None if self._suspended else self.xmlstream)
        if stream is not None:
            stream.transport.abortConnection()

    def _stream_error(self, reason: Failure) -> None:
        in_session = self._negotiating is None
        self._error = self._error or connection_error(
            reason.value, self._streams.server_name, in_session=in_session
        )
        if isinstance(reason.value, StreamError) and reason.value.condition in UNWELCOME:
            self._unwelcome = True
        if in_session and self.xmlstream is not None:
            self.xmlstream.forget()
        if isinstance(reason.value, ParserError):
            # Nothing after it can be parsed, and the server may not close the connection.
            self._cut(self._error)

    def _disconnected(self, _reason: Any) -> None:
        """Ignore wokkel's notice of a stream's end: :meth:`_link_lost` knows which stream it is."""

    def _link_lost(self, stream: Stream, reason: Failure) -> None:
        error = self._error or connection_error(reason.value, self._streams.server_name)
        self._timers.cancel("negotiation", "settled", "close")
        self._keep_alive.stop()
        if stream is self._negotiating:
            self._negotiating = None
            self._connector.negotiation_failed()
            stream.end(reason)
        elif stream is self.xmlstream and self._resumable:
            self._suspended = True
            stream.suspend()
            self._timers.start("resumable", RESUMABLE_FOR, self._session_expired)
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
        self._timers.cancel("resumable")
        StreamManager._disconnected(self, reason)  # noqa: SLF001  # that of wokkel, overridden above
        stream.end(reason)

    def _try_again(self, error: XMPPError) -> None:
        """Schedule the next attempt, or give up."""
        if isinstance(error, LogInRefused):
            self._end_session(Failure(ConnectionLost()))
            if self._retries.gives_up(error):
                self._set_state(ConnectionState.FAILED, error)
                self._fatal(error)
                return
        retry = self._retries.next(error, unwelcome=self._unwelcome)
        self._timers.start("retry", retry.delay, self._connect)
        state = ConnectionState.FAILED if retry.refused else ConnectionState.WAITING
        self._set_state(state, error, self._wall() + retry.delay)

    def _say_goodbye(self, stream: Stream) -> None:
        if stream is self.xmlstream:
            stream.send(unavailable())
        # Without it the server would keep the session, and us online, for a resumption.
        stream.sendFooter()
        stream.transport.loseConnection()

    def _finish(self) -> None:
        self._end_session(Failure(ConnectionDone()))
        self._set_state(ConnectionState.WAITING, _shut_down())
        closed, self._closed = self._closed, None
        if closed is not None:
            closed.callback(None)

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


def _shut_down() -> NotConnected:
    return NotConnected.of("not_connected.shut_down")
