"""The commands that the owner of the account can run from a chat program (XEP-0050)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bitween.app.application import Bitween
from bitween.messages.quantities import duration_text, size_text
from bitween.model.catalogue.search import Found
from bitween.model.command import Command, Question, Report
from bitween.model.torrent import InfoHash, Torrent, parse_info_hash

#: How many torrents are listed; they all go into one stanza.
MAX_LISTED = 50
#: How many shares are offered to choose from.
MAX_CHOICES = 20

_HASH = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)
_COLUMNS = ("Name", "State", "Done", "Size", "Info-hash")


class ChatCommands:
    """A few of the use cases, with answers in words."""

    def __init__(self, application: Bitween) -> None:
        self._bitween = application

    @property
    def all(self) -> tuple[Command, ...]:
        """The commands in the order in which a client shows them."""
        return (
            Command("list", "List my torrents", self._list),
            Command("get", "Download what a contact shares", self._get),
            Command("status", "Show the status", self._status),
        )

    async def _list(self, _: Mapping[str, str]) -> Report:
        torrents = sorted(self._bitween.torrents.all(), key=lambda t: t.added, reverse=True)
        if not torrents:
            return Report("there are no torrents")
        shown = torrents[:MAX_LISTED]
        text = f"the newest {len(shown)} of {len(torrents)}" if len(shown) < len(torrents) else ""
        return Report(text, columns=_COLUMNS, rows=tuple(map(_row, shown)))

    async def _status(self, _: Mapping[str, str]) -> Report:
        status = self._bitween.status.report()
        totals = status.totals
        return Report(
            facts=(
                ("Connection", status.connection.state.value),
                ("Uptime", duration_text(status.uptime)),
                ("Torrents", f"{totals.complete} of {totals.torrents} complete"),
                ("Size", f"{size_text(totals.done)} of {size_text(totals.size)}"),
                ("Download", f"{size_text(totals.download_rate)}/s"),
                ("Upload", f"{size_text(totals.upload_rate)}/s"),
                ("Contacts", f"{totals.contacts_online} of {totals.contacts} online"),
            )
        )

    async def _get(self, answers: Mapping[str, str]) -> Question | Report:
        query = answers.get("share", "").strip()
        if not query:
            return _question("Enter a name, part of a name or an info-hash.")
        if _HASH.fullmatch(query):
            return await self._download(parse_info_hash(query))
        page = await self._bitween.shares.find(query, sort="match", limit=MAX_CHOICES)
        exact = [item for item in page.items if item.name == query]
        candidates = exact or page.items
        if not candidates:
            return _question(f"No contact shares {query!r}; enter another name.")
        if len(candidates) == 1:
            return await self._download(candidates[0].info_hash)
        count = len(candidates) if exact else page.total
        shown = f"; here are {len(candidates)}" if count > len(candidates) else ""
        choices = tuple((item.info_hash, _label(item)) for item in candidates)
        return _question(f"{query!r} may be any of {count}{shown}.", choices)

    async def _download(self, info_hash: InfoHash) -> Report:
        sources = await self._bitween.downloads.start(info_hash)
        torrent = self._bitween.torrents.get(info_hash)
        name = torrent.name or info_hash
        if torrent.complete:
            return Report(f"{name} is here already")
        source = f"from {sources} of your contacts' devices" if sources else "once a contact has it"
        return Report(f"{name} will be downloaded {source}")


def _question(text: str, choices: tuple[tuple[str, str], ...] = ()) -> Question:
    return Question("Download what a contact shares", text, "share", "Share", choices)


def _row(torrent: Torrent) -> tuple[str, ...]:
    progress = torrent.progress
    fraction = 1.0 if torrent.complete else progress.fraction
    return (
        torrent.name,
        torrent.error or torrent.state.value,
        f"{fraction:.0%}",
        size_text(progress.total or None),
        torrent.info_hash,
    )


def _label(item: Found) -> str:
    presence = "online" if item.online else "away"
    return f"{item.name} ({size_text(item.size)}, {item.info_hash[:8]}, {presence})"
