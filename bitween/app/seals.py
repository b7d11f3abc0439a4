"""
Gives each torrent the seal under which it is transferred.

What we share gets a secret, drawn once; a device that announces the same share to everybody has
drawn one already, and then we take that, so that the swarm is one.  A torrent of an earlier version
of bitween, which knew no seals, gets one when it is complete.  A download has the seal that the
devices announce that have it, and changes to another one when nobody is left with the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.app.ports import SwarmPort
from bitween.errors import BitweenError
from bitween.model.access import Access
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.seal import Seal, new_secret, pack, unpack
from bitween.model.torrent import InfoHash, Torrent
from bitween.util.cooperate import run_in_slices


class TorrentSeals:
    """Chooses seals, and puts them into force."""

    _log = Logger()

    def __init__(
        self, swarm: SwarmPort, catalogue: Catalogue, reactor: IReactorTime, *, allow_plain: bool
    ) -> None:
        """:param allow_plain: whether to fetch from devices that know no seals."""
        self._swarm = swarm
        self._torrents = catalogue.torrents
        self._reactor = reactor
        self._allow_plain = allow_plain
        self._due: set[InfoHash] = set()

    def begin(self) -> None:
        """Seal the torrents of earlier versions."""
        self._run(self._sealing([torrent.info_hash for torrent in self._swarm.library]))

    def secret_for(self, info_hash: InfoHash, access: Access) -> bytes:
        """
        The secret for what we share: one that is announced to everybody, or else a new one.

        :param access: who may have the share; unless that is everybody, the secret is a new one.
        """
        if not access.is_open:
            return new_secret()
        announced = {
            device.shares[info_hash].seal
            for device in self._torrents.holders(info_hash)
            if not device.private
        }
        packed = min(announced - {b""}, default=b"")
        return unpack(packed).secret if packed else new_secret()

    def seal_for(self, info_hash: InfoHash) -> Seal | None:
        """The seal with which to fetch a torrent; ``None`` if no device announces one."""
        packed = self._torrents.seal(info_hash)
        return unpack(packed) if packed else None

    def torrent_changed(self, torrent: Torrent) -> None:
        """Seal a torrent soon, if it is complete and plain."""
        if _wants_secret(torrent) and torrent.info_hash not in self._due:
            if not self._due:
                self._reactor.callLater(0, self._seal_due)
            self._due.add(torrent.info_hash)

    def announcements_changed(self, info_hashes: Iterable[InfoHash]) -> None:
        """Have downloads go on under other seals, where nobody is left with the old one."""
        for info_hash in info_hashes:
            if info_hash in self._swarm.library:
                self._follow(self._swarm.library.get(info_hash))

    def _follow(self, torrent: Torrent) -> None:
        seal = self.seal_for(torrent.info_hash)
        if torrent.complete or seal is None or seal == torrent.seal:
            return
        current = pack(torrent.seal) if torrent.seal else b""
        useful = bool(current) or self._allow_plain
        if not (useful and self._torrents.sources(torrent.info_hash, current)):
            self._swarm.set_seal(torrent.info_hash, seal).addErrback(self._failed)

    def _seal_due(self) -> None:
        due, self._due = self._due, set()
        self._run(self._sealing(due))

    def _sealing(self, info_hashes: Iterable[InfoHash]) -> Iterator[None]:
        for info_hash in info_hashes:
            if info_hash in self._swarm.library:
                torrent = self._swarm.library.get(info_hash)
                if _wants_secret(torrent):
                    secret = self.secret_for(info_hash, torrent.options.access)
                    self._swarm.seal(info_hash, secret).addErrback(self._failed)
            yield

    def _run(self, steps: Iterator[None]) -> None:
        running = Deferred.fromCoroutine(run_in_slices(self._reactor, steps))
        running.addErrback(lambda failure: self._log.failure("sealing torrents failed", failure))

    def _failed(self, failure: Failure) -> None:
        failure.trap(BitweenError)
        self._log.error("a torrent keeps its seal: {error}", error=failure.value)


def _wants_secret(torrent: Torrent) -> bool:
    return torrent.complete and torrent.seal is None
