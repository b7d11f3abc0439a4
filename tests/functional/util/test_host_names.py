"""Names that others tell us are looked up, and never waited for without end."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from bitween.util.host_names import TIMEOUT, resolve


class SystemTests(TestCase):
    """With the system's resolver."""

    async def test_what_is_no_name(self) -> None:
        """A hostile server's nonsense has no addresses, which Twisted's resolver never tells."""
        for host in ("a" * 64 + ".example", "a..example", "", ".", "a\0b", "ä" * 70, "x." * 200):
            self.assertEqual(await resolve(reactor, host), [], host)

    async def test_addresses_are_their_own_names(self) -> None:
        """So they are for the system."""
        self.assertEqual(await resolve(reactor, "127.0.0.1"), ["127.0.0.1"])
        self.assertEqual(await resolve(reactor, "::1"), ["::1"])


class _Silent:
    """A resolver that never answers."""

    def resolveHostName(self, *_: Any) -> None:
        """Say nothing."""


class SilenceTests(SynchronousTestCase):
    """Where no name server answers."""

    def test_it_ends(self) -> None:
        """No addresses are found then."""
        clock: Any = MemoryReactorClock()
        clock.nameResolver = _Silent()
        resolving = resolve(clock, "example.org")
        self.assertNoResult(resolving)
        clock.advance(TIMEOUT)
        self.assertEqual(self.successResultOf(resolving), [])
