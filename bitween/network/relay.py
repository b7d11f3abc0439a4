"""
Bridges streams through XMPP servers and BitTorrent, for those whom no direct way reaches.

libtorrent knows IP addresses only.  So each resource of a contact has a loopback address of its own
here: who is dialled there is the resource, and who dials from there is the resource.  Other users
of this machine could dial both ways as well: what is not of our own user is turned away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import ClientFactory, Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.route import RELAY_NETWORK, RelayRoute
from bitween.model.traffic import Traffic
from bitween.network.kernel_sockets import is_ours
from bitween.network.pipe import End, Pipe

#: Seconds without a byte after which a stream gives way to another one.  Two peers who both have
#: all of a torrent stay connected; over streams, of which there are few, they must not.
IDLE = 5.0

#: seconds for our own BitTorrent port to take a connection.
_CONNECT_TIMEOUT = 10

# The last octet is never 0 or 255.
_PER_NET = 254
_MAX_PLACES = 256 * _PER_NET


class RelayStream(Protocol):
    """A stream of bytes to one resource, which waits for its protocol."""

    @property
    def jid(self) -> str:
        """The bare JID of the other side."""

    @property
    def resource(self) -> str:
        """Its resource."""

    def begin(self, protocol: IProtocol) -> None:
        """
        Have a protocol speak over it, with the stream's transport; nothing was read before.

        The transport can be written to, paused, closed and aborted as one of TCP.
        """

    def abort(self) -> None:
        """Give it up; for one that was not begun."""


class RelayStreams(Protocol):
    """Makes streams to contacts, and takes theirs."""

    def passage(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find out which way streams to a resource would go; quick, and asks the resource if needed.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is no way, with what would help.
        """

    def open(self, jid: str, resource: str) -> Deferred[RelayStream]:
        """
        Open a stream to a resource.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if that cannot be, or too many are open.
        """

    def accept(self, taker: Callable[[RelayStream], None]) -> None:
        """Have everything that contacts open to us given to somebody."""

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """Have room made for the next try where a stream with a contact is refused as too many."""


class RelayGate(Protocol):
    """Keeps other users of this machine out; see :mod:`bitween.network.loopback_gate`."""

    def guard(self) -> None:
        """
        Let nobody in at the relay's addresses but those who are allowed.

        :raises BitweenError: if that cannot be.
        """

    def allow(self, source: tuple[str, int]) -> None:
        """Let in what comes from an address and port of ours; raises as :meth:`guard`."""

    def forget(self, source: tuple[str, int]) -> None:
        """Let it in no more."""


class _Place:
    """What stands for one resource of a contact: an address, and what goes on there."""

    def __init__(self, host: str) -> None:
        self.host = host
        # Provides IListeningPort.
        self.port: Any = None
        self.pipes: set[Pipe] = set()
        self.opening: dict[Pipe, Deferred[Any]] = {}


