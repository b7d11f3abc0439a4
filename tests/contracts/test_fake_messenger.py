"""The contract of ``MessengerPort``, kept by the fake."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from tests.contracts.messenger import MessengerContract
from tests.support.fakes.messenger import FakeMessenger, FakeServer
from tests.support.person import Person


class FakeMessengerTests(MessengerContract, TestCase):
    """The fake keeps the contract."""

    def setUp(self) -> None:
        """Have an empty server."""
        self.server = FakeServer()

    def person(self, user: str, resource: str = "laptop") -> Person:
        """A fake with its own resource."""
        messenger = FakeMessenger(f"{user}@localhost/{resource}", self.server)
        return Person(messenger, messenger.start, messenger.stop)
