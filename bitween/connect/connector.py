"""
Connects our torrents to the devices that have what they need.

The connector follows the catalogue (which devices are online and share what), the swarm (which
torrents are incomplete) and our own candidates (where we are).  For each device that a torrent
needs it keeps a :class:`~bitween.connect.device.RemoteDevice`, whose ladder searches for a route;
few search at a time (:mod:`.slots`).  It hands libtorrent the addresses to dial, best route first,
and only those: while libtorrent dials an address in vain, it drops connections from there.

A device that speaks sealed transfers is told first which share we want (:mod:`.wants`).  It may
introduce others who fetch it to us (:mod:`.introduced_peers`), as we do (:mod:`.introducer`).

* ``update_sources``: a torrent was added, is complete, or was removed
* ``apply``: contacts' shares or presence have changed
* ``own_candidates_changed``: our addresses have changed
* ``connection_requested``: a device asks us to dial it (:mod:`.responder`)
* ``torrent_changed``: a torrent is paused, or resumes
* every POLL seconds: the connected peers are matched with devices (:mod:`.sightings`)

The application calls these; nothing else in connect/ calls the connector, except through
:class:`~bitween.connect.device.DeviceObserver`.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IDelayedCall

from bitween.connect.contact_log import ContactLog
from bitween.connect.context import ConnectContext
from bitween.connect.device import DeviceState, RemoteDevice
from bitween.connect.introduced_peers import IntroducedPeers
from bitween.connect.introducer import Admission, Introducer
from bitween.connect.liveness import Liveness
from bitween.connect.responder import ConnectionResponder
from bitween.connect.routes import RouteTable, rank
from bitween.connect.sightings import Sightings
from bitween.connect.slots import SearchSlots
from bitween.connect.wants import Wants
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange, Key
from bitween.model.seal import Seal, pack
from bitween.model.torrent import InfoHash, Torrent

#: Seconds between two looks at the connected peers: while a connection is expected, and otherwise.
POLL, IDLE_POLL = 0.25, 5.0

_AWAITING = frozenset({DeviceState.PROVING, DeviceState.SEARCHING, DeviceState.DIALLING})


class PeerConnector:
    """
    Keeps a device for each one that is online and has what one of our torrents needs.

    :ivar routes: how devices are reached, as far as that is known.
    :ivar introducer: introduces those who fetch one of our shares.
    :ivar introduced: the peers that contacts have introduced to us.
    """

    def __init__(self, context: ConnectContext, admission: Admission | None = None) -> None:
        """:param admission: decides who may fetch our shares; without it, all contacts may."""
        admission = admission or Admission()
        self._context = context
        self._devices: dict[Key, RemoteDevice] = {}
        self._sources: dict[InfoHash, set[Key]] = {}
        self._seals: dict[InfoHash, Seal | None] = {}
        self._offered: dict[InfoHash, list[PeerAddress]] = {}
        self._slots = SearchSlots()
        self._sightings = Sightings(context, self._devices)
        self._responder = ConnectionResponder(context)
        self._log = ContactLog(context.clock)
        self._liveness = Liveness(
            context.clock, context.ports.requests.ping, self._log, self._answer_changed
        )
        self._wants = Wants(context, self.update_sources)
        self._poll: IDelayedCall | None = None
        self.introducer = Introducer(context, admission)
        self.introduced = IntroducedPeers(context, admission)
        self.routes = RouteTable(context, self._devices, self._liveness)

    def close(self) -> None:
        """Stop connecting."""
        self._stop_polling()
        self._wants.close()
        self.introduced.close()
        for device in self._devices.values():
            device.stop()
        self._context.tasks.cancel_all()
        self._context.ports.prober.close()

    def update_sources(self, info_hash: InfoHash) -> None:
        """Connect to the devices that have a torrent if it is incomplete; otherwise to none."""
        library = self._context.swarm.library
        torrent = library.get(info_hash) if info_hash in library else None
        is_needed = torrent is not None and not torrent.complete
        keys: set[Key] = set()
        if torrent is not None and is_needed:
            self._seals[info_hash] = torrent.seal
            keys = self._wants.dialable(torrent, self._sources_of(torrent))
        else:
            self._wants.end(info_hash, seeds=torrent is not None and not torrent.is_standing)
        if not is_needed and info_hash in self._sources:
            # The download may have ended before the connected peers were looked at.
            self._update_sightings(info_hash)
        for key in self._sources.pop(info_hash, set()) - keys:
            self._release(key, info_hash)
        if not is_needed:
            self._offered.pop(info_hash, None)
            self._seals.pop(info_hash, None)
            return
        self._sources[info_hash] = keys
        for key in sorted(keys):
            device = self._devices.get(key)
            if device is None:
                device = self._devices[key] = RemoteDevice(key, self._context, self)
            device.need(info_hash)
            self._locate(device)
        self._dial(info_hash)
        self._schedule_poll()

    def _sources_of(self, torrent: Torrent) -> set[Key]:
        """The devices that are online and have a torrent with the seal that ours has."""
        seal = pack(torrent.seal) if torrent.seal else b""
        sources = self._context.catalogue.torrents.sources(torrent.info_hash, seal)
        return {(source.jid, source.resource) for source in sources}

    def apply(self, change: CatalogueChange) -> None:
        """Follow a change of contacts' shares and presence."""
        self.introducer.apply(change)
        self.introduced.apply(change)
        for presence in change.presences:
            if not presence.online:
                self._drop((presence.jid, presence.resource))
        for info_hash in change.redialled:
            self.update_sources(info_hash)

    def torrent_changed(self, torrent: Torrent) -> None:
        """Follow one of our torrents: it may be paused or resumed, or have another seal."""
        self.introduced.torrent_changed(torrent.info_hash)
        self._wants.torrent_changed(torrent)
        if self._seals.get(torrent.info_hash, torrent.seal) != torrent.seal:
            # Other devices have it under that seal.
            self.update_sources(torrent.info_hash)

    def torrent_removed(self, info_hash: InfoHash) -> None:
        """Follow the end of one of our torrents."""
        self.introducer.share_removed(info_hash)
        self.introduced.torrent_changed(info_hash)
        self.update_sources(info_hash)

    def own_candidates_changed(self) -> None:
        """Follow a change of our own addresses and networks."""
        self._context.ports.neighbours.interfaces_changed()
        for device in list(self._devices.values()):
            if device.torrents:
                self._locate(device)

    def presence_received(self, jid: str, resource: str) -> None:
        """Note that a device has just sent presence, whether it answered before or not."""
        self._liveness.presence_received((jid, resource))

    def connection_requested(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """
        Dial a device that asks us to, for a torrent; see :class:`ConnectionResponder`.

        :param jid: bare.
        :param candidates: those that the device names in its request.
        :returns: our own candidates, at which it dials us.
        :raises UnknownTorrent: if we have no such torrent.
        """
        self._context.swarm.library.get(info_hash)
        self.presence_received(jid, resource)
        self._responder.respond((jid, resource), info_hash, candidates)
        return self._context.own_candidates()

    def search_began(self, device: RemoteDevice) -> None:
        """Count the search; see :class:`DeviceObserver`."""
        self._slots.began(device)

    def route_found(self, device: RemoteDevice) -> None:
        """Dial the route, and let the next device search; see :class:`DeviceObserver`."""
        route = device.route
        self._log.note(device.key, f"is reached: {route.kind}" if route.kind else route.text)
        self.routes.notify(*device.key)
        for info_hash in list(device.torrents):
            self._dial(info_hash)
        while (waiting := self._slots.next_in_queue()) is not None:
            self._start_search(waiting)
        self._schedule_poll()

    def proof_ended(self, device: RemoteDevice) -> None:
        """Search with the addresses that may be dialled now; see :class:`DeviceObserver`."""
        self._start_search(device)
        for info_hash in list(device.torrents):
            self._dial(info_hash)
        self._schedule_poll()

    def route_lost(self, device: RemoteDevice) -> None:
        """Search again; see :class:`DeviceObserver`."""
        self._start_search(device)

    def _locate(self, device: RemoteDevice) -> None:
        device.update_candidates()
        self._start_search(device)

    def _start_search(self, device: RemoteDevice) -> None:
        may_search = device.state not in (DeviceState.IDLE, DeviceState.PROVING)
        if may_search and self._slots.acquire(device):
            device.start_search()

    def _answer_changed(self, key: Key) -> None:
        self.routes.notify(*key)
        device = self._devices[key]
        if self._liveness.answers(key) and not device.is_connected:
            # It may have been away, and be elsewhere now.
            device.reset_route()
            self._locate(device)
        for info_hash in list(device.torrents):
            self._offered.pop(info_hash, None)
            self._dial(info_hash)

    def _release(self, key: Key, info_hash: InfoHash) -> None:
        device = self._devices[key]
        device.release(info_hash)
        if device.torrents:
            return
        # Whether an idle device answers would be out of date soon.
        was_silent = self._liveness.answers(key) is False
        self._liveness.forget(key)
        if was_silent:
            self.routes.notify(*key)

    def _drop(self, key: Key) -> None:
        self._slots.leave_queue(key)
        self._wants.device_left(key)
        device = self._devices.pop(key, None)
        self._context.ports.relay.disconnect(*key)
        self._context.ports.neighbours.forget(*key)
        self._liveness.forget(key)
        if device is not None:
            device.close()
            for info_hash in device.torrents:
                self._sources[info_hash].discard(key)
                # If the device comes back, it is dialled at once.
                self._offered.pop(info_hash, None)

    def _dial(self, info_hash: InfoHash) -> None:
        keys = sorted(self._sources.get(info_hash, ()))
        devices = sorted((self._devices[key] for key in keys), key=lambda d: rank(d.route))
        addresses = [
            address
            for device in devices
            for address in device.addresses_for(
                info_hash, answers=self._liveness.answers(device.key)
            )
        ]
        addresses = list(dict.fromkeys(addresses))
        # Dialling again may cut off a connection that was made just now.
        if self._offered.get(info_hash) != addresses:
            self._offered[info_hash] = addresses
            self._context.swarm.offer_peers(info_hash, addresses)
        for device in devices:
            device.invite(info_hash)

    def _schedule_poll(self) -> None:
        self._stop_polling()
        states = {device.state for device in self._devices.values()} - {DeviceState.IDLE}
        if states:
            seconds = POLL if states & _AWAITING else IDLE_POLL
            self._poll = self._context.clock.callLater(seconds, self._poll_peers)

    def _stop_polling(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None

    def _poll_peers(self) -> None:
        self._poll = None
        for info_hash in list(self._sources):
            self._update_sightings(info_hash)
        for device in list(self._devices.values()):
            device.check_connection()
            self._check_liveness(device)
        self._schedule_poll()

    def _update_sightings(self, info_hash: InfoHash) -> None:
        self._sightings.update(info_hash, self._sources[info_hash])

    def _check_liveness(self, device: RemoteDevice) -> None:
        """Ping a device that should be connected and is not; its presence may be out of date."""
        if device.is_connected:
            self._liveness.connected(device.key)
        elif device.is_downloading:
            self._liveness.ask(device.key)
