"""
Keeps other users of this machine away from our BitTorrent port.

Every user can dial from any address of the machine, so such an address does not identify the user,
and libtorrent accepts every connection from an allowed address.  So a socket filter in the kernel
checks what reaches our listening sockets over the loopback interface, which carries everything that
this machine sends to itself, whichever of its addresses is used:

* a connection can be made, but no data passes until :meth:`LoopbackGate.admit`: each accepted
  connection inherits the filter of the listening socket;
* from the relay's addresses no connection can be made, except from a port that one of our own
  sockets is bound to: no other socket can have that port;
* uTP does not pass, as the kernel knows no connections of it.

The filter drops data, it cannot hold it back: the first packet of an admitted connection comes with
TCP's retransmission, 0.2 s later.  The kernel sends a lone packet again no earlier, and only root
can change that for a peer's socket.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress

from bitween.errors import BitweenError
from bitween.model.route import RELAY_NETWORK
from bitween.network.shared_port import own_sockets

# asm-generic/socket.h, linux/if_arp.h and linux/filter.h; an offset from here on is one into the
# IP header, and others are into that of TCP.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_NETWORK_HEADER = -0x100000
_SOURCE_ADDRESS = _NETWORK_HEADER + 12
_INTERFACE_TYPE, _LOOPBACK = -0x1000 + 28, 772
_SOURCE_PORT = 0
_HEADER_LENGTH = 12  # words of 32 bits, in the upper half of this byte
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE, _LOAD_SIZE = 0x20, 0x28, 0x30, 0x80
_AND, _SHIFT_RIGHT, _TO_X, _SUBTRACT_X = 0x54, 0x74, 0x07, 0x1C
_JUMP_IF_EQUAL, _RETURN = 0x15, 0x06
_WHOLE, _NOTHING = 0xFFFFFFFF, 0


class LoopbackGate:
    """
    Filters the connections from this machine; only those of our own user may speak.

    :ivar holds: whether all listening sockets are known to be filtered.
    """

    def __init__(self, listening: Callable[[], Collection[tuple[str, int]]]) -> None:
        """:param listening: address and port of each socket on which peers are accepted."""
        self._listening = listening
        self._allowed: dict[tuple[str, int], None] = {}
        self.holds = False

    def guard(self) -> None:
        """
        Filter every listening socket.

        :raises BitweenError: if this system cannot do that.
        """
        self.holds = False
        ports = {port for _, port in self._listening()}
        for holder in own_sockets():
            with holder:
                if takes_peers(holder, ports):
                    _attach(holder, b"".join(_program(holder, self._allowed)))
        self.holds = True

    def allow(self, source: tuple[str, int]) -> None:
        """
        Accept connections from an address and port that one of our own sockets is bound to.

        :param source: IPv4 address and port.
        :raises BitweenError: if this system cannot do that.
        """
        self._allowed[source] = None
        self.guard()

    def forget(self, source: tuple[str, int]) -> None:
        """
        Accept no new connection from there; an existing one stays.

        :param source: IP address and port; one that was not allowed is no error.
        :raises BitweenError: if this system cannot filter.
        """
        if self._allowed.pop(source, source) is None:
            self.guard()

    def admit(self, connection: socket.socket) -> None:
        """Let data pass over a connection that one of our listening sockets accepted."""
        # There is no filter if the connection was allowed before, or is older than the filter.
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        self.forget(connection.getpeername()[:2])


def takes_peers(held: socket.socket, ports: Collection[int]) -> bool:
    """
    Whether a socket accepts connections, or takes datagrams (uTP), on one of some ports.

    :param held: any socket of this process.
    :param ports: those on which we accept peers.
    """
    if held.family not in (socket.AF_INET, socket.AF_INET6) or held.getsockname()[1] not in ports:
        return False
    if held.type == socket.SOCK_DGRAM:
        # libtorrent does not connect its UDP sockets.
        return not _is_connected(held)
    return held.type == socket.SOCK_STREAM and bool(
        held.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    )


def _is_connected(held: socket.socket) -> bool:
    try:
        held.getpeername()
    except OSError:
        return False
    return True


def _attach(listening: socket.socket, program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program)
    attached = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, attached)
    except OSError as error:
        raise BitweenError.of("failed.no_gate", why=str(error.strerror)) from None


def _program(guarded: socket.socket, allowed: Collection[tuple[str, int]]) -> Iterator[bytes]:
    """The filter, in classic BPF."""
    yield _step(_LOAD_WORD, _INTERFACE_TYPE)
    yield _step(_JUMP_IF_EQUAL, _LOOPBACK, skip_if=1)
    yield _step(_RETURN, _WHOLE)
    if guarded.type == socket.SOCK_DGRAM:
        yield _step(_RETURN, _NOTHING)
        return
    silent = [
        _step(_LOAD_BYTE, _HEADER_LENGTH),
        _step(_AND, 0xF0),
        _step(_SHIFT_RIGHT, 2),
        _step(_TO_X),
        _step(_LOAD_SIZE),
        _step(_SUBTRACT_X),
        _step(_JUMP_IF_EQUAL, 0, skip_if=1),
        _step(_RETURN, _NOTHING),
        _step(_RETURN, _WHOLE),
    ]
    if guarded.family == socket.AF_INET:
        yield _step(_LOAD_WORD, _SOURCE_ADDRESS)
        yield _step(_AND, int(RELAY_NETWORK.netmask))
        yield _step(_JUMP_IF_EQUAL, int(RELAY_NETWORK.network_address), skip_if=len(silent))
    yield from silent
    if guarded.family == socket.AF_INET:
        yield from _from_places(allowed)


def _from_places(allowed: Collection[tuple[str, int]]) -> Iterator[bytes]:
    for host, port in allowed:
        yield _step(_LOAD_WORD, _SOURCE_ADDRESS)
        yield _step(_JUMP_IF_EQUAL, int.from_bytes(socket.inet_aton(host)), skip_unless=3)
        yield _step(_LOAD_HALF, _SOURCE_PORT)
        yield _step(_JUMP_IF_EQUAL, port, skip_unless=1)
        yield _step(_RETURN, _WHOLE)
    yield _step(_RETURN, _NOTHING)


def _step(code: int, operand: int = 0, skip_if: int = 0, skip_unless: int = 0) -> bytes:
    return struct.pack("=HBBI", code, skip_if, skip_unless, operand & 0xFFFFFFFF)
