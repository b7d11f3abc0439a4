"""From what somebody types to the torrent that is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bitween.cli.client import Client
from bitween.cli.failures import CommandFailed
from bitween.model.quantity import size_text
from bitween.model.text import printable

_HASH = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)
_HASH_BEGIN = re.compile(r"[0-9a-fA-F]{6,40}", re.ASCII)
_MAX_SHOWN = 20
_MAX_MATCHES = 1000

#: A torrent or share as the API gives it: ``hash`` and ``name`` at least.
Item = Mapping[str, Any]


def shared_hash(client: Client, text: str) -> str:
    """
    The hash of what contacts share under a name, or of what begins so.

    :raises CommandFailed: if nothing or more than one thing is meant.
    """
    if _HASH.fullmatch(text):
        return text.lower()
    found = client.call("xmpp.find", query=text, limit=_MAX_MATCHES)["items"]
    return _only_one(text, found, "no contact shares", "see bitween shares")


def own_hash(client: Client, text: str) -> str:
    """
    The hash of a torrent of ours.

    :raises CommandFailed: if nothing or more than one thing is meant.
    """
    if _HASH.fullmatch(text):
        return text.lower()
    torrents = client.call("bt.get_torrents", fields=["hash", "name", "total_size"])["torrents"]
    found = [torrent for torrent in torrents if _matches(text.casefold(), torrent)]
    return _only_one(text, found, "you have no torrent called", "see bitween ls")


def _matches(text: str, torrent: Item) -> bool:
    by_hash = _HASH_BEGIN.fullmatch(text) and torrent["hash"].startswith(text)
    return text in torrent["name"].casefold() or bool(by_hash)


def _only_one(text: str, found: Sequence[Item], nothing: str, hint: str) -> str:
    exact = [item for item in found if item["name"] == text]
    candidates = exact or found
    if not candidates:
        raise CommandFailed(f"{nothing} {text!r}", hint)
    if len(candidates) > 1:
        raise CommandFailed(
            f"{text!r} may be any of {len(candidates)}; give the hash:\n{_listed(candidates)}"
        )
    info_hash: str = candidates[0]["hash"]
    return info_hash


def _listed(candidates: Sequence[Item]) -> str:
    lines = [_line(item) for item in candidates[:_MAX_SHOWN]]
    more = len(candidates) - len(lines)
    return "\n".join([*lines, f"  … and {more} more"] if more else lines)


def _line(item: Item) -> str:
    size = size_text(item.get("size", item.get("total_size")))
    return f"  {item['hash']}  {printable(item['name'])}  ({size})"
