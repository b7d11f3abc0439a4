"""
The ports of app/: what the use cases need of BitTorrent, XMPP, the disk and this machine.

Each port is described here once; an implementation says only what it does differently.  Each has
one implementation in the product (bittorrent/, xmpp/, network/, files/, storage/) and one fake in
tests/support/fakes/; the suites in tests/contracts/ run against both.  The ports through which
connect/ finds routes to contacts stand in :mod:`bitween.connect.ports`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from bitween.connect.ports import ConnectorPorts, IpFilterPort, PeerSwarmPort
from bitween.model.access import Access, Reader
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange, ResourceRecord
from bitween.model.connection import ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.days_online import DaysOnline
from bitween.model.deletion import Deletion
from bitween.model.device_trust import KeptKey
from bitween.model.diagnosis import Finding
from bitween.model.events import MessengerEvent, SwarmEvent
from bitween.model.file_span import FileSpan
from bitween.model.intention import Intention
from bitween.model.job import ReportProgress
from bitween.model.library import Library
from bitween.model.nat import Nat
from bitween.model.peer import Peer
from bitween.model.seal import Seal
from bitween.model.torrent import FileOrigin, InfoHash, Metainfo, Torrent
from bitween.model.torrent_options import DEFAULT_OPTIONS, Limits, TorrentOptions
from bitween.model.traffic import Traffic
from bitween.util.observable import Observable


class OpenFilePort(Protocol):
    """An open file; while it is open, the pieces that are asked for are downloaded first."""

    @property
    def span(self) -> FileSpan:
        """Where the file lies in the torrent's pieces."""

    def piece(self, number: int, last: int) -> Deferred[bytes]:
        """
        Read a whole piece as soon as it is verified; the Deferred can be cancelled.

        :param number: of the piece, within the torrent.
        :param last: the last piece that the caller is going to read.
        :raises SwarmError: if it cannot be read, or the file has changed, or the torrent is removed
            meanwhile.
        """

    def close(self) -> None:
        """Stop downloading its pieces first."""


