"""
Reads a download's metadata, and decides where its files lie and under which names.

Metadata comes from a contact: it is measured before anything is built from it, compared with the
sizes that contacts announce, and refused if it is too much or damaged.  Names follow what the disk
can hold (:mod:`bitween.bittorrent.files.naming`).

A download is *placed* once the name of its file or folder is decided and stored.  Only then may
libtorrent write.  If the very same files lie there already, the download keeps them; if something
else does, the download gets another name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator
from dataclasses import replace

from twisted.logger import Logger

from bitween.bittorrent.engine.metadata_scan import scanning
from bitween.bittorrent.files.holes import Zeros, finding_zeros
from bitween.bittorrent.files.layout import Layout, finding_links, free_root, reading_layout
from bitween.bittorrent.files.naming import choosing_names
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.space_check import whole_need
from bitween.bittorrent.torrents.stage import Input
from bitween.errors import InvalidValue, SwarmError
from bitween.model.metainfo import info_section
from bitween.model.metainfo import torrent_file as wrapped
from bitween.model.naming import Naming
from bitween.model.seal import unsealed
from bitween.model.text import printable, safe_name
from bitween.model.torrent import FileOrigin, InfoHash
from bitween.model.torrent_error import Reason, TorrentError
from bitween.storage.torrent_record import TorrentRecord

# How many renamed files the log names.
_EXAMPLES = 5
# How much an announced size may differ from that in the metadata: other programs may count padding,
# or leave it out.
_TOLERANCE = 0.05


class Placement:
    """Takes a download from its metadata to its place on the disk."""

    _log = Logger()

    def __init__(
        self,
        context: Context,
        loader: Loader,
        controller: TorrentController,
        announced: Callable[[InfoHash], Collection[int]],
    ) -> None:
        """
        :param announced: returns the sizes, in bytes, that contacts announce of a torrent; may be
            empty.
        """
        self._context = context
        self._database = context.database
        self._registry = context.registry
        self._loader = loader
        self._controller = controller
        self._announced = announced

    async def read_metadata(self, torrent: ManagedTorrent, torrent_file: bytes) -> bool:
        """
        Read metadata, store it, and give the torrent its layout; refuse what cannot be used.

        :param torrent_file: the bencoded .torrent that a contact sent; sealed if the torrent is.
        :returns: whether the torrent can go on.
        :raises StoreError: if it cannot be stored.
        """
        try:
            torrent_file = _unsealed(torrent.record, torrent_file)
            reading = self._reading(torrent, torrent_file)
            naming, layout, zeros = await self._context.run_in_slices(reading)
        except SwarmError as error:
            if self._registry.holds(torrent):
                self._refuse(torrent, TorrentError(error.message, Reason.SENSELESS))
            return False
        if not self._registry.holds(torrent) or not torrent.loaded:
            return False
        name = safe_name(layout.name)
        record = replace(torrent.record, torrent_file=torrent_file, naming=naming, name=name)
        self._database.put(record)
        torrent.record, torrent.layout = record, layout
        torrent.preparation = torrent.preparation.with_zeros(zeros, to_make=False)
        if not layout.by_default:
            # libtorrent has to compare what lies under our names, not under its own.
            self._loader.load_again(torrent)
        return True

    async def place(self, torrent: ManagedTorrent, *, found: bool) -> bool:
        """
        Decide under which name a download lies on the disk, and let it begin.

        :param found: whether libtorrent found all its files under the metadata's own name; they are
            kept unless a symbolic link leads to them.
        :returns: whether the torrent is placed.
        :raises StoreError: if that cannot be stored.
        """
        original = torrent.layout
        if original is None:
            return False
        same = found and not await self._is_linked(torrent, original)
        root, layout = "", original
        # Another download may take the name while the layout is made.
        while root != (free := self._free_root(torrent, original, same=same)):
            root, layout = free, original
            if root != original.root:
                layout = await self._context.run_in_slices(original.rerooting(root))
        if not torrent.loaded or torrent.error or not self._registry.holds(torrent):
            return False
        kept = same and root == original.root
        origin = FileOrigin.SHARED if kept else FileOrigin.FETCHED
        record = replace(torrent.record, root=root, origin=origin)
        # Before anything is written: at the next start, what is not known to be ours is left alone.
        self._database.put(record)
        torrent.record, torrent.layout = record, layout
        preparation = torrent.preparation
        torrent.preparation = preparation.with_zeros(preparation.zeros, to_make=not kept)
        torrent.need = whole_need(torrent)
        self._log_names(torrent, original, root)
        if root != original.root:
            # To rename a file in the session moves it on the disk, and it is the user's.  The
            # torrent is therefore added again.
            self._loader.unload_quietly(torrent.record.info_hash)
            self._loader.load(torrent)
        elif not same:
            # libtorrent touches files that it is to fetch, even if nothing of them is missing.
            self._controller.fetch(torrent)
        return True

    async def _is_linked(self, torrent: ManagedTorrent, layout: Layout) -> bool:
        linked = finding_links(torrent.record.folder, layout.files)
        return await self._context.run_in_slices(linked)

    def _reading(
        self, torrent: ManagedTorrent, torrent_file: bytes
    ) -> Generator[None, None, tuple[Naming, Layout, Zeros]]:
        """
        Read metadata in steps; measure it before anything is built from it.

        :raises SwarmError: if it is too much, differs from the announcements, or is damaged.
        """
        extent = yield from scanning(info_section(torrent_file), bounded=True)
        announced = self._announced(torrent.record.info_hash)
        if announced and not any(_is_about(extent.size, size) for size in announced):
            raise SwarmError(
                f"it is not what was announced: {extent.size:,} bytes in {extent.files:,} files,"
                f" where {' or '.join(f'{size:,}' for size in sorted(announced)[:3])} bytes were"
            )
        names = yield from choosing_names(torrent.record.folder, extent.paths)
        layout = yield from reading_layout(torrent_file, torrent.record.root, names)
        zeros = yield from finding_zeros(torrent_file, layout, torrent.record.folder)
        return names.naming, layout, zeros

    def _refuse(self, torrent: ManagedTorrent, error: TorrentError) -> None:
        """Give up a torrent, and have libtorrent drop its metadata."""
        torrent.step(Input.UNLOAD)
        self._loader.unload_quietly(torrent.record.info_hash)
        self._controller.fail(torrent.record.info_hash, error)
        self._registry.notify_shares()

    def _log_names(self, torrent: ManagedTorrent, layout: Layout, root: str) -> None:
        if root != layout.root:
            self._log.info(
                "{name!r} exists already: the download is called {root!r}",
                name=layout.root,
                root=root,
            )
        renamed = [file for file in layout.files if file.original]
        if renamed:
            examples = ", ".join(
                f"{printable(file.original)!r} is {os.path.basename(file.path)!r}"
                for file in renamed[:_EXAMPLES]
            )
            self._log.info(
                "{name!r}: {count} files get other names on this disk: {examples}{more}",
                name=torrent.record.name,
                count=len(renamed),
                examples=examples,
                more=", ..." if len(renamed) > _EXAMPLES else "",
            )

    def _free_root(self, torrent: ManagedTorrent, layout: Layout, *, same: bool) -> str:
        """Choose the name of a download on the disk: its own, unless it is taken."""
        folder = torrent.record.folder
        taken = {
            other.record.root
            for other in self._registry
            if other is not torrent and other.record.folder == folder
        }
        free = not os.path.lexists(os.path.join(folder, layout.root))
        if layout.root not in taken and (free or same):
            return layout.root
        return free_root(folder, layout.root, {name for name in taken if name})


def _unsealed(record: TorrentRecord, torrent_file: bytes) -> bytes:
    """
    The metadata of a torrent without the mark of its secret.

    libtorrent compared it with the sealed hash, which a contact announced: it may be that of
    anything.

    :raises SwarmError: if it is not what was to be fetched.
    """
    if record.seal is None:
        return torrent_file
    try:
        info = unsealed(info_section(torrent_file), record.seal.secret, record.info_hash)
    except InvalidValue as error:
        raise SwarmError(error.message) from None
    return wrapped(info)


def _is_about(size: int, announced: int) -> bool:
    """Whether metadata holds what was announced."""
    return abs(size - announced) <= announced * _TOLERANCE
