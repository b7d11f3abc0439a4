"""What deleting the files of a torrent does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deletion:
    """
    The files that were deleted, or would be.

    :param files: how many.
    :param size: their bytes.
    :param trash: whether they go to the trash; otherwise they are gone for good.
    :param kept: how many of the torrent's files stay: those that the user has changed or
        moved, and those that another torrent has as well.
    """

    files: int
    size: int
    trash: bool
    kept: int
