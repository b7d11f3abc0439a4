"""A clock that advances by hand, with the real reactor's sockets."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from tests.support.fakes.loopback import reactor


class Mixed(Clock):
    """Real sockets, and the test's time."""

    def adoptDatagramPort(self, *arguments: Any) -> Any:
        """Take over a socket."""
        return reactor.adoptDatagramPort(*arguments)
