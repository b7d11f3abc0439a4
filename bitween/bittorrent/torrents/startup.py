"""Loads the stored torrents at the start."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.managed_torrent import ManagedTorrent
from bitween.bittorrent.torrents.torrent_files import inspecting
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import run_in_slices


class Startup:
    """
    Loads the stored torrents, in slices between which the reactor runs.

    :ivar ready: fires when libtorrent has added all of them.
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
        """Stop loading; returns whether there was more to load."""
        if self._loading is None:
            return False
        self._loading.cancel()
        return True

    def take_loaded(self, info_hash: InfoHash) -> None:
        """Note that libtorrent has added a torrent, or could not."""
        self._starting.discard(info_hash)

    def check_ready(self) -> None:
        """Fire :attr:`ready` if that was the last torrent; called after its alert is handled."""
        if self._loading is None and not self._starting and not self.ready.called:
            self.ready.callback(None)

    async def _load_stored(self) -> None:
        # To open the session took long enough.
        await deferLater(self._reactor, 0)
        await run_in_slices(self._reactor, self._loading_stored())

    def _loading_stored(self) -> Iterator[None]:
        stored = []
        for record in self._database.torrents():
            # It may have been added meanwhile.
            if record.info_hash not in self._registry:
                torrent = ManagedTorrent(record)
                self._registry.add(torrent)
                stored.append(torrent)
            yield
        # After all of them are known, because no torrent may take the name of another.
        for torrent in stored:
            yield from self._loading_one(torrent)

    def _loading_one(self, torrent: ManagedTorrent) -> Iterator[None]:
        record = torrent.record
        yield from inspecting(torrent)
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
        self._registry.notify_shares()
        self.check_ready()

    def _not_loading(self, failure: Failure) -> None:
        self._loading, self._registry.loading = None, False
        if not failure.check(CancelledError):
            self.ready.errback(failure)
