"""A STUN server on a UDP socket, whose answers a test may bend (RFC 8489)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aioice import stun
from twisted.internet.interfaces import IUDPTransport
from twisted.internet.protocol import DatagramProtocol

#: Makes the answer to a request that came from an address.
Bend = Callable[[stun.Message, tuple[str, int]], bytes | None]


def answer(
    request: stun.Message, seen: tuple[str, int], other: tuple[str, int] | None = None
) -> bytes:
    """A server's answer with the client's address (§12) and its own other one (RFC 5780 §7.4)."""
    said = {"XOR-MAPPED-ADDRESS": seen[:2]}
    if other is not None:
        said["OTHER-ADDRESS"] = other
    kind = stun.Class.RESPONSE
    return bytes(stun.Message(request.message_method, kind, request.transaction_id, said))


def error(request: stun.Message, _: tuple[str, int]) -> bytes:
    """How a server refuses."""
    why = {"ERROR-CODE": (500, "no")}
    kind = stun.Class.ERROR
    return bytes(stun.Message(request.message_method, kind, request.transaction_id, why))


class StunServer(DatagramProtocol):
    """
    Answers binding requests.

    :ivar asked: from where each request came.
    """

    transport: IUDPTransport

    def __init__(self, bend: Bend = answer) -> None:
        self.asked: list[tuple[str, int]] = []
        self._bend = bend

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Answer, if that is to be."""
        request = stun.parse_message(datagram)
        assert request.message_method is stun.Method.BINDING
        assert request.message_class is stun.Class.REQUEST
        self.asked.append(addr)
        said = self._bend(request, addr)
        if said is not None:
            self.transport.write(said, addr)
