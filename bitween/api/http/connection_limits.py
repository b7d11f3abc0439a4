"""
Limits how many HTTP connections are open, so that no client keeps the others out.

A connection belongs to one of three groups:

* *unauthenticated*, as every TCP connection at first.  There may be :data:`MAX_UNAUTHENTICATED`.
  While there are more, the oldest one of the network that has the most is aborted, so that a
  flood from one place ends its own connections.
* *authenticated*, from its first request with a valid token or session on.  There may be
  :data:`MAX_CONNECTIONS`.  When they are all in use, an idle one makes room, or else the oldest of
  the holder that has the most.  All guests together, that is, read-only callers, count as one
  holder, with however many log-ins: a guest cannot keep the owner out.
* *local*, which came by a Unix socket.  Only our own user can open that, so there is no limit.
"""

from __future__ import annotations

from collections import Counter
from typing import Generic, Protocol, TypeVar

from twisted.internet.interfaces import IReactorTime

from bitween.api.http.access import Caller

#: Authenticated connections at a time.
MAX_CONNECTIONS = 100
#: Unauthenticated connections at a time.
MAX_UNAUTHENTICATED = 64

#: Who has a connection, by token and session; None for all guests together.
_Holder = tuple[str | None, str | None] | None


class LimitedConnection(Protocol):
    """A connection that can be counted and aborted."""

    @property
    def idle(self) -> bool:
        """Whether no request is being received or answered on it."""

    def authenticated(self) -> None:
        """Handle that the connection joined the authenticated ones."""

    def abort(self) -> None:
        """Close the connection at once."""


Connection = TypeVar("Connection", bound=LimitedConnection)


class ConnectionLimits(Generic[Connection]):
    """Counts connections by group, and aborts those that exceed the limits."""

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        # With the network of each; oldest first.
        self._unauthenticated: dict[Connection, str] = {}
        # With the holder of each; oldest first.
        self._authenticated: dict[Connection, _Holder] = {}
        self._local: set[Connection] = set()
        self._trimming = False

    @property
    def connections(self) -> frozenset[Connection]:
        """Every connection of all groups."""
        return frozenset((*self._unauthenticated, *self._authenticated, *self._local))

    def add_local(self, connection: Connection) -> None:
        """Count a connection by a Unix socket."""
        self._local.add(connection)

    def add(self, connection: Connection, network: str) -> None:
        """
        Count a TCP connection, as an unauthenticated one.

        :param network: where it comes from; see :func:`bitween.api.http.network.network_of`.
        """
        self._unauthenticated[connection] = network
        if len(self._unauthenticated) > MAX_UNAUTHENTICATED and not self._trimming:
            self._trimming = True
            # Two turns later: a request that arrives with its connection is read in the next turn,
            # and may authenticate it.
            self._reactor.callLater(0, self._reactor.callLater, 0, self._trim)

    def authenticate(self, connection: Connection, caller: Caller) -> bool:
        """
        Move a connection to the authenticated ones, unless it is there or local.

        :returns: false if all places are in use and the caller has as many as anyone.
        """
        if connection not in self._unauthenticated:
            return True
        holder = _holder(caller)
        if len(self._authenticated) >= MAX_CONNECTIONS:
            dropped = next((other for other in self._authenticated if other.idle), None)
            dropped = dropped or self._oldest_of_largest_holder(holder)
            if dropped is None:
                return False
            self._drop(dropped)
        del self._unauthenticated[connection]
        self._authenticated[connection] = holder
        connection.authenticated()
        return True

    def remove(self, connection: Connection) -> None:
        """Stop counting a connection."""
        self._unauthenticated.pop(connection, None)
        self._authenticated.pop(connection, None)
        self._local.discard(connection)

    def _trim(self) -> None:
        self._trimming = False
        while len(self._unauthenticated) > MAX_UNAUTHENTICATED:
            largest, _ = Counter(self._unauthenticated.values()).most_common(1)[0]
            self._drop(next(c for c, net in self._unauthenticated.items() if net == largest))

    def _oldest_of_largest_holder(self, requester: _Holder) -> Connection | None:
        """The connection that makes room; ``None`` if the requester would then be the largest."""
        counts = Counter(self._authenticated.values())
        largest, count = counts.most_common(1)[0]
        if count <= counts[requester] + 1:
            return None
        return next(c for c, holder in self._authenticated.items() if holder == largest)

    def _drop(self, connection: Connection) -> None:
        self.remove(connection)
        connection.abort()


def _holder(caller: Caller) -> _Holder:
    return None if caller.is_guest else (caller.token, caller.session)
