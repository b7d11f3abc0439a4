"""Daemons as processes of their own, contacts of each other, on a private Prosody."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.web.client import HTTPConnectionPool

from bitween.testing.private_prosody import PrivateProsody
from tests.support.harness import Daemon, befriend, together

_IDLE_SECONDS = 5


class Daemons:
    """The daemons and their server."""

    def __init__(self, reactor: Any, directory: str) -> None:
        """:param directory: for all that they write."""
        self._pool = HTTPConnectionPool(reactor)
        # The daemons close connections that are idle, and calls are not repeated.
        self._pool.cachedConnectionTimeout = _IDLE_SECONDS
        self._directory = directory
        self._prosody = PrivateProsody()
        self._daemons: list[Daemon] = []

    async def start(
        self, options: Mapping[str, Sequence[str]], *, strangers: bool = False
    ) -> list[Daemon]:
        """
        Start one for each user, and wait until they know each other.

        :param options: further ones of the command line, by user.
        :param strangers: whether only the first one is a contact of the others.
        """
        for user in options:
            self._prosody.add_account(user, "secret")
        self._prosody.start()
        self._daemons = [
            Daemon(
                self._prosody,
                self._pool,
                os.path.join(self._directory, user),
                user,
                options=further,
            )
            for user, further in options.items()
        ]
        await together([daemon.start() for daemon in self._daemons])
        await together([daemon.online() for daemon in self._daemons])
        knowing = self._daemons[:1] if strangers else self._daemons
        for position, daemon in enumerate(knowing):
            for other in self._daemons[position + 1 :]:
                await befriend(daemon, other)
        return self._daemons

    async def stop(self) -> None:
        """End them all, and the server."""
        try:
            await together([daemon.stop() for daemon in self._daemons])
            await self._pool.closeCachedConnections()
        finally:
            self._prosody.close()
