"""Opens a second UDP socket on a port that this process listens on."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from bitween.model.address import PeerAddress

_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  # compared, not bound


def socket_towards(remote: PeerAddress, port: int) -> socket.socket:
    """
    Open a UDP socket that is connected to a remote address, on our port if possible.

    Linux delivers packets from the remote address to the connected socket, and all others to the
    socket that had the port before.  ``getsockname`` tells whether the port could be had.

    :raises OSError: if there is no route to the remote address.
    """
    family = socket.AF_INET6 if remote.is_ipv6 else socket.AF_INET
    endpoint = (remote.address, remote.port)
    address = _own_address(family, endpoint)
    ours = socket.socket(family, socket.SOCK_DGRAM)
    try:
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError), _allowing_others(family, address, port):
            ours.bind((address, port))
        ours.connect(endpoint)
    except OSError:
        ours.close()
        raise
    return ours


def _own_address(family: int, remote: tuple[str, int]) -> str:
    """Our address on the route to a remote one; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as scout:
        scout.connect(remote)
        address: str = scout.getsockname()[0]
        return address


@contextmanager
def _allowing_others(family: int, address: str, port: int) -> Iterator[None]:
    """
    Let another socket bind to a port that our own sockets hold, for a moment.

    libtorrent does not set SO_REUSEADDR for UDP.  The option counts at the moment of a bind, so no
    other program can share the port afterwards.
    """
    with ExitStack() as opened:
        for holder in own_sockets():
            opened.enter_context(holder)
            if _is_bound(holder, family, address, port):
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                opened.callback(holder.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            else:
                holder.close()
        yield


def own_sockets() -> Iterator[socket.socket]:
    """Duplicate every socket of this process."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        # The descriptor may be no socket, or may just have been closed.
        with suppress(OSError):
            number = os.dup(descriptor)
            try:
                yield socket.socket(fileno=number)
            except OSError:
                os.close(number)


def _is_bound(held: socket.socket, family: int, address: str, port: int) -> bool:
    if held.family != family or held.type != socket.SOCK_DGRAM:
        return False
    name = held.getsockname()
    return name[1] == port and name[0] in (address, *_ANYWHERE)
