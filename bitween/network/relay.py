"""
Bridges BitTorrent and streams through XMPP servers, for devices that no direct route reaches.

libtorrent knows IP addresses only.  So each device of a contact has a loopback address of its own:

* outgoing: libtorrent dials the device's local address; the relay opens a stream to the device and
  joins both (:mod:`.pipe`);
* incoming: the device opens a stream to us; the relay dials our BitTorrent port from the device's
  local address, so that libtorrent and the traffic account know which contact it is.

A local address exists from the first use until :meth:`Relay.disconnect`, and is not reused soon, as
libtorrent remembers peers by their address.  Streams (:class:`RelayStreams`) are few: one that is
idle for IDLE seconds gives way to another.

Other users of this machine can dial in both directions, too.  The kernel tells whether the other
end of a connection belongs to our own user (:mod:`.kernel_sockets`), and a filter on the BitTorrent
port accepts connections from local addresses only if the relay makes them (:mod:`.loopback_gate`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import ClientFactory, Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.route import RELAY_NETWORK, RelayRoute
from bitween.model.traffic import Traffic
from bitween.network.kernel_sockets import is_ours
from bitween.network.pipe import End, Pipe
from bitween.network.relay_ports import RelayGate, RelayStream, RelayStreams
from bitween.util.observable import Observable

#: Seconds without a byte after which a stream gives way to another one.  Two peers that both have
#: all of a torrent would stay connected otherwise.
IDLE = 5.0

#: Seconds for our own BitTorrent port to accept a connection.
_CONNECT_TIMEOUT = 10

# The last octet is never 0 or 255.
_PER_NET = 254
_MAX_PLACES = 256 * _PER_NET


class _Place:
    """The local address of one device, and the pipes that begin or end there."""

    def __init__(self, host: str) -> None:
        self.host = host
        # Provides IListeningPort.
        self.port: Any = None
        self.pipes: set[Pipe] = set()
        self.opening: dict[Pipe, Deferred[Any]] = {}


class Relay(Service):
    """
    Gives devices local addresses, and moves bytes between these and streams.

    :ivar hosts_changed: hands out all local addresses that stand for a device whenever these
        change, before a connection comes from a new one.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        streams: RelayStreams,
        target: Callable[[], PeerAddress | None],
        gate: RelayGate,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param target: gives the address of our own BitTorrent port on this machine; ``None`` while
            there is none.
        :param gate: guards that port.
        """
        self.hosts_changed: Observable[Collection[str]] = Observable()
        self._gate = gate
        self._reactor = reactor
        self._streams = streams
        self._target = target
        self._places: dict[tuple[str, str], _Place] = {}
        self._who: dict[str, tuple[str, str]] = {}
        self._last = 0
        self._traffic: dict[str, Traffic] = {}
        streams.accept(self._accepted)
        streams.when_crowded(self._make_room)

    def stopService(self) -> None:
        """Close all streams."""
        super().stopService()
        for jid, resource in list(self._places):
            self.disconnect(jid, resource)

    def local_address(self, jid: str, resource: str) -> PeerAddress:
        """
        The address to dial for a device; the same one until :meth:`disconnect`.

        :raises BitweenError: if this machine has no such address.
        """
        place = self._place(jid, resource)
        if place.port is None:
            factory = _Dialled(place, lambda: self._dialled((jid, resource), place))
            try:
                place.port = self._reactor.listenTCP(0, factory, interface=place.host)
            except CannotListenError as error:
                why = str(error.socketError)
                raise BitweenError.of("failed.no_place", host=place.host, why=why) from None
        return PeerAddress(place.host, place.port.getHost().port)

    def device_at(self, address: str) -> tuple[str, str] | None:
        """
        Which device a local address stands for.

        :param address: an IP address.
        :returns: bare JID and resource; ``None`` for any other address.
        """
        return self._who.get(address)

    def find_route(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find out which relay leads to a device.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is none; its hint says what would help.
        """
        return self._streams.find_relay(jid, resource)

    def traffic(self, jid: str) -> Traffic:
        """The bytes exchanged with a contact by relay since the start."""
        return self._traffic.get(jid, Traffic())

    def disconnect(self, jid: str, resource: str) -> None:
        """Close all streams to and from a device, and release its local address."""
        place = self._places.pop((jid, resource), None)
        if place is None:
            return
        del self._who[place.host]
        self.hosts_changed.notify(self._who.keys())
        if place.port is not None:
            stopping = place.port.stopListening()
            if stopping is not None:
                stopping.addErrback(lambda failure: self._log.failure("closing", failure))
        for pipe in list(place.pipes):
            pipe.abort()

    def _place(self, jid: str, resource: str) -> _Place:
        """
        The place of a device, made now if there is none.

        :raises BitweenError: if there are too many, or other users cannot be blocked.
        """
        place = self._places.get((jid, resource))
        if place is None:
            self._gate.guard()
            place = self._places[jid, resource] = _Place(self._free_host())
            self._who[place.host] = (jid, resource)
            self.hosts_changed.notify(self._who.keys())
        return place

    def _free_host(self) -> str:
        """
        The free address that was not used for the longest time.

        :raises BitweenError: if there is none.
        """
        for _ in range(_MAX_PLACES):
            self._last = self._last % _MAX_PLACES + 1
            net, number = divmod(self._last - 1, _PER_NET)
            host = str(RELAY_NETWORK[256 * net + number + 1])
            if host not in self._who:
                return host
        raise BitweenError.of("failed.too_many")

    def _pipe(self, jid: str, place: _Place) -> Pipe:
        def passed(uploaded: int, downloaded: int) -> None:
            self._traffic[jid] = self.traffic(jid) + Traffic(downloaded, uploaded)

        def closed(pipe: Pipe) -> None:
            place.pipes.discard(pipe)
            if pipe in place.opening:
                place.opening.pop(pipe).cancel()

        pipe = Pipe(self._reactor, passed, closed)
        place.pipes.add(pipe)
        return pipe

    def _make_room(self, jid: str) -> None:
        """Close the stream that was idle longest, one with the same contact if possible."""
        idle = [
            (key[0] == jid, pipe.idle, pipe)
            for key, place in self._places.items()
            for pipe in place.pipes
            if pipe.idle >= IDLE and pipe not in place.opening
        ]
        if idle:
            max(idle, key=lambda candidate: candidate[:2])[2].abort()

    def _follow(self, place: _Place, opening: Deferred[Any], pipe: Pipe) -> None:
        """Close a pipe whose second end cannot be connected."""
        place.opening[pipe] = opening

        def failed(failure: Failure) -> None:
            pipe.abort()
            if not failure.check(CancelledError):
                self._log.debug("no relay: {why}", why=failure.getErrorMessage())

        def over(result: Any) -> Any:
            place.opening.pop(pipe, None)
            return result

        opening.addBoth(over).addErrback(failed)

    def _dialled(self, resource: tuple[str, str], place: _Place) -> End:
        """Open a stream for a connection that libtorrent makes."""
        pipe = self._pipe(resource[0], place)

        def opened(stream: RelayStream) -> None:
            if pipe.far.gone:
                stream.abort()
            else:
                stream.begin(pipe.far)

        opening = self._streams.open(*resource)
        self._follow(place, opening.addCallback(opened), pipe)
        return pipe.near

    def _accepted(self, stream: RelayStream) -> None:
        """Dial our own port for a stream that a contact has opened."""
        target = self._target()
        if target is None or not self.running:
            stream.abort()
            return
        try:
            place = self._place(stream.jid, stream.resource)
        except BitweenError as error:
            self._log.warn("{error}", error=error)
            stream.abort()
            return
        pipe = self._pipe(stream.jid, place)
        stream.begin(pipe.far)
        self._follow(place, self._dial(target, place, pipe.near), pipe)

    def _dial(self, target: PeerAddress, place: _Place, end: End) -> Deferred[None]:
        """Dial our own port from a place, and allow the source port that this takes."""
        dialling = _Dialling(end, self._gate.forget)
        connector = self._reactor.connectTCP(
            target.address, target.port, dialling, _CONNECT_TIMEOUT, (place.host, 0)
        )
        try:
            # The socket is bound already; it connects in the reactor's next iteration.
            here = connector.transport.getHost()
        except AttributeError:
            # It could not be bound; the factory is notified soon.
            return dialling.made
        source = (here.host, here.port)
        try:
            self._gate.allow(source)
        except BitweenError as error:
            with suppress(BitweenError):
                self._gate.forget(source)
            dialling.made.addErrback(lambda _: None).cancel()
            return fail(error)
        dialling.source = source
        return dialling.made


