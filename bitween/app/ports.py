"""The ports through which the use cases reach the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from bitween.connect.ports import ConnectorPorts, IpFilterPort, PeerSwarmPort
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import CatalogueChange, ResourceRecord
from bitween.model.connection import ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.days_online import DaysOnline
from bitween.model.deletion import Deletion
from bitween.model.diagnosis import Finding
from bitween.model.events import MessengerEvent, SwarmEvent
from bitween.model.file_span import Span
from bitween.model.intention import Intention
from bitween.model.job import ReportProgress
from bitween.model.library import Library
from bitween.model.nat import Nat
from bitween.model.peer import Peer
from bitween.model.torrent import FileOrigin, InfoHash, Metainfo, Torrent
from bitween.model.torrent_options import DEFAULT_OPTIONS, Limits, TorrentOptions
from bitween.model.traffic import Traffic
from bitween.util.observable import Observable


class OpenFilePort(Protocol):
    """A file that is read; what is asked for is fetched before the rest until it is closed."""

    @property
    def span(self) -> Span:
        """Where it lies in the pieces."""

    def piece(self, number: int, last: int) -> Deferred[bytes]:
        """
        Give a whole piece once it is here and verified; cancelling that is fine.

        :param last: the last piece that is going to be asked for, one after the other.
        :raises SwarmError: if it cannot be read, is another than it was, or is removed meanwhile.
        """

    def close(self) -> None:
        """Ask for nothing more."""


class ReadablePort(Protocol):
    """What of the swarm can be read."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def file_progress(self, info_hash: InfoHash) -> Sequence[int]:
        """The verified bytes of each file of a torrent; empty without metadata."""

    def open_file(self, info_hash: InfoHash, number: int) -> OpenFilePort:
        """
        Open a file that is here, or is being fetched.

        :param number: counted from 0.
        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if it cannot be read at the moment.
        """


class SwarmControlPort(Protocol):
    """What of the swarm can be controlled."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def wish(self, info_hash: InfoHash, wishes: TorrentOptions) -> Deferred[Torrent]:
        """
        Do with a torrent what is wanted of it from now on; answers when that is stored.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def files_written(self, info_hash: InfoHash) -> Deferred[Sequence[int]]:
        """
        The bytes of each file of a torrent that can be read from the disk; empty without metadata.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """
        Who is connected to us for a torrent.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def torrent_file(self, info_hash: InfoHash) -> bytes | None:
        """
        The bencoded .torrent; ``None`` until the metadata is here.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def limit(self, limits: Limits) -> None:
        """Limit all torrents together."""


class LimitsMemoryPort(Protocol):
    """Keeps limits that were chosen while the daemon ran."""

    def limits(self) -> tuple[Limits, Limits] | None:
        """The limits of the settings when others were chosen, and those; ``None`` if none were."""

    def keep_limits(self, usual: Limits, chosen: Limits) -> None:
        """Remember that."""


class LedgerPort(Protocol):
    """Keeps the account durably."""

    def traffic(self) -> dict[str, Traffic]:
        """What was exchanged with each contact, by bare JID; by none, with nobody knows whom."""

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """
        Remember what was exchanged with some contacts.

        :raises StoreError: if that cannot be written.
        """


class SwarmPort(SwarmControlPort, PeerSwarmPort, ReadablePort, IpFilterPort, Protocol):
    """The BitTorrent side: moves bytes, and keeps what is ours durably."""

    @property
    def events(self) -> Observable[SwarmEvent]:
        """What happens to our torrents."""

    @property
    def library(self) -> Library:
        """Our torrents; the swarm keeps it up to date."""

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """The sockets on which peers are accepted; an address may be ``0.0.0.0`` or ``::``."""

    @property
    def mapped(self) -> Sequence[PeerAddress]:
        """The addresses at which a router forwards to us."""

    @property
    def external(self) -> Sequence[str]:
        """The IP addresses at which routers or peers say that they see us."""

    def share(
        self, metainfo: Metainfo, folder: str, origin: FileOrigin = FileOrigin.SHARED
    ) -> Deferred[Torrent]:
        """
        Seed what was hashed; answers when that is stored.

        :param folder: what holds the torrent's file or folder.
        :param origin: how the files came there.
        """

    def download(
        self, info_hash: InfoHash, name: str, folder: str, wishes: TorrentOptions = DEFAULT_OPTIONS
    ) -> Deferred[Torrent]:
        """
        Begin to fetch a torrent; answers when that is stored.

        The library holds it, and ``TorrentAdded`` is out, by the time of the answer.

        :param name: what to call it until the metadata is here.
        """

    def remove(self, info_hash: InfoHash, delete_data: bool) -> Deferred[Deletion | None]:
        """
        Forget a torrent, with its data if asked.

        :returns: with what was deleted.
        :raises UnknownTorrent: if there is no such torrent.
        :raises DeletionFailed: if its data could not be deleted.
        """

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """
        Tell what :meth:`remove` would delete.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """
        Begin to compare what lies on the disk with the piece hashes, and go on from there.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def look(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Look at the files of a torrent now; what seems to be new is compared with the piece hashes.

        :returns: with what there is to tell when that is over.
        :raises UnknownTorrent: if there is no such torrent, or none any more.
        """


