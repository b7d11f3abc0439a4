"""
Changes the seal of a torrent: another secret, with or without another info-hash.

The files and pieces stay the same, so nothing is hashed or fetched again.  In the session a torrent
has the info-hash of its seal: it leaves, which cuts its connections, and comes back under another
one.  libtorrent names the part file of a download after that, too, so the file is renamed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from bitween.bittorrent.files.disk import part_file
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.resume_data import ResumeDataSaver
from bitween.errors import InvalidValue, NoMetadata
from bitween.model.access import Access
from bitween.model.deletion import Deletion
from bitween.model.metainfo import info_section, torrent_file
from bitween.model.seal import Seal, info_hash_of, salted, seal_of
from bitween.model.torrent import Torrent
from bitween.model.torrent_error import NO_TROUBLE
from bitween.storage.torrent_record import TorrentRecord


class SealChanges:
    """Puts another seal into force, in the database first."""

    _log = Logger()

    def __init__(self, context: Context, loader: Loader, saver: ResumeDataSaver) -> None:
        self._database = context.database
        self._registry = context.registry
        self._loader = loader
        self._saver = saver

    def seal(self, torrent: ManagedTorrent, secret: bytes) -> Deferred[Torrent]:
        """
        Give a torrent whose metadata is here another secret; its info-hash stays.

        :returns: fires with the torrent when that is stored.
        :raises NoMetadata: if the metadata is not here.
        """
        return self.set(torrent, seal_of(_info(torrent.record), secret))

    def set(self, torrent: ManagedTorrent, seal: Seal | None) -> Deferred[Torrent]:
        """
        Give a torrent another seal; its info-hash stays.

        :param seal: ``None`` for a plain torrent.
        :returns: fires with the torrent when that is stored.
        :raises InvalidValue: if the metadata is here, and that is not its seal.
        """
        record = torrent.record
        if seal == record.seal:
            return succeed(torrent.snapshot)
        if seal is not None and record.torrent_file is not None:
            _check(record, seal)
        changed = replace(record, seal=seal)
        self._database.put(changed)
        self._saver.save(torrent)
        if torrent.layout is None:
            # The metadata was refused, perhaps because the old seal was that of something else.
            torrent.error = NO_TROUBLE
        torrent.record = changed
        self._unload(record, changed)
        self._loader.load(torrent)
        self._registry.put(torrent)
        self._registry.notify_shares()
        return succeed(torrent.snapshot)

    def replace(
        self, torrent: ManagedTorrent, secret: bytes, salt: bytes, access: Access
    ) -> Deferred[Torrent]:
        """
        Give a torrent another secret and another info-hash; those who have the old ones are cut.

        :param access: who may see and fetch it from now on.
        :returns: fires with the torrent under its new info-hash when that is stored.
        :raises NoMetadata: if the metadata is not here.
        :raises InvalidValue: if a torrent has that info-hash already.
        """
        old = torrent.record
        info = salted(_info(old), salt)
        info_hash = info_hash_of(info)
        if info_hash in self._registry:
            raise InvalidValue("that salt is in use already", "draw another one")
        seal = seal_of(info, secret)
        options = replace(old.options, access=access)
        record = replace(
            old,
            info_hash=info_hash,
            torrent_file=torrent_file(info),
            options=options,
            seal=seal,
        )
        self._database.replace(old.info_hash, record)
        self._saver.save(torrent)
        self._saver.rename(old.info_hash, info_hash)
        successor = torrent.succeeded_by(record)
        self._registry.remove(torrent)
        self._registry.add(successor)
        self._unload(old, record, lambda: self._load(successor))
        self._registry.put(successor, new=True)
        self._registry.notify_removed(torrent)
        self._registry.notify_shares()
        return succeed(successor.snapshot)

    def _unload(
        self, old: TorrentRecord, new: TorrentRecord, then: Callable[[], None] = lambda: None
    ) -> None:
        """Remove a torrent from the session, and rename its part file once nothing writes to it."""
        rename = None if old.complete else partial(_rename_part_file, old, new)
        unloading = self._loader.unload(old.info_hash, rename)
        unloading.addCallback(lambda _: then()).addErrback(
            lambda failure: self._log.failure("changing the seal of a torrent failed", failure)
        )

    def _load(self, torrent: ManagedTorrent) -> None:
        if self._registry.holds(torrent):
            self._loader.load(torrent)
            self._registry.put(torrent)


def _info(record: TorrentRecord) -> bytes:
    if record.torrent_file is None:
        raise NoMetadata("the list of files is not known yet", "wait until it has arrived")
    return info_section(record.torrent_file)


def _check(record: TorrentRecord, seal: Seal) -> None:
    if seal_of(_info(record), seal.secret) != seal:
        raise InvalidValue("that is not the seal of this torrent")


def _rename_part_file(old: TorrentRecord, new: TorrentRecord) -> Deferred[Deletion | None]:
    with suppress(OSError):
        os.rename(
            os.path.join(old.folder, part_file(old.session_hash)),
            os.path.join(new.folder, part_file(new.session_hash)),
        )
    return succeed(None)
