"""
Peers that a contact has introduced to us: they fetch the same share, and may be strangers.

The contact is the device that we fetch the share from (:mod:`.wants`), and names a peer's addresses
to both sides (:mod:`.introducer`).  Each introduction lets the peer in from these addresses, and
has us dial it, once, as after a connect request.  It ends when the torrent stops, when the contact
does not share it with us any longer, or when its time is over; a seed gives until then.

A contact may lie: the addresses could be those of anyone.  So they are checked as if the contact
had announced them itself, and dialled within its budget (:mod:`.dial_policy`); private addresses
are dialled only in networks that the user trusts, since a stranger cannot prove to be near.
A peer without the secret of the share gets nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from twisted.internet.task import deferLater

from bitween.connect.attempt import Timer
from bitween.connect.context import ConnectContext
from bitween.connect.introducer import Admission
from bitween.connect.responder import dial_at_once
from bitween.errors import UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange, Key
from bitween.model.introduction import Introduction
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash, Torrent

#: Introductions that are in force for one share, by one device; the oldest ends with a new one.
MAX_INTRODUCED = 64
#: Seconds that a peer has to be connected, after which its addresses count as dialled in vain.
CONNECTED_WITHIN = 6.0

#: Introducer, torrent, and the member's name.
_Id = tuple[Key, InfoHash, str]


@dataclass(slots=True)
class _Introduced:
    """
    A peer that was introduced.

    :param candidates: all that were named.
    :param timer: runs until the introduction ends.
    """

    candidates: tuple[Candidate, ...]
    timer: Timer


class IntroducedPeers:
    """Lets peers in that contacts have introduced, and dials them."""

    def __init__(self, context: ConnectContext, admission: Admission) -> None:
        self._context = context
        self._wake = admission.wake
        self._introduced: dict[_Id, _Introduced] = {}

    def introduce(
        self, jid: str, resource: str, introduction: Introduction, seconds: float
    ) -> None:
        """
        Let a peer in, and dial it.

        :param jid: of the contact that introduces it, bare.
        :param seconds: for how long it counts.
        :raises UnknownTorrent: if we neither fetch nor seed the share.
        """
        info_hash = introduction.info_hash
        library = self._context.swarm.library
        if seconds <= 0 or info_hash not in library or not _takes_part(library.get(info_hash)):
            raise UnknownTorrent("the share is not fetched")
        key = (jid, resource)
        known = list(self._by(key, info_hash))
        for oldest in known[: max(0, len(known) + 1 - MAX_INTRODUCED)]:
            self._end(oldest)
        id_ = (key, info_hash, introduction.member)
        self._end(id_)
        timer = Timer(self._context.clock, lambda: self._end(id_))
        timer.start(seconds)
        self._introduced[id_] = _Introduced(introduction.candidates, timer)
        policy = self._context.ports.policy
        addresses = [candidate.address for candidate in introduction.candidates]
        self._context.allowlist.set(("introduced", id_), filter(policy.may_connect_from, addresses))
        dialable = self._dialable(jid, introduction.candidates)
        self._context.tasks.start(self._dial(id_, dialable), "dialling an introduced peer")

    def introducer(self, info_hash: InfoHash, peer: Peer) -> str | None:
        """
        Which contact has introduced a peer.

        :returns: a bare JID; ``None`` if no contact has.
        """
        for id_, introduced in self._introduced.items():
            if id_[1] == info_hash and _address_of(peer, introduced.candidates) is not None:
                return id_[0][0]
        return None

    def apply(self, change: CatalogueChange) -> None:
        """End what a device has introduced for a share that it takes away from us."""
        for holding in change.gone:
            key = (holding.jid, holding.resource)
            if holding.resource in self._context.catalogue.online(holding.jid):
                for id_ in list(self._by(key, holding.share.info_hash)):
                    self._end(id_)

    def torrent_changed(self, info_hash: InfoHash) -> None:
        """End all introductions for a torrent that neither fetches nor seeds any longer."""
        library = self._context.swarm.library
        if info_hash in library and _takes_part(library.get(info_hash)):
            return
        for id_ in [id_ for id_ in self._introduced if id_[1] == info_hash]:
            self._end(id_)

    def close(self) -> None:
        """Let nothing happen later."""
        for introduced in self._introduced.values():
            introduced.timer.stop()
        self._introduced.clear()

    def _by(self, key: Key, info_hash: InfoHash) -> Iterator[_Id]:
        """What a device has introduced for a share, oldest first."""
        return (id_ for id_ in self._introduced if id_[:2] == (key, info_hash))

    def _end(self, id_: _Id) -> None:
        introduced = self._introduced.pop(id_, None)
        if introduced is not None:
            introduced.timer.stop()
            self._context.allowlist.set(("introduced", id_), ())

    def _dialable(self, jid: str, candidates: tuple[Candidate, ...]) -> list[Candidate]:
        """Those that may be dialled; this spends the budget of the contact."""
        policy = self._context.ports.policy
        allowed = [c for c in candidates if policy.may_dial(c.address)]
        within = set(policy.within_budget(jid, (c.address for c in allowed)))
        return [candidate for candidate in allowed if candidate.address in within]

    async def _dial(self, id_: _Id, candidates: list[Candidate]) -> None:
        context, info_hash = self._context, id_[1]
        await self._wake(info_hash)
        if not candidates or id_ not in self._introduced:
            return
        await dial_at_once(
            context,
            info_hash,
            candidates,
            lambda: bool(self._connected(info_hash, candidates)),
        )
        await deferLater(context.clock, CONNECTED_WITHIN)
        for address in self._connected(info_hash, candidates):
            context.ports.policy.connected(id_[0][0], address)

    def _connected(self, info_hash: InfoHash, candidates: list[Candidate]) -> set[PeerAddress]:
        """The addresses among these at which a peer of the torrent is connected."""
        swarm = self._context.swarm
        if info_hash not in swarm.library:
            return set()
        places = (_address_of(peer, candidates) for peer in swarm.peers(info_hash))
        return {place for place in places if place is not None}


def _takes_part(torrent: Torrent) -> bool:
    return not torrent.is_standing and not torrent.error


def _address_of(
    peer: Peer, candidates: tuple[Candidate, ...] | list[Candidate]
) -> PeerAddress | None:
    """The candidate at which a peer is; one that dialled us comes from any port."""
    for candidate in candidates:
        address = candidate.address
        if address.address == peer.address and peer.port in (address.port, None):
            return address
    return None
