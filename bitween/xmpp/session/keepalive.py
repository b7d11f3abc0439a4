"""Notices a dead link by pings that get no answer (XEP-0199)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import xmlstream

from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.namespaces import NS_PING

#: seconds between two pings, and until one without an answer means a dead link: 35 together.
PING_INTERVAL = 25
PING_TIMEOUT = 10
#: seconds until the system closes a TCP connection that acknowledges nothing.
UNACKNOWLEDGED = 30


class KeepAlive:
    """Pings the server while there is a link."""

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, host: str, budget: TokenBucket, dead: Callable[[], None]
    ) -> None:
        """
        :param host: the domain to ping.
        :param budget: what it is overdrawn by prolongs the wait for an answer.
        :param dead: called without arguments when a ping over the present link has had no answer.
        """
        self._host = host
        self._budget = budget
        self._dead = dead
        self._stream: Any = None
        # A ping over one link says nothing about the next one.
        self._link: object = None
        self._pings = LoopingCall(self.ping)
        self._pings.clock = clock

    def start(self, stream: Any) -> None:
        """
        Begin with a new link.

        :param stream: the :class:`~bitween.xmpp.session.stream.Stream` of the session.
        """
        self._stream = stream
        self._link = object()
        self._pings.start(PING_INTERVAL, now=False).addErrback(
            lambda failure: self._log.failure("keep-alive ended", failure)
        )

    def stop(self) -> None:
        """Stop: the link is lost."""
        self._stream = self._link = None
        if self._pings.running:
            self._pings.stop()

    def ping(self) -> None:
        """Ping now."""
        ping = xmlstream.IQ(self._stream, "get")
        ping.addElement((NS_PING, "ping"))
        # A slow server first reads what we have sent before.
        ping.timeout = PING_TIMEOUT + self._budget.backlog
        ping.send(self._host).addErrback(self._not_answered, self._link)

    def _not_answered(self, reason: Failure, link: object) -> None:
        # An error is an answer too: the link is alive.
        if reason.check(xmlstream.TimeoutError) and link is self._link:
            self._dead()


def notice_dead_links(transport: Any) -> None:
    """
    Make the system close a connection on which nothing is acknowledged (RFC 5482).

    :param transport: a connection's; where the system or the transport offers no such option,
        nothing happens.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    handle = getattr(transport, "getHandle", lambda: None)()
    if option is not None and isinstance(handle, socket.socket):
        with contextlib.suppress(OSError):
            handle.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED * 1000)
