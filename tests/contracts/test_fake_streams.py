"""The contract of ``RelayStreams``, kept by the fake."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.contracts.streams import Side, StreamsContract
from tests.support.fakes.streams import FakeStreams


class FakeStreamsTests(StreamsContract, TestCase):
    """The fake keeps the contract."""

    async def sides(self) -> tuple[Side, Side]:
        """Two fakes."""
        alice = FakeStreams(self, "alice@localhost", "laptop")
        bob = FakeStreams(self, "bob@localhost", "laptop")
        alice.introduce(bob)
        return Side(alice, alice.jid, "laptop"), Side(bob, bob.jid, "laptop")
