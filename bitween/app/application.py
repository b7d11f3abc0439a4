"""
The application: builds the use cases, and routes events to them.

Each group of use cases is one object, a public attribute of :class:`Bitween`; the API, the page and
the chat commands call these objects, never the ports.  They reach the network and the
disk only through the ports of :mod:`bitween.app.ports`.

Events come from two sides.  The swarm reports torrents and peers, which changes what we announce,
which devices we connect to, and the traffic per contact.  The messenger reports contacts, their
presence and their announcements, which changes the catalogue of what they share.  Each change of
the catalogue updates the allowlist, which admits peers, and the connector, which finds a route to
each device that has what we want.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from twisted.application.service import MultiService
from twisted.internet.interfaces import IReactorTime

from bitween.app import access
from bitween.app.access import ShareAccess
from bitween.app.access_requests import AccessRequests
from bitween.app.connection import ServerConnection
from bitween.app.contact_shares import ContactShares, verified_share
from bitween.app.contacts import Contacts
from bitween.app.content import FileReader
from bitween.app.device_expiry import DeviceExpiry
from bitween.app.devices import DeviceTrust
from bitween.app.diagnosis import Diagnosis
from bitween.app.downloads import Downloads
from bitween.app.jobs import Jobs
from bitween.app.journal import Journal
from bitween.app.limits import RateLimits
from bitween.app.peers import ConnectedPeers
from bitween.app.ports import Ports
from bitween.app.rate_history import INTERVAL, RateHistory
from bitween.app.readers import Readers
from bitween.app.repair import TorrentRepair
from bitween.app.restricted_downloads import RestrictedDownloads
from bitween.app.seals import TorrentSeals
from bitween.app.seeding import UNLIMITED_SEEDING, SeedingLimits, SeedingPolicy
from bitween.app.share_guard import ShareGuard
from bitween.app.sharing import Sharing
from bitween.app.status import StatusReporter
from bitween.app.torrents import Torrents
from bitween.app.traffic import TrafficAccount
from bitween.connect import allowlist
from bitween.connect.allowlist import PeerAllowlist
from bitween.connect.connector import PeerConnector
from bitween.connect.context import ConnectContext
from bitween.connect.introducer import Admission
from bitween.errors import UnknownTorrent
from bitween.model.access import OPEN, Access
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.device_trust import TrustedDevice
from bitween.model.diagnosis import Finding
from bitween.model.events import (
    ListeningChanged,
    MessengerEvent,
    PeerMoved,
    PresenceRepeated,
    SharesChanged,
    SwarmEvent,
    TorrentAdded,
    TorrentChanged,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.schedule import ScheduleEntry
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import UNLIMITED, Limits
from bitween.util.periodic import HOUR, PeriodicService

#: Seconds from one check of the schedule and of the seeding limits to the next.
LIMITS_INTERVAL = 30.0


@dataclass(frozen=True, slots=True)
class ApplicationOptions:
    """
    What the settings say of the use cases.

    :param download_dir: where downloads go by default; absolute.
    :param limits: the rate limits of all torrents together.
    :param schedule: the hours at which other limits are in force.
    :param seeding: how long downloads are seeded.
    :param guard: says which paths are not shared, or only once the user confirms it.
    :param share_with: who may see and fetch what is shared without a choice.
    :param allow_plain_peers: whether devices that know no sealed torrents are spoken to.
    """

    download_dir: str
    limits: Limits = UNLIMITED
    schedule: tuple[ScheduleEntry, ...] = ()
    seeding: SeedingPolicy = UNLIMITED_SEEDING
    guard: ShareGuard = field(default_factory=ShareGuard)
    share_with: Access = OPEN
    allow_plain_peers: bool = False


class Bitween(MultiService):
    """
    The services of the application; as a service, it runs their timers.

    :ivar stop: ends the daemon cleanly.
    :ivar connection: the connection to the XMPP server.
    :ivar devices: the keys of devices, and which count.
    :ivar contacts: the roster, contact requests, blocking.
    :ivar shares: what contacts share.
    :ivar expiry: drops devices that have not been seen for long.
    :ivar torrents: our torrents.
    :ivar repair: repairs torrents that an error has stopped.
    :ivar peers: the peers that are connected for a torrent.
    :ivar downloads: begins downloads.
    :ivar sharing: shares files and folders.
    :ivar access: who may see and fetch our shares.
    :ivar access_requests: what contacts ask for, and what we ask for.
    :ivar seals: gives each torrent the seal under which it is transferred.
    :ivar files: reads the files of our torrents.
    :ivar jobs: what takes a while.
    :ivar limits: the rate limits of all torrents together.
    :ivar seeding: the limits of seeding.
    :ivar traffic: bytes exchanged with each contact.
    :ivar rates: the rates of the last minutes.
    :ivar status: reports the daemon's status.
    :ivar diagnosis: checks what could keep transfers from working.
    :ivar connector: finds a route to each device that has what we want.
    :ivar allowlist: which peers may connect to us.
    :ivar swarm_events: hands out what happens to our torrents.
    :ivar messenger_events: hands out what comes from the server and the contacts.
    """

    def __init__(
        self,
        ports: Ports,
        options: ApplicationOptions,
        reactor: IReactorTime,
        stop: Callable[[], None],
        *,
        clock: Callable[[], float] = time.time,
        checks: Sequence[Callable[[], Finding]] = (),
        devices: DeviceTrust | None = None,
    ) -> None:
        """
        :param reactor: its clock must not jump when the machine's clock is set.
        :param stop: ends the daemon cleanly.
        :param clock: seconds since the epoch.
        :param checks: further checks of the diagnosis; each run calls them.
        :param devices: those that the messenger knows; new ones if ``None``.
        """
        super().__init__()
        self.devices = devices or DeviceTrust(ports.memory)
        self._swarm = ports.swarm
        self._messenger = ports.messenger
        self._own_addresses = ports.own_addresses
        self._reactor = reactor
        self.stop = stop
        self.swarm_events = ports.swarm.events
        self.messenger_events = ports.messenger.events
        catalogue = Catalogue(clock, own_share=self._verified_share)
        self._build_contacts(ports, catalogue, clock)
        self._build_torrents(ports, options, catalogue, clock)
        self._build_reports(ports, options.download_dir, checks)
        self._follow_events()
        self._add_timers()

    def _build_contacts(
        self, ports: Ports, catalogue: Catalogue, clock: Callable[[], float]
    ) -> None:
        self.connection = ServerConnection(ports.messenger)
        self.contacts = Contacts(ports.messenger)
        self.allowlist = PeerAllowlist(
            ports.swarm, catalogue, ports.connect.policy.may_connect_from, self._reactor.seconds
        )
        self.connector = PeerConnector(
            ConnectContext(
                clock=self._reactor,
                swarm=ports.swarm,
                catalogue=catalogue,
                ports=ports.connect,
                allowlist=self.allowlist,
                own_candidates=lambda: ports.own_addresses.candidates,
            ),
            Admission(
                may_fetch=lambda jid, info_hash: bool(self.access.decide(jid, info_hash)),
                counts=self.devices.counts,
            ),
        )
        self.shares = ContactShares(
            catalogue, ports.messenger, ports.cache, self._reactor, self._catalogue_changed
        )
        self.expiry = DeviceExpiry(self.shares, ports.messenger, ports.memory, clock)

    def _build_torrents(
        self,
        ports: Ports,
        options: ApplicationOptions,
        catalogue: Catalogue,
        clock: Callable[[], float],
    ) -> None:
        swarm, memory, guard = ports.swarm, ports.memory, options.guard
        readers = Readers(ports.messenger, memory)
        self.access = ShareAccess(
            swarm, ports.messenger, readers, self._reactor, clock, default=options.share_with
        )
        self.jobs = Jobs(self._reactor)
        self.limits = RateLimits(swarm, memory, options.limits, options.schedule, clock)
        self.seeding = SeedingLimits(swarm, options.seeding, clock, self._reactor.seconds)
        self.traffic = TrafficAccount(
            self._reactor, memory, catalogue, self.connector.routes.contact_behind_relay
        )
        self.rates = RateHistory(swarm.events)
        self.access_requests = AccessRequests(self.access, ports.messenger, catalogue, clock)
        self._restricted = RestrictedDownloads(swarm, catalogue, options.share_with)
        self.seals = TorrentSeals(
            swarm, catalogue, self._reactor, allow_plain=options.allow_plain_peers
        )
        self.sharing = Sharing(
            swarm,
            ports.hasher,
            memory,
            self.jobs,
            access=self.access,
            seals=self.seals,
            guard=guard,
            reactor=self._reactor,
        )
        routes = self.connector.routes
        self.downloads = Downloads(
            swarm,
            catalogue,
            routes,
            restricted=self._restricted,
            seals=self.seals,
            guard=guard,
            folder=options.download_dir,
        )
        self.torrents = Torrents(swarm, self.seeding)
        self.repair = TorrentRepair(swarm, self.sharing)
        self.peers = ConnectedPeers(swarm, self.connector, self.traffic)
        self.files = FileReader(swarm)

    def _build_reports(
        self, ports: Ports, download_dir: str, checks: Sequence[Callable[[], Finding]]
    ) -> None:
        self.status = StatusReporter(
            ports,
            catalogue=self.shares.catalogue,
            limits=self.limits,
            download_dir=download_dir,
            steady=self._reactor.seconds,
        )
        self.diagnosis = Diagnosis(
            ports,
            catalogue=self.shares.catalogue,
            routes=self.connector.routes,
            download_dir=download_dir,
            checks=checks,
        )

    def _follow_events(self) -> None:
        self.swarm_events.subscribe(self._swarm_event)
        self.messenger_events.subscribe(self._messenger_event)
        self._own_addresses.changes.subscribe(lambda _: self._addresses_changed())
        self.access.changes.subscribe(self._messenger.lists_changed)
        self.devices.changes.subscribe(self._device_changed)
        self.access.changes.subscribe(lambda _: self.connector.introducer.access_changed())

    def _add_timers(self) -> None:
        for work, seconds in (
            (self.expiry.drop_unseen, HOUR),
            (self._apply_limits, LIMITS_INTERVAL),
            (self.rates.sample, INTERVAL),
            (self._shut_out_gone, allowlist.EXPIRY_INTERVAL),
            (self._end_expired, access.EXPIRY_INTERVAL),
        ):
            PeriodicService(self._reactor, work, seconds).setServiceParent(self)

    def startService(self) -> None:
        """
        Start the timers, announce our shares, and resume what the last run did not finish.

        The swarm must have loaded the torrents of earlier runs: they are not logged as new.
        """
        super().startService()
        Journal(self.swarm_events, self.messenger_events, self._reactor.seconds)
        self.begin()

    def begin(self) -> None:
        """Do what :meth:`startService` does once."""
        self._apply_limits()
        self._refresh_addresses()
        self._messenger.serve_lists(self.access.restricted_for)
        self._announce()
        self.seals.begin()
        self.sharing.resume()

    def connection_requested(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Sequence[Candidate]:
        """
        Dial a device that asks us to, if it may fetch the torrent; see :class:`PeerConnector`.

        :param jid: bare.
        :raises UnknownTorrent: if we have no such torrent, or the reader may not fetch it.
        """
        if not self.access.decide(jid, info_hash):
            raise UnknownTorrent(f"no torrent of ours has the hash {info_hash}")
        return self.connector.connection_requested(jid, resource, info_hash, candidates)

    def close(self) -> None:
        """Cancel what takes a while; the next start resumes it."""
        self.sharing.close()
        self.jobs.cancel_all()
        self.connector.close()
        self.traffic.close()

    def _verified_share(self, info_hash: InfoHash) -> Share | None:
        return verified_share(self._swarm.library, info_hash)

    def _swarm_event(self, event: SwarmEvent) -> None:
        if isinstance(event, SharesChanged):
            self._announce()
        elif isinstance(event, ListeningChanged):
            self._refresh_addresses()
        elif isinstance(event, TorrentAdded | TorrentFinished):
            self.connector.update_sources(event.torrent.info_hash)
            self.seals.torrent_changed(event.torrent)
        elif isinstance(event, TorrentChanged):
            self.connector.torrent_changed(event.torrent)
            self.seals.torrent_changed(event.torrent)
        elif isinstance(event, TorrentRemoved):
            self.connector.torrent_removed(event.info_hash)
            self._restricted.forget(event.info_hash)
        elif isinstance(event, PeerMoved):
            self.traffic.record(event)

    def _messenger_event(self, event: MessengerEvent) -> None:
        if isinstance(event, PresenceRepeated):
            self.connector.presence_received(event.jid, event.resource)
        else:
            self.shares.handle(event)

    def _catalogue_changed(self, change: CatalogueChange) -> None:
        self.allowlist.apply(change)
        if change:
            self._restricted.apply(change)
            self.seals.announcements_changed(change.redialled)
            self.connector.apply(change)

    def _device_changed(self, device: TrustedDevice) -> None:
        if device.jid == self._messenger.own_jid:
            self._messenger.vouch()

    def _addresses_changed(self) -> None:
        # The dial policy depends on our own addresses.
        self.allowlist.refresh()
        self._announce()
        self.connector.own_candidates_changed()

    def _refresh_addresses(self) -> None:
        swarm = self._swarm
        self._own_addresses.refresh(
            swarm.listening,
            swarm.mapped,
            swarm.external,
            plain_listening=swarm.plain_listening,
            plain_mapped=swarm.plain_mapped,
        )

    def _announce(self) -> None:
        shares = list(self._swarm.library.shares.values())
        own = self._own_addresses
        self._messenger.announce(shares, own.candidates, own.plain_addresses)
        self._messenger.lists_changed()

    def _apply_limits(self) -> None:
        self.limits.apply()
        self.seeding.apply()

    def _end_expired(self) -> None:
        self.access.end_expired()

    def _shut_out_gone(self) -> None:
        self.allowlist.expire(self.connection.knows_presence)