class ReadablePort(Protocol):
    """The BitTorrent engine, as far as files are read."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def file_progress(self, info_hash: InfoHash) -> Sequence[int]:
        """
        Count the verified bytes of each file of a torrent.

        :returns: in the order of the files; empty without metadata.
        :raises UnknownTorrent: if there is no such torrent.
        """

    def open_file(self, info_hash: InfoHash, number: int) -> OpenFilePort:
        """
        Open a file, complete or not.

        :param number: counted from 0.
        :raises UnknownTorrent: if there is no such torrent.
        :raises SwarmError: if it cannot be read at the moment.
        """


class SwarmControlPort(Protocol):
    """The BitTorrent engine, as far as the user controls torrents."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def set_options(self, info_hash: InfoHash, options: TorrentOptions) -> Deferred[Torrent]:
        """
        Set the options of a torrent; answers when they are stored.

        :returns: the torrent with its new options.
        :raises UnknownTorrent: if there is no such torrent.
        :raises BadPath: if a file is selected whose name another file on the disk has.
        :raises StoreError: if they cannot be stored.
        """

    def files_written(self, info_hash: InfoHash) -> Deferred[Sequence[int]]:
        """
        Count the bytes of each file of a torrent that can be read from the disk.

        :returns: in the order of the files; empty without metadata.
        :raises UnknownTorrent: if there is no such torrent.
        """

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """
        List the peers that are connected for a torrent.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def torrent_file(self, info_hash: InfoHash) -> bytes | None:
        """
        Export a torrent as a .torrent file (BEP 3).

        :returns: bencoded; ``None`` without metadata.
        :raises UnknownTorrent: if there is no such torrent.
        """

    def limit(self, limits: Limits) -> None:
        """Limit the rates of all torrents together."""


class SwarmPort(SwarmControlPort, PeerSwarmPort, ReadablePort, IpFilterPort, Protocol):
    """The BitTorrent engine: transfers data, and stores our torrents durably."""

    @property
    def events(self) -> Observable[SwarmEvent]:
        """What happens to our torrents."""

    @property
    def library(self) -> Library:
        """Our torrents; the engine keeps it up to date."""

    @property
    def listening(self) -> Sequence[tuple[str, int]]:
        """The sockets that accept peers, as IP address, perhaps ``0.0.0.0`` or ``::``, and port."""

    @property
    def mapped(self) -> Sequence[PeerAddress]:
        """The addresses that routers forward to us."""

    @property
    def external(self) -> Sequence[str]:
        """The IP addresses at which routers and peers see us."""

    @property
    def plain_listening(self) -> Sequence[tuple[str, int]]:
        """The sockets that accept peers of plain torrents, as :attr:`listening`; often none."""

    @property
    def plain_mapped(self) -> Sequence[PeerAddress]:
        """The addresses that routers forward to these."""

    def share(
        self,
        metainfo: Metainfo,
        folder: str,
        origin: FileOrigin = FileOrigin.SHARED,
        secret: bytes | None = None,
        access: Access | None = None,
    ) -> Deferred[Torrent]:
        """
        Seed what was hashed; answers when that is stored.

        :param folder: what holds the torrent's file or folder; absolute.
        :param origin: how the files came there.
        :param secret: seals the torrent, unless it is complete already; ``None`` for a plain one.
        :param access: who may see and fetch it, unless it is complete already; ``None`` leaves that
            as it is, for everybody in the roster if it is new.
        :raises StoreError: if it cannot be stored.
        """

    def download(
        self,
        info_hash: InfoHash,
        name: str,
        folder: str,
        options: TorrentOptions = DEFAULT_OPTIONS,
        seal: Seal | None = None,
    ) -> Deferred[Torrent]:
        """
        Download a torrent; answers when that is stored.

        Before it answers, the library holds the torrent and ``TorrentAdded`` is notified.

        :param name: its name until the metadata arrives.
        :param folder: where to store its file or folder; absolute.
        :param seal: of a sealed torrent; ``None`` for a plain one.
        :raises StoreError: if it cannot be stored.
        """

    def seal(self, info_hash: InfoHash, secret: bytes) -> Deferred[Torrent]:
        """
        Give a torrent whose metadata is here a secret, or another one; its hash stays.

        :raises UnknownTorrent: if there is no such torrent.
        :raises NoMetadata: if its metadata is not here.
        """

    def set_seal(self, info_hash: InfoHash, seal: Seal | None) -> Deferred[Torrent]:
        """
        Continue a torrent under another seal; what is here of it stays.

        :param seal: ``None`` for a plain torrent.
        :raises UnknownTorrent: if there is no such torrent.
        :raises InvalidValue: if its metadata is here, and that is not its seal.
        """

    def replace_secret(
        self, info_hash: InfoHash, secret: bytes, salt: bytes, access: Access
    ) -> Deferred[Torrent]:
        """
        Give a torrent another secret and another hash; peers that have the old ones are cut off.

        Its files, other options and progress stay.  ``TorrentAdded`` is notified of the new hash,
        then ``TorrentRemoved`` of the old one.

        :param salt: random bytes for its info dictionary.
        :param access: who may see and fetch it from now on.
        :returns: the torrent under its new hash.
        :raises UnknownTorrent: if there is no such torrent.
        :raises NoMetadata: if its metadata is not here.
        :raises InvalidValue: if a torrent has the new hash already.
        """

    def remove(self, info_hash: InfoHash, delete_data: bool) -> Deferred[Deletion | None]:
        """
        Remove a torrent.

        :param delete_data: whether to delete its files.
        :returns: what was deleted; ``None`` without ``delete_data``.
        :raises UnknownTorrent: if there is no such torrent.
        :raises DeletionFailed: if files could not be deleted.
        """

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """
        Tell what :meth:`remove` would delete.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """
        Compare all files with the piece hashes, and continue from the result.

        Answers at once; the torrent's state tells the progress.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def check_files(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Check whether the files of a torrent have changed; only those are compared with the hashes.

        :returns: the torrent after the check.
        :raises UnknownTorrent: if there is no such torrent, or it is removed meanwhile.
        """


class HasherPort(Protocol):
    """Hashes files and folders in another process."""

    def hash_path(
        self, path: str, report: ReportProgress, strict: bool = False
    ) -> Deferred[Metainfo]:
        """
        Hash a file or folder; cancelling the Deferred stops that.

        :param path: absolute.
        :param report: called with the bytes done and the bytes in all.
        :param strict: whether to refuse a folder with entries that cannot be shared.
        :raises BadPath: if it cannot be shared.
        :raises HashingFailed: if a file cannot be read, or changes meanwhile.
        """


