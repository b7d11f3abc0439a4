"""Opens libtorrent's session, replaces it when it stands still, and closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.engine import alerts
from bitween.bittorrent.engine.alerts import Alert
from bitween.bittorrent.engine.hole_punch import Puncher
from bitween.bittorrent.engine.listen_sockets import ListenSockets
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.torrents.alert_router import AlertRouter
from bitween.bittorrent.torrents.parts import Parts
from bitween.errors import StartupError, StoreError
from bitween.model.address import PeerAddress
from bitween.model.events import ListeningChanged, PeerConnected
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import run_in_slices


class SessionHost:
    """
    Holds the session of a swarm, with its listen sockets.

    :ivar sockets: where peers can connect to us.
    """

    _log = Logger()

    def __init__(
        self, parts: Parts, options: SwarmOptions, new_session: Callable[[], Session]
    ) -> None:
        """
        :param options: where to listen.
        :param new_session: creates a session.
        """
        self.sockets = ListenSockets()
        self._parts = parts
        self._router = AlertRouter(parts)
        self._context = parts.context
        self._options = options
        self._new_session = new_session
        self._puncher: Puncher | None = None
        self._renewing: Deferred[None] | None = None

    def open(self) -> None:
        """
        Open the first session.

        :raises StartupError: if peers cannot connect to it.
        :raises StoreError: if the database cannot be used.
        """
        session = self._new_session()
        try:
            self._open_sockets(session)
        except (StartupError, StoreError):
            session.close()
            raise
        self._use(session)

    def receive(self, received: list[Alert]) -> None:
        """
        Take alerts from the session, in order.

        :param received: a portion of alerts, of any type.
        """
        parts, registry = self._parts, self._context.registry
        parts.saver.take(received)
        moved = False
        for alert in received:
            moved |= self.sockets.take(alert)
            self._router.take(alert)
            if isinstance(alert, alerts.Connected):
                registry.events.notify(PeerConnected(address=alert.address, port=alert.port))
        registry.notify_shares()
        if moved and not registry.loading:
            registry.events.notify(ListeningChanged())
        # A subscriber may have stopped the service.
        if self._context.running is None:
            return
        if any(isinstance(alert, alerts.Stirred | alerts.Finished) for alert in received):
            self._context.running.post_updates()
        parts.saver.check_finished()

    def renew(self) -> None:
        """
        Replace the session by a new one that has the same torrents.

        libtorrent goes by the time of day.  When the clock is set back, it dials no peer and moves
        no limited content until the clock has caught up.
        """
        registry = self._context.registry
        if self._context.running is None or self._renewing is not None or registry.loading:
            return
        self._renewing = Deferred.fromCoroutine(self._renew(self._context.running))
        self._renewing.addBoth(self._renewed)

    def dial(
        self, info_hash: InfoHash, tcp: Sequence[PeerAddress], utp: Sequence[PeerAddress]
    ) -> None:
        """
        Dial a peer over TCP, and over uTP while it dials us; nothing without a session.

        :param tcp: the addresses at which the peer listens.
        :param utp: the addresses to dial over uTP, through the NATs of both sides (BEP 55).
        """
        if self._context.running is not None and self._puncher is not None:
            self._context.running.dial(info_hash, tcp, at_once=False)
            self._puncher.punch(info_hash, utp)

    def leave_peers(self, session: Session) -> None:
        """Stop what goes on, and disconnect from all peers."""
        if self._renewing is not None:
            self._renewing.cancel()
        if self._puncher is not None:
            self._puncher.close()
        session.pause()

    def close(self, session: Session) -> None:
        """Close the last session."""
        session.close()
        self._context.running = None

    def _use(self, session: Session) -> None:
        self._context.running = session
        self._puncher = Puncher(self._context.reactor, session)

    def _open_sockets(self, session: Session) -> None:
        self.sockets.open(session, self._context.database, self._options)

    async def _renew(self, old: Session) -> None:
        self._log.info("libtorrent is restarted, because its clock stands still")
        parts, registry = self._parts, self._context.registry
        parts.counters.count_all()
        old.pause()
        await parts.saver.finish()
        parts.pieces.forget_all()
        if self._puncher is not None:
            self._puncher.close()
        parts.flusher.forget_all()
        for torrent in registry:
            parts.counters.forget(torrent.record.info_hash)
        session = self._new_session()
        old_filter = old.ip_filter
        old.close()
        self._use(session)
        try:
            self._open_sockets(session)
        except StartupError as error:
            self._log.error("peers cannot connect any longer: {error}", error=error)
        # Those who guard the new sockets have to do so before any peer is allowed.
        registry.events.notify(ListeningChanged())
        # A subscriber may have stopped the service.
        if self._context.running is not session:
            return
        session.ip_filter.copy_from(old_filter)
        parts.loader.finish_all_except(())
        await run_in_slices(self._context.reactor, self._loading_again(session))

    def _loading_again(self, session: Session) -> Iterator[None]:
        registry = self._context.registry
        for torrent in registry:
            # It may have been loaded, or removed, meanwhile.
            if registry.holds(torrent) and not session.has(torrent.record.info_hash):
                self._parts.loader.load(torrent)
                registry.put(torrent)
            yield

    def _renewed(self, result: object) -> None:
        self._renewing = None
        if isinstance(result, Failure) and not result.check(defer.CancelledError):
            self._log.failure("restarting libtorrent failed", result)
