"""Makes TCP connections to an XMPP server, at one of its places."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import ClientFactory, Protocol

from bitween.xmpp.session.dns import Place

#: seconds for a TCP connection, at each address, and at all addresses of a place.
CONNECT_TIMEOUT = 10
PLACE_TIMEOUT = 30


class Connector:
    """Tries one place after the other; those that have failed in the negotiation come last."""

    def __init__(self, reactor: Any, places: Callable[[], Awaitable[Sequence[Place]]]) -> None:
        """
        :param reactor: provides ``IReactorTCP``, ``IReactorPluggableNameResolver`` and
            ``IReactorTime``.
        :param places: finds out where the server can be reached, at least one place, best first;
            called at each :meth:`connect`, which fails with what it raises.
        """
        self._reactor = reactor
        self._places = places
        self._trying: Place | None = None
        self._failed: set[Place] = set()

    def connect(self, build: Callable[[Place], Protocol]) -> Deferred[None]:
        """
        Connect to the first place that accepts a connection.

        :param build: makes the protocol when a place has accepted the connection.
        :returns: fires when there is a connection; fails with the last place's reason.
        """
        return Deferred.fromCoroutine(self._connect(build))

    def negotiation_failed(self) -> None:
        """Try other places before the last one: its connection was of no use."""
        if self._trying is not None:
            self._failed.add(self._trying)

    async def _connect(self, build: Callable[[Place], Protocol]) -> None:
        places = await self._places()
        self._failed &= set(places)
        if len(self._failed) == len(set(places)):
            self._failed.clear()
        reason: Exception | None = None
        for place in sorted(places, key=lambda place: place in self._failed):
            self._trying = place
            try:
                connecting = self._endpoint(place).connect(_Factory(place, build))
                await connecting.addTimeout(PLACE_TIMEOUT, self._reactor, _timed_out)
            except (CancelledError, ConnectingCancelledError):
                raise
            except Exception as error:
                reason = error
            else:
                return
        assert reason is not None
        raise reason

    def _endpoint(self, place: Place) -> Any:
        kind: Any = HostnameEndpoint
        if isIPAddress(place.host):
            kind = TCP4ClientEndpoint
        elif isIPv6Address(place.host):
            kind = TCP6ClientEndpoint
        return kind(self._reactor, place.host, place.port, timeout=CONNECT_TIMEOUT)


def _timed_out(_: object, __: float) -> None:
    """
    :raises ConnectTimeout: as each of the addresses would have.
    """
    raise ConnectTimeout


class _Factory(ClientFactory):
    noisy = False

    def __init__(self, place: Place, build: Callable[[Place], Protocol]) -> None:
        self._place = place
        self._build = build

    def buildProtocol(self, _address: object) -> Protocol:
        return self._build(self._place)
