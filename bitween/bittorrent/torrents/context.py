"""What every module of this folder works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from twisted.internet.interfaces import IReactorTime

from bitween.bittorrent.engine.alert_reader import SessionReactor
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.files.naming import Steps
from bitween.bittorrent.torrents.registry import TorrentRegistry
from bitween.errors import SwarmError
from bitween.storage.database import Database
from bitween.util.cooperate import result_in_slices

_T = TypeVar("_T")


class Context:
    """
    The reactor, the clock, the database, our torrents, and the session while there is one.

    :ivar now: the seconds since the epoch.
    :ivar running: libtorrent's session; ``None`` before the start and after the stop.
    """

    def __init__(
        self, reactor: SessionReactor, now: Callable[[], float], database: Database
    ) -> None:
        """:param now: returns the seconds since the epoch."""
        self.reactor = cast(IReactorTime, reactor)
        self.now = now
        self.database = database
        self.registry = TorrentRegistry()
        self.running: Session | None = None

    def session(self) -> Session:
        """
        The session.

        :raises SwarmError: if there is none.
        """
        if self.running is None:
            raise SwarmError.of("swarm_error.not_running")
        return self.running

    async def run_in_slices(self, steps: Steps[_T]) -> _T:
        """
        Take steps in slices between which the reactor runs, and return what they return.

        :param steps: each takes a few milliseconds at most.
        """
        return await result_in_slices(self.reactor, steps)
