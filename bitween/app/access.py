"""
Who may see and fetch our shares: the use cases, and the one place that knows.

The announcement, the restricted lists, connect requests, introductions, the API and the page ask
:class:`ShareAccess`; it asks the rule in :mod:`bitween.model.access` with what the roster says
(:mod:`bitween.app.readers`).

Who may fetch a share holds its secret.  So when a contact loses access (the user names other
audiences, the contact leaves a group, is removed or blocked, the end of a share comes), the share
gets another secret.  A share that is for some contacts only gets another info-hash, too, and its
connections are cut; one that is for everybody keeps its info-hash.  What a contact has fetched by
then stays with that contact.

A download has the secret of the contacts that share it, and keeps it while they are needed.  Once
it is complete, it gets a secret of our own before anybody else may have it from us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.app.ports import MessengerPort, SwarmPort
from bitween.app.readers import Readers, ReadersChanged
from bitween.errors import BitweenError, InvalidValue, UnknownContact
from bitween.model.access import (
    DEVICES,
    OPEN,
    Access,
    Decision,
    Reader,
    may_fetch,
    may_see,
    parse_audiences,
)
from bitween.model.announcement import Share, ShareTerms
from bitween.model.seal import new_salt, new_secret
from bitween.model.torrent import InfoHash, Torrent
from bitween.util.cooperate import run_in_slices
from bitween.util.observable import Observable

#: Seconds between two looks at which shares have come to their end.
EXPIRY_INTERVAL = 5.0


@dataclass(frozen=True, slots=True)
class VisibleShare:
    """
    What a contact sees of one of our shares.

    :param fetch: whether the contact may fetch it, and why.
    :param see: whether the contact may see its name, and why.
    """

    torrent: Torrent
    fetch: Decision
    see: Decision


class ShareAccess:
    """
    The use cases of access.

    :ivar changes: hands out the bare JIDs whose restricted lists may have changed; ``None`` for
        all.
    :ivar default: who may see and fetch what is shared without a choice.
    """

    _log = Logger()

    def __init__(
        self,
        swarm: SwarmPort,
        messenger: MessengerPort,
        readers: Readers,
        reactor: IReactorTime,
        clock: Callable[[], float],
        *,
        default: Access = OPEN,
    ) -> None:
        """
        :param clock: seconds since the epoch.
        :param default: who may see and fetch what is shared without a choice.
        """
        self.default = default
        self._swarm = swarm
        self._messenger = messenger
        self._readers = readers
        self._reactor = reactor
        self._clock = clock
        # One after the other: two changes of a share must not both replace its secret.
        self._lock = DeferredLock()
        self.changes: Observable[frozenset[str] | None] = Observable()
        readers.changes.subscribe(self._readers_changed)

    def get(self, info_hash: InfoHash) -> Access:
        """
        Who may see and fetch a share.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return self._swarm.library.get(info_hash).options.access

    def set(
        self,
        info_hash: InfoHash,
        audiences: Iterable[object] | None = None,
        expires: float | None = None,
        listed: bool | None = None,
        introductions: bool | None = None,
    ) -> Deferred[Torrent]:
        """
        Set who may see and fetch a share; those who may no longer are cut off.

        :param audiences: as the user names them; see :func:`parse_audiences`.  ``None`` leaves them
            as they are.
        :param expires: seconds since the epoch; ``None`` for no end.
        :param listed: whether others see its name; ``None`` leaves that as it is.
        :param introductions: whether those who fetch it are introduced to each other; ``None``
            leaves that as it is.
        :returns: the torrent; it has another info-hash if a contact loses access.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises InvalidValue: if an audience is invalid, the end has passed, or it is a download
            that cannot be passed on yet.
        :raises StoreError: if that cannot be stored.
        """
        before = self.get(info_hash)
        access = Access(
            before.audiences if audiences is None else parse_audiences(audiences),
            self._checked_end(expires),
            before.listed if listed is None else listed,
            before.introductions if introductions is None else introductions,
        )
        return self.apply(info_hash, access)

    def apply(self, info_hash: InfoHash, access: Access) -> Deferred[Torrent]:
        """
        Set who may see and fetch a share, see :meth:`set`.

        :param access: what it replaces does not count.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises InvalidValue: if it is a download that cannot be passed on yet.
        :raises StoreError: if that cannot be stored.
        """
        return self._lock.run(lambda: Deferred.fromCoroutine(self._set(info_hash, access)))

    def chosen(
        self,
        audiences: Iterable[object] | None,
        expires: float | None = None,
        listed: bool = False,
        introductions: bool = True,
    ) -> Access | None:
        """
        The access to a new share, as the user chooses it; see :meth:`set`.

        :returns: ``None`` if the user chooses nothing.
        :raises InvalidValue: if an audience is invalid, or the end has passed.
        """
        if audiences is None and expires is None and not listed and introductions:
            return None
        return Access(
            self.default.audiences if audiences is None else parse_audiences(audiences),
            self._checked_end(expires),
            listed,
            introductions,
        )

    def _checked_end(self, expires: float | None) -> float | None:
        if expires is not None and expires <= self._clock():
            raise InvalidValue.of("invalid_value.past_end")
        return expires

    def torrent(self, info_hash: InfoHash) -> Torrent:
        """
        Look up a torrent.

        :raises UnknownTorrent: if the library has no such torrent.
        """
        return self._swarm.library.get(info_hash)

    def grant(self, info_hash: InfoHash, jid: str) -> Deferred[Torrent]:
        """
        Let one more contact fetch a share; an end that has passed does not count any longer.

        :param jid: bare.
        :raises UnknownTorrent: if the library has no such torrent.
        :raises InvalidValue: if it is a download that cannot be passed on yet.
        :raises StoreError: if that cannot be stored.
        """
        before = self.get(info_hash)
        audiences = parse_audiences([*before.audiences, jid])
        expires = None if before.has_expired(self._clock()) else before.expires
        return self.apply(info_hash, replace(before, audiences=audiences, expires=expires))

    def is_locked_for(self, jid: str, info_hash: InfoHash) -> bool:
        """
        Whether a reader sees the name of a share and may not fetch it.

        :param jid: bare.
        """
        if info_hash not in self._swarm.library.restricted:
            return False
        access, reader, now = self.get(info_hash), self._readers.get(jid), self._clock()
        return bool(may_see(access, reader, now)) and not may_fetch(access, reader, now)

    def decide(self, jid: str, info_hash: InfoHash) -> Decision:
        """
        Whether a reader may fetch a share.

        :param jid: bare.
        :raises UnknownTorrent: if the library has no such torrent.
        """
        return may_fetch(self.get(info_hash), self._readers.get(jid), self._clock())

    def visible_to(self, jid: str) -> list[VisibleShare]:
        """
        List what a contact sees of our shares, oldest first.

        :param jid: bare.
        :raises UnknownContact: if that is neither a contact nor our own account.
        """
        reader = self._readers.get(jid)
        if not reader.ours and jid not in {contact.jid for contact in self._messenger.contacts}:
            raise UnknownContact.of("unknown_contact.jid", jid=jid)
        now, library = self._clock(), self._swarm.library
        shared = (torrent for torrent in library if torrent.announceable)
        seen = (
            VisibleShare(
                torrent,
                may_fetch(torrent.options.access, reader, now),
                may_see(torrent.options.access, reader, now),
            )
            for torrent in shared
        )
        return [share for share in seen if share.see]

    def restricted_for(self, jid: str) -> list[Share]:
        """
        The shares that are not for everybody, as one reader may see them, oldest first.

        :param jid: bare.
        """
        reader, now = self._readers.get(jid), self._clock()
        library = self._swarm.library
        shares: list[Share] = []
        for info_hash, share in library.restricted.items():
            access = library.get(info_hash).options.access
            if may_fetch(access, reader, now):
                shares.append(replace(share, terms=_terms(access)))
            elif may_see(access, reader, now):
                shares.append(replace(share, seal=b"", terms=ShareTerms(locked=True)))
        return shares

    def end_expired(self) -> Deferred[None]:
        """Cut off the contacts whose access to a share has come to its end."""
        return self._lock.run(lambda: Deferred.fromCoroutine(self._end_expired()))

    async def _end_expired(self) -> None:
        now = self._clock()
        for torrent in self._swarm.library.ending:
            access = torrent.options.access
            if access.has_expired(now) and access.audiences != (DEVICES,):
                try:
                    await self._set(torrent.info_hash, replace(access, audiences=(DEVICES,)))
                except BitweenError as error:
                    self._log.error("the access to a share stays as it was: {error}", error=error)

    async def _set(self, info_hash: InfoHash, access: Access) -> Torrent:
        torrent = self._swarm.library.get(info_hash)
        before = torrent.options.access
        passed_on = before.audiences == (DEVICES,) and access.audiences != (DEVICES,)
        if not _secret_is_ours(torrent):
            if passed_on:
                raise InvalidValue.of("invalid_value.incomplete_share")
        elif self._takes_away(before, access):
            torrent = await self._replace_secret(torrent, access)
        elif passed_on and not torrent.shared:
            # So far it has the secret of the contacts that shared it.
            await self._swarm.seal(info_hash, new_secret())
        known = torrent.options.access
        access = replace(access, replaces=known.replaces, salt=known.salt)
        options = replace(torrent.options, access=access)
        torrent = await self._swarm.set_options(torrent.info_hash, options)
        self.changes.notify(None)
        return torrent

    def _takes_away(self, before: Access, after: Access) -> bool:
        """Whether a reader who may have the secret may not have it any longer."""
        if before.is_open and not after.is_open:
            return True
        now = self._clock()
        # An end that has come took effect at once, but nobody was cut off.
        unending = replace(before, expires=None)
        return any(
            may_fetch(unending, reader, now) and not may_fetch(after, reader, now)
            for reader in self._readers
        )

    def _replace_secret(self, torrent: Torrent, access: Access) -> Deferred[Torrent]:
        salt = new_salt()
        access = replace(access, replaces=torrent.info_hash, salt=salt)
        return self._swarm.replace_secret(torrent.info_hash, new_secret(), salt, access)

    def _readers_changed(self, change: ReadersChanged) -> None:
        """Follow the roster; what a contact loses is taken away in the background."""
        lost = list(self._shares_lost(change.before.values()))
        self.changes.notify(frozenset(change.after))
        self._lock.run(lambda: Deferred.fromCoroutine(self._take_away(lost, change))).addErrback(
            lambda failure: self._log.failure("replacing secrets failed", failure)
        )

    def _shares_lost(self, before: Iterable[Reader]) -> Iterator[InfoHash]:
        """The shares that one of these could fetch as they were, and cannot as they are now."""
        now = self._clock()
        changed = [(reader, self._readers.get(reader.jid)) for reader in before]
        for torrent in self._swarm.library:
            access = torrent.options.access
            if any(may_fetch(access, b, now) and not may_fetch(access, a, now) for b, a in changed):
                yield torrent.info_hash

    async def _take_away(self, lost: list[InfoHash], change: ReadersChanged) -> None:
        renewals: list[Deferred[bool]] = []
        await run_in_slices(self._reactor, self._renewing(lost, renewals))
        if not all([await renewal for renewal in renewals]):
            # What is stored of the roster stays as it was: the next start tries again.
            return
        # Last, so that a crash before this makes the next start try again.
        try:
            self._readers.keep(change)
        except BitweenError as error:
            self._log.error("{error}", error=error)
        if lost:
            self.changes.notify(None)

    def _renewing(
        self, info_hashes: list[InfoHash], renewals: list[Deferred[bool]]
    ) -> Iterator[None]:
        library = self._swarm.library
        for info_hash in info_hashes:
            torrent = library.get(info_hash) if info_hash in library else None
            if torrent is not None and _secret_is_ours(torrent):
                renewals.append(self._renew(torrent).addCallbacks(lambda _: True, self._failed))
            yield

    def _failed(self, failure: Failure) -> bool:
        failure.trap(BitweenError)
        self._log.error("the secret of a share stays the same: {error}", error=failure.value)
        return False

    def _renew(self, torrent: Torrent) -> Deferred[Torrent]:
        access = torrent.options.access
        if access.is_open:
            return self._swarm.seal(torrent.info_hash, new_secret())
        return self._replace_secret(torrent, access)


def _secret_is_ours(torrent: Torrent) -> bool:
    """Whether a torrent may get another secret: one that is incomplete needs its sources."""
    return torrent.shared or torrent.complete


def _terms(access: Access) -> ShareTerms:
    return ShareTerms(
        expires=None if access.expires is None else int(access.expires),
        replaces=access.replaces,
        introductions=access.introductions,
        salt=access.salt,
    )
