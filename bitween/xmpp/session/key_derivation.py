"""Hashes passwords for SCRAM, in a child process if it takes long."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from bitween.errors import NotConnected
from bitween.util.own_code import OwnCode
from bitween.xmpp.session import pbkdf2_worker
from bitween.xmpp.session.scram import KeyRequest

#: Iterations that are done in place: some milliseconds, and what servers usually ask for.
IN_PLACE = 10_000


_CODE = OwnCode(pbkdf2_worker.__name__)


class KeyDerivation:
    """Computes salted passwords (PBKDF2, RFC 8018 §5.2), and remembers the last one."""

    def __init__(self, reactor: Any) -> None:
        """:param reactor: provides ``IReactorProcess``."""
        self._reactor = reactor
        self._last: tuple[bytes, KeyRequest, bytes] | None = None

    def derive(self, password: bytes, request: KeyRequest) -> Deferred[bytes]:
        """
        Compute a salted password; all log-ins but the first get the cached one at once.

        Cancelling the Deferred ends the child process.

        :raises NotConnected: if the child process cannot be started, or does not finish.
        """
        if self._last is not None and self._last[:2] == (password, request):
            return succeed(self._last[2])
        if request.iterations <= IN_PLACE:
            deriving = succeed(
                hashlib.pbkdf2_hmac(request.hash_name, password, request.salt, request.iterations)
            )
        else:
            deriving = self._in_child(password, request)

        def remember(key: bytes) -> bytes:
            self._last = password, request, key
            return key

        return deriving.addCallback(remember)

    def _in_child(self, password: bytes, request: KeyRequest) -> Deferred[bytes]:
        if _CODE.is_updated:
            return fail(NotConnected.of("not_connected.updated"))
        # Neither the command line nor the environment, which others may see, has the password.
        asked = {
            "hash": request.hash_name,
            "password": password.hex(),
            "salt": request.salt.hex(),
            "iterations": request.iterations,
        }
        child = _Child(json.dumps(asked).encode())
        command = [sys.executable, "-I", os.path.abspath(pbkdf2_worker.__file__)]
        try:
            self._reactor.spawnProcess(child, sys.executable, command, env={}, path="/")
        except OSError as error:
            child.derived.errback(_failed(error.strerror or "no process can be started"))
        return child.derived


class _Child(ProcessProtocol):
    """The parent's side of the child process."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._said = b""
        self.derived: Deferred[bytes] = Deferred(lambda _: self._kill())

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._request)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._said += data

    def processEnded(self, reason: Failure) -> None:
        if self.derived.called:
            return
        if reason.check(ProcessDone):
            self.derived.callback(bytes.fromhex(self._said.decode("ascii")))
        else:
            self.derived.errback(_failed(reason.getErrorMessage()))

    def _kill(self) -> None:
        assert self.transport is not None
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")


def _failed(why: str) -> NotConnected:
    return NotConnected.of("not_connected.not_hashed", why=why)
