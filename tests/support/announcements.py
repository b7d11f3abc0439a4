"""Announcements for tests of the catalogue."""

from __future__ import annotations

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.torrent import InfoHash

ALICE, BOB = "alice@example.org", "bob@example.org"
HOME = PeerAddress.parse("192.0.2.7", 6881)
AWAY = PeerAddress.parse("198.51.100.9", 6881)


def info_hash(number: int) -> InfoHash:
    """An info-hash for a small number."""
    return InfoHash(f"{number:040x}")


def share(number: int, name: str | None = None) -> Share:
    """A share with that hash."""
    return Share(info_hash(number), name or f"share {number}", number)


def announcement(resource: str, *numbers: int, address: PeerAddress = HOME) -> Announcement:
    """What a resource says that shares these."""
    return Announcement(resource, {info_hash(n): share(n) for n in numbers}, (address,))
