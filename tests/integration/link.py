"""A link to a server that can be cut without either end being told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import connectionDone
from twisted.protocols.portforward import (
    ProxyClient,
    ProxyClientFactory,
    ProxyFactory,
    ProxyServer,
)
from twisted.python.failure import Failure


class Link(ProxyFactory):
    """
    Forwards TCP connections to a server.

    While it is cut it is a black hole: connections stand, new ones are taken, and neither bytes
    nor the end of a connection come through.
    """

    noisy = False

    def __init__(self, host: str, port: int, *, cut_after: bytes | None = None) -> None:
        """
        :param host: where to forward to.
        :param cut_after: something that the server says and that still arrives.
        """
        super().__init__(host, port)
        self.protocol = _ServerEnd
        self._up = True
        self._cut_after = cut_after
        self._held: list[Callable[[], None]] = []

    def cut(self) -> None:
        """Let nothing through any more, in either direction."""
        self._up = False

    def mend(self) -> None:
        """Let everything through, what was held up first."""
        self._up = True
        held, self._held = self._held, []
        for pass_on in held:
            pass_on()

    def said(self, data: bytes) -> None:
        """Look at what the server said."""
        if self._cut_after is not None and self._cut_after in data:
            self._cut_after = None
            self.cut()

    def through(self, pass_on: Callable[[], None]) -> None:
        """Do something now, or when the link is mended."""
        if self._up:
            pass_on()
        else:
            self._held.append(pass_on)


class _ClientEnd(ProxyClient):
    """Towards the server."""

    factory: Any  # a _ClientEndFactory, which portforward tells of its server

    def dataReceived(self, data: bytes) -> None:
        link = self.factory.server.factory
        link.through(lambda: ProxyClient.dataReceived(self, data))
        link.said(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.server.factory.through(lambda: ProxyClient.connectionLost(self, reason))


class _ClientEndFactory(ProxyClientFactory):
    noisy = False
    protocol = _ClientEnd


class _ServerEnd(ProxyServer):
    """Towards the daemon."""

    clientProtocolFactory = _ClientEndFactory
    factory: Any  # a Link

    def dataReceived(self, data: bytes) -> None:
        self.factory.through(lambda: ProxyServer.dataReceived(self, data))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.through(lambda: ProxyServer.connectionLost(self, reason))
