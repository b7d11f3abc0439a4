"""
Introduces those who fetch the same of our shares to each other.

Guests of one person who are no contacts of each other would each fetch everything from that person,
through one uplink.  So a device that fetches a share says so (a *want*), which makes it a *member*
of the share's swarm, and the members learn where the others are and dial each other.  The secret of
the share keeps everyone else out.

A device becomes a member with its want, and remains one until it says that it is done, goes
offline, or may not fetch the share any longer.  One that has all of it, and seeds it, remains a
member that gives: it is introduced to those who come later, not to other seeds.  A new member meets
those that give first, then those that know the fewest; each one knows at most MOST others at a
time.  An introduction is told to both at the same time, since both dial.

The user can switch introductions off for a share: members see each other's addresses.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from bitween.connect.candidates import passed_on
from bitween.connect.context import ConnectContext
from bitween.errors import BitweenError, UnknownTorrent
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange, Key
from bitween.model.introduction import Introduction
from bitween.model.torrent import InfoHash

#: Other members that one member knows through us.
MOST = 16
# Bytes of the name of a member.
_NAME = 4


@dataclass(frozen=True, slots=True)
class Admission:
    """
    Decides who may fetch our shares.

    :param may_fetch: whether an account (bare JID) may fetch one of our shares.
    :param counts: whether the key of a device (bare JID, resource) is trusted.
    :param wake: gets one of our torrents ready for peers.
    """

    may_fetch: Callable[[str, InfoHash], bool] = lambda _, __: True
    counts: Callable[[str, str], bool] = lambda _, __: True
    wake: Callable[[InfoHash], Deferred[None]] = lambda _: succeed(None)


@dataclass(slots=True)
class _Member:
    """
    A device in the swarm of a share.

    :param name: by which the others know it.
    :param seeds: whether it has all of the share.
    :param known: those that it was introduced to.
    """

    key: Key
    name: str
    seeds: bool = False
    known: set[Key] = field(default_factory=set)


class Introducer:
    """Knows which devices fetch which of our shares now, and introduces them."""

    _log = Logger()

    def __init__(self, context: ConnectContext, admission: Admission) -> None:
        self._context = context
        self._admission = admission
        self._members: dict[InfoHash, dict[Key, _Member]] = {}

    def members(self, info_hash: InfoHash) -> frozenset[Key]:
        """The devices in the swarm of a share, as far as they told us."""
        return frozenset(self._members.get(info_hash, ()))

    def want(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[None]:
        """
        Let a device fetch a share, and introduce it to the others.

        :param jid: bare.
        :returns: fires when the share can be dialled.
        :raises UnknownTorrent: if we do not share it, or not with this device.
        """
        return Deferred.fromCoroutine(self._want((jid, resource), info_hash))

    def done(self, jid: str, resource: str, info_hash: InfoHash, seeds: bool) -> None:
        """
        Note that a device does not fetch a share any longer.

        :param jid: bare.
        :param seeds: whether it has all of it, and may be introduced to those who come later.
        """
        member = self._members.get(info_hash, {}).get((jid, resource))
        if member is None:
            return
        if seeds:
            member.seeds = True
        else:
            self._remove(member, info_hash)

    def apply(self, change: CatalogueChange) -> None:
        """Forget the devices that went offline."""
        for presence in change.presences:
            if not presence.online:
                self._device_left((presence.jid, presence.resource))

    def access_changed(self) -> None:
        """Forget those who may not fetch a share any longer."""
        library = self._context.swarm.library
        for info_hash in [info_hash for info_hash in self._members if info_hash in library]:
            for member in list(self._members[info_hash].values()):
                if not self._admission.may_fetch(member.key[0], info_hash):
                    self._remove(member, info_hash)

    def share_removed(self, info_hash: InfoHash) -> None:
        """Forget the members of a share that is not ours any longer."""
        self._members.pop(info_hash, None)

    async def _want(self, key: Key, info_hash: InfoHash) -> None:
        self._check(key, info_hash)
        await self._admission.wake(info_hash)
        # Either may have changed meanwhile.
        self._check(key, info_hash)
        members = self._members.setdefault(info_hash, {})
        member = members.get(key)
        if member is None:
            member = members[key] = _Member(key, secrets.token_hex(_NAME))
        member.seeds = False
        self._introduce(info_hash, member)

    def _check(self, key: Key, info_hash: InfoHash) -> None:
        """:raises UnknownTorrent: if we do not share it, or not with this device."""
        is_granted = self._is_shared(info_hash) and self._admission.may_fetch(key[0], info_hash)
        if not is_granted:
            raise UnknownTorrent("no such share")

    def _is_shared(self, info_hash: InfoHash) -> bool:
        library = self._context.swarm.library
        return info_hash in library and library.get(info_hash).announceable

    def _introduce(self, info_hash: InfoHash, new: _Member) -> None:
        access = self._context.swarm.library.get(info_hash).options.access
        if not access.introductions or not self._is_admitted(new, info_hash):
            return
        for other in self._others(info_hash, new):
            if len(new.known) >= MOST:
                break
            if not self._is_admitted(other, info_hash):
                continue
            candidates = self._context.catalogue.candidates
            of_new, of_other = candidates(*new.key), candidates(*other.key)
            for_other, for_new = passed_on(of_new, of_other), passed_on(of_other, of_new)
            if for_other and for_new:
                new.known.add(other.key)
                other.known.add(new.key)
                self._tell(info_hash, new, other, for_new)
                self._tell(info_hash, other, new, for_other)

    def _others(self, info_hash: InfoHash, new: _Member) -> Iterator[_Member]:
        """Those that a new member may meet, the most useful ones first."""
        members = list(self._members[info_hash].values())
        members.sort(key=lambda member: (not member.seeds, len(member.known)))
        for member in members:
            if member is not new and new.key not in member.known and len(member.known) < MOST:
                yield member

    def _is_admitted(self, member: _Member, info_hash: InfoHash) -> bool:
        counts = self._admission.counts(*member.key)
        return counts and self._admission.may_fetch(member.key[0], info_hash)

    def _tell(
        self, info_hash: InfoHash, to: _Member, of: _Member, candidates: tuple[Candidate, ...]
    ) -> None:
        introduction = Introduction(info_hash, of.name, candidates)
        self._context.tasks.start(self._send(to, introduction), "introducing two devices")

    async def _send(self, to: _Member, introduction: Introduction) -> None:
        try:
            is_known = await self._context.ports.wants.introduce(*to.key, introduction)
        except BitweenError as error:
            self._log.debug("{who!r} meets nobody: {error}", who="/".join(to.key), error=error)
            return
        if not is_known:
            # It has stopped fetching, and its word of that is under way or was lost.
            self._remove(to, introduction.info_hash)

    def _device_left(self, key: Key) -> None:
        for info_hash, members in list(self._members.items()):
            if key in members:
                self._remove(members[key], info_hash)

    def _remove(self, member: _Member, info_hash: InfoHash) -> None:
        members = self._members.get(info_hash, {})
        if members.get(member.key) is not member:
            return
        del members[member.key]
        for other in members.values():
            other.known.discard(member.key)
        if not members:
            del self._members[info_hash]