class HasherPort(Protocol):
    """Makes metainfo of paths, away from the reactor."""

    def hash_path(
        self, path: str, report: ReportProgress, strict: bool = False
    ) -> Deferred[Metainfo]:
        """
        Hash a file or folder; cancelling the Deferred stops that.

        :param strict: whether to refuse a folder of which something has to be left out.
        :raises BadPath: if it cannot be shared.
        :raises HashingFailed: if reading failed on the way.
        """


class IntentionsPort(Protocol):
    """Remembers durably which paths still have to be hashed."""

    def intend(self, intention: Intention) -> None:
        """Remember a path that is to be shared."""

    def settled(self, path: str) -> None:
        """Forget it: it is shared now, or will never be."""

    def intended(self) -> list[Intention]:
        """The paths that an earlier run did not come to share."""


class MessengerPort(Protocol):
    """The XMPP side."""

    @property
    def events(self) -> Observable[MessengerEvent]:
        """What comes from the server and the contacts."""

    @property
    def status(self) -> ConnectionStatus:
        """Where the connection stands."""

    @property
    def contacts(self) -> Sequence[Contact]:
        """The roster and those who ask to be in it, sorted by JID."""

    @property
    def own_jid(self) -> str:
        """Our bare JID."""

    def trusts(self, jid: str) -> bool:
        """Whether this bare JID's word counts: a contact whom we follow, or ourselves."""

    def announce(self, shares: Sequence[Share], candidates: Sequence[Candidate]) -> None:
        """
        Have contacts told this, soon; now or as soon as there is a connection.

        :param shares: oldest first.
        :param candidates: where we are, best first.
        """

    def reconnect(self) -> None:
        """Try to connect at once, or see whether the connection still holds."""

    def read_list(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """
        Read what is not known of a resource's share list, if it is there; pages come as events.

        :param revision: the one that is known, 0 for nothing.
        """

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """Ask to see a contact's presence, and let the request that answers ours in."""

    def accept_contact(self, jid: str) -> Deferred[None]:
        """
        Accept a pending request, and ask back.

        :raises UnknownContact: if nobody of that name asks.
        """

    def remove_contact(self, jid: str) -> Deferred[None]:
        """
        End both subscriptions, or refuse a pending request.

        :raises UnknownContact: if the roster has no such contact.
        """

    def retract(self, resource: str) -> Deferred[None]:
        """
        Take back what another device of our account announced.

        :raises NotConnected: if there is no session.
        """

    def survey(self) -> Deferred[Sequence[Finding]]:
        """Look at what the server offers; without a session nothing is found."""

    @property
    def blocked(self) -> Sequence[str]:
        """The bare JIDs and domains that the server keeps away from us, sorted."""

    def block(self, jid: str) -> Deferred[None]:
        """Have the server keep somebody away from us."""

    def unblock(self, jid: str) -> Deferred[None]:
        """Let somebody reach us again."""


class MemoryPort(LedgerPort, LimitsMemoryPort, IntentionsPort, Protocol):
    """Keeps over a restart what belongs to no torrent."""

    def days_online(self) -> DaysOnline:
        """The days on which we were online, as far as they were kept."""

    def keep_days_online(self, days: DaysOnline) -> None:
        """
        Remember them.

        :raises StoreError: if they cannot be kept.
        """


class CatalogueCachePort(Protocol):
    """Keeps what contacts share over a restart; it may lose the last second of it."""

    def load(self) -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
        """
        Give what an earlier run knew, a portion a step; a resource may come in several.

        :raises StoreError: if it turns out to be damaged; what it gave before is to be dropped.
        """

    def note(self, change: CatalogueChange) -> None:
        """Keep a change, soon."""


class OwnAddressesPort(Protocol):
    """Knows where we can be dialled."""

    @property
    def changes(self) -> Observable[tuple[PeerAddress, ...]]:
        """Tells the addresses whenever they, or what is known of them, have changed."""

    @property
    def addresses(self) -> tuple[PeerAddress, ...]:
        """Where to dial us, best first."""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The same with what is known of it, and where we may only be met."""

    @property
    def nat(self) -> Nat | None:
        """What routers make of us; ``None`` where nobody is there to tell."""

    def refresh(
        self,
        listening: Sequence[tuple[str, int]],
        mapped: Sequence[PeerAddress],
        external: Sequence[str] = (),
    ) -> None:
        """Look at the interfaces again, for these listen sockets, mappings and sightings of us."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The port of each kind that the use cases stand on."""

    swarm: SwarmPort
    hasher: HasherPort
    messenger: MessengerPort
    own_addresses: OwnAddressesPort
    memory: MemoryPort
    cache: CatalogueCachePort
    connect: ConnectorPorts