class Relay(Service):
    """
    Gives resources local addresses, and moves bytes between those and streams.

    Where libtorrent dials the local address of a resource, a stream to the resource is opened;
    where a contact opens a stream, our own BitTorrent port is dialled from the local address of the
    resource that did.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        streams: RelayStreams,
        target: Callable[[], PeerAddress | None],
        gate: RelayGate,
        placed: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param target: tells where our own BitTorrent port is dialled on this machine; ``None`` as
            long as there is none.
        :param gate: guards that port.
        :param placed: told all local addresses that stand for somebody, whenever these change; by
            then nobody has dialled from there.
        """
        self.placed = placed
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
        """Break everything off."""
        super().stopService()
        for jid, resource in list(self._places):
            self.disconnect(jid, resource)

    def local_address(self, jid: str, resource: str) -> PeerAddress:
        """
        Where to dial a resource by relay; the same one until it is forgotten.

        :raises BitweenError: if this machine has no such address.
        """
        place = self._place(jid, resource)
        if place.port is None:
            factory = _Dialled(place, lambda: self._dialled((jid, resource), place))
            try:
                place.port = self._reactor.listenTCP(0, factory, interface=place.host)
            except CannotListenError as error:
                raise BitweenError(
                    f"no relay: {place.host} cannot be listened on",
                    str(error.socketError),
                    detail="no_place",
                    values={"host": place.host, "why": str(error.socketError)},
                ) from None
        return PeerAddress(place.host, place.port.getHost().port)

    def device_at(self, address: str) -> tuple[str, str] | None:
        """
        Whose local address this is.

        :param address: an IP address.
        :returns: the bare JID and the resource.
        """
        return self._who.get(address)

    def find_route(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find out which way the relay to a resource would go.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is none, with what would help.
        """
        return self._streams.passage(jid, resource)

    def traffic(self, jid: str) -> Traffic:
        """The bytes that went between a contact and us by relay since the start."""
        return self._traffic.get(jid, Traffic())

    def disconnect(self, jid: str, resource: str) -> None:
        """Break off what goes to and from a resource, which is gone or met directly now."""
        place = self._places.pop((jid, resource), None)
        if place is None:
            return
        del self._who[place.host]
        self.placed(self._who.keys())
        if place.port is not None:
            stopping = place.port.stopListening()
            if stopping is not None:
                stopping.addErrback(lambda failure: self._log.failure("closing", failure))
        for pipe in list(place.pipes):
            pipe.abort()

    # ---- both directions

    def _place(self, jid: str, resource: str) -> _Place:
        """
        The place of a resource, made now if there was none.

        :raises BitweenError: if there are too many, or others cannot be kept out.
        """
        place = self._places.get((jid, resource))
        if place is None:
            self._gate.guard()
            place = self._places[jid, resource] = _Place(self._free_host())
            self._who[place.host] = (jid, resource)
            self.placed(self._who.keys())
        return place

    def _free_host(self) -> str:
        """
        An address that nobody has, and that nobody had for long: peers are remembered by it.

        :raises BitweenError: if there is none.
        """
        for _ in range(_MAX_PLACES):
            self._last = self._last % _MAX_PLACES + 1
            net, number = divmod(self._last - 1, _PER_NET)
            host = str(RELAY_NETWORK[256 * net + number + 1])
            if host not in self._who:
                return host
        raise BitweenError("no relay: there are too many at once", detail="too_many")

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
        """Break off the stream that was idle longest, one with the same contact if possible."""
        idle = [
            (key[0] == jid, pipe.idle, pipe)
            for key, place in self._places.items()
            for pipe in place.pipes
            if pipe.idle >= IDLE and pipe not in place.opening
        ]
        if idle:
            max(idle, key=lambda candidate: candidate[:2])[2].abort()

    def _follow(self, place: _Place, opening: Deferred[Any], pipe: Pipe) -> None:
        """Break a pipe off whose second end does not come about."""
        place.opening[pipe] = opening

        def failed(failure: Failure) -> None:
            pipe.abort()
            if not failure.check(CancelledError):
                self._log.debug("no relay: {why}", why=failure.getErrorMessage())

        def over(result: Any) -> Any:
            place.opening.pop(pipe, None)
            return result

        opening.addBoth(over).addErrback(failed)

    # ---- we dial

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

    # ---- they dial

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
        """Dial our own port from a place; nobody else may from the port that this takes."""
        dialling = _Dialling(end, self._gate.forget)
        connector = self._reactor.connectTCP(
            target.address, target.port, dialling, _CONNECT_TIMEOUT, (place.host, 0)
        )
        try:
            # It is bound by now, and connects when the reactor has its next turn.
            here = connector.transport.getHost()
        except AttributeError:
            # It could not be bound, which is told soon.
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
    """Takes the connections that libtorrent makes to a local address, and nobody else's."""

    noisy = False
    _log = Logger()

    def __init__(self, place: _Place, build: Callable[[], End]) -> None:
        self._place = place
        self._build = build
        self._warned = False

    def buildProtocol(self, address: Any) -> End | None:
        here = self._place.port.getHost()
        if not is_ours((address.host, address.port), (here.host, here.port)):
            # Once: they could fill the log.
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
    :ivar source: from where, once that is known.
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
