"""The files of a torrent of ours: which it has, and how they look on the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache

from bitween.bittorrent.files.disk import Look, look, looking, part_file
from bitween.bittorrent.files.holes import finding_zeros, making_holes
from bitween.bittorrent.files.layout import Layout, making_plain, reading_layout
from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.space_check import measuring
from bitween.errors import SwarmError
from bitween.files.deletion.worker import Order
from bitween.model.naming import Naming
from bitween.model.stat_signature import with_times
from bitween.model.text import printable
from bitween.model.torrent_error import NO_TROUBLE, Reason, TorrentError

# Files and folders that may be made at once.
_MANY = 200


def survey(torrent: ManagedTorrent) -> None:
    """Read which files a torrent has, and look at those of a complete one."""
    for _ in surveying(torrent):
        pass


def surveying(torrent: ManagedTorrent) -> Iterator[None]:
    """Do the same, one file a step."""
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
        found = yield from looking(record.folder, layout.files)
        _compare(torrent, found)
    torrent.layout = layout
    if not record.complete:
        torrent.zeros = yield from finding_zeros(record.torrent_file, layout, record.folder)
        torrent.hollow = bool(torrent.zeros.runs) and torrent.placed and not _is_begun(torrent)
        yield from measuring(torrent)
        torrent.error = yield from clearing(torrent)


def _compare(torrent: ManagedTorrent, found: Look) -> None:
    """See whether the files of a complete torrent are what they were when last verified."""
    record = torrent.record
    if record.stamp is None and not found.fault:
        record = torrent.record = replace(record, stamp=found.stamp)
    elif record.stamp != found.stamp:
        record = torrent.record = replace(record, stamp=with_times(record.stamp, found.stamp))
    torrent.error, torrent.seen, torrent.faulty = found.fault, found.stamp, found.faulty
    torrent.intact = not found.fault and found.stamp == record.stamp


def looking_at_wanted(torrent: ManagedTorrent) -> Generator[None, None, Look]:
    """Look at the files that are wanted, one a step; ``faulty`` has their numbers."""
    files = torrent.layout.files if torrent.layout else ()
    numbers = torrent.wanted_numbers
    found = yield from looking(torrent.record.folder, [files[number] for number in numbers])
    return replace(found, faulty=frozenset(numbers[place] for place in found.faulty))


def looking_for_others(torrent: ManagedTorrent, numbers: Sequence[int]) -> Steps[str]:
    """
    Look for what the user has put where files are fetched, one file a step.

    libtorrent would write over it.  What it writes itself has its full size from the first byte on,
    and names that are kept for it are empty files.

    :param numbers: of the files that are wanted.
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


def looking_for_obstacles(torrent: ManagedTorrent) -> Steps[TorrentError]:
    """See that nothing of the user's lies where a download would write, one file a step."""
    # Where a new download is to lie there is nothing, and so nothing in it.
    if not (torrent.placed and _is_begun(torrent)):
        return NO_TROUBLE
    path = yield from looking_for_others(torrent, torrent.wanted_numbers)
    if not path:
        return NO_TROUBLE
    shown = printable(path, 500)
    return TorrentError(
        f"'{shown}' is not the file that is downloaded there: move it away, then check again",
        Reason.CHANGED,
        shown,
    )


def keeping_names(torrent: ManagedTorrent) -> Steps[None]:
    """
    Make empty files where wanted ones are to come, one a step, so that nobody takes their names.

    A name that is taken is left alone, and what goes wrong goes wrong for libtorrent, too.
    """
    # First: another choice of files meanwhile asks for it again.
    torrent.names_kept = True
    if torrent.layout is not None:
        yield from making_plain(torrent.record.folder, [file.path for file in torrent.wanted_files])


def whole_files(torrent: ManagedTorrent, done: Sequence[int]) -> set[int]:
    """
    The numbers of the files of which every byte is verified.

    :param done: the verified bytes of each.
    """
    files = torrent.layout.files if torrent.layout else ()
    return {number for number, count in enumerate(done) if count >= files[number].size}


