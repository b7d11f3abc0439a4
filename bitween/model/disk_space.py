"""The part of a disk that bitween leaves free."""

from __future__ import annotations

# For other programs, and for content that is downloaded but not written yet; on a small disk only a
# fraction: one part in so many.
_RESERVE, _PART = 32 * 2**20, 20
# For the database, if it lies on the same disk: its log grows to some times MAX_METADATA, and
# copying a damaged database takes its size again.
_STATE_RESERVE, _STATE_PART = 64 * 2**20, 10


def reserve(total: int, *, holds_state: bool) -> int:
    """
    The number of bytes of a disk that stay free.

    :param total: the size of the disk in bytes.
    :param holds_state: whether the state directory lies on it.
    """
    kept = min(_RESERVE, total // _PART)
    return kept + min(_STATE_RESERVE, total // _STATE_PART) if holds_state else kept
