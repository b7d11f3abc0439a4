"""Loads at the start the torrents that are stored."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import surveying
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import in_slices


class Startup:
    """
    Takes in what is stored, in slices between which the reactor has its turn.

    :ivar ready: fires when all of it is in the session, as libtorrent says.
    """

    def __init__(self, context: Context, loader: Loader) -> None:
        self.ready: Deferred[None] = Deferred()
        self._reactor = context.reactor
        self._database = context.database
        self._registry = context.registry
        self._loader = loader
        self._loading: Deferred[None] | None = None
        self._starting: set[InfoHash] = set()

    def begin(self) -> None:
        """Begin to load."""
        self._registry.loading = True
        self._loading = Deferred.fromCoroutine(self._load_stored())
        self._loading.addCallbacks(self._all_loading, self._not_loading)

    def cancel(self) -> bool:
        """Load no more; tells whether there was more to load."""
        if self._loading is None:
            return False
        self._loading.cancel()
        return True

    def take_loaded(self, info_hash: InfoHash) -> None:
        """Note that libtorrent has said how loading a torrent went."""
        self._starting.discard(info_hash)

    def check_ready(self) -> None:
        """Have :attr:`ready` fire if that was the last one: what was said is taken up now."""
        if self._loading is None and not self._starting and not self.ready.called:
            self.ready.callback(None)

    async def _load_stored(self) -> None:
        # Opening the session took its time already.
        await deferLater(self._reactor, 0)
        await in_slices(self._reactor, self._loading_stored())

    def _loading_stored(self) -> Iterator[None]:
        stored = []
        for record in self._database.torrents():
            # It may have been begun meanwhile.
            if record.info_hash not in self._registry:
                torrent = ManagedTorrent(record)
                self._registry.add(torrent)
                stored.append(torrent)
            yield
        # When all of them are known, for none may take the place of another.
        for torrent in stored:
            yield from self._loading_one(torrent)

    def _loading_one(self, torrent: ManagedTorrent) -> Iterator[None]:
        record = torrent.record
        yield from surveying(torrent)
        if not self._registry.holds(torrent):
            return
        if torrent.record != record:
            self._database.put(torrent.record)
        yield from self._loader.preparing(torrent)
        if self._loader.load(torrent):
            self._starting.add(record.info_hash)
        self._registry.put(torrent)
        yield

    def _all_loading(self, _: None) -> None:
        self._loading, self._registry.loading = None, False
        self._registry.tell_shares()
        self.check_ready()

    def _not_loading(self, failure: Failure) -> None:
        self._loading, self._registry.loading = None, False
        if not failure.check(CancelledError):
            self.ready.errback(failure)
