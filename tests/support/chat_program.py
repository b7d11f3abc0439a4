"""The chat program of a person, as a process that tests talk to."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from bitween.testing.private_server import PrivateServer

_ROOT = Path(__file__).resolve().parent.parent.parent
_PATIENCE = 60

Seen = Mapping[str, Any]


class ChatProgram(ProcessProtocol):
    """
    A chat program that is logged in, or about to be.

    :ivar seen: whatever it has seen since it was started, oldest first.
    """

    def __init__(
        self, server: PrivateServer, user: str, resource: str, *, carbons: bool = False
    ) -> None:
        """Start it; :meth:`quit` has to end it."""
        self.jid = f"{user}@{server.domain}/{resource}"
        self.seen: list[Seen] = []
        self.errors = bytearray()
        self._line = b""
        self._waiting: list[tuple[Callable[[], Seen | None], Deferred[Seen]]] = []
        self._ended: Deferred[None] = Deferred()
        arguments = [sys.executable, "-m", "tests.support.slixmpp_program"]
        arguments += ["--jid", self.jid, "--password", "secret", "--ca-file", server.ca_file]
        arguments += ["--host", server.host, "--port", str(server.port)]
        arguments += ["--carbons"] if carbons else []
        IReactorProcess(reactor).spawnProcess(
            self, arguments[0], arguments, env=None, path=str(_ROOT)
        )

    def outReceived(self, data: bytes) -> None:
        """Take what it says."""
        *lines, self._line = (self._line + data).split(b"\n")
        self.seen += map(json.loads, lines)
        self._look()

    def errReceived(self, data: bytes) -> None:
        """Keep what went wrong."""
        self.errors += data

    def processEnded(self, reason: Failure) -> None:
        """Nothing more comes."""
        for _, waiting in self._waiting:
            if not waiting.called:
                said = f"{self.jid} ended: {reason.value} {self.errors.decode()}"
                waiting.errback(AssertionError(said))
        self._ended.callback(None)

    def sees(self, what: str, **wanted: str) -> Deferred[Seen]:
        """Wait for something that it sees, or has seen."""

        def fits(seen: Seen) -> bool:
            return seen["what"] == what and all(seen[key] == wanted[key] for key in wanted)

        return self._until(lambda: next(filter(fits, self.seen), None))

    def until_errors(self, count: int) -> Deferred[Seen]:
        """Wait until so many of its messages were answered with errors."""

        def last() -> Seen | None:
            errors = [s for s in self.seen if s["what"] == "message" and s["kind"] == "error"]
            return errors[-1] if len(errors) >= count else None

        return self._until(last)

    def messages(self, kind: str = "chat") -> list[str]:
        """The texts of the messages that came."""
        return [s["body"] for s in self.seen if s["what"] == "message" and s["kind"] == kind]

    def send(self, to: str, body: str, kind: str = "chat") -> None:
        """Send a message."""
        self._order({"do": "send", "to": to, "body": body, "type": kind})

    async def archive(self) -> list[str]:
        """The texts in the archive of the account."""
        self._order({"do": "archive"})
        seen = await self.sees("archive")
        return [message["body"] for message in json.loads(seen["messages"])]

    def quit(self) -> Deferred[None]:
        """Log out, and wait for the end."""
        if not self._ended.called:
            self._order({"do": "quit"})
        ended: Deferred[None] = Deferred()
        self._ended.chainDeferred(ended)
        return ended

    def _order(self, order: Mapping[str, str]) -> None:
        assert self.transport is not None
        self.transport.write(json.dumps(order).encode() + b"\n")

    def _until(self, found: Callable[[], Seen | None]) -> Deferred[Seen]:
        waiting: Deferred[Seen] = Deferred()
        waiting.addTimeout(_PATIENCE, reactor)
        self._waiting.append((found, waiting))
        self._look()
        return waiting

    def _look(self) -> None:
        for entry in list(self._waiting):
            found, waiting = entry
            seen = None if waiting.called else found()
            if waiting.called or seen is not None:
                self._waiting.remove(entry)
            if seen is not None:
                waiting.callback(seen)
