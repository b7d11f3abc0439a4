"""What a resource tells two others of each other, so that both fetch one share together."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.model.candidate import Candidate
from bitween.model.torrent import InfoHash


@dataclass(frozen=True, slots=True)
class Introduction:
    """
    Where another member of a share's swarm can be dialled.

    :param member: names the other one for this share only: 8 hexadecimal digits.
    :param candidates: the other one's, at least one.
    """

    info_hash: InfoHash
    member: str
    candidates: tuple[Candidate, ...]
