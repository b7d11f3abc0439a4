"""Asks a STUN server at which address and port it sees us (RFC 8489)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from aioice import stun
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import DatagramProtocol

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.network.shared_port import socket_towards

#: Seconds until a request is sent again, doubled each time (§6.2.1), and until it fails.
RETRANSMIT = 0.5
GIVE_UP = 5.0


@dataclass(frozen=True, slots=True)
class StunAnswer:
    """
    How a server sees us.

    :param own: the address and port that sent the request.
    :param seen: the address and port from which the server received it.
    :param other: another address and port of the server (RFC 5780 §7.4).
    """

    own: PeerAddress
    seen: PeerAddress
    other: PeerAddress | None = None


def ask(reactor: Any, server: PeerAddress, port: int) -> Deferred[StunAnswer | None]:
    """
    Ask one server; the Deferred can be cancelled.

    :param reactor: provides ``IReactorSocket`` and ``IReactorTime``.
    :param port: the local port to use if possible, which is the BitTorrent port.
    :returns: ``None`` if there is no answer within :data:`GIVE_UP`, or no route to the server.
    """
    asking = _Asking(reactor, server)
    try:
        with socket_towards(server, port) as ours:
            own = ours.getsockname()
            asking.own = PeerAddress.parse(own[0], own[1])
            reactor.adoptDatagramPort(ours.fileno(), ours.family, asking)
    except (OSError, InvalidValue):
        asking.end(None)
    return asking.answered


class _Asking(DatagramProtocol):
    """One request, and the socket that sends it."""

    own: PeerAddress
    # Twisted's interface does not know of sockets that are connected.
    transport: Any

    def __init__(self, reactor: Any, server: PeerAddress) -> None:
        self._reactor = reactor
        self._server = server
        self._request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        self._wait = RETRANSMIT
        self._timers: list[IDelayedCall] = []
        self.answered: Deferred[StunAnswer | None] = Deferred(lambda _: self.end(None))

    def startProtocol(self) -> None:
        # The socket is connected already; this call tells the transport.
        self.transport.connect(self._server.address, self._server.port)
        self._timers.append(self._reactor.callLater(GIVE_UP, self.end, None))
        self._send()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        del addr
        try:
            message = stun.parse_message(datagram)
        except (ValueError, struct.error):
            return
        if message.transaction_id != self._request.transaction_id:
            return
        if message.message_class == stun.Class.ERROR:
            self.end(None)
        elif message.message_class == stun.Class.RESPONSE:
            seen = _address(message.attributes.get("XOR-MAPPED-ADDRESS"))
            other = _address(message.attributes.get("OTHER-ADDRESS"))
            self.end(StunAnswer(self.own, seen, other) if seen is not None else None)

    def connectionRefused(self) -> None:
        self.end(None)

    def stopProtocol(self) -> None:
        # The reactor may close the socket by itself, for example when the server's port is closed.
        self.end(None)

    def end(self, answer: StunAnswer | None) -> None:
        """Give the answer, and close the socket."""
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._timers.clear()
        if self.transport is not None:
            self.transport.stopListening()
        if not self.answered.called:
            self.answered.callback(answer)

    def _send(self) -> None:
        try:
            self.transport.write(bytes(self._request))
        except OSError:
            # The network is down.
            self.end(None)
            return
        self._timers.append(self._reactor.callLater(self._wait, self._send))
        self._wait *= 2


def _address(attribute: tuple[str, int] | None) -> PeerAddress | None:
    try:
        return PeerAddress.parse(*attribute) if attribute is not None else None
    except InvalidValue:
        return None
