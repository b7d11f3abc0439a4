"""How much was exchanged with whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Content exchanged with a contact, over all times.

    :param downloaded: bytes.
    :param uploaded: bytes.
    """

    downloaded: int = 0
    uploaded: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.downloaded + other.downloaded, self.uploaded + other.uploaded)
