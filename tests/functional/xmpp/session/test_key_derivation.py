"""Passwords are hashed without holding up the reactor."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import LoopingCall
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import TestCase

from bitween.errors import NotConnected
from bitween.xmpp.session import pbkdf2_worker
from bitween.xmpp.session.key_derivation import IN_PLACE, KeyDerivation
from bitween.xmpp.session.scram import MOST_ITERATIONS, KeyRequest
from tests.support.fakes.children import wait_for_children

SALT = b"a salt of 16 byt"


def request(iterations: int, hash_name: str = "sha256") -> KeyRequest:
    """Ask for a key."""
    return KeyRequest(hash_name, SALT, iterations)


class KeyDerivationTests(TestCase):
    """In place, or by a real child process."""

    def setUp(self) -> None:
        """Leave no process behind."""
        wait_for_children(self)

    async def test_both_ways_give_the_same(self) -> None:
        """Where it is computed does not change the key."""
        for hash_name in ("sha1", "sha256"):
            for iterations in (IN_PLACE, IN_PLACE + 1):
                keys = KeyDerivation(reactor)
                key = await keys.derive(b"p\0\xff", request(iterations, hash_name))
                self.assertEqual(key, hashlib.pbkdf2_hmac(hash_name, b"p\0\xff", SALT, iterations))

    async def test_the_reactor_goes_on(self) -> None:
        """While the most is computed that a server may ask for, everything else has its turns."""
        turns = LoopingCall(lambda: None)
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        turns.f = count
        turns.start(0.01)
        self.addCleanup(turns.stop)
        await KeyDerivation(reactor).derive(b"secret", request(MOST_ITERATIONS))
        self.assertGreater(counted, 10)

    def test_the_last_key_is_remembered(self) -> None:
        """At a log-in after the first, nothing is hashed; another salt or password is."""
        keys = KeyDerivation(_NoProcesses())
        keys.derive(b"secret", request(IN_PLACE))
        for password, salt in ((b"secret", b"another salt"), (b"another", SALT)):
            key = self.successResultOf(keys.derive(password, KeyRequest("sha1", salt, IN_PLACE)))
            self.assertEqual(key, hashlib.pbkdf2_hmac("sha1", password, salt, IN_PLACE))

    async def test_it_is_remembered_from_a_child(self) -> None:
        """No second process is started for the same request."""
        keys = KeyDerivation(reactor)
        first = await keys.derive(b"secret", request(IN_PLACE + 1))
        again = self.successResultOf(keys.derive(b"secret", request(IN_PLACE + 1)))
        self.assertEqual(again, first)

    async def test_cancelling_ends_the_process(self) -> None:
        """Cancelling ends the process."""
        deriving = KeyDerivation(reactor).derive(b"secret", request(MOST_ITERATIONS))
        deriving.cancel()
        with self.assertRaises(CancelledError):
            await deriving

    async def test_a_process_that_fails(self) -> None:
        """It may go well the next time, so that it is no reason to end the daemon."""
        self.patch(pbkdf2_worker, "__file__", os.devnull + "/nothing")
        with self.assertRaises(NotConnected):
            await KeyDerivation(reactor).derive(b"secret", request(IN_PLACE + 1))

    def test_no_process_at_all(self) -> None:
        """Where none can be started, it is the same."""
        deriving = KeyDerivation(_NoProcesses()).derive(b"secret", request(IN_PLACE + 1))
        self.failureResultOf(deriving, NotConnected)


class _NoProcesses(MemoryReactorClock):
    def spawnProcess(self, *_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")
