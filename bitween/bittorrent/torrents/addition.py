"""Adds torrents: shared ones, and downloads."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, succeed

from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.option_changes import OptionChanges
from bitween.bittorrent.torrents.torrent_files import inspect_files
from bitween.model.access import Access
from bitween.model.metainfo import info_section
from bitween.model.seal import Seal, seal_of
from bitween.model.text import safe_name
from bitween.model.torrent import FileOrigin, InfoHash, Metainfo, Torrent
from bitween.model.torrent_options import TorrentOptions
from bitween.storage.torrent_record import TorrentRecord


class Addition:
    """Adds torrents to the database, the registry and the session, in this order."""

    def __init__(self, context: Context, loader: Loader, option_changes: OptionChanges) -> None:
        self._context = context
        self._registry = context.registry
        self._loader = loader
        self._option_changes = option_changes

    def share(
        self,
        metainfo: Metainfo,
        folder: str,
        origin: FileOrigin,
        secret: bytes | None,
        access: Access | None,
    ) -> Deferred[Torrent]:
        """
        Add a torrent that was hashed here; resume it if it is complete already.

        :param folder: holds the torrent's file or folder.
        :param secret: seals it, unless it is complete already; ``None`` for a plain torrent.
        :param access: who may see and fetch it, unless it is complete already; ``None`` leaves that
            as it is.
        :returns: fires with the torrent.
        :raises StoreError: if it cannot be stored.
        """
        known = self._registry.get(metainfo.info_hash)
        options = known.record.options if known is not None else TorrentOptions()
        options = replace(options, paused=False)
        if known is not None and known.complete:
            return self._option_changes.set(known, options)
        if access is not None:
            options = replace(options, access=access)
        now = self._context.now()
        info = info_section(metainfo.torrent_file)
        record = TorrentRecord(
            info_hash=metainfo.info_hash,
            name=safe_name(metainfo.name),
            folder=folder,
            root=metainfo.name,
            added=now if known is None else known.record.added,
            shared=True,
            complete=True,
            torrent_file=metainfo.torrent_file,
            completed=now,
            options=options,
            origin=origin,
            seal=None if secret is None else seal_of(info, secret),
        )
        return self.add(record)

    def download(
        self,
        info_hash: InfoHash,
        name: str,
        folder: str,
        options: TorrentOptions,
        seal: Seal | None,
    ) -> Deferred[Torrent]:
        """
        Add a torrent whose metadata is to come from peers, unless it is known.

        :param name: shown until the metadata is here; may be empty.
        :param folder: where its file or folder is to lie.
        :param seal: of a sealed torrent; ``None`` for a plain one.
        :returns: fires with the torrent; a known one is unchanged.
        :raises StoreError: if it cannot be stored.
        """
        known = self._registry.get(info_hash)
        if known is not None:
            return succeed(known.snapshot)
        record = TorrentRecord(
            info_hash=info_hash,
            name=safe_name(name) if name else "",
            folder=folder,
            root=None,
            added=self._context.now(),
            shared=False,
            complete=False,
            torrent_file=None,
            options=options,
            origin=FileOrigin.FETCHED,
            seal=seal,
        )
        return self.add(record)

    def add(self, record: TorrentRecord) -> Deferred[Torrent]:
        """
        Add a torrent, in place of another one with the same info-hash.

        :returns: fires at once with the torrent.
        :raises StoreError: if it cannot be stored.
        """
        known = self._registry.get(record.info_hash)
        torrent = ManagedTorrent(record)
        inspect_files(torrent)
        self._context.database.put(torrent.record)
        self._registry.add(torrent)
        if known is not None:
            self._loader.unload_quietly(record.info_hash)
        self._registry.put(torrent, new=known is None)
        # Subscribers have offered peers already: libtorrent dials at once what it is given with a
        # torrent, and looks at later offers only once a second.
        if not self._loader.load(torrent):
            self._registry.put(torrent)
        self._registry.notify_shares()
        return succeed(torrent.snapshot)
