"""How much was exchanged with whom, and how fast."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """
    How fast content comes and goes.

    :param download: bytes/s.
    :param upload: bytes/s.
    """

    download: int
    upload: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Content that was exchanged.

    :param downloaded: bytes.
    :param uploaded: bytes.
    """

    downloaded: int = 0
    uploaded: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.downloaded + other.downloaded, self.uploaded + other.uploaded)
