"""What can be wanted of torrents: pauses, choices of files, limits, an end to giving."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from bitween.errors import InvalidValue, NoMetadata
from bitween.model.library import Library
from bitween.model.magnet import magnet_link
from bitween.model.peer import Peer
from bitween.model.schedule import ScheduleEntry, limits_at
from bitween.model.torrent import FileEntry, InfoHash, Torrent
from bitween.model.torrent_options import UNLIMITED, Limits, TorrentOptions

#: Seconds between two looks at the clock and at what has been given enough.
LOOK = 30.0


class SwarmControlPort(Protocol):
    """What of the swarm can be controlled."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def wish(self, info_hash: InfoHash, wishes: TorrentOptions) -> Deferred[Torrent]:
        """
        Do with a torrent what is wanted of it from now on; answers when that is stored.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def files_written(self, info_hash: InfoHash) -> Deferred[Sequence[int]]:
        """
        The bytes of each file of a torrent that can be read from the disk; empty without metadata.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """
        Who is connected to us for a torrent.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def torrent_file(self, info_hash: InfoHash) -> bytes | None:
        """
        The bencoded .torrent; ``None`` until the metadata is here.

        :raises UnknownTorrent: if there is no such torrent.
        """

    def limit(self, limits: Limits) -> None:
        """Limit all torrents together."""


class LimitsMemoryPort(Protocol):
    """Keeps limits that were chosen while the daemon ran."""

    def limits(self) -> tuple[Limits, Limits] | None:
        """The limits of the settings when others were chosen, and those; ``None`` if none were."""

    def keep_limits(self, usual: Limits, chosen: Limits) -> None:
        """Remember that."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What the settings say of all torrents.

    :param limits: usual ones.
    :param schedule: when others hold.
    :param seed_ratio: how often a download is given to others before it is paused, 0 for always.
    :param seed_seconds: how long, 0 for always.
    """

    limits: Limits = UNLIMITED
    schedule: tuple[ScheduleEntry, ...] = ()
    seed_ratio: float = 0.0
    seed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LimitsInForce:
    """
    The limits of all torrents together.

    :param usual: those that were chosen.
    :param now: those that hold at this moment.
    """

    usual: Limits
    now: Limits

    @property
    def scheduled(self) -> bool:
        """Whether the schedule has others hold than were chosen."""
        return self.usual != self.now


@dataclass(frozen=True, slots=True)
class FileStatus:
    """
    One file of a torrent.

    :param done: verified bytes, in whole pieces; all of them only when the disk has them.
    """

    entry: FileEntry
    done: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """
    A torrent for other programs.

    :param torrent_file: bencoded; ``None`` until the metadata is here.
    :param magnet: a link (BEP 9).
    """

    torrent_file: bytes | None
    magnet: str


class Control:
    """The use cases of controlling torrents."""

    def __init__(
        self,
        swarm: SwarmControlPort,
        memory: LimitsMemoryPort,
        rules: Rules,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param steady: seconds from an arbitrary beginning, whatever the clock is set to.
        """
        self._swarm = swarm
        self._memory = memory
        self._rules = rules
        self._clock = clock
        self._steady = steady
        # Since when each torrent is given away, by the steady clock.
        self._given_since: dict[InfoHash, float] = {}
        self._usual = self._remembered()
        self._in_force = rules.limits

    @property
    def limits(self) -> LimitsInForce:
        """The limits of all torrents together."""
        return LimitsInForce(self._usual, self._in_force)

    def look(self) -> None:
        """Go by the clock: have the limits of this hour hold, and pause what was given enough."""
        self._limit()
        complete = {torrent.info_hash for torrent in self._swarm.library if torrent.completed}
        self._given_since = {h: since for h, since in self._given_since.items() if h in complete}
        for torrent in self._swarm.library:
            if self._is_given_enough(torrent):
                self._swarm.wish(torrent.info_hash, replace(torrent.wishes, paused=True))

    def pause(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Neither give nor fetch a torrent until it is resumed; contacts are not told of it meanwhile.

        :raises UnknownTorrent: if there is none with this hash.
        """
        return self._wish(info_hash, paused=True)

    def resume(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Go on with a torrent; one that was given enough by the rules is given without end then.

        :raises UnknownTorrent: if there is none with this hash.
        """
        torrent = self._swarm.library.get(info_hash)
        return self._wish(
            info_hash,
            paused=False,
            kept=torrent.wishes.kept or self._is_given_enough(torrent, although_paused=True),
        )

    def prefer(self, info_hash: InfoHash) -> Deferred[Torrent]:
        """
        Put a torrent first in the queue.

        :raises UnknownTorrent: if there is none with this hash.
        """
        first = min((torrent.wishes.rank for torrent in self._swarm.library), default=0)
        return self._wish(info_hash, rank=first - 1)

    def files(self, info_hash: InfoHash) -> Deferred[list[FileStatus] | None]:
        """
        The files of a torrent; ``None`` until they are known.

        :raises UnknownTorrent: if there is none with this hash.
        """
        torrent = self._swarm.library.get(info_hash)
        entries, skipped = torrent.files, torrent.wishes.selection.skipped
        if entries is None:
            return succeed(None)
        return self._swarm.files_written(info_hash).addCallback(
            lambda written: [
                FileStatus(entry, written[number], number not in skipped)
                for number, entry in enumerate(entries)
            ]
        )

    def select(
        self,
        info_hash: InfoHash,
        wanted: Iterable[int] | None = None,
        first: Sequence[int] | None = None,
        sequential: bool | None = None,
    ) -> Deferred[Torrent]:
        """
        Choose which files of a torrent to fetch, and in which order; ``None`` leaves a thing as is.

        :param wanted: counted from 0; all others are left out.
        :param first: those to be asked for before the others, in this order.
        :param sequential: whether to fetch the pieces in their order.
        :raises UnknownTorrent: if there is none with this hash.
        :raises NoMetadata: if files are chosen that are not known yet.
        :raises InvalidValue: if a file does not exist, or none would be wanted.
        """
        torrent = self._swarm.library.get(info_hash)
        chosen = torrent.wishes.selection
        if wanted is not None:
            numbers = frozenset(_checked(torrent, wanted))
            if not numbers:
                raise InvalidValue(
                    "no file would be wanted",
                    "remove or pause the torrent instead",
                    detail="no_file",
                )
            count = len(torrent.files or ())
            chosen = replace(chosen, skipped=frozenset(range(count)) - numbers)
        if first is not None:
            chosen = replace(chosen, first=tuple(dict.fromkeys(_checked(torrent, first))))
        if sequential is not None:
            chosen = replace(chosen, sequential=sequential)
        return self._wish(info_hash, selection=chosen)

    def limit(
        self, info_hash: InfoHash, upload: int | None = None, download: int | None = None
    ) -> Deferred[Torrent]:
        """
        Limit one torrent; ``None`` leaves a direction as it is.

        :param upload: bytes/s, 0 for no limit.
        :param download: the same for the other direction.
        :raises UnknownTorrent: if there is none with this hash.
        """
        limits = self._swarm.library.get(info_hash).wishes.limits
        return self._wish(info_hash, limits=_with(limits, upload, download))

    def limit_all(self, upload: int | None = None, download: int | None = None) -> LimitsInForce:
        """
        Limit all torrents together, also after a restart, until the settings are others.

        :param upload: bytes/s, 0 for no limit; ``None`` leaves it as it is.
        :param download: the same for the other direction.
        :returns: the limits that hold now.
        :raises StoreError: if they cannot be kept; then the ones before hold.
        """
        usual = _with(self._usual, upload, download)
        # First of all: what cannot be kept is not to hold, either.
        self._memory.keep_limits(self._rules.limits, usual)
        self._usual = usual
        self._limit()
        return self.limits

    def export(self, info_hash: InfoHash) -> Exported:
        """
        Give a torrent to other programs.

        :raises UnknownTorrent: if there is none with this hash.
        """
        torrent = self._swarm.library.get(info_hash)
        return Exported(self._swarm.torrent_file(info_hash), magnet_link(info_hash, torrent.name))

    def _wish(self, info_hash: InfoHash, **changes: object) -> Deferred[Torrent]:
        wishes = self._swarm.library.get(info_hash).wishes
        return self._swarm.wish(info_hash, replace(wishes, **changes))  # type: ignore[arg-type]  # by field name

    def _remembered(self) -> Limits:
        kept = self._memory.limits()
        if kept is None or kept[0] != self._rules.limits:
            return self._rules.limits
        return kept[1]

    def _limit(self) -> None:
        now = limits_at(self._rules.schedule, self._usual, time.localtime(self._clock()))
        if now != self._in_force:
            self._in_force = now
            self._swarm.limit(now)

    def _is_given_enough(self, torrent: Torrent, although_paused: bool = False) -> bool:
        """Whether the rules want a torrent to be paused."""
        wishes, rules = torrent.wishes, self._rules
        if torrent.shared or wishes.kept or torrent.completed is None or not torrent.progress.done:
            return False
        if wishes.paused and not although_paused:
            return False
        enough = rules.seed_ratio * torrent.progress.done
        given_for = self._given_for(torrent.info_hash, torrent.completed)
        return (0 < enough <= torrent.progress.uploaded) or (0 < rules.seed_seconds <= given_for)

    def _given_for(self, info_hash: InfoHash, completed: float) -> float:
        """Seconds since a torrent was complete; a clock that is set meanwhile adds none."""
        now = self._steady()
        before = max(0.0, self._clock() - completed)
        return now - self._given_since.setdefault(info_hash, now - before)


def _with(limits: Limits, upload: int | None, download: int | None) -> Limits:
    return Limits(
        limits.upload if upload is None else upload,
        limits.download if download is None else download,
    )


def _checked(torrent: Torrent, numbers: Iterable[int]) -> list[int]:
    """
    :raises NoMetadata: if there is nothing to choose from yet.
    :raises InvalidValue: if there is no such file.
    """
    if torrent.files is None:
        raise NoMetadata(
            "its files are not known yet", "they are as soon as a contact who has it is online"
        )
    listed = list(numbers)
    for number in listed:
        if not 0 <= number < len(torrent.files):
            raise InvalidValue(
                f"there is no file {number}", f"they are counted from 0 to {len(torrent.files) - 1}"
            )
    return listed
