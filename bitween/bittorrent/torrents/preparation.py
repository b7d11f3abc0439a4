"""
What has to be done on the disk before libtorrent fetches a download.

A :class:`Preparation` is a value: the steps that are still to be done, and the pieces of zeros that
one of them deals with.  :mod:`bitween.bittorrent.torrents.torrent_files` does the steps;
``TorrentController`` and ``Loader`` fetch only what :meth:`Preparation.may_fetch` allows.

Steps, in their order; a change undoes a step, which is then to be done again::

    step           needed before the fetch    undone by
    CHECK_PATHS    always                     SELECTION, HALT, OBSTACLE
    MAKE_HOLES     if holes are to be made    (placement decides whether they are)
    RESERVE_NAMES  never                      SELECTION
    MAKE_PROGRAMS  if there are programs      SELECTION

A step takes several slices and counts as done from its beginning, so that a change meanwhile
undoes it.  Only ``MAKE_HOLES`` counts from its end, because a selection does not undo it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from types import MappingProxyType

from bitween.bittorrent.files.holes import NO_ZEROS, Zeros


class DiskStep(Enum):
    """What is done on the disk for a download; see the head of this module."""

    CHECK_PATHS = auto()  # check that no file of the user lies where a wanted file is to lie
    MAKE_HOLES = auto()  # make the wanted files with pieces of zeros, as holes
    RESERVE_NAMES = auto()  # make empty files under the names of all wanted files
    MAKE_PROGRAMS = auto()  # make the wanted programs, so that libtorrent makes none executable


class UndoneBy(Enum):
    """What undoes steps."""

    SELECTION = auto()  # other files are wanted
    HALT = auto()  # until it is resumed, a user may put anything where the download writes
    OBSTACLE = auto()  # a file of the user lies in the way


_UNDONE: Mapping[UndoneBy, frozenset[DiskStep]] = MappingProxyType(
    {
        UndoneBy.SELECTION: frozenset(DiskStep) - {DiskStep.MAKE_HOLES},
        UndoneBy.HALT: frozenset({DiskStep.CHECK_PATHS}),
        UndoneBy.OBSTACLE: frozenset({DiskStep.CHECK_PATHS}),
    }
)


@dataclass(frozen=True, slots=True)
class Preparation:
    """
    How far the disk is prepared for a download.

    :param pending: the steps that are still to be done.
    :param zeros: the pieces of zeros that the files keep as holes.
    :param holes: the numbers of the pieces that the disk has as holes, in runs, until libtorrent
        knows of them.
    """

    pending: frozenset[DiskStep] = frozenset(set(DiskStep) - {DiskStep.MAKE_HOLES})
    zeros: Zeros = NO_ZEROS
    holes: tuple[range, ...] = ()

    def has_done(self, step: DiskStep) -> bool:
        """Whether a step is done, or has begun."""
        return step not in self.pending

    def may_fetch(self, *, has_programs: bool) -> bool:
        """
        Whether every step is done that is necessary before the fetch.

        :param has_programs: whether the metadata calls some of the files programs.
        """
        optional = {DiskStep.RESERVE_NAMES}
        if not has_programs:
            optional.add(DiskStep.MAKE_PROGRAMS)
        return self.pending <= optional

    def finish(self, step: DiskStep) -> Preparation:
        """Return the preparation with a step done."""
        return replace(self, pending=self.pending - {step})

    def undo(self, change: UndoneBy) -> Preparation:
        """Return the preparation after a change, with the steps undone that it undoes."""
        return replace(self, pending=self.pending | _UNDONE[change])

    def with_zeros(self, zeros: Zeros, *, to_make: bool) -> Preparation:
        """
        Return the preparation with pieces of zeros.

        :param to_make: whether they may become holes: nothing lies under the download's name.
        """
        pending = self.pending - {DiskStep.MAKE_HOLES}
        if to_make and zeros.runs:
            pending |= {DiskStep.MAKE_HOLES}
        return replace(self, zeros=zeros, pending=pending)

    def with_holes(self, holes: tuple[range, ...]) -> Preparation:
        """Return the preparation with the pieces that were made as holes."""
        return replace(self.finish(DiskStep.MAKE_HOLES), holes=holes)

    def without_holes(self) -> Preparation:
        """Return the preparation once libtorrent knows of the holes."""
        return replace(self, holes=())
