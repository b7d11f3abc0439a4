"""Layouts of torrents, read at once."""

from __future__ import annotations

from bitween.bittorrent.files.layout import Layout, reading_layout
from bitween.model.naming import Naming
from bitween.util.cooperate import at_once


def read_layout(
    torrent_file: bytes, root: str | None = None, naming: Naming = Naming.EXACT
) -> Layout:
    """Read from metadata which files a torrent has."""
    return at_once(reading_layout(torrent_file, root, naming))


def rerooted(layout: Layout, root: str) -> Layout:
    """Build the same layout under another root."""
    return at_once(layout.rerooting(root))
