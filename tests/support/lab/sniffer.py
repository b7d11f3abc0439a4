"""Records what crosses a network segment, as an eavesdropper there could."""

from __future__ import annotations

import socket
from collections import defaultdict
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from tests.support.lab.network import Node

_ETH_P_ALL = 3
_ETHERNET = 14
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_BUFFER = 64 << 20
_TCP, _UDP = 6, 17


@implementer(IReadDescriptor)
class Sniffer:
    """
    Keeps the payload of each TCP and UDP flow over IPv4 and IPv6, from its making to its end.

    :ivar flows: by protocol, and addresses and ports of sender and receiver.
    """

    def __init__(self, switch: Node) -> None:
        """:param switch: each frame counts where it enters one of its ports."""
        self.flows: dict[tuple[Any, ...], bytearray] = defaultdict(bytearray)
        with switch.entered():
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)
            )
        # Beyond the limit of the kernel, as only the superuser may.
        self._socket.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
        self._socket.setblocking(False)
        reactor.addReader(self)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """What the log calls it."""
        return "sniffer"

    def connectionLost(self, _reason: object) -> None:
        """Called by the reactor when it stops."""

    def doRead(self) -> None:
        """Take what has come."""
        for _ in range(1000):
            try:
                frame, (port, _, kind, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            if kind != socket.PACKET_OUTGOING and port != "switch":
                self._take(memoryview(frame)[_ETHERNET:])

    def close(self) -> int:
        """
        Stop.

        :returns: how many frames were missed.
        """
        self.doRead()
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        reactor.removeReader(self)
        self._socket.close()
        return int.from_bytes(statistics[4:], "little")

    def _take(self, packet: memoryview) -> None:
        if len(packet) < 40:
            return
        if packet[0] >> 4 == 4:
            head, protocol = (packet[0] & 15) * 4, packet[9]
            ends = bytes(packet[12:20])
            packet = packet[: int.from_bytes(packet[2:4], "big")]
        else:
            head, protocol, ends = 40, packet[6], bytes(packet[8:40])
        segment = packet[head:]
        if protocol == _TCP:
            payload = segment[(segment[12] >> 4) * 4 :]
        elif protocol == _UDP:
            payload = segment[8:]
        else:
            return
        self.flows[protocol, ends, bytes(segment[:4])] += payload
