"""Listens in on a way to a swarm, and reads what TLS tells in the clear."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet import reactor as installed
from twisted.internet.protocol import DatagramProtocol
from twisted.protocols import portforward
from twisted.trial.unittest import TestCase

from bitween.model.address import PeerAddress

reactor = cast(Any, installed)

_HANDSHAKE, _SERVER_HELLO = 22, 2
_KEY_SHARE, _SUPPORTED_VERSIONS = 51, 43


class TcpTap:
    """
    Passes TCP connections on to an address.

    :ivar address: where to connect to.
    :ivar sent: what the dialling side sent, over all connections.
    :ivar answered: what the other side sent.
    """

    def __init__(self, test: TestCase, target: PeerAddress) -> None:
        """:param test: at whose end it stops."""
        self.sent, self.answered = bytearray(), bytearray()
        tap = self

        class Client(portforward.ProxyClient):
            def dataReceived(self, data: bytes) -> None:
                tap.answered += data
                super().dataReceived(data)

        class Clients(portforward.ProxyClientFactory):
            protocol = Client
            noisy = False

        class Server(portforward.ProxyServer):
            clientProtocolFactory = Clients

            def dataReceived(self, data: bytes) -> None:
                tap.sent += data
                super().dataReceived(data)

        factory = portforward.ProxyFactory(target.address, target.port)
        factory.protocol, factory.noisy = Server, False
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        test.addCleanup(port.stopListening)
        self.address = PeerAddress("127.0.0.1", port.getHost().port)

    @property
    def heard(self) -> bytes:
        """Everything, of both directions."""
        return bytes(self.sent + self.answered)


class UdpTap(DatagramProtocol):
    """
    Passes datagrams on between an address and one peer.

    :ivar address: where the peer sends to.
    :ivar heard: everything, of both directions.
    """

    noisy = False

    def __init__(self, test: TestCase, target: PeerAddress) -> None:
        """:param test: at whose end it stops."""
        self.heard = bytearray()
        self._target = target.address, target.port
        self._peer: tuple[str, int] | None = None
        port = reactor.listenUDP(0, self, interface="127.0.0.1", maxPacketSize=65536)
        test.addCleanup(port.stopListening)
        self.address = PeerAddress("127.0.0.1", port.getHost().port)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Pass it on to the other one."""
        self.heard += datagram
        if addr != self._target:
            self._peer = addr
        to = self._peer if addr == self._target else self._target
        if to is not None and self.transport is not None:
            self.transport.write(datagram, to)


@dataclass(frozen=True)
class ServerHello:
    """
    What a server chose (RFC 8446 section 4.1.3).

    :param group: the key exchange; 0 if it names none.
    """

    version: int
    cipher: int
    group: int


def server_hello(answered: bytes) -> ServerHello:
    """Read the first message of a TLS server."""
    kind, _, size = struct.unpack_from("!BHH", answered)
    assert kind == _HANDSHAKE, answered[:20]
    message = answered[5 : 5 + size]
    assert message[0] == _SERVER_HELLO, message[:20]
    version = int.from_bytes(message[4:6], "big")
    at = 38 + 1 + message[38]
    cipher = int.from_bytes(message[at : at + 2], "big")
    at += 2 + 1 + 2
    group = 0
    while at < len(message):
        extension, length = struct.unpack_from("!HH", message, at)
        value = message[at + 4 : at + 4 + length]
        if extension == _SUPPORTED_VERSIONS:
            version = int.from_bytes(value, "big")
        elif extension == _KEY_SHARE:
            group = int.from_bytes(value[:2], "big")
        at += 4 + length
    return ServerHello(version, cipher, group)
