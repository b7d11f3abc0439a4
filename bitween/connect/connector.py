"""Meets those who have what our torrents want: finds a way to each, and has them dialled there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.connect.candidates import (
    UNANSWERED,
    confirmed_address,
    dial_order,
    direct_obstacle,
    may_share_network,
    punch_obstacle,
    route_kind_at,
)
from bitween.connect.ladder import Ladder
from bitween.connect.liveness import Liveness
from bitween.connect.ports import AllowlistPort, ConnectorPorts, PeerSwarmPort
from bitween.errors import BitweenError, RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Key
from bitween.model.events import RouteFound
from bitween.model.peer import Peer
from bitween.model.route import UNTRIED, Obstacle, Route, RouteKind
from bitween.model.torrent import InfoHash, TorrentState
from bitween.util.observable import Observable

#: Resources to which a way is looked for at the same time; the others wait.
CLIMBING = 24
#: Of these, those of one account: none of them may answer.
CLIMBING_OF_ACCOUNT = 6
#: Seconds between two looks at who is connected: while somebody is expected, and else.
LOOK, IDLE_LOOK = 0.25, 5.0
#: Seconds that the swarm has to connect to whoever answers.
CONNECTING = 3.0
#: Seconds without a connection after which a way is looked for anew.
LOST = 10.0
#: Seconds in which who asked us to come has to answer, to be dialled over TCP; and until we dial
#: over uTP where nobody answered, if that one is not connected by then.
ANSWER_AT_ONCE, PUNCH_AT_LAST = 0.3, 1.0

#: Seconds that somebody has to answer where we only look round, and how many are looked at.
SURVEY_PATIENCE = 5.0
MAX_SURVEYED = 30

_BY_RELAY = frozenset({RouteKind.RELAY, RouteKind.IN_BAND})
_ACTIVE = frozenset({TorrentState.METADATA, TorrentState.DOWNLOADING})
_RUNGS = list(RouteKind)
_SILENT = Route(
    obstacles=(
        Obstacle(
            "they are said to be online, but do not answer",
            "wait: their server or their connection may have failed",
            "not_answering",
        ),
    )
)
_RELAY_UNKNOWN = Obstacle("cannot tell whether a server offers a relay", detail="relay_unknown")


@dataclass(eq=False, slots=True)
class _Resource:
    """
    A resource that has what a torrent of ours wants.

    :param known: all its candidates.
    :param theirs: those of them that may be dialled.
    :param proving: whether it is just proving to be in our network.
    :param wanted: those torrents.
    :param most: bytes of the largest torrent that goes the way that is known; ``None`` for any.
    :param relayed: whether it has an address at the relay.
    :param since: when its way was found, or its torrents last stood still; seconds of the reactor.
    :param linked: when it was last seen to be connected.
    :param invited: for which torrents it is known to have been connected, or was asked to come.
    """

    ladder: Ladder
    known: tuple[Candidate, ...] = ()
    theirs: tuple[Candidate, ...] = ()
    proving: bool = False
    wanted: set[InfoHash] = field(default_factory=set)
    most: int | None = None
    relayed: bool = False
    since: float = 0.0
    linked: float | None = None
    invited: set[InfoHash] = field(default_factory=set)


class PeerConnector:
    """
    Keeps a ladder for each resource that is online and has what a torrent of ours wants.

    A way that is known is dialled at once.  While none is, the most promising address is dialled,
    and then the one that the ladder finds: never all of them.

    :ivar route_changes: tells each way that was found, or that there is none.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        swarm: PeerSwarmPort,
        catalogue: Catalogue,
        ports: ConnectorPorts,
        allowlist: AllowlistPort,
        *,
        own_candidates: Callable[[], Sequence[Candidate]],
    ) -> None:
        """:param own_candidates: gives our own candidates at this moment."""
        self._reactor = reactor
        self._swarm = swarm
        self._catalogue = catalogue
        self._ports = ports
        self._allowlist = allowlist
        self._own_candidates = own_candidates
        self._resources: dict[Key, _Resource] = {}
        self._sources: dict[InfoHash, set[Key]] = {}
        self._offered: dict[InfoHash, list[PeerAddress]] = {}
        self._waiting: dict[Key, None] = {}
        self._running: set[Deferred[None]] = set()
        self._look: IDelayedCall | None = None
        self.route_changes: Observable[RouteFound] = Observable()
        self._answering = Liveness(reactor, ports.requests.ping, self._answer_changed)

    def close(self) -> None:
        """Meet nobody any more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._waiting.clear()
        for resource in self._resources.values():
            resource.ladder.rest()
        for running in list(self._running):
            running.cancel()
        self._ports.prober.close()

    # ---- what is known

    def route(self, jid: str, resource: str) -> Route:
        """The way to a resource, as far as it was looked for."""
        known = self._resources.get((jid, resource))
        if known is None:
            return UNTRIED
        return _SILENT if self.answers(jid, resource) is False else known.ladder.way

    def answers(self, jid: str, resource: str) -> bool | None:
        """Whether a resource answers of which something is wanted; ``None`` if it was not asked."""
        return self._answering.answers((jid, resource))

    def any_source_answers(self, info_hash: InfoHash) -> bool | None:
        """
        Whether a resource that is online and has a torrent answers.

        :returns: ``False`` if all of them were asked and none answers; ``None`` if that is open.
        """
        said = {
            self.answers(s.jid, s.resource) for s in self._catalogue.torrents.sources(info_hash)
        }
        if True in said:
            return True
        return False if said == {False} else None

    def best_route(self, info_hash: InfoHash) -> Route | None:
        """The best way to anybody who is online and has a torrent; ``None`` if nobody is."""
        ways = [self.route(s.jid, s.resource) for s in self._catalogue.torrents.sources(info_hash)]
        return min(ways, key=_by_rung, default=None)

    def count_reachable(self, info_hash: InfoHash) -> int:
        """How many resources have a torrent and are not known to be out of reach."""
        ways = [self.route(s.jid, s.resource) for s in self._catalogue.torrents.sources(info_hash)]
        return sum(way.kind is not None or not way.reason for way in ways)

    def may_dial(self, jid: str, resource: str, address: PeerAddress) -> bool:
        """Whether a resource has us dial an address, if it announces that; see DialPolicy."""
        shared = self._ports.neighbours.shared_networks(jid, resource)
        return self._ports.policy.may_dial(address, shared)

    def contact_behind_relay(self, address: str) -> str | None:
        """The bare JID of whoever has a local address at the relay; ``None`` for any other."""
        key = self._ports.relay.device_at(address)
        return key[0] if key else None

    def route_kind(self, peer: Peer) -> RouteKind:
        """On which rung a peer is met."""
        relayed = self._ports.relay.device_at(peer.address)
        if relayed is not None:
            rung = self.route(*relayed).kind
            return rung if rung in _BY_RELAY and rung else RouteKind.RELAY
        return (
            RouteKind.PUNCHED
            if peer.utp
            else route_kind_at(PeerAddress(peer.address, peer.port or 1))
        )

    async def survey_routes(self) -> list[tuple[str, Route]]:
        """
        See how everybody who is online is reached, without meeting anybody.

        :returns: full JIDs and ways; of the first :data:`MAX_SURVEYED`.
        """
        there = sorted(
            (jid, said.resource) for jid, said in self._catalogue.online_announcements()
        )[:MAX_SURVEYED]
        looking = [Deferred.fromCoroutine(self._seen_way(key)) for key in there]
        return [("/".join(key), await way) for key, way in zip(there, looking, strict=True)]

    async def _seen_way(self, key: Key) -> Route:
        known = self.route(*key)
        if known != UNTRIED:
            return known
        announced = self._catalogue.candidates(*key)
        if self._near(announced):
            await self._ports.neighbours.request_proof(*key)
        ours, theirs = self._own_candidates(), self._allowed(key, announced)
        hopeless = direct_obstacle(ours, theirs)
        if hopeless is not None:
            return await self._way_at_worst(key, hopeless)
        race = self._ports.prober.race(dial_order(theirs, ours))
        race.addTimeout(SURVEY_PATIENCE, self._reactor, onTimeoutCancel=lambda *_: None)
        address = await race
        if address is not None:
            return Route(route_kind_at(address, theirs), address)
        return await self._way_at_worst(key, punch_obstacle(ours, theirs) or UNANSWERED)

    async def _way_at_worst(self, key: Key, why: Obstacle) -> Route:
        """The relay, where that would do, and why it would have to."""
        asking = self._ports.relay.find_route(*key).addTimeout(SURVEY_PATIENCE, self._reactor)
        try:
            passage = await asking
        except defer.TimeoutError:
            return Route(obstacles=(why, _RELAY_UNKNOWN))
        except BitweenError as error:
            return Route(obstacles=(why, Obstacle.of(error)))
        rung = RouteKind.IN_BAND if passage.in_band else RouteKind.RELAY
        return Route(rung, through=passage.through, obstacles=(why,))

    # ---- what changes

    def update_sources(self, info_hash: InfoHash) -> None:
        """Meet everybody who has a torrent, if it wants anything; or nobody any more for it."""
        library = self._swarm.library
        wanted = info_hash in library and not library.get(info_hash).complete
        sources = self._catalogue.torrents.sources(info_hash) if wanted else []
        keys = {(source.jid, source.resource) for source in sources}
        if not wanted and info_hash in self._sources:
            # It may have been so quick that nobody has looked yet.
            self._see_all(info_hash)
        for key in self._sources.pop(info_hash, set()) - keys:
            self._let_go(key, info_hash)
        if not wanted:
            self._offered.pop(info_hash, None)
            return
        self._sources[info_hash] = keys
        for key in sorted(keys):
            self._want(key, info_hash)
        self._dial(info_hash)
        self._look_soon()

    def apply(self, change: CatalogueChange) -> None:
        """Take in what changed in what contacts share."""
        for presence in change.presences:
            if not presence.online:
                self._gone((presence.jid, presence.resource))
        for info_hash in change.redialled:
            self.update_sources(info_hash)

    def own_candidates_changed(self) -> None:
        """Take in that we are to be found elsewhere than before."""
        self._ports.neighbours.interfaces_changed()
        for key, resource in list(self._resources.items()):
            if resource.wanted:
                self._locate(key, resource)

    def presence_received(self, jid: str, resource: str) -> None:
        """Note that a resource has just shown itself, whether it answered before or not."""
        self._answering.heard((jid, resource))

    def connection_requested(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """
        Dial a resource that asks us to, for a torrent; gives our candidates, where it dials us.

        Only what it has announced is dialled, address and port: nobody is to make us knock
        elsewhere.  It is let in from all of them.

        :raises UnknownTorrent: if we have no such torrent.
        """
        self._swarm.library.get(info_hash)
        key = (jid, resource)
        self.presence_received(jid, resource)
        self._allowlist.allow_candidates(
            jid, resource, [candidate.address for candidate in candidates]
        )
        known = self._announced(key, candidates)
        self._begin(self._answer(key, info_hash, self._allowed(key, known)))
        near = self._near([c for c in known if not self.may_dial(*key, c.address)])
        if near:
            self._begin(self._answer_near(key, info_hash, near))
        return self._own_candidates()

    def _announced(self, key: Key, told: Iterable[Candidate]) -> list[Candidate]:
        """Of what a resource tells us alone, what it has told everybody."""
        announced = {candidate.address for candidate in self._catalogue.candidates(*key)}
        return [candidate for candidate in told if candidate.address in announced]

    def _begin(self, meeting: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do something that takes a while, and is given up at the end."""
        running = Deferred.fromCoroutine(meeting)
        self._running.add(running)

        def over(result: object) -> None:
            self._running.discard(running)
            if isinstance(result, Failure) and not result.check(CancelledError):
                self._log.failure("meeting a contact", result)

        running.addBoth(over)

    async def _answer(self, key: Key, info_hash: InfoHash, theirs: Sequence[Candidate]) -> None:
        """
        Dial a resource that asked for it.

        What is done at one address does not depend on what came of another: it might be somebody
        else's, and the resource learn from us whether anything answers there.
        """
        if not theirs:
            return
        knocking = dial_order(theirs, self._own_candidates())
        answered = await self._ports.prober.find_answering(knocking, ANSWER_AT_ONCE)
        if answered:
            self._swarm.dial_simultaneously(info_hash, answered, [])
        if knocking:
            await deferLater(self._reactor, PUNCH_AT_LAST)
        silent = [c.address for c in theirs if c.address not in answered]
        if silent and not self._is_connected(key, info_hash):
            self._swarm.dial_simultaneously(info_hash, [], silent)

    async def _answer_near(self, key: Key, info_hash: InfoHash, near: Sequence[Candidate]) -> None:
        """Dial a resource in our own network, once it has proved to be there."""
        await self._ports.neighbours.request_proof(*key)
        await self._answer(key, info_hash, self._allowed(key, near))

    def _is_connected(self, key: Key, info_hash: InfoHash) -> bool:
        places = {candidate.address.address for candidate in self._catalogue.candidates(*key)}
        if info_hash not in self._swarm.library:
            return False
        return any(peer.address in places for peer in self._swarm.peers(info_hash))

    # ---- one resource

    def _want(self, key: Key, info_hash: InfoHash) -> None:
        resource = self._resources.get(key)
        if resource is None:
            steps = _Steps(self, key)
            ladder = Ladder(self._reactor, steps, lambda way: self._found(key, way))
            resource = self._resources[key] = _Resource(ladder, since=self._reactor.seconds())
        resource.wanted.add(info_hash)
        self._locate(key, resource)

    def _locate(self, key: Key, resource: _Resource) -> None:
        """See where a resource is, and look for a way there."""
        resource.known = tuple(self._catalogue.candidates(*key))
        resource.theirs = tuple(self._allowed(key, resource.known))
        unproved = [c for c in resource.known if not self.may_dial(*key, c.address)]
        near = self._near(unproved)
        if near and not resource.proving:
            # Its address in our network is the best one: the others wait a moment.
            resource.proving = may_share_network(resource.known, self._own_candidates())
            self._begin(self._prove(key))
        self._climb(key)

    async def _prove(self, key: Key) -> None:
        await self._ports.neighbours.request_proof(*key)
        resource = self._resources.get(key)
        if resource is not None:
            resource.proving = False
            resource.theirs = tuple(self._allowed(key, resource.known))
            self._climb(key)
            for info_hash in list(resource.wanted):
                self._dial(info_hash)
            self._look_soon()

    def _near(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those in a network of ours, where a resource may be if it proves that."""
        return [c for c in candidates if self._ports.policy.needs_proof(c.address)]

    def _allowed(self, key: Key, candidates: Iterable[Candidate]) -> list[Candidate]:
        """What a contact may have us dial."""
        allowed = [c for c in candidates if self.may_dial(*key, c.address)]
        chosen = set(self._ports.policy.within_budget(key[0], (c.address for c in allowed)))
        return [candidate for candidate in allowed if candidate.address in chosen]

    def _climb(self, key: Key) -> None:
        resource = self._resources[key]
        if not resource.wanted or resource.proving:
            return
        if not resource.ladder.climbing and self._first_that_may_climb([key]) is None:
            self._waiting[key] = None
            return
        resource.ladder.climb(self._own_candidates(), resource.theirs)

    def _found(self, key: Key, way: Route) -> None:
        resource = self._resources[key]
        resource.since = self._reactor.seconds()
        self._log.info("{who!r}: {way}", who="/".join(key), way=way.kind or way.reason)
        self._tell_way(key)
        for info_hash in list(resource.wanted):
            self._dial(info_hash)
        while (waiting := self._first_that_may_climb(self._waiting)) is not None:
            del self._waiting[waiting]
            self._climb(waiting)
        self._look_soon()

    def _tell_way(self, key: Key) -> None:
        self.route_changes.notify(RouteFound(jid=key[0], resource=key[1], route=self.route(*key)))

    def _answer_changed(self, key: Key) -> None:
        self._tell_way(key)
        resource = self._resources.get(key)
        if resource is None:
            return
        if self.answers(*key) and not self._is_linked(resource):
            # It may have been away, and be elsewhere now: what was known of it counts no more.
            self._ports.relay.disconnect(*key)
            self._ports.neighbours.forget(*key)
            resource.relayed = False
            resource.ladder.forget()
            self._locate(key, resource)
        for info_hash in list(resource.wanted):
            self._offered.pop(info_hash, None)
            self._dial(info_hash)

    def _is_linked(self, resource: _Resource) -> bool:
        """Whether it is connected, or was just now."""
        now = self._reactor.seconds()
        return resource.linked is not None and now - resource.linked < LOST

    def _first_that_may_climb(self, waiting: Iterable[Key]) -> Key | None:
        """Whose turn it is; ``None`` if there is no room, for anybody or for these."""
        climbing = Counter(jid for (jid, _), r in self._resources.items() if r.ladder.climbing)
        if climbing.total() >= CLIMBING:
            return None
        return next((key for key in waiting if climbing[key[0]] < CLIMBING_OF_ACCOUNT), None)

    def _let_go(self, key: Key, info_hash: InfoHash) -> None:
        resource = self._resources.get(key)
        if resource is not None:
            resource.wanted.discard(info_hash)
            resource.invited.discard(info_hash)
            if not resource.wanted:
                resource.ladder.rest()
                self._waiting.pop(key, None)
                self._ask_no_more(key)

    def _ask_no_more(self, key: Key) -> None:
        """Forget whether a resource answers, which would be out of date soon."""
        silent = self.answers(*key) is False
        self._answering.forget(key)
        if silent:
            self._tell_way(key)

    def _gone(self, key: Key) -> None:
        self._waiting.pop(key, None)
        resource = self._resources.pop(key, None)
        self._ports.relay.disconnect(*key)
        self._ports.neighbours.forget(*key)
        self._answering.forget(key)
        if resource is not None:
            resource.ladder.forget()
            for info_hash in resource.wanted:
                self._sources[info_hash].discard(key)
                # If it comes back, it is to be dialled at once.
                self._offered.pop(info_hash, None)

    # ---- having them dialled

    def _dial(self, info_hash: InfoHash) -> None:
        sources = {key: self._resources[key] for key in sorted(self._sources.get(info_hash, ()))}
        best_first = sorted(sources, key=lambda key: _by_rung(sources[key].ladder.way))
        addresses = [a for key in best_first for a in self._dialled(key, info_hash)]
        self._offer_peers(info_hash, list(dict.fromkeys(addresses)))
        for key, resource in sources.items():
            way = resource.ladder.way
            if (
                way.inbound_only or way.kind is RouteKind.PUNCHED
            ) and info_hash not in resource.invited:
                resource.invited.add(info_hash)
                self._begin(self._invite(key, info_hash, way))

    async def _invite(self, key: Key, info_hash: InfoHash, way: Route) -> None:
        """Ask a resource to come for another torrent, the way that it came before."""
        if way.kind is RouteKind.PUNCHED and way.address is not None:
            # Both NATs know us by now.
            self._swarm.dial_simultaneously(info_hash, [], [way.address])
        try:
            await self._ask(key, info_hash)
        except BitweenError as error:
            # If nobody is seen soon, the ladder goes on.
            self._log.debug("{who!r} does not come: {error}", who="/".join(key), error=error)

    def _offer_peers(self, info_hash: InfoHash, addresses: list[PeerAddress]) -> None:
        # Who is dialled again at once may be cut off just when the connection was made.
        if self._offered.get(info_hash) != addresses:
            self._offered[info_hash] = addresses
            self._swarm.offer_peers(info_hash, addresses)

    def _dialled(self, key: Key, info_hash: InfoHash) -> Sequence[PeerAddress]:
        resource = self._resources[key]
        way = resource.ladder.way
        if way.kind is RouteKind.PUNCHED or way.inbound_only or (way.reason and way.kind is None):
            return ()
        if way.address is None:
            address = confirmed_address(resource.theirs, self._own_candidates())
            return () if address is None else [address]
        if way.kind in _BY_RELAY and self.answers(*key) is False:
            # Its address is on this machine and always takes a connection, which would look as if
            # there were a peer; but what goes through the servers needs one that answers.
            return ()
        if way.kind is RouteKind.IN_BAND and not self._fits(key, info_hash):
            return ()
        return [way.address]

    def _fits(self, key: Key, info_hash: InfoHash) -> bool:
        """Whether what a resource itself says of a torrent is little enough for its way."""
        most = self._resources[key].most
        share = self._catalogue.share_of(*key, info_hash)
        return most is None or (share is not None and share.size <= most)

    # ---- seeing who is connected

    def _look_soon(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
        wanted = [resource for resource in self._resources.values() if resource.wanted]
        if wanted:
            expected = any(r.proving or r.ladder.climbing or _is_unseen(r) for r in wanted)
            self._look = self._reactor.callLater(LOOK if expected else IDLE_LOOK, self._look_now)

    def _look_now(self) -> None:
        self._look = None
        now = self._reactor.seconds()
        for info_hash in list(self._sources):
            self._see_all(info_hash)
        for key, resource in list(self._resources.items()):
            if resource.wanted:
                self._judge(key, resource, now)
                self._ask_whether_there(key, resource)
        self._look_soon()

    def _see_all(self, info_hash: InfoHash) -> None:
        now = self._reactor.seconds()
        if info_hash in self._swarm.library:
            for peer in self._swarm.peers(info_hash):
                self._see(info_hash, peer, now)

    def _see(self, info_hash: InfoHash, peer: Peer, now: float) -> None:
        """Take note of a peer; where several could be it, it is none of them for certain."""
        found = dict(self._who(info_hash, peer))
        for key in found:
            self._resources[key].linked = now
        if len(found) != 1:
            return
        ((key, address),) = found.items()
        if address is None:
            return
        resource = self._resources[key]
        resource.invited.add(info_hash)
        self._ports.policy.connected(key[0], address)
        if not self.may_dial(*key, address) and self._ports.policy.needs_proof(address):
            self._ports.neighbours.connected(*key, address.address)
            resource.theirs = tuple(self._allowed(key, resource.known))
        rung = RouteKind.PUNCHED if peer.utp else route_kind_at(address, resource.known)
        resource.ladder.met(rung, address, inbound_only=peer.port is None and not peer.utp)
        if resource.relayed and resource.ladder.way.kind not in _BY_RELAY:
            resource.relayed = False
            self._ports.relay.disconnect(*key)

    def _who(self, info_hash: InfoHash, peer: Peer) -> Iterator[tuple[Key, PeerAddress | None]]:
        """Who a peer may be, and at which address; that is ``None`` at the relay."""
        relayed = self._ports.relay.device_at(peer.address)
        keys: Collection[Key] = self._sources[info_hash]
        if relayed is not None:
            if relayed in keys:
                yield relayed, None
            return
        exact = {
            key: candidate.address
            for key in keys
            for candidate in self._resources[key].known
            if candidate.address.address == peer.address and candidate.address.port == peer.port
        }
        yield from (exact or self._at(peer.address, keys)).items()

    def _at(self, address: str, keys: Iterable[Key]) -> dict[Key, PeerAddress]:
        return {
            key: candidate.address
            for key in keys
            for candidate in self._resources[key].known
            if candidate.address.address == address
        }

    def _judge(self, key: Key, resource: _Resource, now: float) -> None:
        """See whether a way that was found leads anywhere."""
        way = resource.ladder.way
        if not any(map(self._is_active, resource.wanted)):
            resource.since = now
            resource.linked = None
        if way.kind is None or way.kind in _BY_RELAY:
            return
        if resource.linked is not None and now - max(resource.linked, resource.since) > LOST:
            resource.linked = None
            resource.invited.clear()
            resource.ladder.forget()
            self._climb(key)
        elif _is_unseen(resource) and now - resource.since > CONNECTING:
            resource.ladder.disappointed()

    def _ask_whether_there(self, key: Key, resource: _Resource) -> None:
        """Ask a resource that should be connected and is not; its presence may be out of date."""
        if self._is_linked(resource):
            self._answering.met(key)
        elif any(map(self._is_active, resource.wanted)):
            self._answering.ask(key)

    def _is_active(self, info_hash: InfoHash) -> bool:
        library = self._swarm.library
        return info_hash in library and library.get(info_hash).state in _ACTIVE

    # ---- for the ladders

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Find out where somebody answers."""
        return self._ports.prober.race(addresses) if addresses else succeed(None)

    async def call(self, key: Key) -> Sequence[Candidate]:
        """
        Ask a resource to come; gives where it may be met.

        :raises BitweenError: if it cannot or does not want to.
        """
        return await self._ask(key, min(self._resources[key].wanted))

    async def _ask(self, key: Key, info_hash: InfoHash) -> Sequence[Candidate]:
        told = await self._ports.requests.request_connection(
            *key, info_hash, self._own_candidates()
        )
        self._allowlist.allow_candidates(*key, [candidate.address for candidate in told])
        return self._allowed(key, self._announced(key, told))

    def punch(self, key: Key, candidates: Sequence[Candidate]) -> None:
        """Dial a resource while it dials us."""
        for info_hash in self._resources[key].wanted:
            self._swarm.dial_simultaneously(
                info_hash, [], [candidate.address for candidate in candidates]
            )

    async def by_relay(self, key: Key) -> Route:
        """
        Find a way through the servers.

        :raises BitweenError: if there is none, or too narrow a one.
        """
        passage = await self._ports.relay.find_route(*key)
        resource = self._resources[key]
        resource.most = passage.most
        if not any(self._fits(key, info_hash) for info_hash in resource.wanted):
            raise RequestRefused(
                f"it is larger than the {passage.most} bytes that go within the XMPP stream",
                "a relay would need proxy65 on either server",
                detail="too_large",
                values={"most": str(passage.most)},
            )
        resource.relayed = True
        address = self._ports.relay.local_address(*key)
        return Route(
            RouteKind.IN_BAND if passage.in_band else RouteKind.RELAY, address, passage.through
        )


class _Steps:
    """What the ladder of one resource has done for it."""

    def __init__(self, meetings: PeerConnector, key: Key) -> None:
        self._meetings = meetings
        self._key = key

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Find out where somebody answers."""
        return self._meetings.probe(addresses)

    def meet(self) -> Deferred[Sequence[Candidate]]:
        """Ask it to come."""
        return Deferred.fromCoroutine(self._meetings.call(self._key))

    def punch(self, candidates: Sequence[Candidate]) -> None:
        """Dial it while it dials us."""
        self._meetings.punch(self._key, candidates)

    def relay(self) -> Deferred[Route]:
        """Find a way through the servers."""
        return Deferred.fromCoroutine(self._meetings.by_relay(self._key))


def _by_rung(way: Route) -> int:
    return len(_RUNGS) if way.kind is None else _RUNGS.index(way.kind)


def _is_unseen(resource: _Resource) -> bool:
    """Whether a way was found, and nobody was seen there since."""
    found = resource.ladder.way.kind is not None
    return found and (resource.linked is None or resource.linked < resource.since)
