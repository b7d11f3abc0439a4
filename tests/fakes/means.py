"""By what others are met, in memory: the ports of ``meeting.Means``."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from bitween.errors import RequestRefused
from bitween.meeting import Means
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue import Key
from bitween.model.passage import Passage
from bitween.model.torrent import InfoHash


class FakeMeans:
    """
    Plays races, encounters and relays; nothing comes of them until a test says so.

    :ivar raced: the addresses of each race, and its outcome.
    :ivar called: who was asked to come, for what, with which candidates of ours; and the answer.
    :ivar asked: whose passage was asked for, and the answer.
    :ivar forgotten: who was forgotten at the relay.
    """

    def __init__(self, quick: bool = False) -> None:
        """
        :param quick: whether in every race the first of the addresses answers at once, and no
            server relays.
        """
        self._quick = quick
        self.raced: list[tuple[tuple[PeerAddress, ...], Deferred[PeerAddress | None]]] = []
        self.called: list[
            tuple[Key, InfoHash, tuple[Candidate, ...], Deferred[tuple[Candidate, ...]]]
        ] = []
        self.asked: list[tuple[Key, Deferred[Passage]]] = []
        self.forgotten: list[Key] = []
        self._places: dict[Key, PeerAddress] = {}

    @property
    def means(self) -> Means:
        """All of it."""
        return Means(self, self, self)

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Begin a race."""
        outcome: Deferred[PeerAddress | None] = Deferred()
        self.raced.append((tuple(addresses), outcome))
        if self._quick:
            outcome.callback(addresses[0] if addresses else None)
        return outcome

    def meet(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """Begin to ask."""
        self.called.append(((jid, resource), info_hash, tuple(candidates), Deferred()))
        return self.called[-1][3]

    def local_address(self, jid: str, resource: str) -> PeerAddress:
        """Give each its own."""
        place = PeerAddress(f"127.1.0.{len(self._places) + 1}", 40000)
        return self._places.setdefault((jid, resource), place)

    def who(self, address: str) -> Key | None:
        """Whose it is."""
        return next((key for key, a in self._places.items() if a.address == address), None)

    def passage(self, jid: str, resource: str) -> Deferred[Passage]:
        """Begin to look for one."""
        answer: Deferred[Passage] = Deferred()
        self.asked.append(((jid, resource), answer))
        if self._quick:
            answer.errback(RequestRefused("neither server relays", "have proxy65 switched on"))
        return answer

    def forget(self, jid: str, resource: str) -> None:
        """Take note."""
        if self._places.pop((jid, resource), None):
            self.forgotten.append((jid, resource))
