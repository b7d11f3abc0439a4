"""What deleting the files of a torrent does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deletion:
    """
    The files that were deleted, or would be.

    :param files: their number.
    :param size: bytes of all of them.
    :param trash: whether they go to the trash; otherwise they are deleted for good.
    :param kept: number of files that stay: the user has changed or moved them, or another torrent
        has them, too.
    """

    files: int
    size: int
    trash: bool
    kept: int
