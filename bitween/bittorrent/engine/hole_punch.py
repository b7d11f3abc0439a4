"""Dials peers over uTP while they dial us, so that the NATs of both sides let each other in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bitween.model.address import PeerAddress
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash

#: Seconds that both sides go on dialling.
LASTING = 4.0
#: Seconds between two looks, and until what did not connect is dialled again.
LOOK = 0.25
AGAIN = 1.0


class PunchSession(Protocol):
    """What is needed of the session."""

    def dial_over_utp(self, on: bool) -> None:
        """Have whoever is dialled from now on be dialled over uTP first, or not at all so."""

    def dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        """Connect to peers."""

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """Who is connected."""


@dataclass(slots=True)
class _Punch:
    """
    What is dialled for a torrent.

    :param until: by address, until when.
    :param again: when the next time is.
    """

    until: dict[PeerAddress, float]
    again: float


class Puncher:
    """
    Dials over uTP, for as short a time as may be.

    libtorrent knows one switch for all that it dials.  A peer of another torrent that is dialled in
    these seconds may be met over uTP, too, which is slower than TCP; those that are connected stay
    as they are.  Pausing and resuming the torrent would dial at once, but cut off whoever comes in
    at that moment: the other side, that is.
    """

    def __init__(self, clock: IReactorTime, session: PunchSession) -> None:
        self._clock = clock
        self._session = session
        self._punches: dict[InfoHash, _Punch] = {}
        self._look: IDelayedCall | None = None

    def punch(self, info_hash: InfoHash, addresses: Collection[PeerAddress]) -> None:
        """Dial peers for a torrent until one of them is connected, or time is up."""
        if not addresses:
            return
        now = self._clock.seconds()
        known = self._punches.get(info_hash)
        until = {**(known.until if known else {}), **dict.fromkeys(addresses, now + LASTING)}
        self._punches[info_hash] = _Punch(until, now + AGAIN)
        self._session.dial_over_utp(True)
        self._session.dial(info_hash, list(until), at_once=False)
        if self._look is None:
            self._look = self._clock.callLater(LOOK, self._go_on)

    def close(self) -> None:
        """Give up whatever goes on."""
        self._punches.clear()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _go_on(self) -> None:
        self._look = None
        now = self._clock.seconds()
        for info_hash, punch in list(self._punches.items()):
            punch.until = {a: until for a, until in punch.until.items() if until > now}
            if not punch.until or self._is_through(info_hash, punch):
                del self._punches[info_hash]
            elif now >= punch.again:
                punch.again = now + AGAIN
                # What failed is believed to know no uTP until it is named anew.
                self._session.dial(info_hash, list(punch.until), at_once=False)
        if self._punches:
            self._look = self._clock.callLater(LOOK, self._go_on)
        else:
            self._session.dial_over_utp(False)

    def _is_through(self, info_hash: InfoHash, punch: _Punch) -> bool:
        expected = {(a.address, port) for a in punch.until for port in (a.port, None)}
        return any((p.address, p.port) in expected for p in self._session.peers(info_hash))
