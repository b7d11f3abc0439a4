"""Carries libtorrent's alerts to the reactor."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.ip_filter import Clock
from bitween.util.cooperate import SLICE


class SessionReactor(Clock, Protocol):
    """What the session needs of the reactor: parts of IReactorTime and IReactorFDSet."""

    def addReader(self, reader: IReadDescriptor) -> None:
        """
        Watch a file descriptor.

        :param reader: its ``doRead`` is called when its descriptor can be read.
        """

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Watch it no longer."""


@implementer(IReadDescriptor)
class AlertReader:
    """
    Fetches alerts when libtorrent has some: it then writes a byte into a socket that we watch.

    Alerts are valid only until the next batch is fetched.  One batch is therefore handled to its
    end, in slices between which the reactor runs, before another is fetched.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        session: lt.session,
        handling: Callable[[Iterable[lt.alert]], Iterator[object]],
    ) -> None:
        """
        :param handling: called with a batch of alerts; returns an iterator, each step of which
            handles some of them.
        """
        self._reactor = reactor
        self._session: lt.session | None = session
        self._handling = handling
        self._steps: Iterator[object] | None = None
        self._next_slice: IDelayedCall | None = None
        self._reading_end, self._writing_end = socket.socketpair()
        self._reading_end.setblocking(False)
        self._writing_end.setblocking(False)
        session.set_alert_fd(self._writing_end.fileno())
        reactor.addReader(self)

    def close(self) -> None:
        """Stop reading; alerts that are not handled yet are lost."""
        if self._session is None:
            return
        # libtorrent must let go of the descriptor before its number can mean something else.
        self._session.set_alert_fd(-1)
        self._session = None
        if self._next_slice is not None:
            self._next_slice.cancel()
        self._reactor.removeReader(self)
        self._reading_end.close()
        self._writing_end.close()

    def fileno(self) -> int:
        """The descriptor that the reactor watches."""
        return self._reading_end.fileno()

    def logPrefix(self) -> str:
        """The name under which the reactor logs errors."""
        return "libtorrent"

    def doRead(self) -> None:
        """Empty the socket, and begin to fetch alerts."""
        # libtorrent writes a byte when its queue queue non-empty.  To empty the socket after the
        # alerts were fetched could swallow the byte for later ones.
        try:
            while self._reading_end.recv(4096):
                pass
        except BlockingIOError:
            pass
        if self._steps is None:
            self._steps = self._fetching()
            self._run_slice()

    def _fetching(self) -> Iterator[object]:
        while self._session is not None and (alerts := self._session.pop_alerts()):
            yield from self._handling(alerts)

    def _run_slice(self) -> None:
        assert self._steps is not None
        self._next_slice = None
        until = self._reactor.seconds() + SLICE
        try:
            for _ in self._steps:
                # A handler closed the session, and its alerts went with it.
                if self._session is None:
                    return
                if self._reactor.seconds() >= until:
                    break
            else:
                self._steps = None
                return
        except Exception:
            # An exception here would take the reader out of the reactor.
            self._log.failure("reading alerts failed")
            self._steps = self._fetching()
        self._next_slice = self._reactor.callLater(0, self._run_slice)

    def connectionLost(self, reason: Failure) -> None:
        """Give up: the reactor cannot watch the socket any longer."""
        if self._session is not None:
            self._log.error("lost the socket that announces alerts: {reason}", reason=reason)
            self.close()
