"""Why a torrent has stopped, and what would help."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Why a torrent has stopped; programs may rely on these values."""

    MISSING = "missing"  # a file or folder is not there
    CHANGED = "changed"  # a file has changed
    FORBIDDEN = "forbidden"  # permission denied for a file or folder
    FULL = "full"  # the disk is full
    BROKEN = "broken"  # the disk cannot be read or written
    SENSELESS = "senseless"  # the list of files cannot be used
    OTHER = "other"


class Remedy(StrEnum):
    """What the user can do about a stopped torrent."""

    RECHECK = "recheck"  # check again once the cause is gone, and continue with what is there
    FETCH_AGAIN = "fetch_again"  # download it again, beside what is there
    SHARE_AGAIN = "share_again"  # share what is there now instead


@dataclass(frozen=True, slots=True)
class TorrentError:
    """
    What is wrong with a torrent; false if nothing is.

    :param text: for a person.
    :param path: the file or folder, relative to the save path or absolute; may be empty.
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
    """
    The error for a file or folder that does not exist.

    :param path: relative to the save path or absolute.
    """
    return TorrentError(f"'{path}' is missing", Reason.MISSING, path)


def failed(path: str, code: int | None, said: str) -> TorrentError:
    """
    The error for an operation that failed.

    :param path: the same as for :func:`missing`; empty if no path is known.
    :param code: the system's error number; ``None`` for an error of another source.
    :param said: the error as text.
    """
    reason = Reason.OTHER if code is None else _REASONS.get(code, Reason.BROKEN)
    return TorrentError(f"{path}: {said}" if path else said, reason, path)