def on_disk(torrent: ManagedTorrent, whole: set[int]) -> set[int]:
    """
    Those of the whole files that lie under their own names, after a flush.

    What came of a file that is left out, with pieces that it shares with others, libtorrent keeps
    elsewhere.
    """
    skipped, folder = torrent.record.options.selection.skipped, torrent.record.folder
    files = torrent.layout.files if torrent.layout else ()
    return {
        number
        for number in whole
        if number not in skipped or not look(folder, [files[number]]).fault
    }


def clearing(torrent: ManagedTorrent) -> Steps[TorrentError]:
    """Find out whether a download may write where its files are to lie, one file a step."""
    # First: another choice of files meanwhile asks for it again.
    torrent.clear = True
    trouble = yield from looking_for_obstacles(torrent)
    torrent.clear = torrent.clear and not trouble
    return trouble


def preparing(torrent: ManagedTorrent) -> Steps[TorrentError]:
    """
    Make the files that have to be there before libtorrent fetches, one a step.

    :returns: why it must not.
    """
    if torrent.layout is None:
        return NO_TROUBLE
    trouble = yield from clearing(torrent)
    if trouble:
        return trouble
    if torrent.hollow:
        # What somebody put there meanwhile is left alone, and whatever is not made is fetched.
        if not _is_begun(torrent):
            skipped = torrent.record.options.selection.skipped
            making = making_holes(torrent.record.folder, torrent.layout, torrent.zeros, skipped)
            torrent.holes = yield from making
        torrent.hollow = False
    if not has_many(torrent.layout):
        yield from keeping_names(torrent)
    yield from making_programs_plain(torrent)
    return NO_TROUBLE


def has_many(layout: Layout) -> bool:
    """Whether a torrent has more files and folders than may be made before their content comes."""
    return len(layout.files) + layout.folders > _MANY


def making_programs_plain(torrent: ManagedTorrent) -> Generator[None, None, None]:
    """See to it, one file a step, that what the metadata calls a program is not made one."""
    if torrent.layout is not None and torrent.layout.programs and not torrent.plain:
        wanted = {file.path for file in torrent.wanted_files}
        programs = [path for path in torrent.layout.programs if path in wanted]
        # First: another choice of files meanwhile asks for it again.
        torrent.plain = True
        yield from making_plain(torrent.record.folder, programs)


def _is_begun(torrent: ManagedTorrent) -> bool:
    """Whether anything lies where a download has its place."""
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
    Find out, one file a step, which files are to be deleted with a torrent.

    What another torrent has as well stays, and so does what lies where a file was left out.

    :param torrents: all torrents.
    :param progress: the verified bytes of each file, as far as that is known.
    :param erase: false to be told what would be deleted.
    """
    record, layout = torrent.record, torrent.layout
    files: list[tuple[str, int, bool]] = []
    others: set[str] = set()
    # Before it has its place, what lies under its name is somebody else's.
    if layout is not None and record.root is not None:
        others = yield from _finding_paths_of_others(torrent, torrents)
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
        part_file=part_file(record.info_hash),
        others=tuple(others),
        stamp=record.stamp or "",
        complete=record.complete,
        erase=erase,
    )


def _finding_paths_of_others(
    torrent: ManagedTorrent, torrents: Iterable[ManagedTorrent]
) -> Generator[None, None, set[str]]:
    """The paths of the files of those torrents whose place overlaps with that of this one."""
    place_of = _places()
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


def _places() -> Callable[[ManagedTorrent], str]:
    """
    What tells the path of a torrent's file or folder, links resolved.

    It ends so that no other name begins with it.
    """
    real_folder = cache(os.path.realpath)  # many torrents, few folders

    def place(torrent: ManagedTorrent) -> str:
        path = os.path.join(real_folder(torrent.record.folder), torrent.record.root or "")
        return os.path.join(os.path.realpath(path) if os.path.islink(path) else path, "")

    return place


def is_lost(torrent: ManagedTorrent) -> bool:
    """
    Whether what was fetched already is gone.

    Its disk may only be away, so that beginning anew has to be asked for.
    """
    record, status = torrent.record, torrent.status
    begun = status is not None and status.done > 0 and not torrent.verifying
    return (
        begun
        and record.root is not None
        and not os.path.lexists(os.path.join(record.folder, record.root))
    )
