"""The files of a torrent: which it has, and what the disk has of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache

from bitween.bittorrent.files.disk import FilesCheck, check_files, checking_files, part_file
from bitween.bittorrent.files.holes import finding_zeros, making_holes
from bitween.bittorrent.files.layout import Layout, making_empty_files, reading_layout
from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.preparation import DiskStep, UndoneBy
from bitween.bittorrent.torrents.space_check import measuring
from bitween.errors import SwarmError
from bitween.files.deletion.worker import Order
from bitween.model.naming import Naming
from bitween.model.stat_signature import with_times
from bitween.model.text import printable
from bitween.model.torrent_error import NO_TROUBLE, Reason, TorrentError

# How many files and folders may be made at once.
_MANY = 200


def inspect_files(torrent: ManagedTorrent) -> None:
    """Read which files a torrent has, and check those of a complete one."""
    for _ in inspecting(torrent):
        pass


def inspecting(torrent: ManagedTorrent) -> Iterator[None]:
    """Do the same as :func:`inspect_files`, one file a step."""
    record = torrent.record
    if record.torrent_file is None:
        return
    try:
        naming = Naming.VERBATIM if record.shared else record.naming
        layout = yield from reading_layout(record.torrent_file, record.root, naming)
    except SwarmError as error:
        torrent.error = TorrentError(error.message, Reason.SENSELESS)
        return
    if record.complete:
        found = yield from checking_files(record.folder, layout.files)
        _compare(torrent, found)
    torrent.layout = layout
    if not record.complete:
        zeros = yield from finding_zeros(record.torrent_file, layout, record.folder)
        to_make = torrent.placed and not _is_begun(torrent)
        torrent.preparation = torrent.preparation.with_zeros(zeros, to_make=to_make)
        yield from measuring(torrent)
        torrent.error = yield from checking_obstacles(torrent)


def _compare(torrent: ManagedTorrent, found: FilesCheck) -> None:
    """Note whether the files of a complete torrent have changed since they were verified."""
    record = torrent.record
    if record.signature is None and not found.fault:
        record = torrent.record = replace(record, signature=found.signature)
    elif record.signature != found.signature:
        record = torrent.record = replace(
            record, signature=with_times(record.signature, found.signature)
        )
    torrent.error, torrent.faulty = found.fault, found.faulty
    torrent.last_signature = found.signature
    torrent.intact = not found.fault and found.signature == record.signature


def checking_wanted_files(torrent: ManagedTorrent) -> Generator[None, None, FilesCheck]:
    """Check the wanted files, one a step; ``faulty`` has numbers among all files."""
    files = torrent.layout.files if torrent.layout else ()
    numbers = torrent.wanted_numbers
    found = yield from checking_files(torrent.record.folder, [files[number] for number in numbers])
    return replace(found, faulty=frozenset(numbers[place] for place in found.faulty))


def finding_foreign_file(torrent: ManagedTorrent, numbers: Sequence[int]) -> Steps[str]:
    """
    Find a file of the user where a wanted file is to be written, checking one a step.

    libtorrent would overwrite it.  Files that libtorrent writes have their full size from the first
    byte on, and files that reserve a name are empty.

    :param numbers: of the wanted files.
    :returns: the path of the first such file, relative to the save path; empty if there is none.
    """
    files = torrent.layout.files if torrent.layout else ()
    for number in numbers:
        file = files[number]
        with suppress(OSError):
            found = os.lstat(os.path.join(torrent.record.folder, file.path))
            if not stat.S_ISREG(found.st_mode) or found.st_size not in {0, file.size}:
                return file.path
        yield
    return ""


def finding_obstacle(torrent: ManagedTorrent) -> Steps[TorrentError]:
    """Find out whether a file of the user lies where a download would write, one a step."""
    # A new download has a new name, under which nothing lies.
    if not (torrent.placed and _is_begun(torrent)):
        return NO_TROUBLE
    path = yield from finding_foreign_file(torrent, torrent.wanted_numbers)
    if not path:
        return NO_TROUBLE
    shown = printable(path, 500)
    return TorrentError(
        f"'{shown}' is not the file that is downloaded there: move it away, then check again",
        Reason.CHANGED,
        shown,
    )


def reserving_names(torrent: ManagedTorrent) -> Steps[None]:
    """
    Make empty files where wanted ones are to come, one a step, so that their names stay free.

    An existing file is left alone, and libtorrent meets and reports the same errors.
    """
    # Before the steps: another selection meanwhile resets it.
    torrent.preparation = torrent.preparation.finish(DiskStep.RESERVE_NAMES)
    if torrent.layout is not None:
        yield from making_empty_files(
            torrent.record.folder, [file.path for file in torrent.wanted_files]
        )


def whole_files(torrent: ManagedTorrent, done: Sequence[int]) -> set[int]:
    """
    The numbers of the files whose bytes are all verified.

    :param done: the verified bytes of each file.
    """
    files = torrent.layout.files if torrent.layout else ()
    return {number for number, count in enumerate(done) if count >= files[number].size}


def on_disk(torrent: ManagedTorrent, whole: set[int]) -> set[int]:
    """
    The numbers of the whole files that lie under their own names, after a flush.

    libtorrent keeps bytes of skipped files, which come with shared pieces, in another file.

    :param whole: the numbers of the files whose bytes are all verified.
    """
    skipped, folder = torrent.record.options.selection.skipped, torrent.record.folder
    files = torrent.layout.files if torrent.layout else ()
    return {
        number
        for number in whole
        if number not in skipped or not check_files(folder, [files[number]]).fault
    }


def checking_obstacles(torrent: ManagedTorrent) -> Steps[TorrentError]:
    """Check whether a download may write where its files are to lie, one file a step."""
    # Before the steps: another selection meanwhile resets it.
    torrent.preparation = torrent.preparation.finish(DiskStep.CHECK_PATHS)
    error = yield from finding_obstacle(torrent)
    if error:
        torrent.preparation = torrent.preparation.undo(UndoneBy.OBSTACLE)
    return error


def preparing(torrent: ManagedTorrent) -> Steps[TorrentError]:
    """
    Make the files that have to exist before libtorrent fetches, one a step.

    :returns: why it must not fetch; false if it may.
    """
    if torrent.layout is None:
        return NO_TROUBLE
    error = yield from checking_obstacles(torrent)
    if error:
        return error
    if not torrent.preparation.has_done(DiskStep.MAKE_HOLES):
        holes = yield from _making_holes(torrent, torrent.layout)
        torrent.preparation = torrent.preparation.with_holes(holes)
    if not has_many(torrent.layout):
        yield from reserving_names(torrent)
    yield from making_programs(torrent)
    return NO_TROUBLE


def _making_holes(torrent: ManagedTorrent, layout: Layout) -> Steps[tuple[range, ...]]:
    """Make the holes of a download, one file a step; returns their pieces, in runs."""
    # Existing files are left alone, and what is not made as a hole is fetched.
    if _is_begun(torrent):
        return ()
    skipped = torrent.record.options.selection.skipped
    zeros = torrent.preparation.zeros
    return (yield from making_holes(torrent.record.folder, layout, zeros, skipped))


def has_many(layout: Layout) -> bool:
    """Whether a torrent has more files and folders than may be made before their content comes."""
    return len(layout.files) + layout.folders > _MANY


def making_programs(torrent: ManagedTorrent) -> Generator[None, None, None]:
    """Make the files that the metadata calls programs, one a step, so that none is executable."""
    made = torrent.preparation.has_done(DiskStep.MAKE_PROGRAMS)
    if torrent.layout is not None and torrent.layout.programs and not made:
        wanted = {file.path for file in torrent.wanted_files}
        programs = [path for path in torrent.layout.programs if path in wanted]
        # Before the steps: another selection meanwhile resets it.
        torrent.preparation = torrent.preparation.finish(DiskStep.MAKE_PROGRAMS)
        yield from making_empty_files(torrent.record.folder, programs)


def _is_begun(torrent: ManagedTorrent) -> bool:
    """Whether anything lies under the name of a download."""
    record = torrent.record
    return os.path.lexists(os.path.join(record.folder, record.root or ""))


def ordering_deletion(
    torrent: ManagedTorrent,
    torrents: Iterable[ManagedTorrent],
    progress: Sequence[int],
    *,
    erase: bool,
) -> Generator[None, None, Order]:
    """
    Find out which files are deleted with a torrent, one file a step.

    Files that another torrent has, too, stay, and so do files of the user under names of skipped
    ones.

    :param torrents: all torrents.
    :param progress: the verified bytes of each file, as far as they are known.
    :param erase: false to find out what would be deleted.
    """
    record, layout = torrent.record, torrent.layout
    files: list[tuple[str, int, bool]] = []
    others: set[str] = set()
    # Before the torrent is placed, what lies under its name is not ours.
    if layout is not None and record.root is not None:
        others = yield from _finding_other_paths(torrent, torrents)
        skipped = record.options.selection.skipped if not record.complete else frozenset()
        begun = {number for number, done in enumerate(progress) if done}
        for number, file in enumerate(layout.files):
            yield
            if number in skipped and number not in begun:
                continue
            files.append((file.path, file.size, record.complete or number in skipped))
    return Order(
        folder=record.folder,
        root=record.root or "",
        files=tuple(files),
        part_file=part_file(record.session_hash),
        others=tuple(others),
        signature=record.signature or "",
        complete=record.complete,
        erase=erase,
    )


def _finding_other_paths(
    torrent: ManagedTorrent, torrents: Iterable[ManagedTorrent]
) -> Generator[None, None, set[str]]:
    """The paths of the files of torrents whose folder overlaps with that of this one."""
    place_of = _real_paths()
    own = place_of(torrent)
    paths: set[str] = set()
    for other in list(torrents):
        yield
        if other is torrent or other.layout is None or not other.placed:
            continue
        place = place_of(other)
        if place.startswith(own) or own.startswith(place):
            folder = other.record.folder
            for file in other.layout.files:
                paths.add(os.path.join(folder, file.path))
                yield
    return paths


def _real_paths() -> Callable[[ManagedTorrent], str]:
    """
    Return a function for the path of a torrent's file or folder, with links resolved.

    The path ends with a slash, so that no other name begins with it.
    """
    real_folder = cache(os.path.realpath)  # many torrents, few folders

    def place(torrent: ManagedTorrent) -> str:
        path = os.path.join(real_folder(torrent.record.folder), torrent.record.root or "")
        return os.path.join(os.path.realpath(path) if os.path.islink(path) else path, "")

    return place


def is_lost(torrent: ManagedTorrent) -> bool:
    """
    Whether what was fetched already is gone.

    Its disk may only be detached, so that the user has to ask for a new start.
    """
    record, status = torrent.record, torrent.status
    begun = status is not None and status.done > 0 and not torrent.verifying
    return (
        begun
        and record.root is not None
        and not os.path.lexists(os.path.join(record.folder, record.root))
    )
