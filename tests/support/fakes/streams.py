"""Streams between contacts that go over plain loopback connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from bitween.errors import RequestRefused
from bitween.model.route import RelayRoute
from bitween.network.relay_ports import RelayStream
from tests.support.fakes.loopback import listen


class FakeStream(Protocol):
    """A TCP connection that stays silent until a stream is joined to it."""

    transport: Any

    def __init__(self, jid: str, resource: str) -> None:
        self.jid = jid
        self.resource = resource
        self.ready: Deferred[FakeStream] = Deferred()

    def connectionMade(self) -> None:
        """Wait."""
        self.transport.pauseProducing()
        self.ready.callback(self)

    def begin(self, protocol: IProtocol) -> None:
        """Have a protocol speak over it."""
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        self.transport.resumeProducing()

    def abort(self) -> None:
        """Give it up."""
        self.transport.abortConnection()


class FakeStreams:
    """
    One side; two sides that are introduced to each other open streams to each other.

    :ivar refusing: whether nothing can be opened.
    :ivar opened: how many streams were asked for.
    :ivar make_room: what the relay does when there are too many.
    """

    def __init__(self, test: TestCase, jid: str, resource: str) -> None:
        self.jid = jid
        self.resource = resource
        self.refusing = False
        self.opened = 0
        self.other: FakeStreams
        self.make_room: Callable[[str], None]
        self._taker: Callable[[RelayStream], None]
        self.port = listen(test, Factory.forProtocol(self._incoming))

    def introduce(self, other: FakeStreams) -> None:
        """Let both open streams to each other."""
        self.other, other.other = other, self

    def find_relay(self, _jid: str, _resource: str) -> Deferred[RelayRoute]:
        """By a proxy."""
        done: Deferred[RelayRoute] = Deferred()
        done.callback(RelayRoute("proxy.localhost"))
        return done

    def accept(self, taker: Callable[[RelayStream], None]) -> None:
        """Set the callback for streams that contacts open to us."""
        self._taker = taker

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """Have room made where a stream is refused, which is up to the test."""
        self.make_room = make_room

    def open(self, jid: str, resource: str) -> Deferred[RelayStream]:
        """Open a stream to the other side."""
        return Deferred.fromCoroutine(self._open(jid, resource))

    async def _open(self, jid: str, resource: str) -> RelayStream:
        self.opened += 1
        if self.refusing or (jid, resource) != (self.other.jid, self.other.resource):
            raise RequestRefused("there is no such way")
        stream = FakeStream(jid, resource)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.other.port)
        await connectProtocol(endpoint, stream)
        return stream

    def _incoming(self) -> FakeStream:
        stream = FakeStream(self.other.jid, self.other.resource)
        stream.ready.addCallback(self._taker)
        return stream
