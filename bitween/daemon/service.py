"""
The daemon as a Twisted service.

A start has four steps:

1. :meth:`Daemon._claim` takes the state directory, which one daemon may use.
2. :mod:`bitween.daemon.build` makes every part; nothing runs yet.
3. :mod:`bitween.daemon.wire` connects the parts that need each other.
4. :meth:`Daemon._start` starts the services in the order in which they need each other.  The XMPP
   session comes last, so that what contacts read is already true.

All services are told to stop in the reverse order, without waiting for one another; the state
directory is released when all have stopped.  An error at the start, or a later one from which the
daemon cannot recover, ends the process with one line and an exit status.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.app.application import Bitween
from bitween.app.share_guard import ShareGuard
from bitween.daemon.build import build, open_storage, share_guard
from bitween.daemon.log_in import DaemonLogIn
from bitween.daemon.parts import DaemonParts, StorageParts
from bitween.daemon.wire import guard_or_deny, wire
from bitween.errors import (
    BitweenError,
    ForbiddenPath,
    StartupError,
)
from bitween.messages.catalogue import load_english
from bitween.settings.settings import Settings
from bitween.storage.api_location import remove_stale
from bitween.storage.state_dir import StateDirectory
from bitween.util.gc_freeze import loading_for_good
from bitween.xmpp.session.account import Account


class Daemon(MultiService):
    """
    One daemon: it claims its state directory, then starts its parts.

    :ivar bitween: the use cases, ``None`` until the parts are built.
    :ivar started: fires when everything runs; the connection to the server may still be pending.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        account: Account,
        failed: Callable[[str, int], None],
        umask: int | None = None,
    ) -> None:
        """
        :param reactor: the reactor, in all its roles.
        :param account: the bare JID or one with a resource, and the credentials.
        :param failed: called with one line that says why the daemon cannot go on, and the exit
            status; then the reactor stops.
        :param umask: for downloads and folders; ``None`` to leave it as it is.
        """
        super().__init__()
        self.setName("bitween")
        self._reactor = reactor
        self._settings = settings
        self._account = account
        self._failed = failed
        self._umask = umask
        self._state = StateDirectory(settings.files.state_dir)
        self._storage: StorageParts | None = None
        self._parts: DaemonParts | None = None
        self._starting: Deferred[None] | None = None
        self._aborted = False
        self.started: Deferred[None] = Deferred()

    @property
    def bitween(self) -> Bitween | None:
        """The use cases, once they are built."""
        return self._parts.bitween if self._parts is not None else None

    def startService(self) -> None:
        """Start; an error ends the daemon with one line."""
        super().startService()
        load_english()
        # Before the reactor runs, a signal would still end the process without a clean stop.
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> Deferred[object]:
        """Stop everything, then release the state directory."""
        if self._starting is not None:
            self._starting.cancel()
        if self.bitween is not None:
            self.bitween.close()
        stopping: Deferred[object] = super().stopService()
        return stopping.addBoth(self._release)

    def _begin(self) -> None:
        if self._umask is not None:
            # twistd has already changed it where it went to the background.
            os.umask(self._umask)
        self._starting = Deferred.fromCoroutine(self._run())
        self._starting.addCallbacks(self.started.callback, self._not_started)

    async def _run(self) -> None:
        self._claim()
        storage = self._storage = open_storage(self._reactor, self._settings, self._state)
        log_in = DaemonLogIn(storage.database, self._settings, self._account, self._abort)
        parts = self._parts = build(self._reactor, self._settings, storage, log_in)
        wire(parts, log_in)
        await self._start(parts)

    def _claim(self) -> None:
        """
        Take the state directory, and make the download directory.

        :raises StartupError: if another daemon uses the one, or the other cannot be made.
        """
        self._state.claim()
        # A file of an earlier run names a port at which another program may listen today.
        remove_stale(self._state.path)
        _make_folder(self._settings.files.download_dir, share_guard(self._settings))

    async def _start(self, parts: DaemonParts) -> None:
        """Start the services, each after those that it needs."""
        network, bitween = parts.network, parts.bitween
        self._add(network.local_peers, parts.api.recorder, parts.api.lag)
        self._add(parts.hasher, parts.uploads)
        with loading_for_good():
            self._add(parts.swarm)
            await parts.swarm.ready
            guard_or_deny(network.gate)
            await bitween.shares.restore()
        self._add(parts.api.service)
        await parts.api.service.ready
        self._add(network.addresses, network.neighbours, network.reachability, network.nat)
        self._add(network.suspend, network.relay)
        # Now that the swarm has loaded the torrents of earlier runs: they are not logged as new.
        self._add(bitween)
        # Last, so that contacts are told only what is already true.
        self._add(parts.messenger.client)

    def _add(self, *services: Service) -> None:
        for service in services:
            service.setServiceParent(self)

    def _not_started(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if not isinstance(failure.value, BitweenError):
            self._log.failure("starting failed", failure)
            self._abort(BitweenError("starting failed", "see the log"))
            return
        self._abort(failure.value)

    def _abort(self, error: BitweenError, status: int = 1) -> None:
        if not self.running:
            return
        self._aborted = True
        self._log.critical("{error}", error=error)
        self._failed(str(error), status)
        self._reactor.stop()

    def _release(self, result: object) -> object:
        if self._storage is not None:
            # After the last of the presences.
            self._storage.cache.close()
        self._state.release()
        if not self._aborted:
            self._log.info("stopped")
        return result


def _make_folder(path: str, guard: ShareGuard) -> None:
    """
    Make the download directory.

    :raises StartupError: if it cannot be made, or holds our own files: contacts choose names there.
    """
    try:
        guard.check_allowed(path)
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"the download directory {path!r} cannot be made: {error.strerror}",
            "choose another with --download-dir",
        ) from None
    except ForbiddenPath as error:
        raise StartupError(
            f"the download directory {error.message}", "choose another with --download-dir"
        ) from None
