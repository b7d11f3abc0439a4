"""Why a torrent stands still, and what would help."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Why a torrent stands still; programs may rely on these."""

    MISSING = "missing"  # a file or folder is not there
    CHANGED = "changed"  # a file is another than it was
    FORBIDDEN = "forbidden"  # a file or folder may not be read or written to
    FULL = "full"  # the disk has no room
    BROKEN = "broken"  # the disk cannot be read or written
    SENSELESS = "senseless"  # the list of files cannot be used
    OTHER = "other"


class Remedy(StrEnum):
    """What gets a torrent out of trouble."""

    RECHECK = "recheck"  # look again, once the cause is gone, and go on from what is there
    FETCH_AGAIN = "fetch_again"  # fetch it once more, beside what lies there
    SHARE_AGAIN = "share_again"  # share what lies there now, in place of what it was


@dataclass(frozen=True, slots=True)
class TorrentError:
    """
    What is wrong with a torrent; false if nothing is.

    :param text: in words, for a person.
    :param path: of what it is about, relative to the save path or absolute; may be empty.
    :param remedy: what would help; ``None`` if nothing would.
    """

    text: str = ""
    reason: Reason = Reason.OTHER
    path: str = ""
    remedy: Remedy | None = None

    def __bool__(self) -> bool:
        return bool(self.text)


#: Nothing is wrong.
NO_TROUBLE = TorrentError()

_REASONS: Mapping[int, Reason] = MappingProxyType(
    {
        errno.ENOENT: Reason.MISSING,
        errno.ENOTDIR: Reason.MISSING,
        errno.EACCES: Reason.FORBIDDEN,
        errno.EPERM: Reason.FORBIDDEN,
        errno.EROFS: Reason.FORBIDDEN,
        errno.ENOSPC: Reason.FULL,
        errno.EDQUOT: Reason.FULL,
    }
)


def missing(path: str) -> TorrentError:
    """Something is not there."""
    return TorrentError(f"'{path}' is missing", Reason.MISSING, path)


def failed(path: str, code: int | None, said: str) -> TorrentError:
    """
    The system could not do with a file what it was asked to.

    :param code: its error number; ``None`` if it is another's error.
    :param said: the error in words.
    """
    reason = Reason.OTHER if code is None else _REASONS.get(code, Reason.BROKEN)
    return TorrentError(f"{path}: {said}" if path else said, reason, path)
