"""Our torrents: pause, file selection, limits, queue, removal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred, succeed

from bitween.app.limits import changed_limits
from bitween.app.ports import SwarmPort
from bitween.app.seeding import SeedingLimits
from bitween.errors import InvalidValue, NoMetadata, OriginalFiles
from bitween.model.annotation import checked_annotation
from bitween.model.deletion import Deletion
from bitween.model.magnet import magnet_link
from bitween.model.torrent import FileEntry, FileOrigin, InfoHash, Torrent


@dataclass(frozen=True, slots=True)
class FileStatus:
    """
    One file of a torrent.

    :param done: verified bytes, in whole pieces; the file's size only once all are on the disk.
    """

    entry: FileEntry
    done: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """
    A torrent for other programs.

    :param torrent_file: bencoded; ``None`` without metadata.
    :param magnet: a link (BEP 9).
    """

    torrent_file: bytes | None
    magnet: str


class Torrents:
    """The use cases of the torrents in our library."""

    def __init__(self, swarm: SwarmPort, seeding: SeedingLimits) -> None:
        self._swarm = swarm
        self._seeding = seeding

    def all(self) -> list[Torrent]:
        """List the torrents, oldest first."""
        return list(self._swarm.library)

    def get(self, info_hash: InfoHash) -> Torrent:
        """
        Look up a torrent.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return self._swarm.library.get(info_hash)

    async def remove(
        self, info_hash: InfoHash, delete_data: bool = False, *, originals: bool = False
    ) -> Deletion | None:
        """
        Stop sharing or downloading a torrent.

        :param delete_data: whether to delete its files.
        :param originals: whether to delete them even if bitween did not download them.
        :returns: what was deleted; ``None`` without ``delete_data``.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises OriginalFiles: if bitween did not download the files, and ``originals`` is false;
            nothing is done then.
        :raises DeletionFailed: if files could not be deleted.
        """
        torrent = self.get(info_hash)
        if delete_data and not originals and torrent.origin is FileOrigin.SHARED:
            raise OriginalFiles.of("original_files.shared", name=torrent.name)
        return await self._swarm.remove(info_hash, delete_data)

    def deletion(self, info_hash: InfoHash) -> Deferred[Deletion]:
        """
        Tell what :meth:`remove` would delete.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return self._swarm.deletion(info_hash)

    def recheck(self, info_hash: InfoHash) -> Deferred[None]:
        """
        Compare the files on the disk with the piece hashes, and continue from the result.

        Answers at once; the torrent's state tells the progress.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return self._swarm.recheck(info_hash)

    def pause(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Stop transferring a torrent until it is resumed; contacts no longer see it.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return self._set_options(info_hash, paused=True)

    def resume(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Resume a torrent; if it has reached a seeding limit, the limits no longer apply to it.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        torrent = self.get(info_hash)
        ignore = torrent.options.ignore_seed_limits or self._seeding.reached(torrent)
        return self._set_options(info_hash, paused=False, ignore_seed_limits=ignore)

    def move_to_top(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Move a torrent to the top of the download queue.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        first = min((torrent.options.queue_position for torrent in self._swarm.library), default=0)
        return self._set_options(info_hash, queue_position=first - 1)

    def files(self, info_hash: InfoHash) -> Deferred[list[FileStatus] | None]:
        """
        List the files of a torrent.

        :returns: ``None`` without metadata.
        :raises UnknownTorrent: if the library has no such torrent.
        """
        torrent = self.get(info_hash)
        entries, skipped = torrent.files, torrent.options.selection.skipped
        if entries is None:
            return succeed(None)
        return self._swarm.files_written(info_hash).addCallback(
            lambda written: [
                FileStatus(entry, written[number], number not in skipped)
                for number, entry in enumerate(entries)
            ]
        )

    def select(
        self,
        info_hash: InfoHash,
        wanted: Iterable[int] | None = None,
        first: Sequence[int] | None = None,
        sequential: bool | None = None,
    ) -> Deferred[Torrent]:
        """
        Choose which files of a torrent to download, and in which order.

        ``None`` leaves a choice as it is.  Files are counted from 0.

        :param wanted: the files to download; all others are skipped.
        :param first: the files to download before the others, in this order.
        :param sequential: whether to download the pieces in order.
        :returns: the torrent with its new selection, once that is stored.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises NoMetadata: if files are chosen before they are known.
        :raises InvalidValue: if a file does not exist, or no file would be left to download.
        :raises BadPath: if another file on the disk has the name of a file to download.
        """
        torrent = self.get(info_hash)
        selection = torrent.options.selection
        if wanted is not None:
            numbers = frozenset(_checked(torrent, wanted))
            if not numbers:
                raise InvalidValue.of("invalid_value.no_file")
            count = len(torrent.files or ())
            selection = replace(selection, skipped=frozenset(range(count)) - numbers)
        if first is not None:
            selection = replace(selection, first=tuple(dict.fromkeys(_checked(torrent, first))))
        if sequential is not None:
            selection = replace(selection, sequential=sequential)
        return self._set_options(info_hash, selection=selection)

    def limit(
        self, info_hash: InfoHash, upload: int | None = None, download: int | None = None
    ) -> Deferred[Torrent]:
        """
        Limit the rates of one torrent.

        :param upload: bytes/s, 0 for no limit; ``None`` leaves it as it is.
        :param download: the same for the other direction.
        :raises UnknownTorrent: if the library has no such torrent.
        """
        limits = self.get(info_hash).options.limits
        return self._set_options(info_hash, limits=changed_limits(limits, upload, download))

    def annotate(
        self, info_hash: InfoHash, note: str | None = None, tags: Iterable[str] | None = None
    ) -> Deferred[Torrent]:
        """
        Set the note and the tags of a torrent, which contacts read.

        :param note: an empty one removes it; ``None`` leaves it as it is.
        :param tags: replace all tags; ``None`` leaves them as they are.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises InvalidValue: if the note or a tag is too long or not printable.
        """
        known = self.get(info_hash).options.annotation
        annotation = checked_annotation(
            known.note if note is None else note, known.tags if tags is None else tags
        )
        return self._set_options(info_hash, annotation=annotation)

    def export(self, info_hash: InfoHash) -> Exported:
        """
        Export a torrent for other programs.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        torrent = self.get(info_hash)
        return Exported(self._swarm.torrent_file(info_hash), magnet_link(info_hash, torrent.name))

    def _set_options(self, info_hash: InfoHash, **changes: object) -> Deferred[Torrent]:
        options = replace(self.get(info_hash).options, **changes)  # type: ignore[arg-type]  # by field name
        return self._swarm.set_options(info_hash, options)


def _checked(torrent: Torrent, numbers: Iterable[int]) -> list[int]:
    """
    :raises NoMetadata: if the files are not known yet.
    :raises InvalidValue: if there is no file of such a number.
    """
    if torrent.files is None:
        raise NoMetadata.of("no_metadata.no_files")
    listed = list(numbers)
    for number in listed:
        if not 0 <= number < len(torrent.files):
            raise InvalidValue.of("invalid_value.file", number=number, last=len(torrent.files) - 1)
    return listed
