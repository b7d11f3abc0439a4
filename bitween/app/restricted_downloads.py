"""
Downloads of what contacts share with us, but not with everybody.

Such a share is in a list that a contact's device keeps for us alone.  What we fetch of it is for
our own devices only, until the user says otherwise.

When the owner takes the share away from others, it gets another secret and another info-hash, and
we are told which one it replaces: our torrent follows, and keeps what it has.  With the salt that
comes with it, the metadata becomes that of the new hash; a torrent that has no metadata yet begins
again.  Only a contact that shared the old hash with us in this run of the daemon can say
so: another contact could otherwise put content of its own in the place of a download.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.app.ports import SwarmPort
from bitween.errors import BitweenError
from bitween.model.access import DEVICES, PRIVATE, Access
from bitween.model.announcement import Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Holding
from bitween.model.metainfo import info_section
from bitween.model.seal import info_hash_of, salted, unpack
from bitween.model.torrent import InfoHash, Torrent


class RestrictedDownloads:
    """Keeps to ourselves what is not for everybody, and follows its owners."""

    _log = Logger()

    def __init__(self, swarm: SwarmPort, catalogue: Catalogue, default: Access) -> None:
        """:param default: who may have what contacts share with everybody."""
        self._default = default
        self._swarm = swarm
        self._torrents = catalogue.torrents
        # Who has shared which of our torrents with us alone.
        self._owners: dict[InfoHash, set[str]] = {}

    def access_for(self, info_hash: InfoHash) -> Access:
        """Who may have what is going to be fetched."""
        return PRIVATE if self._is_restricted(info_hash) else self._default

    def apply(self, change: CatalogueChange) -> None:
        """Follow a change of what contacts share."""
        for holding in (*change.gone, *change.appeared):
            if holding.private and holding.share.info_hash in self._swarm.library:
                self._owners.setdefault(holding.share.info_hash, set()).add(holding.jid)
        for holding in change.appeared:
            if holding.private:
                self._appeared(holding)

    def forget(self, info_hash: InfoHash) -> None:
        """Forget the owners of a torrent that is removed."""
        self._owners.pop(info_hash, None)

    def _appeared(self, holding: Holding) -> None:
        share, library = holding.share, self._swarm.library
        old = share.replaces
        if old is not None and old in library and holding.jid in self._owners.get(old, ()):
            self._try(self._replace(library.get(old), share, holding.jid))
        elif share.info_hash in library and self._is_restricted(share.info_hash):
            self._try(self._keep_private(library.get(share.info_hash)))

    async def _replace(self, torrent: Torrent, share: Share, owner: str) -> None:
        is_ours = torrent.shared or torrent.options.access.audiences != (DEVICES,)
        if is_ours or not share.seal or share.info_hash in self._swarm.library:
            return
        # The owner may replace the new one, too.
        self._owners[share.info_hash] = {owner}
        seal = unpack(share.seal)
        if self._is_salted(torrent, share):
            await self._swarm.replace_secret(
                torrent.info_hash, seal.secret, share.terms.salt, torrent.options.access
            )
            return
        await self._swarm.remove(torrent.info_hash, False)
        await self._swarm.download(
            share.info_hash, torrent.name, torrent.save_path, torrent.options, seal
        )

    def _is_salted(self, torrent: Torrent, share: Share) -> bool:
        """Whether a share has the content of a torrent, whose metadata is here, under a salt."""
        metadata = self._swarm.torrent_file(torrent.info_hash)
        if metadata is None or not share.terms.salt:
            return False
        return info_hash_of(salted(info_section(metadata), share.terms.salt)) == share.info_hash

    async def _keep_private(self, torrent: Torrent) -> None:
        if torrent.shared or torrent.complete:
            return
        options = replace(torrent.options, access=PRIVATE)
        await self._swarm.set_options(torrent.info_hash, options)

    def _is_restricted(self, info_hash: InfoHash) -> bool:
        holders = self._torrents.holders(info_hash)
        return bool(holders) and all(device.private for device in holders)

    def _try(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        Deferred.fromCoroutine(work).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        failure.trap(BitweenError)
        self._log.error("a download does not follow its owner: {error}", error=failure.value)