class MessengerPort(Protocol):
    """
    The XMPP side: contacts, their presence, and what they and we announce.

    A ``jid`` is a bare JID everywhere; with a ``resource`` it names one device of the account.
    """

    @property
    def events(self) -> Observable[MessengerEvent]:
        """
        What comes from the server and the contacts.

        Announcements, presences and share lists are those of trusted accounts only, see
        :meth:`trusts`: others are dropped where they arrive, so that no subscriber has to check.
        """

    @property
    def status(self) -> ConnectionStatus:
        """The state of the connection."""

    @property
    def contacts(self) -> Sequence[Contact]:
        """The roster and those who ask to be in it, sorted by JID."""

    @property
    def own_jid(self) -> str:
        """Our bare JID."""

    def trusts(self, jid: str) -> bool:
        """Whether a bare JID is our own, or that of a contact whose presence we subscribe to."""

    def announce(
        self,
        shares: Sequence[Share],
        candidates: Sequence[Candidate],
        plain: Sequence[PeerAddress] = (),
    ) -> None:
        """
        Announce our shares and addresses to contacts, soon or as soon as we are online.

        :param shares: oldest first.
        :param candidates: where we can be dialled, best first.
        :param plain: where peers may dial us that know no sealed transfers, best first.
        """

    def vouch(self) -> None:
        """Announce soon for which of our other devices we vouch now: those verified."""

    def reconnect(self) -> None:
        """Connect at once, or check whether the connection still works."""

    def read_list(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """
        Read what is missing of a device's share list; its pages arrive as events.

        :param list_id: the list that the device announces.
        :param revision: the revision that is known, 0 for nothing.
        """

    def read_private(self, jid: str, resource: str) -> None:
        """
        Read the list that a device keeps for us alone, unless it was read since it came online.

        Its pages arrive as events, and so does every later change of it.
        """

    def serve_lists(self, shares_for: Callable[[str], Sequence[Share]]) -> None:
        """
        Serve each contact a list of its own: what it may see and not everybody may.

        :param shares_for: called with a bare JID, our own included; returns its shares, oldest
            first, each info-hash once.
        """

    def lists_changed(self, jids: Iterable[str] | None = None) -> None:
        """
        Call ``shares_for`` again: our shares have changed, or what a contact may see.

        :param jids: the bare JIDs that it may concern; ``None`` for all.
        """

    def serve_access_requests(self, service: Callable[[str, str, InfoHash], None]) -> None:
        """
        Take the requests of contacts for access to a share.

        :param service: called with a bare JID, a resource, and the info-hash of any share.
        """

    def ask_access(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[None]:
        """
        Ask the owner of a locked share for access.

        :param resource: a device that lists the share.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the device refuses, or does not answer.
        """

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """
        Send a contact request, and accept the one that answers it.

        :param nick: the name under which the roster lists the contact; may be empty.
        :raises InvalidValue: if the JID is malformed, or our own.
        :raises AlreadyContact: if the account is a contact, and ``nick`` is empty or its name.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """

    def accept_contact(self, jid: str) -> Deferred[None]:
        """
        Accept a pending contact request, and send one in return.

        :raises InvalidValue: if the JID is malformed.
        :raises UnknownContact: if that account has not asked.
        :raises NotConnected: if there is no session.
        """

    def remove_contact(self, jid: str) -> Deferred[None]:
        """
        End the subscriptions in both directions, or decline a pending request.

        :raises InvalidValue: if the JID is malformed.
        :raises UnknownContact: if the roster has no such contact, and there is no such request.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """

    def retract(self, resource: str) -> Deferred[None]:
        """
        Retract the announcement of another device of our account.

        :param resource: that device.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """

    def check_server(self) -> Deferred[Sequence[Finding]]:
        """Check what the server offers; empty without a session."""

    @property
    def blocked(self) -> Sequence[str]:
        """The bare JIDs and domains that the server blocks for us, sorted."""

    def block(self, jid: str) -> Deferred[None]:
        """
        Have the server block an account (XEP-0191).

        :raises InvalidValue: if the JID is malformed.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """

    def unblock(self, jid: str) -> Deferred[None]:
        """
        Have the server no longer block an account.

        :raises InvalidValue: if the JID is malformed.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the server refuses.
        """


class LedgerPort(Protocol):
    """Stores how much was exchanged with each contact."""

    def traffic(self) -> dict[str, Traffic]:
        """
        Load the traffic by contact.

        :returns: by bare JID; the empty key holds traffic for which no contact can be named.
        """

    def keep_traffic(self, changed: Mapping[str, Traffic]) -> None:
        """
        Store the traffic of some contacts; that of all others stays.

        :param changed: all traffic of each contact so far, by the keys of :meth:`traffic`; it
            replaces what is stored.
        :raises StoreError: if it cannot be stored.
        """


class LimitsMemoryPort(Protocol):
    """Stores the limits that the user chose while the daemon ran."""

    def limits(self) -> tuple[Limits, Limits] | None:
        """
        Load what :meth:`keep_limits` stored last.

        :returns: ``configured`` and ``chosen``; ``None`` if nothing is stored.
        """

    def keep_limits(self, configured: Limits, chosen: Limits) -> None:
        """
        Store chosen limits.

        :param configured: the limits in the settings at this time.
        :param chosen: the limits that replace them.
        :raises StoreError: if they cannot be stored.
        """


class IntentionsPort(Protocol):
    """Stores which paths are still to be hashed and shared."""

    def intend(self, intention: Intention) -> None:
        """
        Store an intention; it replaces an earlier one for the same path.

        :raises StoreError: if it cannot be stored.
        """

    def settled(self, path: str) -> None:
        """
        Delete the intention for a path; one that is unknown is no error.

        :raises StoreError: if that cannot be stored.
        """

    def intended(self) -> list[Intention]:
        """Load the intentions, oldest first."""


class DeviceMemoryPort(Protocol):
    """Stores the keys of devices."""

    def devices(self) -> Mapping[tuple[str, str], KeptKey]:
        """Load the kept keys, by bare JID and resource, those first that were stored first."""

    def keep_device(self, jid: str, resource: str, kept: KeptKey) -> None:
        """
        Store what is known of a device; it replaces what was stored of it before.

        :raises StoreError: if it cannot be stored.
        """

    def forget_device(self, jid: str, resource: str) -> None:
        """
        Delete what is stored of a device; one that is unknown is no error.

        :raises StoreError: if that cannot be stored.
        """


class ReadersPort(Protocol):
    """Stores the roster as it was when we last acted on it, as far as it decides about access."""

    def readers(self) -> dict[str, Reader]:
        """
        Load what :meth:`keep_readers` stored.

        :returns: by bare JID; without those who are no contacts.
        """

    def keep_readers(self, changed: Mapping[str, Reader]) -> None:
        """
        Store some readers; what is stored of all others stays.

        :param changed: by bare JID; of those who are no contacts nothing is stored.
        :raises StoreError: if they cannot be stored.
        """


class MemoryPort(
    LedgerPort, LimitsMemoryPort, IntentionsPort, DeviceMemoryPort, ReadersPort, Protocol
):
    """Stores what belongs to no torrent, durably."""

    def days_online(self) -> DaysOnline:
        """Load the days on which we were online."""

    def keep_days_online(self, days: DaysOnline) -> None:
        """
        Store them.

        :raises StoreError: if they cannot be stored.
        """


class CatalogueCachePort(Protocol):
    """Stores what contacts share; a crash may lose the last second."""

    def load(self) -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
        """
        Load what the last run stored, one portion a step.

        A device may come in several portions, each with its record.

        :raises StoreError: if the cache is damaged; then the caller drops the portions so far.
        """

    def note(self, change: CatalogueChange) -> None:
        """Store a change, soon."""


class OwnAddressesPort(Protocol):
    """Knows where we can be dialled."""

    @property
    def changes(self) -> Observable[tuple[PeerAddress, ...]]:
        """Hands out :attr:`addresses` whenever they, or what is known of them, change."""

    @property
    def addresses(self) -> tuple[PeerAddress, ...]:
        """The addresses that contacts can dial, best first."""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All addresses, those included that are good for hole punching only; best first."""

    @property
    def plain_addresses(self) -> tuple[PeerAddress, ...]:
        """The addresses that peers can dial that know no sealed transfers, best first."""

    @property
    def nat(self) -> Nat | None:
        """How routers translate our addresses; ``None`` if unknown."""

    def refresh(
        self,
        listening: Sequence[tuple[str, int]],
        mapped: Sequence[PeerAddress],
        external: Sequence[str] = (),
        *,
        plain_listening: Sequence[tuple[str, int]] = (),
        plain_mapped: Sequence[PeerAddress] = (),
    ) -> None:
        """
        Read the network interfaces again.

        :param listening: see :attr:`SwarmPort.listening`.
        :param mapped: see :attr:`SwarmPort.mapped`.
        :param external: see :attr:`SwarmPort.external`.
        :param plain_listening: the sockets for peers that know no sealed transfers; those of
            ``listening`` if there is one port for all.
        :param plain_mapped: the addresses that routers forward to these sockets.
        """


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that the use cases stand on."""

    swarm: SwarmPort
    hasher: HasherPort
    messenger: MessengerPort
    own_addresses: OwnAddressesPort
    memory: MemoryPort
    cache: CatalogueCachePort
    connect: ConnectorPorts
