"""Bytes exchanged with contacts, and rates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """
    The rates of content in both directions.

    :param download: bytes/s.
    :param upload: bytes/s.
    """

    download: int
    upload: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    Bytes of content that were exchanged.

    :param downloaded: bytes.
    :param uploaded: bytes.
    """

    downloaded: int = 0
    uploaded: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.downloaded + other.downloaded, self.uploaded + other.uploaded)
