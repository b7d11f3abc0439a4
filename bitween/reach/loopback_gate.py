"""
Keeps other users of this machine away from our BitTorrent port at the relay's addresses.

Every user may dial from any address of loopback, so an address there says nothing of who dials.
The kernel drops what comes to our listening sockets from the relay's addresses, unless it comes
over TCP from a port that a socket of ours is bound to: no other socket can have that one.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from ipaddress import IPv4Network

from bitween.errors import BitweenError
from bitween.reach.shared_port import own_sockets

#: The addresses that the relay gives to contacts' devices.
PLACES = IPv4Network("127.1.0.0/16")

# asm-generic/socket.h and linux/filter.h; an offset from here on is one into the IP header.
_SO_ATTACH_FILTER = 26
_NETWORK_HEADER = -0x100000
_SOURCE_ADDRESS = _NETWORK_HEADER + 12
_SOURCE_PORT = 0  # of the TCP header
_LOAD_WORD, _LOAD_HALF, _AND, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x28, 0x54, 0x15, 0x06
_WHOLE, _NOTHING = 0xFFFFFFFF, 0


class LoopbackGate:
    """Lets only those connections from the relay's addresses in that are our own."""

    def __init__(self, listening: Callable[[], Collection[tuple[str, int]]]) -> None:
        """:param listening: address and port of each socket on which peers are accepted."""
        self._listening = listening
        self._allowed: dict[tuple[str, int], None] = {}

    def guard(self) -> None:
        """
        See to it that every listening socket is guarded.

        :raises BitweenError: if this system cannot do that.
        """
        ports = {port for address, port in self._listening() if ":" not in address}
        for holder in own_sockets():
            with holder:
                if _takes_peers(holder, ports):
                    over_tcp = holder.type == socket.SOCK_STREAM
                    _attach(holder, b"".join(_program(self._allowed if over_tcp else ())))

    def allow(self, source: tuple[str, int]) -> None:
        """
        Let in what comes from an address and port to which a socket of ours is bound.

        :raises BitweenError: if this system cannot do that.
        """
        self._allowed[source] = None
        self.guard()

    def forget(self, source: tuple[str, int]) -> None:
        """Let in no new connection from there; one that is made stays."""
        if self._allowed.pop(source, source) is None:
            self.guard()


def _takes_peers(held: socket.socket, ports: Collection[int]) -> bool:
    """Whether a socket accepts connections, or takes datagrams (uTP), on one of some ports."""
    if held.family != socket.AF_INET or held.getsockname()[1] not in ports:
        return False
    return held.type == socket.SOCK_DGRAM or bool(
        held.type == socket.SOCK_STREAM and held.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    )


def _attach(listening: socket.socket, program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program)
    attached = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
    except OSError as error:
        raise BitweenError(
            f"no relay: other users of this machine cannot be kept out of it: {error.strerror}",
            "the kernel has to know socket filters, as Linux does",
            detail="no_gate",
            values={"why": str(error.strerror)},
        ) from None


def _program(allowed: Collection[tuple[str, int]]) -> Iterator[bytes]:
    """The filter (classic BPF), as the kernel reads it."""
    yield _step(_LOAD_WORD, _SOURCE_ADDRESS)
    yield _step(_AND, int(PLACES.netmask))
    yield _step(_JUMP_IF_EQUAL, int(PLACES.network_address), skip_if=1)
    yield _step(_RETURN, _WHOLE)
    for host, port in allowed:
        yield _step(_LOAD_WORD, _SOURCE_ADDRESS)
        yield _step(_JUMP_IF_EQUAL, int.from_bytes(socket.inet_aton(host)), skip_unless=3)
        yield _step(_LOAD_HALF, _SOURCE_PORT)
        yield _step(_JUMP_IF_EQUAL, port, skip_unless=1)
        yield _step(_RETURN, _WHOLE)
    yield _step(_RETURN, _NOTHING)


def _step(code: int, operand: int, skip_if: int = 0, skip_unless: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_unless, operand & 0xFFFFFFFF)
