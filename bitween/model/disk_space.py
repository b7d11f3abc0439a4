"""How much of a disk is never filled."""

from __future__ import annotations

# What other programs need to go on working, and what is fetched by now and not written yet; of a
# small disk only a part.
_RESERVE, _PART = 32 * 2**20, 20
# What the database needs besides, where it lies on the same disk: its log grows to some times
# MAX_METADATA, and to copy the damaged one takes its size again.
_STATE_RESERVE, _STATE_PART = 64 * 2**20, 10


def reserve(total: int, *, holds_state: bool) -> int:
    """
    How many bytes of a disk stay free.

    :param total: the size of the disk.
    :param holds_state: whether the state directory lies on it.
    """
    kept = min(_RESERVE, total // _PART)
    return kept + min(_STATE_RESERVE, total // _STATE_PART) if holds_state else kept
