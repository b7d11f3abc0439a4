"""What bitween does: the use cases."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.app import diagnosis
from bitween.app.content import Content, open_content
from bitween.app.jobs import Jobs, Report
from bitween.app.limits import Control, LimitsInForce, Rules
from bitween.app.ports import (
    CatalogueCachePort,
    HasherPort,
    IntentionsPort,
    MemoryPort,
    MessengerPort,
    OwnAddressesPort,
    SwarmPort,
)
from bitween.app.rate_history import RateHistory
from bitween.app.share_guard import ShareGuard
from bitween.app.traffic import TrafficAccount
from bitween.connect.allowlist import PeerAllowlist
from bitween.connect.connector import PeerConnector
from bitween.connect.ports import ConnectorPorts
from bitween.errors import (
    BitweenError,
    OriginalFiles,
    ResourceOnline,
    StoreError,
    UnknownContact,
    UnknownResource,
)
from bitween.files.paths import checked_folder, checked_path
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue, CatalogueChange, Listing
from bitween.model.catalogue.search import UNFILTERED, Filter, FoundPage
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.deletion import Deletion
from bitween.model.diagnosis import Finding
from bitween.model.events import (
    ConnectionChanged,
    ContactChanged,
    ContactRemoved,
    ItemPublished,
    ItemRetracted,
    ItemsRead,
    ListeningChanged,
    ListingReceived,
    MessengerEvent,
    PeerMoved,
    PresenceChanged,
    PresenceRepeated,
    RosterRead,
    SharesChanged,
    SwarmEvent,
    TorrentAdded,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.intention import Intention
from bitween.model.invitation import invitation_link, invited
from bitween.model.job import Added, Job
from bitween.model.peer import Peer
from bitween.model.route import RouteKind
from bitween.model.text import quoted, safe_name, visible
from bitween.model.torrent import FileOrigin, InfoHash, Torrent
from bitween.model.torrent_error import Remedy
from bitween.model.torrent_options import TorrentOptions
from bitween.util.cooperate import in_slices
from bitween.util.monotonic import steady_time
from bitween.util.observable import Observable

#: Contacts that are named for whom a torrent waits.
MAX_WAITED = 10


@dataclass(frozen=True, slots=True)
class TransferTotals:
    """Sums over all our torrents, and over all the contacts' shares that are known."""

    torrents: int
    complete: int
    size: int
    done: int
    download_rate: int
    upload_rate: int
    peers: int
    contacts: int
    contacts_online: int


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """
    How the daemon is.

    :param download_dir: where downloads go that are not told to go elsewhere.
    :param free: bytes that find room there; ``None`` if that cannot be told.
    :param uptime: seconds.
    """

    connection: ConnectionStatus
    own_jid: str
    listening: tuple[tuple[str, int], ...]
    addresses: tuple[PeerAddress, ...]
    totals: TransferTotals
    limits: LimitsInForce
    download_dir: str
    free: int | None
    uptime: float


@dataclass(frozen=True, slots=True)
class Parts:
    """
    The collaborators of :class:`Bitween`, one for each port.

    :param reactor: has its turns while something takes long.
    """

    swarm: SwarmPort
    hasher: HasherPort
    intentions: IntentionsPort
    messenger: MessengerPort
    own_addresses: OwnAddressesPort
    jobs: Jobs
    memory: MemoryPort
    cache: CatalogueCachePort
    means: ConnectorPorts
    reactor: IReactorTime


