"""Dials peers over uTP while they dial us, so that the NATs of both sides let each other in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from bitween.model.address import PeerAddress
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash

#: Seconds for which both sides dial.
LASTING = 4.0
#: Seconds between two checks, and until an address that did not connect is dialled again.
LOOK = 0.25
AGAIN = 1.0


class PunchSession(Protocol):
    """What hole punching needs of the session."""

    def dial_over_utp(self, on: bool) -> None:
        """
        Dial peers over uTP first from now on, or never over uTP.

        :param on: true to dial over uTP first, false never to dial over it.
        """

    def dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        """
        Connect to peers.

        :param peers: the addresses to dial.
        :param at_once: whether to dial now, not only when libtorrent next looks at its peers; this
            disconnects connected peers.
        """

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """List the connected peers."""


@dataclass(slots=True)
class _Punch:
    """
    The addresses that are dialled for a torrent.

    :param until: when each is given up, seconds of the reactor.
    :param again: when they are dialled next.
    """

    until: dict[PeerAddress, float]
    again: float


class Puncher:
    """
    Dials over uTP, for as short a time as possible.

    libtorrent has one switch for all that it dials.  A peer of another torrent that is dialled in
    these seconds may be connected over uTP, too, which is slower than TCP; open connections stay as
    they are.  To pause and resume the torrent would dial at once, but also close a connection that
    comes in at that moment: the other side's.
    """

    def __init__(self, clock: IReactorTime, session: PunchSession) -> None:
        self._clock = clock
        self._session = session
        self._punches: dict[InfoHash, _Punch] = {}
        self._look: IDelayedCall | None = None

    def punch(self, info_hash: InfoHash, addresses: Collection[PeerAddress]) -> None:
        """
        Dial peers for a torrent until one of them is connected, or time is up.

        :param addresses: dialled over uTP for :data:`LASTING` seconds at most, with those of
            earlier calls; nothing is done without any.
        """
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
        """Give up everything that is being dialled."""
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
                # libtorrent takes a failed address for one without uTP until it is named again.
                self._session.dial(info_hash, list(punch.until), at_once=False)
        if self._punches:
            self._look = self._clock.callLater(LOOK, self._go_on)
        else:
            self._session.dial_over_utp(False)

    def _is_through(self, info_hash: InfoHash, punch: _Punch) -> bool:
        expected = {(a.address, port) for a in punch.until for port in (a.port, None)}
        return any((p.address, p.port) in expected for p in self._session.peers(info_hash))
