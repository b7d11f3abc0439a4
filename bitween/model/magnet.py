"""Magnet links."""

from __future__ import annotations

from urllib.parse import quote

from bitween.model.torrent import InfoHash


def magnet_link(info_hash: InfoHash, name: str) -> str:
    """
    A link by which other programs find a torrent (BEP 9).

    :param name: to be shown; may be empty.
    """
    link = f"magnet:?xt=urn:btih:{info_hash}"
    return f"{link}&dn={quote(name, safe='')}" if name else link
