"""Resolves a name or hash prefix typed by the user to a torrent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitween.cli.client import ApiClient
from bitween.cli.failures import CommandFailed, WrongUsage
from bitween.errors import InvalidValue
from bitween.messages.catalogue import english
from bitween.messages.quantities import size_text
from bitween.model.link import is_web_link
from bitween.model.magnet import is_magnet, wanted_hash
from bitween.model.text import caseless, composed, printable, quoted, visible_path
from bitween.model.torrent_file import MAX_LENGTH, SUFFIX, info_hash_of

_HASH = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)
_HASH_PREFIX = re.compile(r"[0-9a-fA-F]{6,40}", re.ASCII)
_TOO_SHORT = re.compile(r"(?=.*[0-9])[0-9a-fA-F]{2,5}", re.ASCII)
_MAX_SHOWN = 20
_MAX_MATCHES = 1000

#: A torrent or share as the API gives it: ``hash`` and ``name`` at least.
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """A torrent that was named; as text, by its name and hash."""

    hash: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.hash})" if self.name else self.hash


def shared_torrent(client: ApiClient, text: str) -> Named:
    """
    Find what contacts share under a name or hash; a whole hash may be one that nobody shares yet.

    :param text: a name, the first six or more digits of a hash, a magnet link, or the path of a
        .torrent file.
    :raises CommandFailed: if nothing or more than one thing is meant.
    """
    info_hash = _hash_in(text)
    if info_hash is not None:
        text = info_hash
    found = client.call("xmpp.find", query=text, sort="match", limit=_MAX_MATCHES)["items"]
    meant = _meant(text, found)
    if not meant and _HASH.fullmatch(text):
        return Named(text.lower())
    return _only_one(text, meant, found, "no contact shares", "see bitween shares")


def own_torrent(client: ApiClient, text: str) -> Named:
    """
    Find one of our torrents by name or hash.

    :param text: a name, or the first six or more digits of a hash; never a part of a name.
    :raises CommandFailed: if nothing or more than one thing is meant.
    """
    torrents = client.call("bt.get_torrents", fields=["hash", "name", "total_size"])["torrents"]
    text = _hash_in(text, files=False) or text
    near = [torrent for torrent in torrents if caseless(text) in caseless(torrent["name"])]
    nothing = "you have no torrent called"
    return _only_one(text, _meant(text, torrents), near, nothing, "see bitween ls")


def _hash_in(text: str, *, files: bool = True) -> str | None:
    """
    Return the hash in a magnet link or a .torrent file; ``None`` for another text.

    :raises WrongUsage: if there is none in it.
    """
    if is_web_link(text):
        raise WrongUsage(*english("bad_path.link", {"path": visible_path(text)}))
    try:
        if is_magnet(text):
            return wanted_hash(text)
        if files and text.endswith(SUFFIX) and os.path.isfile(text):
            with open(text, "rb") as file:
                return info_hash_of(file.read(MAX_LENGTH))
    except InvalidValue as error:
        raise WrongUsage(f"{quoted(text)}: {error.message}", error.hint) from None
    except OSError as error:
        raise WrongUsage(f"cannot read {quoted(text)}: {error.strerror}") from None
    return None


def _meant(text: str, items: Iterable[Item]) -> Sequence[Item]:
    """What a text can mean: a whole hash, or else a name or the beginning of a hash."""
    items = list(items)
    whole = [item for item in items if item["hash"] == text.lower()]
    if whole:
        return whole
    named = [item for item in items if caseless(item["name"]) == caseless(text)]
    exact = [item for item in named if composed(item["name"]) == composed(text)]
    prefix = text.lower() if _HASH_PREFIX.fullmatch(text) else None
    begun = [item for item in items if prefix and item["hash"].startswith(prefix)]
    meant = {item["hash"]: item for item in (*(exact or named), *begun)}
    return list(meant.values())


def _only_one(
    text: str, meant: Sequence[Item], near: Sequence[Item], nothing: str, hint: str
) -> Named:
    if not meant:
        if near:
            raise CommandFailed(
                f"{nothing} {quoted(text)}; give the whole name, or the hash, of one of these:\n"
                f"{_listed(near)}"
            )
        if _TOO_SHORT.fullmatch(text):
            hint = f"of a hash, give six digits or more; {hint}"
        raise CommandFailed(f"{nothing} {quoted(text)}", hint)
    if len(meant) > 1:
        raise CommandFailed(
            f"{quoted(text)} may be any of {len(meant)}; give the hash:\n{_listed(meant)}"
        )
    return Named(meant[0]["hash"], meant[0]["name"])


def _listed(candidates: Sequence[Item]) -> str:
    lines = [_line(item) for item in candidates[:_MAX_SHOWN]]
    more = len(candidates) - len(lines)
    return "\n".join([*lines, f"  … and {more} more"] if more else lines)


def _line(item: Item) -> str:
    size = size_text(item.get("size", item.get("total_size")))
    return f"  {item['hash']}  {printable(item['name'])}  ({size})"
