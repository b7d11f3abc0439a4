"""A swarm in memory: the port of ``ports.Swarm``, without libtorrent and without files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from twisted.internet.defer import Deferred, fail, succeed

from bitween.errors import InvalidValue, NoMetadata, UnknownTorrent
from bitween.model.access import Access
from bitween.model.address import PeerAddress
from bitween.model.deletion import Deletion
from bitween.model.events import (
    SharesChanged,
    SwarmEvent,
    TorrentAdded,
    TorrentChanged,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.file_span import FileSpan
from bitween.model.library import Library
from bitween.model.metainfo import info_section, torrent_file
from bitween.model.peer import Peer
from bitween.model.seal import Seal, info_hash_of, salted, seal_of
from bitween.model.text import safe_name
from bitween.model.torrent import (
    FileEntry,
    FileOrigin,
    InfoHash,
    Metainfo,
    Progress,
    Torrent,
    TorrentState,
)
from bitween.model.torrent_error import Reason, Remedy, TorrentError
from bitween.model.torrent_options import DEFAULT_OPTIONS, Limits, TorrentOptions
from bitween.util.observable import Observable

#: Bytes.
PIECE = 100


class FakeFile:
    """
    A file whose pieces come when a test says so.

    :ivar wanted: the piece that is waited for, and the last one of those that will be.
    :ivar closed: whether nothing more is asked for.
    """

    def __init__(self, span: FileSpan, here: bytes) -> None:
        self.span = span
        self.wanted: tuple[int, int] | None = None
        self.closed = False
        self._here = here
        self._waiting: Deferred[bytes] | None = None

    def piece(self, number: int, last: int) -> Deferred[bytes]:
        """Give it if it is here; else wait."""
        self.wanted = (number, last)
        if self._has(number):
            return succeed(self._piece(number))
        self._waiting = Deferred(lambda _: None)
        return self._waiting

    def close(self) -> None:
        """Ask for nothing more."""
        self.closed = True

    def arrive(self, content: bytes) -> None:
        """Have this much of the file be here."""
        self._here = content
        waiting, number = self._waiting, self.wanted[0] if self.wanted else 0
        if waiting is not None and self._has(number):
            self._waiting = None
            waiting.callback(self._piece(number))

    def fail(self, error: Exception) -> None:
        """Have nothing come any more."""
        if self._waiting is not None:
            self._waiting.errback(error)

    def _has(self, number: int) -> bool:
        return len(self._here) >= min(self.span.size, (number + 1) * PIECE)

    def _piece(self, number: int) -> bytes:
        return self._here[number * PIECE : (number + 1) * PIECE]


class FakeSwarm:
    """
    Holds torrents; a test says what arrives.

    :ivar offered: the addresses last offered for each download.
    :ivar met: the torrent, whom we dialled and whom we met over uTP, each time.
    :ivar deleted: the torrents whose data was deleted.
    :ivar admitted: the networks from which peers may come.
    :ivar limits: of all torrents together.
    :ivar contents: what is here of the one file that a torrent has, by its hash.
    :ivar opened: every file that was opened.
    :ivar connected: the peers of torrents.
    :ivar changed: the torrents whose files are others now, which shows when they are looked at.
    """

    def __init__(self) -> None:
        self.events: Observable[SwarmEvent] = Observable()
        self.library = Library()
        self.listening: tuple[tuple[str, int], ...] = (("127.0.0.1", 6881),)
        self.mapped: tuple[PeerAddress, ...] = ()
        self.plain_listening: tuple[tuple[str, int], ...] = ()
        self.plain_mapped: tuple[PeerAddress, ...] = ()
        self.external: tuple[str, ...] = ()
        self.offered: dict[InfoHash, tuple[PeerAddress, ...]] = {}
        self.dialled_at_once: list[
            tuple[InfoHash, tuple[PeerAddress, ...], tuple[PeerAddress, ...]]
        ] = []
        self.deleted: list[InfoHash] = []
        self.admitted: set[IPv4Network | IPv6Network] = set()
        self.limits = Limits()
        self.contents: dict[InfoHash, bytes] = {}
        self.opened: list[FakeFile] = []
        self.connected: dict[InfoHash, tuple[Peer, ...]] = {}
        self.changed: set[InfoHash] = set()
        self._torrent_files: dict[InfoHash, bytes] = {}
        self._time = 0.0

    # ---- the port

    def share(
        self,
        metainfo: Metainfo,
        folder: str,
        origin: FileOrigin = FileOrigin.SHARED,
        secret: bytes | None = None,
        access: Access | None = None,
    ) -> Deferred[Torrent]:
        """Seed what was hashed."""
        known = self._known(metainfo.info_hash)
        options = replace(known.options, paused=False) if known is not None else TorrentOptions()
        self._torrent_files[metainfo.info_hash] = metainfo.torrent_file
        if known is not None and known.complete:
            return self.set_options(metainfo.info_hash, options)
        if access is not None:
            options = replace(options, access=access)
        size = metainfo.total_size
        return self._begin(
            Torrent(
                info_hash=metainfo.info_hash,
                name=safe_name(metainfo.name),
                save_path=folder,
                state=TorrentState.SEEDING,
                progress=Progress(done=size, total=size),
                complete=True,
                files=(FileEntry(metainfo.name, size),),
                completed=self._time,
                shared=True,
                origin=origin,
                options=options,
                seal=self._seal(metainfo.info_hash, secret) if secret else None,
            )
        )

    def seal(self, info_hash: InfoHash, secret: bytes) -> Deferred[Torrent]:
        """Take over another secret."""
        if self._known(info_hash) is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        if info_hash not in self._torrent_files:
            return fail(NoMetadata("the list of files is not known yet"))
        return self.set_seal(info_hash, self._seal(info_hash, secret))

    def set_seal(self, info_hash: InfoHash, seal: Seal | None) -> Deferred[Torrent]:
        """Take over another seal."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        if seal is not None and not self._fits(info_hash, seal):
            return fail(InvalidValue("that is not the seal of this torrent"))
        if seal == known.seal:
            return succeed(known)
        torrent = replace(known, seal=seal)
        changed = self.library.put(torrent)
        self.events.notify(TorrentChanged(torrent=torrent))
        self._tell_shares(changed)
        return succeed(torrent)

    def replace_secret(
        self, info_hash: InfoHash, secret: bytes, salt: bytes, access: Access
    ) -> Deferred[Torrent]:
        """Have the same torrent under another hash."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        if info_hash not in self._torrent_files:
            return fail(NoMetadata("the list of files is not known yet"))
        info = salted(self._info(info_hash), salt)
        new = info_hash_of(info)
        if new in self.library:
            return fail(InvalidValue("that salt is in use already"))
        options = replace(known.options, access=access)
        seal = seal_of(info, secret)
        torrent = replace(known, info_hash=new, seal=seal, options=options)
        for of_torrent in (self.contents, self.connected):
            of_torrent.pop(info_hash, None)
        self._torrent_files[new] = torrent_file(info)
        del self._torrent_files[info_hash]
        changed = self.library.remove(info_hash)
        changed |= self.library.put(torrent)
        self.events.notify(TorrentAdded(torrent=torrent))
        self.events.notify(TorrentRemoved(info_hash=info_hash, name=known.name))
        self._tell_shares(changed)
        return succeed(torrent)

    def _seal(self, info_hash: InfoHash, secret: bytes) -> Seal:
        try:
            return seal_of(self._info(info_hash), secret)
        except InvalidValue:  # a test has no real metadata
            return Seal(secret, info_hash)

    def _fits(self, info_hash: InfoHash, seal: Seal) -> bool:
        known = info_hash in self._torrent_files
        return not known or seal == self._seal(info_hash, seal.secret)

    def _info(self, info_hash: InfoHash) -> bytes:
        # Many tests share what has no metadata.
        known = self._torrent_files[info_hash] or b"d4:infod4:name40:%see" % info_hash.encode()
        return info_section(known)

    def download(
        self,
        info_hash: InfoHash,
        name: str,
        folder: str,
        options: TorrentOptions = DEFAULT_OPTIONS,
        seal: Seal | None = None,
    ) -> Deferred[Torrent]:
        """Begin to fetch a torrent."""
        known = self._known(info_hash)
        if known is not None:
            return succeed(known)
        name = safe_name(name) if name else ""
        state = TorrentState.PAUSED if options.paused else TorrentState.METADATA
        return self._begin(Torrent(info_hash, name, folder, state, options=options, seal=seal))

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """All that is here of a torrent would go, for good."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        files = len(known.files or ()) if known.progress.done else 0
        return succeed(Deletion(files, known.progress.done, trash=False, kept=0))

    def remove(self, info_hash: InfoHash, delete_data: bool) -> Deferred[Deletion | None]:
        """Forget a torrent."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        deleted: Deletion | None = None
        changed = self.library.remove(info_hash)
        if delete_data:
            files = len(known.files or ()) if known.progress.done else 0
            deleted = Deletion(files, known.progress.done, trash=False, kept=0)
            self.deleted.append(info_hash)
        self.offered.pop(info_hash, None)
        self.events.notify(TorrentRemoved(info_hash=info_hash, name=known.name))
        self._tell_shares(changed)
        return succeed(deleted)

    def check_files(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """Find what a test has changed."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        if info_hash in self.changed:
            self.break_down(info_hash, "a file is another than it was", Reason.CHANGED)
        return succeed(self.library.get(info_hash))

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """Find everything as it should be: what broke down is mended."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        if known.error:
            mended = replace(
                known, state=TorrentState.SEEDING, error="", trouble=None, complete=True
            )
            changed = self.library.put(mended)
            self.events.notify(TorrentChanged(torrent=mended))
            self._tell_shares(changed)
        return succeed(None)

    def offer_peers(self, info_hash: InfoHash, addresses: Sequence[PeerAddress]) -> None:
        """Remember what was offered."""
        known = self._known(info_hash)
        if known is not None and not known.complete:
            self.offered[info_hash] = tuple(addresses)

    def allow_peers_from(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        """Remember who may connect."""
        self.admitted.update(networks)

    def deny_peers_from(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        """Remember who may not."""
        self.admitted.difference_update(networks)

    def dial_simultaneously(
        self, info_hash: InfoHash, tcp: Sequence[PeerAddress], utp: Sequence[PeerAddress]
    ) -> None:
        """Remember what is dialled."""
        if self._known(info_hash) is not None:
            self.dialled_at_once.append((info_hash, tuple(tcp), tuple(utp)))

    def set_options(self, info_hash: InfoHash, options: TorrentOptions) -> Deferred[Torrent]:
        """Take over what is wanted of a torrent."""
        known = self._known(info_hash)
        if known is None:
            return fail(UnknownTorrent(f"no torrent of ours has the hash {info_hash}"))
        if options == known.options:
            return succeed(known)
        torrent = replace(known, options=options)
        torrent = replace(torrent, state=_state(torrent), progress=_progress(torrent))
        changed = self.library.put(torrent)
        self.events.notify(TorrentChanged(torrent=torrent))
        self._tell_shares(changed)
        return succeed(torrent)

    def file_progress(self, info_hash: InfoHash) -> Sequence[int]:
        """Everything or nothing of each file."""
        torrent = self.library.get(info_hash)
        return [file.size if torrent.complete else 0 for file in torrent.files or ()]

    def files_written(self, info_hash: InfoHash) -> Deferred[Sequence[int]]:
        """The same, for what this swarm has it has at once."""
        try:
            return succeed(self.file_progress(info_hash))
        except UnknownTorrent as error:
            return fail(error)

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """Those that a test says."""
        self.library.get(info_hash)
        return self.connected.get(info_hash, ())

    def torrent_file(self, info_hash: InfoHash) -> bytes | None:
        """What it was shared with."""
        self.library.get(info_hash)
        return self._torrent_files.get(info_hash)

    def open_file(self, info_hash: InfoHash, number: int) -> FakeFile:
        """Open what :attr:`contents` has of it."""
        torrent = self.library.get(info_hash)
        entry = (torrent.files or ())[number]
        file = FakeFile(FileSpan(0, entry.size, PIECE), self.contents.get(info_hash, b""))
        self.opened.append(file)
        return file

    def limit(self, limits: Limits) -> None:
        """Remember the limits."""
        self.limits = limits

    # ---- for tests

    def arrive(
        self, info_hash: InfoHash, total: int, done: int | None = None, metadata: bytes = b""
    ) -> Torrent:
        """
        Have the metadata of a download be here, and some of its bytes; all, if not said otherwise.

        :param total: bytes of the whole torrent.
        :param metadata: its .torrent file.
        """
        before = self.library.get(info_hash)
        if metadata:
            self._torrent_files[info_hash] = metadata
        complete = done is None or done == total
        here = total if done is None else done
        name = before.name or "arrived"
        torrent = replace(
            before,
            name=name,
            state=TorrentState.SEEDING if complete else TorrentState.DOWNLOADING,
            progress=Progress(done=here, total=total, left=total - here),
            complete=complete,
            files=(FileEntry(name, total),),
        )
        changed = self.library.put(torrent)
        self.events.notify(TorrentChanged(torrent=torrent))
        if complete:
            self.events.notify(TorrentFinished(torrent=torrent))
        self._tell_shares(changed)
        return torrent

    def mark_as_fetched(self, info_hash: InfoHash) -> None:
        """Have a share be a complete download."""
        before = self.library.get(info_hash)
        self.library.put(replace(before, shared=False, origin=FileOrigin.FETCHED))

    def break_down(
        self,
        info_hash: InfoHash,
        error: str,
        reason: Reason = Reason.OTHER,
        remedy: Remedy = Remedy.RECHECK,
    ) -> Torrent:
        """Have a torrent stand still."""
        before = self.library.get(info_hash)
        trouble = TorrentError(error, reason, remedy=remedy)
        torrent = replace(
            before, state=TorrentState.ERROR, error=error, trouble=trouble, complete=False
        )
        changed = self.library.put(torrent)
        self.events.notify(TorrentChanged(torrent=torrent))
        self._tell_shares(changed)
        return torrent

    def _known(self, info_hash: InfoHash) -> Torrent | None:
        return self.library.get(info_hash) if info_hash in self.library else None

    def _begin(self, torrent: Torrent) -> Deferred[Torrent]:
        known = self._known(torrent.info_hash)
        self._time += 1
        torrent = replace(torrent, added=self._time if known is None else known.added)
        changed = self.library.put(torrent)
        if known is None:
            self.events.notify(TorrentAdded(torrent=torrent))
        else:
            self.events.notify(TorrentChanged(torrent=torrent))
        self._tell_shares(changed)
        return succeed(torrent)

    def _tell_shares(self, changed: bool) -> None:
        if changed:
            self.events.notify(SharesChanged())


def _state(torrent: Torrent) -> TorrentState:
    if torrent.error:
        return TorrentState.ERROR
    if torrent.options.paused:
        return TorrentState.PAUSED
    if torrent.complete:
        return TorrentState.SEEDING
    return TorrentState.METADATA if torrent.files is None else TorrentState.DOWNLOADING


def _progress(torrent: Torrent) -> Progress:
    """Nothing is here of what is not complete, for all that this swarm knows of single files."""
    if torrent.complete or torrent.files is None:
        return torrent.progress
    skipped = torrent.options.selection.skipped
    wanted = sum(file.size for number, file in enumerate(torrent.files) if number not in skipped)
    return replace(torrent.progress, left=max(0, wanted - torrent.progress.done))
