"""What tests with real libtorrent sessions have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.engine.alerts import Alert
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash, Torrent
from bitween.storage.database import Database
from tests.support.metainfo import metainfo
from tests.support.waiting import described, in_time

#: Where all swarms of tests are.
HERE = ip_network("127.0.0.0/8")
#: Swarms that speak plain torrents only, and are in a hurry.
LOOPBACK = SwarmOptions(
    listen=("127.0.0.1", 0),
    sealed=False,
    port_mapping=False,
    progress_seconds=0.1,
    reconnect_seconds=0,
)
#: Swarms of sealed torrents.
SEALED = replace(LOOPBACK, sealed=True)


def write(path: str, content: bytes) -> str:
    """Write a file, and the folders that it needs."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def read(path: str) -> bytes:
    """The content of a file."""
    with open(path, "rb") as file:
        return file.read()


def tree(folder: str) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {
        os.path.relpath(os.path.join(above, name), folder): read(os.path.join(above, name))
        for above, _, names in os.walk(folder)
        for name in names
    }


def when(swarm: Swarm, holds: Callable[[], bool]) -> Deferred[None]:
    """Wait for a condition that an event of the swarm brings about."""
    done: Deferred[None] = Deferred(lambda _: unsubscribe())

    def look(_: object = None) -> None:
        if not done.called and holds():
            unsubscribe()
            done.callback(None)

    unsubscribe = swarm.events.subscribe(look)
    look()
    return done if done.called else in_time(done, described(holds))


class AlertTap:
    """
    Creates a swarm's session, and stands between the two: a test can drop and inject alerts.

    :ivar session: the session that the swarm uses.
    :ivar dropping: whether libtorrent's alerts are dropped, as when its queue is full.
    """

    session: Session

    def __init__(self) -> None:
        self.dropping = False
        self._receive: Callable[[list[Alert]], None] = lambda _: None

    def __call__(
        self,
        reactor: SessionReactor,
        options: SwarmOptions,
        receive: Callable[[list[Alert]], None],
    ) -> Session:
        """Create the session; the ``new_session`` of a swarm."""
        self._receive = receive
        self.session = Session(reactor, options, self._pass_on)
        return self.session

    def inject(self, *alerts: Alert) -> None:
        """Hand alerts to the swarm, as if libtorrent had posted them."""
        self._receive(list(alerts))

    def _pass_on(self, alerts: list[Alert]) -> None:
        if not self.dropping:
            self._receive(alerts)


class SwarmCase(TestCase):
    """Starts swarms on loopback and stops them again."""

    def folder(self, name: str = "folder") -> str:
        """A new, empty folder."""
        path = os.path.join(os.path.abspath(self.mktemp()), name)
        os.makedirs(path)
        return path

    def new_swarm(
        self,
        state: str | None = None,
        options: SwarmOptions = LOOPBACK,
        tap: AlertTap | None = None,
        database: Database | None = None,
    ) -> Swarm:
        """A swarm that is not started."""
        if database is None:
            database = Database.open(os.path.join(state or self.folder("state"), "bitween.db"))
        return Swarm(cast(Any, reactor), database, options, new_session=tap or Session)

    async def start(
        self,
        state: str | None = None,
        options: SwarmOptions = LOOPBACK,
        tap: AlertTap | None = None,
        database: Database | None = None,
    ) -> Swarm:
        """A swarm that is ready."""
        swarm = self.new_swarm(state, options, tap, database)
        swarm.startService()
        swarm.allow_peers_from([HERE])
        self.addCleanup(self.stop, swarm)
        await swarm.ready
        return swarm

    async def stop(self, swarm: Swarm) -> None:
        """Stop a swarm, once."""
        if swarm.running:
            await swarm.stopService()

    async def share(self, swarm: Swarm, path: str) -> InfoHash:
        """Share a path."""
        torrent = await swarm.share(metainfo(path), os.path.dirname(path))
        return torrent.info_hash

    async def fetch(
        self, swarm: Swarm, info_hash: InfoHash, *sources: Swarm, folder: str | None = None
    ) -> Torrent:
        """Download a torrent to its end."""
        await swarm.download(info_hash, "", folder or self.folder("downloads"))
        swarm.offer_peers(info_hash, [address_of(source) for source in sources])
        await when(swarm, lambda: swarm.library.get(info_hash).complete)
        return swarm.library.get(info_hash)


def address_of(swarm: Swarm, *, plain: bool = False) -> PeerAddress:
    """Where a swarm of a test listens: at its main port, or at that for plain torrents."""
    return PeerAddress(*(swarm.plain_listening if plain else swarm.listening)[0])
