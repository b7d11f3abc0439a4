"""
Tells devices which shares we fetch from them, before they are dialled.

A device may keep a torrent that nobody fetches out of memory, so it is asked first: it answers when
the torrent can be dialled.  It may also introduce others who fetch the share
(:mod:`.introduced_peers`).  A want of one torrent from one device goes through these states:

========== ======================================== =============================================
state      meaning                                  left when
========== ======================================== =============================================
ASKING     the device is not dialled yet            it answers, or PATIENCE passes: GRANTED;
                                                    it refuses: REFUSED
GRANTED    the device may be dialled                the torrent stops, or is complete
REFUSED    it has no such share for us; it is no    ASK_AGAIN passes: it is asked again
           source
SEEDING    we have all of it, and may still be      the torrent stops
           introduced to others
========== ======================================== =============================================

Devices that speak no sealed transfers, and plain torrents, need no want: they are dialled at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from twisted.logger import Logger

from bitween.connect.attempt import Timer
from bitween.connect.context import ConnectContext
from bitween.errors import BitweenError
from bitween.model.catalogue.changes import Key
from bitween.model.torrent import InfoHash, Torrent, TorrentState
from bitween.util.limiter import KeyedLimiter

#: Seconds for an answer, after which the device is dialled all the same.
PATIENCE = 5.0
#: Seconds until a device is asked again that refused, or could not answer.
ASK_AGAIN = 60.0
#: Wants that one account gets, and the seconds in which; it refuses more than 60 a minute.
WANTS = (50, 60)


class WantState(Enum):
    """Where a want stands; see the table above."""

    ASKING = auto()
    GRANTED = auto()
    REFUSED = auto()
    SEEDING = auto()


@dataclass(slots=True)
class _Want:
    """
    One want.

    :param timer: runs until something is due.
    """

    state: WantState
    timer: Timer


class Wants:
    """Knows which sources of a torrent may be dialled, and asks the others."""

    _log = Logger()

    def __init__(self, context: ConnectContext, changed: Callable[[InfoHash], None]) -> None:
        """:param changed: called when other sources of a torrent may be dialled than before."""
        self._context = context
        self._changed = changed
        self._wants: dict[InfoHash, dict[Key, _Want]] = {}
        # Torrents that were paused when they were last looked at.
        self._standing: set[InfoHash] = set()
        self._limit: KeyedLimiter[str] = KeyedLimiter.of_requests(context.clock, *WANTS)

    def dialable(self, torrent: Torrent, sources: Iterable[Key]) -> set[Key]:
        """
        Choose the sources of an incomplete torrent that may be dialled; ask the others.

        :param torrent: as it is now.
        :param sources: the devices that are online and have it.
        """
        sources, info_hash = set(sources), torrent.info_hash
        sealed = set() if torrent.seal is None else set(filter(self._is_sealed, sources))
        self._note_standing(torrent)
        if info_hash in self._standing:
            self.end(info_hash)
            return sources - sealed
        wants = self._wants.setdefault(info_hash, {})
        for key in wants.keys() - sealed:
            # The device knows: it has gone, or does not have the share any longer.
            wants.pop(key).timer.stop()
        for key in sorted(sealed):
            if key not in wants:
                self._begin(key, info_hash)
        waiting = {
            key
            for key, want in wants.items()
            if want.state in (WantState.ASKING, WantState.REFUSED)
        }
        if not wants:
            self._wants.pop(info_hash, None)
        return sources - waiting

    def torrent_changed(self, torrent: Torrent) -> None:
        """Follow a torrent: it is paused, or resumes."""
        if torrent.seal is None:
            return
        stood = torrent.info_hash in self._standing
        self._note_standing(torrent)
        stands = torrent.info_hash in self._standing
        if torrent.complete and stands:
            self.end(torrent.info_hash)
        elif stands != stood and not torrent.complete:
            self._changed(torrent.info_hash)

    def end(self, info_hash: InfoHash, *, seeds: bool = False) -> None:
        """
        Tell the devices that a torrent is not fetched any longer.

        :param seeds: whether we have all of it, and may still be introduced to others.
        """
        if info_hash not in self._context.swarm.library:
            self._standing.discard(info_hash)
        for key, want in list(self._wants.get(info_hash, {}).items()):
            want.timer.stop()
            was, want.state = want.state, WantState.SEEDING
            if not seeds or was is WantState.REFUSED:
                self._forget(key, info_hash)
            if was is not WantState.REFUSED and not (seeds and was is WantState.SEEDING):
                self._context.tasks.start(self._tell(key, info_hash, seeds), "ending a want")

    def device_left(self, key: Key) -> None:
        """Forget the wants of a device that is offline."""
        for info_hash in list(self._wants):
            self._forget(key, info_hash)

    def close(self) -> None:
        """Stop asking."""
        for wants in self._wants.values():
            for want in wants.values():
                want.timer.stop()
        self._wants.clear()

    def _is_sealed(self, key: Key) -> bool:
        return self._context.catalogue.is_sealed(*key)

    def _note_standing(self, torrent: Torrent) -> None:
        # A paused download still fetches its list of files.  One that waits for others keeps its
        # sources: without any it would not get its turn.
        if torrent.state is TorrentState.PAUSED and torrent.files is not None:
            self._standing.add(torrent.info_hash)
        else:
            self._standing.discard(torrent.info_hash)

    def _begin(self, key: Key, info_hash: InfoHash) -> None:
        timer = Timer(self._context.clock, lambda: self._due(key, info_hash))
        want = self._wants[info_hash][key] = _Want(WantState.ASKING, timer)
        self._ask(key, info_hash, want)

    def _ask(self, key: Key, info_hash: InfoHash, want: _Want) -> None:
        if not self._limit.allow(key[0]):
            # It would refuse; a torrent that nobody fetches is the only one that needs a want.
            want.state = WantState.GRANTED
            want.timer.start(ASK_AGAIN)
            return
        want.timer.start(PATIENCE if want.state is WantState.ASKING else ASK_AGAIN)
        self._context.tasks.start(self._await_answer(key, info_hash, want), "asking for a share")

    async def _await_answer(self, key: Key, info_hash: InfoHash, want: _Want) -> None:
        try:
            is_granted = await self._context.ports.wants.want(*key, info_hash)
        except BitweenError as error:
            self._log.debug("{who!r} grants no want: {error}", who="/".join(key), error=error)
            # It may be dialled, as if it had not answered; a sleeping torrent needs another want.
            if self._is_current(key, info_hash, want):
                want.timer.start(ASK_AGAIN)
                self._set(info_hash, want, WantState.GRANTED)
            return
        if not self._is_current(key, info_hash, want):
            return
        want.timer.stop()
        if is_granted:
            self._set(info_hash, want, WantState.GRANTED)
        else:
            want.timer.start(ASK_AGAIN)
            self._set(info_hash, want, WantState.REFUSED)

    def _is_current(self, key: Key, info_hash: InfoHash, want: _Want) -> bool:
        known = self._wants.get(info_hash, {}).get(key)
        return known is want and want.state is not WantState.SEEDING

    def _set(self, info_hash: InfoHash, want: _Want, state: WantState) -> None:
        was, want.state = want.state, state
        if was is not state:
            self._changed(info_hash)

    def _due(self, key: Key, info_hash: InfoHash) -> None:
        want = self._wants[info_hash][key]
        if want.state is WantState.ASKING:
            self._set(info_hash, want, WantState.GRANTED)
        else:
            self._ask(key, info_hash, want)

    def _forget(self, key: Key, info_hash: InfoHash) -> None:
        wants = self._wants.get(info_hash, {})
        want = wants.pop(key, None)
        if want is not None:
            want.timer.stop()
        if not wants:
            self._wants.pop(info_hash, None)

    async def _tell(self, key: Key, info_hash: InfoHash, seeds: bool) -> None:
        try:
            await self._context.ports.wants.done(*key, info_hash, seeds=seeds)
        except BitweenError as error:
            self._log.debug("{who!r} took no word: {error}", who="/".join(key), error=error)
