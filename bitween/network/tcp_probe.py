"""Tests whether an address answers: one TCP connection, closed at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError, ConnectingCancelledError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from bitween.model.address import PeerAddress


def dial(reactor: Any, address: PeerAddress, timeout: float) -> Deferred[bool]:
    """
    Connect to an address, without sending or reading anything.

    The Deferred can be cancelled.

    :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
    :param timeout: seconds.
    :returns: whether the address answered; fires when the connection is closed again.
    """
    kind = TCP6ClientEndpoint if address.is_ipv6 else TCP4ClientEndpoint
    endpoint = kind(reactor, address.address, address.port, timeout=timeout)
    return Deferred.fromCoroutine(_connect(endpoint))


async def _connect(endpoint: TCP4ClientEndpoint | TCP6ClientEndpoint) -> bool:
    probe = _Probe()
    try:
        await endpoint.connect(Factory.forProtocol(lambda: probe))
    except ConnectError:
        return False
    except ConnectingCancelledError:
        raise CancelledError from None
    await probe.closed
    return True


class _Probe(Protocol):
    """Closes the connection when it is made."""

    def __init__(self) -> None:
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        del reason
        self.closed.callback(None)
