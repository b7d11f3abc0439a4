"""Magnet links."""

from __future__ import annotations

import base64
from contextlib import suppress
from urllib.parse import parse_qs, quote

from bitween.errors import InvalidValue
from bitween.model.link import is_web_link
from bitween.model.torrent import InfoHash, parse_info_hash

_TOPIC = "urn:btih:"
_BASE32_LENGTH = 32


def magnet_link(info_hash: InfoHash, name: str) -> str:
    """
    The link by which other programs find a torrent (BEP 9).

    :param name: the name to show; may be empty.
    """
    link = f"magnet:?xt=urn:btih:{info_hash}"
    return f"{link}&dn={quote(name, safe='')}" if name else link


def wanted_hash(text: str) -> InfoHash:
    """
    Read the info-hash of the torrent to download.

    :param text: the hash itself, or a magnet link that contains it, in hex or base32 (BEP 9).
    :raises InvalidValue: for anything else.
    """
    if is_web_link(text):
        raise InvalidValue.of("invalid_value.web_link")
    if not is_magnet(text):
        return parse_info_hash(text)
    for topic in parse_qs(text.partition("?")[2]).get("xt", []):
        if topic.lower().startswith(_TOPIC):
            return _decoded(topic[len(_TOPIC) :])
    raise InvalidValue.of("invalid_value.magnet")


def is_magnet(text: str) -> bool:
    """Whether a text looks like a magnet link."""
    return text[:8].lower() == "magnet:?"


def _decoded(text: str) -> InfoHash:
    if len(text) == _BASE32_LENGTH:
        with suppress(ValueError):
            return InfoHash(base64.b32decode(text.upper()).hex())
    return parse_info_hash(text)
