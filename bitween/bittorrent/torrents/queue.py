"""Which downloads may run at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitween.model.torrent import InfoHash

#: Seconds without a byte after which a download no longer keeps others waiting.
STALLED = 60.0


@dataclass(frozen=True, slots=True, order=True)
class QueueEntry:
    """
    A download that could go on; they go in their order.

    :param rank: from whoever runs the daemon; lowest first.
    :param added: seconds since the epoch; oldest first.
    :param stalled: whether it has been running in vain for :data:`STALLED`.
    """

    rank: int
    added: float
    info_hash: InfoHash
    stalled: bool


def waiting(candidates: Iterable[QueueEntry], limit: int) -> set[InfoHash]:
    """
    Choose who has to wait.

    One that is stalled goes on, for it costs nothing, but takes no place.

    :param limit: how many run at the same time, 0 for any number.
    """
    if limit == 0:
        return set()
    left, waits = limit, set()
    for candidate in sorted(candidates):
        if candidate.stalled:
            continue
        if left == 0:
            waits.add(candidate.info_hash)
        left = max(0, left - 1)
    return waits
