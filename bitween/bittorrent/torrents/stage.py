"""
The stage of a torrent: where it stands between us, libtorrent and its files.

Stages::

    UNLOADED            not in the session: it is new, or its metadata or libtorrent's add failed
    MEASURING           out of the session, to be verified; its files are being measured
    LOADING             libtorrent was asked to add it; what we know of its files is trusted
    LOADING_UNVERIFIED  the same, and its files are to be compared with the piece hashes
    VERIFYING           in the session; its files are being compared with the piece hashes
    ACTIVE              in the session: it waits for metadata, fetches or seeds
    FINISHED            in the session; the disk has every wanted file, but not every file

Transitions; an input that a stage does not name is refused and logged::

    from                input              to
    any                 LOAD               LOADING
    any                 LOAD_UNVERIFIED    LOADING_UNVERIFIED
    any                 UNLOAD             UNLOADED
    any                 MEASURE            MEASURING
    LOADING             ADDED              ACTIVE
    LOADING_UNVERIFIED  ADDED              VERIFYING
    in the session      ADDED              the same stage (after lost alerts we asked again)
    all but MEASURING   ADD_FAILED         UNLOADED
    VERIFYING           VERIFIED           ACTIVE
    MEASURING           FAIL               UNLOADED
    LOADING_UNVERIFIED  FAIL               LOADING
    VERIFYING           FAIL               ACTIVE
    others              FAIL               the same
    ACTIVE, FINISHED    FINISH             FINISHED
    ACTIVE, FINISHED    COMPLETE           ACTIVE
    FINISHED            FETCH_MORE         ACTIVE
    others              FETCH_MORE         the same

An error, a halt (a user paused the torrent, or it waits in the queue) and a :class:`DiskJob` are
not stages, because each can apply in several stages.  Its record says whether a torrent is
complete. ``Loader``, ``TorrentController``, ``Placement``, ``Completion`` and ``TorrentLifecycle``
pass the inputs to :meth:`ManagedTorrent.step`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from types import MappingProxyType


class Stage(Enum):
    """Where a torrent stands; see the head of this module."""

    UNLOADED = auto()
    MEASURING = auto()
    LOADING = auto()
    LOADING_UNVERIFIED = auto()
    VERIFYING = auto()
    ACTIVE = auto()
    FINISHED = auto()


class Input(Enum):
    """What takes a torrent from one stage to the next."""

    LOAD = auto()  # we ask libtorrent to add it
    LOAD_UNVERIFIED = auto()  # the same, and to verify it
    UNLOAD = auto()  # it cannot be loaded, or is refused
    MEASURE = auto()  # it is taken out of the session, to be measured and verified
    ADDED = auto()  # libtorrent has added it
    ADD_FAILED = auto()  # libtorrent could not add it
    VERIFIED = auto()  # libtorrent has compared its files with the hashes
    FAIL = auto()  # it has an error
    FINISH = auto()  # the disk has every wanted file
    COMPLETE = auto()  # the disk has every byte
    FETCH_MORE = auto()  # something more is wanted, or is missing


class DiskJob(Enum):
    """What we do for a torrent in slices: once at a time, and through changes of stage."""

    READING_METADATA = auto()
    PLACING = auto()
    PREPARING = auto()  # makes the files that have to be there before anything is fetched
    FLUSHING = auto()  # has libtorrent write the last wanted pieces


#: The stages in which a torrent is in the session.
LOADED = frozenset({Stage.VERIFYING, Stage.ACTIVE, Stage.FINISHED})
#: The stages in which libtorrent has yet to compare its files with the hashes.
UNVERIFIED = frozenset({Stage.MEASURING, Stage.LOADING_UNVERIFIED, Stage.VERIFYING})


def _each(stages: Iterable[Stage], given: Input, to: Stage) -> dict[tuple[Stage, Input], Stage]:
    return {(stage, given): to for stage in stages}


def _stay(stages: Iterable[Stage], given: Input) -> dict[tuple[Stage, Input], Stage]:
    return {(stage, given): stage for stage in stages}


_TRANSITIONS: Mapping[tuple[Stage, Input], Stage] = MappingProxyType(
    _each(Stage, Input.LOAD, Stage.LOADING)
    | _each(Stage, Input.LOAD_UNVERIFIED, Stage.LOADING_UNVERIFIED)
    | _each(Stage, Input.UNLOAD, Stage.UNLOADED)
    | _each(Stage, Input.MEASURE, Stage.MEASURING)
    | _stay(LOADED, Input.ADDED)
    | _each(set(Stage) - {Stage.MEASURING}, Input.ADD_FAILED, Stage.UNLOADED)
    | _stay(Stage, Input.FAIL)
    | _stay(Stage, Input.FETCH_MORE)
    | _each((Stage.ACTIVE, Stage.FINISHED), Input.FINISH, Stage.FINISHED)
    | _each((Stage.ACTIVE, Stage.FINISHED), Input.COMPLETE, Stage.ACTIVE)
    | {
        (Stage.LOADING, Input.ADDED): Stage.ACTIVE,
        (Stage.LOADING_UNVERIFIED, Input.ADDED): Stage.VERIFYING,
        (Stage.VERIFYING, Input.VERIFIED): Stage.ACTIVE,
        (Stage.MEASURING, Input.FAIL): Stage.UNLOADED,
        (Stage.LOADING_UNVERIFIED, Input.FAIL): Stage.LOADING,
        (Stage.VERIFYING, Input.FAIL): Stage.ACTIVE,
        (Stage.FINISHED, Input.FETCH_MORE): Stage.ACTIVE,
    }
)


def next_stage(stage: Stage, given: Input) -> Stage | None:
    """The stage to which an input leads; ``None`` if it is not allowed in this stage."""
    return _TRANSITIONS.get((stage, given))