class _Dialled(Factory[Any]):
    """Accepts the connections that libtorrent makes to a local address, and no others."""

    noisy = False
    _log = Logger()

    def __init__(self, place: _Place, build: Callable[[], End]) -> None:
        self._place = place
        self._build = build
        self._warned = False

    def buildProtocol(self, address: Any) -> End | None:
        here = self._place.port.getHost()
        if not is_ours((address.host, address.port), (here.host, here.port)):
            # Logged once: another user could fill the log.
            if not self._warned:
                self._warned = True
                self._log.warn(
                    "another user of this machine dialled a contact's relay: turned away"
                )
            return None
        return self._build()


class _Dialling(ClientFactory):
    """
    Dials our own port.

    :ivar made: fires when it is connected; can be cancelled.
    :ivar source: address and port of the connection, once it is bound.
    """

    noisy = False

    def __init__(self, end: End, gone: Callable[[tuple[str, int]], None]) -> None:
        self._end = end
        self._gone = gone
        self._connector: Any = None
        self.made: Deferred[None] = Deferred(lambda _: self._connector.disconnect())
        self.source: tuple[str, int] | None = None

    def startedConnecting(self, connector: Any) -> None:
        self._connector = connector

    def buildProtocol(self, _address: object) -> End:
        self.made.callback(None)
        return self._end

    def clientConnectionFailed(self, _connector: object, reason: Failure) -> None:
        self._over()
        if not self.made.called:
            self.made.errback(reason)

    def clientConnectionLost(self, _connector: object, _reason: object) -> None:
        self._over()

    def _over(self) -> None:
        if self.source is not None:
            self._gone(self.source)