class Bitween:
    """
    The use cases, in terms of the model.

    :ivar control: the use cases of controlling torrents.
    :ivar admission: who may connect to us.
    :ivar meetings: how whoever has what we want is met.
    :ivar traffic: how much was exchanged with whom.
    :ivar rates: how fast everything together was.
    :ivar catalogue_changes: hands out whatever changes in what contacts share.
    :ivar swarm_events: hands out what happens to our torrents.
    :ivar messenger_events: hands out what comes from the server and the contacts.
    """

    _log = Logger()

    def __init__(
        self,
        parts: Parts,
        download_dir: str,
        stop: Callable[[], None],
        clock: Callable[[], float] = time.time,
        rules: Rules | None = None,
        *,
        steady: Callable[[], float] = steady_time,
        checks: Sequence[Callable[[], Finding]] = (),
        guard: ShareGuard | None = None,
    ) -> None:
        """
        :param stop: ends the daemon cleanly.
        :param clock: seconds since the epoch.
        :param steady: seconds from an arbitrary beginning, whatever the clock is set to.
        :param rules: what the settings say of all torrents.
        :param checks: what else is looked at where a diagnosis is asked for.
        :param guard: says what is not shared, or only if that is confirmed.
        """
        self._swarm = parts.swarm
        self._hasher = parts.hasher
        self._intentions = parts.intentions
        self._memory = parts.memory
        self._messenger = parts.messenger
        self._own_addresses = parts.own_addresses
        self._cache = parts.cache
        self._reactor = parts.reactor
        self._download_dir = download_dir
        self._stop = stop
        self._clock = clock
        self._checks = checks
        self._guard = guard or ShareGuard()
        self._steady = steady
        self._started = steady()
        self._ending = False
        self._policy = parts.means.policy
        self._accepted_loopback = False
        self.jobs = parts.jobs
        self.control = Control(parts.swarm, parts.memory, rules or Rules(), clock, steady)
        self.catalogue = Catalogue(clock, ours=self._known_of)
        self.admission = PeerAllowlist(
            *(parts.swarm, self.catalogue),
            *(parts.means.policy.may_connect_from, parts.reactor.seconds),
        )
        self.meetings = PeerConnector(
            *(parts.reactor, parts.swarm, self.catalogue, parts.means),
            self.admission,
            own_candidates=self._candidates,
        )
        self.traffic = TrafficAccount(
            parts.reactor, parts.memory, self.catalogue, self.meetings.contact_behind_relay
        )
        self.rates = RateHistory(parts.swarm.events)
        self.catalogue_changes: Observable[CatalogueChange] = Observable()
        self.swarm_events = parts.swarm.events
        self.messenger_events = parts.messenger.events
        self.swarm_events.subscribe(self._swarm_did)
        self.messenger_events.subscribe(self._messenger_did)
        parts.own_addresses.changes.subscribe(lambda _: self._moved())

    # ---- the daemon itself

    async def restore(self) -> None:
        """Take over what an earlier run knew of contacts' shares; they are away for now."""
        try:
            await in_slices(self._reactor, self._restoring())
        except StoreError:
            self.catalogue.forget_all_but(())

    def _restoring(self) -> Iterator[None]:
        for record, shares in self._cache.load():
            self.catalogue.restore(record, shares)
            yield
        yield from self.catalogue.get_ready()

    def begin(self) -> None:
        """Take up what an earlier run did not come to do; the swarm is ready now."""
        self.control.look()
        self._listen_sockets_changed()
        self._announce()
        for intention in self._intentions.intended():
            self._log.info(
                "hashing {path} again: the last run did not finish it",
                path=quoted(intention.path),
            )
            self._start_adding(intention)

    def end(self) -> None:
        """Stop what takes a while; what is cut short here is taken up at the next start."""
        self._ending = True
        self.jobs.cancel_all()
        self.meetings.close()
        self.traffic.close()

    def shut_out_gone(self) -> None:
        """Let those in no more who went long ago."""
        self.admission.expire(self.connection.state is ConnectionState.ONLINE)

    def stop(self) -> None:
        """End the daemon cleanly, after the present call is answered."""
        self._stop()

    @property
    def connection(self) -> ConnectionStatus:
        """Where the connection to the XMPP server stands."""
        return self._messenger.status

    @property
    def knows_presence(self) -> bool:
        """
        Whether it is known who is online.

        While only the link is gone, transfers go on with whoever was there before.
        """
        return self.connection.state is ConnectionState.ONLINE

    def reconnect(self) -> None:
        """Try now to connect to the XMPP server, or see whether the connection still holds."""
        self._messenger.reconnect()

    def status(self) -> DaemonStatus:
        """How the daemon is."""
        return DaemonStatus(
            connection=self.connection,
            own_jid=self._messenger.own_jid,
            listening=tuple(self._swarm.listening),
            addresses=self._own_addresses.addresses,
            totals=self._totals(),
            limits=self.control.limits,
            download_dir=self._download_dir,
            free=diagnosis.free_room(self._download_dir),
            uptime=self._steady() - self._started,
        )

    async def diagnose(self) -> list[Finding]:
        """Look at each part of the way between us and our contacts."""
        status = self.status()
        return [
            diagnosis.log_in(status.connection),
            *await self._messenger.survey(),
            diagnosis.listening(status.listening),
            diagnosis.mapping(self._swarm.mapped, status.addresses),
            diagnosis.nat(self._own_addresses.nat, self._swarm.mapped),
            diagnosis.announced(status.addresses),
            *(check() for check in self._checks),
            diagnosis.contacts(self.catalogue, self.meetings.may_dial),
            *diagnosis.ways(await self.meetings.survey_routes()),
            diagnosis.disk(self._download_dir),
        ]

    # ---- our torrents

    def torrents(self) -> list[Torrent]:
        """All torrents of ours."""
        return list(self._swarm.library)

    def torrent(self, info_hash: InfoHash) -> Torrent:
        """
        One torrent of ours.

        :raises UnknownTorrent: if there is none with this hash.
        """
        return self._swarm.library.get(info_hash)

    def waited_for(self, torrent: Torrent) -> list[str]:
        """The bare JIDs of those who could give what a torrent waits for; the first ones."""
        # A machine that hangs still takes connections, which count as peers.
        silent = torrent.fetches and self.meetings.any_source_answers(torrent.info_hash) is False
        waits = torrent.waits or silent
        return self.catalogue.holders(torrent.info_hash)[:MAX_WAITED] if waits else []

    def content(self, info_hash: InfoHash, number: int) -> Content:
        """
        Open a file of a torrent of ours to read it; what is missing of it is fetched first then.

        :param number: counted from 0.
        :raises UnknownTorrent: if there is no torrent with this hash.
        :raises NoMetadata: if its files are not known yet.
        :raises InvalidValue: if it has no such file.
        :raises NotFetched: if bytes are missing, and nobody fetches them.
        :raises SwarmError: if it cannot be read at the moment.
        """
        return open_content(self._swarm, info_hash, number)

    def peers(self, info_hash: InfoHash) -> list[tuple[str | None, Peer, RouteKind]]:
        """
        Who is connected to us for a torrent.

        :returns: the contact's bare JID, where that can be told, the peer, and by which way.
        :raises UnknownTorrent: if there is none with this hash.
        """
        return [
            (self.traffic.whose(peer.address, peer.port), peer, self.meetings.route_kind(peer))
            for peer in self._swarm.peers(info_hash)
        ]

    async def share_path(self, path: str, *, confirmed: bool = False, strict: bool = False) -> Job:
        """
        Begin to share what a user named.

        :param path: absolute.
        :param confirmed: whether to share also what is rarely meant; see :class:`ShareGuard`.
        :param strict: whether to refuse a folder of which something has to be left out.
        :returns: the job that hashes it.
        :raises BadPath: where one can tell at once that it cannot be shared.
        :raises ConfirmationNeeded: if it is rarely meant.
        """
        self._guard.forbid(checked_path(path))
        if not confirmed:
            await in_slices(self._reactor, self._guard.doubts(path))
        return self.add_path(path, strict=strict)

    def add_path(
        self, path: str, origin: FileOrigin = FileOrigin.SHARED, *, strict: bool = False
    ) -> Job:
        """
        Begin to share a file or folder that is meant for sure.

        :param path: absolute.
        :param origin: how its files came there; after a restart that goes on with hashing it, they
            count as shared in place.
        :param strict: whether to refuse a folder of which something has to be left out.
        :returns: the job that hashes it.
        :raises BadPath: where one can tell at once that it cannot be shared.
        """
        intention = Intention(os.path.normpath(checked_path(path)), strict)
        self._guard.forbid(intention.path)
        self._intentions.intend(intention)
        return self._start_adding(intention, origin)

    def names_in(self, folder: str) -> frozenset[str]:
        """The names in a folder that belong to torrents of ours, also if nothing is there yet."""
        return frozenset(
            torrent.files[0].path.partition("/")[0]
            for torrent in self._swarm.library
            if torrent.save_path == folder and torrent.files
        )

    async def download(
        self, info_hash: InfoHash, folder: str | None = None, paused: bool = False
    ) -> int:
        """
        Begin to fetch a torrent from everybody who announces it; asking twice is harmless.

        :param folder: where to put it, absolute; ``None`` for the download directory.
        :param paused: whether to fetch no more than the list of its files until it is resumed.
        :returns: how many sources there are at this moment.
        :raises BadPath: if the folder is no place to write to.
        :raises ForbiddenPath: if it is something of the daemon's own.
        """
        if info_hash not in self._swarm.library:
            folder = folder if folder is not None else self._download_dir
            # A contact chooses the name, which could be that of a file of ours.
            self._guard.forbid(folder)
            folder = checked_folder(folder)
            share = self.catalogue.share(info_hash)
            name = share.name if share else ""
            await self._swarm.download(info_hash, name, folder, TorrentOptions(paused=paused))
        return self.meetings.count_reachable(info_hash)

    async def remove(
        self, info_hash: InfoHash, delete_data: bool = False, *, originals: bool = False
    ) -> Deletion | None:
        """
        Stop sharing or fetching a torrent.

        :param delete_data: whether to delete its files as well.
        :param originals: whether to delete them also if they lay there before.
        :returns: what was deleted.
        :raises UnknownTorrent: if there is none with this hash.
        :raises OriginalFiles: if they lay there before, and that was not said; nothing is done.
        :raises DeletionFailed: if some could not be deleted.
        """
        torrent = self.torrent(info_hash)
        if delete_data and not originals and torrent.origin is FileOrigin.SHARED:
            raise OriginalFiles(
                f"bitween did not download the files of {torrent.name!r}",
                "remove it without its files, or say that the originals are to be deleted",
            )
        return await self._swarm.remove(info_hash, delete_data)

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """
        Tell what would be deleted with a torrent.

        :raises UnknownTorrent: if there is none with this hash.
        """
        return self._swarm.deletion(info_hash)

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """
        Compare what lies on the disk with the piece hashes, and go on from there.

        Answers at once; the torrent's state tells how it goes.

        :raises UnknownTorrent: if there is none with this hash.
        """
        return self._swarm.recheck(info_hash)

    async def mend(self, info_hash: InfoHash) -> None:
        """
        Do what would help a torrent that stands still; see :class:`Remedy`.

        Answers at once; the torrent's state tells how it goes.

        :raises UnknownTorrent: if there is none with this hash.
        :raises BadPath: if it is to be shared again, and nothing lies there that could be.
        """
        torrent = self.torrent(info_hash)
        remedy = torrent.trouble.remedy if torrent.trouble else Remedy.RECHECK
        if remedy is Remedy.FETCH_AGAIN:
            await self._swarm.remove(info_hash, False)
            wishes = replace(torrent.wishes, paused=False)
            await self._swarm.download(info_hash, torrent.name, torrent.save_path, wishes)
        elif remedy is Remedy.SHARE_AGAIN:
            self._share_again(torrent)
        else:
            await self._swarm.recheck(info_hash)

    def _share_again(self, torrent: Torrent) -> None:
        """Share what lies there now; what it was is forgotten when that is hashed."""
        path = _place(torrent)
        assert path is not None
        self.add_path(path)

    # ---- contacts and what they share

    def contacts(self) -> Sequence[Contact]:
        """The roster, and those who ask to be in it."""
        return self._messenger.contacts

    def listings(self) -> dict[str, dict[str, Listing]]:
        """What every resource of every contact announces, by bare JID and resource."""
        return {jid: self.catalogue.listings(jid) for jid in self.catalogue.jids()}

    async def find(
        self,
        query: str = "",
        contact: str | None = None,
        sort: str = "name",
        offset: int = 0,
        limit: int = 50,
        *,
        only: Filter = UNFILTERED,
    ) -> FoundPage:
        """
        Search what contacts share; see :meth:`Catalogue.find`.

        :raises UnknownContact: if ``contact`` is neither in the roster nor ourselves.
        """
        if contact is not None:
            self._check_known(contact)
        if only.online and not self.knows_presence:
            return FoundPage(0, ())
        search = self.catalogue.search(query, contact, sort, only)
        await in_slices(self._reactor, search.steps())
        await in_slices(self._reactor, search.ordering(offset + limit))
        return self.catalogue.page(search, offset, limit, contact)

    def _known_of(self, info_hash: InfoHash) -> Share | None:
        """What the metadata of a torrent of ours says, which its hash proves."""
        if info_hash not in self._swarm.library:
            return None
        torrent = self._swarm.library.get(info_hash)
        if torrent.files is None:
            return None
        return Share(info_hash, safe_name(torrent.name), torrent.progress.total)

    async def forget_resource(self, jid: str, resource: str) -> None:
        """
        Drop what is known of a device that is gone for good.

        :raises UnknownContact: if that is neither a contact nor ourselves.
        :raises UnknownResource: if nothing is known of the resource.
        :raises ResourceOnline: if it is there.
        :raises NotConnected: if it is our own and there is no session, in which to take it back.
        """
        self._check_known(jid)
        listing = self.catalogue.listings(jid).get(resource)
        if listing is None:
            raise UnknownResource(f"{jid} has no resource {resource!r} that announced anything")
        if listing.online:
            raise ResourceOnline(f"{jid}/{resource} is online", "it would be back at once")
        if jid == self._messenger.own_jid:
            await self._messenger.retract(resource)
        self._changed(self.catalogue.forget_resource(jid, resource))

    def forget_unseen(self) -> None:
        """
        Drop the resources that were not there on any of the last days on which we were online.

        Other days do not count: we could not have seen them, and a clock that is set forward makes
        as many as it likes.
        """
        if not self.knows_presence:
            return
        self._changed(self.catalogue.still_online())
        days = self._memory.days_online().until(self._clock())
        try:
            self._memory.keep_days_online(days)
        except StoreError as error:
            self._log.debug("this day does not count: {why}", why=str(error))
            return
        if days.first is None:
            return
        for jid, resource in self.catalogue.unseen_since(days.first):
            self._log.info(
                "{key!r} was not seen on {days} days: forgotten",
                key=f"{jid}/{resource}",
                days=len(days.times),
            )
            self._changed(self.catalogue.forget_resource(jid, resource))
            if jid == self._messenger.own_jid:
                self._messenger.retract(resource).addErrback(self._not_retracted)

    def _not_retracted(self, failure: Failure) -> None:
        failure.trap(BitweenError)
        self._log.debug("an old device's item stays: {why}", why=str(failure.value))

    def _check_known(self, jid: str) -> None:
        """
        :raises UnknownContact: if that is neither a contact, nor ourselves, nor in the catalogue.
        """
        if not self._counts(jid) and jid not in self.catalogue.jids():
            raise UnknownContact(
                f"{jid} is not among your contacts", detail="jid", values={"jid": jid}
            )

    def add_contact(self, jid: str, nick: str = "") -> Deferred[None]:
        """
        Ask somebody to become a contact.

        :param jid: of them, or an ``xmpp:`` link that holds it.
        """
        return self._messenger.add_contact(invited(jid), nick)

    @property
    def invitation(self) -> str:
        """The link with which others ask us to become a contact."""
        return invitation_link(self._messenger.own_jid)

    def accept_contact(self, jid: str) -> Deferred[None]:
        """Accept somebody's request, and ask back."""
        return self._messenger.accept_contact(jid)

    def remove_contact(self, jid: str) -> Deferred[None]:
        """End it, in both directions."""
        return self._messenger.remove_contact(jid)

    def blocked(self) -> Sequence[str]:
        """Whom the server keeps away from us."""
        return self._messenger.blocked

    def block(self, jid: str) -> Deferred[None]:
        """Have the server keep somebody away from us; what they share counts no longer."""
        return self._messenger.block(jid)

    def unblock(self, jid: str) -> Deferred[None]:
        """Let somebody reach us again."""
        return self._messenger.unblock(jid)

    # ---- adding a path

    def _start_adding(self, intention: Intention, origin: FileOrigin = FileOrigin.SHARED) -> Job:
        subject = visible(intention.path, len(intention.path))
        return self.jobs.start(
            "add", subject, lambda report: self._adding(intention, origin, report)
        )

    def _adding(self, intention: Intention, origin: FileOrigin, report: Report) -> Deferred[Added]:
        adding = Deferred.fromCoroutine(self._add(intention, origin, report))

        def settled(result: object) -> object:
            if not self._ending:
                self._intentions.settled(intention.path)
            return result

        return adding.addBoth(settled)

    async def _add(self, intention: Intention, origin: FileOrigin, report: Report) -> Added:
        path = intention.path
        info = await self._hasher.hash_path(path, report, intention.strict)
        torrent = await self._swarm.share(info, os.path.dirname(path), origin)
        await self._replace_earlier(path, torrent)
        if info.left_out.total:
            self._log.warn(
                "{path} is shared without {count} of its entries: {left_out}",
                path=quoted(path),
                count=info.left_out.total,
                left_out=info.left_out,
            )
        return Added(torrent.info_hash, torrent.name, torrent.progress.total, info.left_out)

    async def _replace_earlier(self, path: str, torrent: Torrent) -> None:
        """
        Forget what was shared of a path before it was changed.

        A download that lies there is a contact's share, and stays unless its files were changed.
        """
        for earlier in self._swarm.library:
            if earlier.info_hash == torrent.info_hash or _place(earlier) != path:
                continue
            wishes = earlier.wishes
            kept = replace(torrent.wishes, kept=wishes.kept, rank=wishes.rank, limits=wishes.limits)
            try:
                if not (earlier.shared or await self._is_changed(earlier)):
                    continue
                await self._swarm.wish(torrent.info_hash, kept)
                await self._swarm.remove(earlier.info_hash, False)
            except BitweenError as error:
                self._log.error("what was shared before stays: {error}", error=error)

    async def _is_changed(self, fetched: Torrent) -> bool:
        """Whether the files of a download that was finished are others now."""
        if fetched.completed is None:
            return False
        return bool((await self._swarm.look(fetched.info_hash)).error)

    # ---- what comes from below

    def _swarm_did(self, event: SwarmEvent) -> None:
        if isinstance(event, SharesChanged):
            self._announce()
        elif isinstance(event, ListeningChanged):
            self._listen_sockets_changed()
        elif isinstance(event, TorrentAdded | TorrentFinished):
            self.meetings.update_sources(event.torrent.info_hash)
        elif isinstance(event, TorrentRemoved):
            self.meetings.update_sources(event.info_hash)
        elif isinstance(event, PeerMoved):
            self.traffic.book(event)

    def _messenger_did(self, event: MessengerEvent) -> None:
        self._changed(self._catalogue_changed_by(event))
        self._read_lists(event)

    def _changed(self, change: CatalogueChange) -> None:
        self._cache.note(change)
        self.admission.apply(change)
        if change:
            self.meetings.apply(change)
            self.catalogue_changes.notify(change)

    def _catalogue_changed_by(self, event: MessengerEvent) -> CatalogueChange:
        catalogue = self.catalogue
        match event:
            case ConnectionChanged(status=status):
                holds = status.state is ConnectionState.ONLINE or status.resuming
                return CatalogueChange() if holds else catalogue.all_offline()
            case RosterRead(trusted=trusted):
                return catalogue.forget_all_but(trusted)
            case ContactRemoved(jid=jid):
                return catalogue.forget(jid)
            case ContactChanged(contact=contact):
                return CatalogueChange() if contact.trusted else catalogue.forget(contact.jid)
            case PresenceRepeated(jid=jid, resource=resource):
                self.meetings.presence_received(jid, resource)
                return CatalogueChange()
            case _:
                return self._told(event) if self._counts(event.jid) else CatalogueChange()

    def _told(
        self, event: ItemPublished | ItemRetracted | ItemsRead | ListingReceived | PresenceChanged
    ) -> CatalogueChange:
        match event:
            case ItemPublished(jid=jid, item_id=item_id, announcements=announcements):
                return self.catalogue.replace_item(jid, item_id, announcements)
            case ItemRetracted(jid=jid, item_id=item_id):
                return self.catalogue.remove_item(jid, item_id)
            case ItemsRead(jid=jid, items=items):
                return self.catalogue.replace_items(jid, items)
            case ListingReceived(jid=jid, resource=resource, page=page):
                return self.catalogue.apply_page(jid, resource, page)
            case PresenceChanged(jid=jid, resource=resource, online=online):
                return self.catalogue.set_online(jid, resource, online)

    def _read_lists(self, event: MessengerEvent) -> None:
        """Have what an event shows to be missing read."""
        if not isinstance(event, ItemPublished | ItemsRead | PresenceChanged):
            return
        for resource, listing in self.catalogue.listings(event.jid).items():
            known = listing.announcement
            if listing.online and known.list_id and not known.complete:
                self._messenger.read_list(event.jid, resource, known.list_id, known.revision)

    def _counts(self, jid: str) -> bool:
        """Whether this bare JID's word counts: a contact whom we follow, or ourselves."""
        return self._messenger.trusts(jid)

    def _listen_sockets_changed(self) -> None:
        swarm = self._swarm
        self._own_addresses.refresh(swarm.listening, swarm.mapped, swarm.external)

    # ---- telling contacts, dialling contacts

    def _moved(self) -> None:
        accepts_loopback = self._policy.accepts_loopback
        if accepts_loopback != self._accepted_loopback:
            self._accepted_loopback = accepts_loopback
            self.admission.refresh()
        self._announce()
        self.meetings.own_candidates_changed()

    def _announce(self) -> None:
        shares = list(self._swarm.library.shares.values())
        self._messenger.announce(shares, self._candidates())

    def _candidates(self) -> Sequence[Candidate]:
        return self._own_addresses.candidates

    def _totals(self) -> TransferTotals:
        torrents = self.torrents()
        contacts = [contact.jid for contact in self.contacts() if contact.trusted]
        return TransferTotals(
            torrents=len(torrents),
            complete=sum(torrent.complete for torrent in torrents),
            size=sum(torrent.progress.total for torrent in torrents),
            done=sum(torrent.progress.done for torrent in torrents),
            download_rate=sum(torrent.progress.download_rate for torrent in torrents),
            upload_rate=sum(torrent.progress.upload_rate for torrent in torrents),
            peers=sum(torrent.progress.peers for torrent in torrents),
            contacts=len(contacts),
            contacts_online=sum(bool(self.catalogue.online(jid)) for jid in contacts)
            if self.knows_presence
            else 0,
        )


def _place(torrent: Torrent) -> str | None:
    """The path of a torrent's file or folder, as far as it is known."""
    if not torrent.files:
        return None
    return os.path.join(torrent.save_path, torrent.files[0].path.partition("/")[0])
