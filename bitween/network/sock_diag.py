"""
Asks the kernel about one TCP socket of this machine (sock_diag(7)).

One query takes 0.1 ms; reading the whole table takes about 10 ms.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NLMSG_ERROR = 20, 1, 2
_ANY = 0xFFFFFFFF
# A socket that is bound to an interface is found by that only (LOOPBACK_IFINDEX, net/flow.h).
_LOOPBACK = 1
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI")
_PORTS = struct.Struct("!HH")
_INTERFACE_AND_COOKIE = struct.Struct("=III")
_STATE = struct.Struct("=BB")
# After the state and what identifies the socket: expiry, queues, user, inode.
_REST, _REST_AT = struct.Struct("=IIIII"), 52

_NOWHERE = {socket.AF_INET: ("0.0.0.0", 0), socket.AF_INET6: ("::", 0)}  # noqa: S104  # not bound


@dataclass(frozen=True, slots=True)
class KernelSocket:
    """
    A socket.

    :param state: as in include/net/tcp_states.h.
    :param user: the id of its user.
    :param held: whether a program holds it; if not, the user is always 0.
    """

    state: int
    user: int
    held: bool


class SocketTable:
    """The kernel's sockets, as long as this is open."""

    def __init__(self) -> None:
        """:raises OSError: if the kernel cannot be asked."""
        self._kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
        self._kernel.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._kernel.close()

    def find(
        self, local: tuple[str, int], remote: tuple[str, int] | None = None
    ) -> KernelSocket | None:
        """
        Find a socket by its own address and port, and those to which it is connected.

        :param local: IP address and port of the socket itself.
        :param remote: IP address and port of its other end; ``None`` for the one that listens.
        :raises OSError: if the kernel does not tell.
        """
        family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
        remote = remote or _NOWHERE[family]
        asked = (
            _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY)
            + _PORTS.pack(local[1], remote[1])
            + _packed(family, local[0])
            + _packed(family, remote[0])
            + _INTERFACE_AND_COOKIE.pack(_LOOPBACK, _ANY, _ANY)
        )
        size = _HEADER.size + len(asked)
        self._kernel.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + asked)
        # The kernel answers before ``send`` returns.
        return _found(self._kernel.recv(8192))


def _packed(family: int, host: str) -> bytes:
    return socket.inet_pton(family, host.partition("%")[0]).ljust(16, b"\0")


def _found(answer: bytes) -> KernelSocket | None:
    body = answer[_HEADER.size :]
    if _HEADER.unpack_from(answer)[1] == _NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", body)
        if -code == errno.ENOENT:
            return None
        raise OSError(-code, os.strerror(-code))
    _, state = _STATE.unpack_from(body)
    *_, user, inode = _REST.unpack_from(body, _REST_AT)
    return KernelSocket(state, user, bool(inode))
