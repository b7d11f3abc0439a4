"""Three contacts of one server that does what a test wants."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.device_trust import Trust
from bitween.model.torrent import InfoHash
from tests.support.hostile_server import HostileServer, Party

ALICE, BOB, CAROL = "alice@localhost", "bob@localhost", "carol@localhost"
HASH = InfoHash("cd" * 20)
_ITEM = re.compile("<item .*</item>", re.DOTALL)


class HostileServerCase(SynchronousTestCase):
    """alice, bob and carol are contacts, all of one server."""

    def setUp(self) -> None:
        """Have all of them announce something."""
        self.clock = Clock()
        self.alice = Party(self.clock, f"{ALICE}/here")
        self.bob = Party(self.clock, f"{BOB}/laptop")
        self.carol = Party(self.clock, f"{CAROL}/pc")
        self.server = HostileServer(self.alice, self.bob, self.carol)
        for party in (self.alice, self.bob, self.carol):
            self.server.share(party, f"of {party.resource}")
        self.alice.events.clear()

    def trust(self) -> Trust:
        """How far alice trusts bob's laptop."""
        return self.alice.devices.trust(BOB, "laptop")

    def items(self, sender: Party) -> list[str]:
        """The items of a party that went through the server, oldest first."""
        events = [text for text in self.server.seen if f"<message from='{sender.jid}'" in text]
        found = [match[0] for text in events if (match := _ITEM.search(text))]
        return list(dict.fromkeys(found))

    def replace(self, pattern: str, by: str) -> None:
        """Have the server change everything that it delivers."""

        def changed(text: str) -> list[str]:
            return [re.sub(pattern, by, text, flags=re.DOTALL)]

        self.server.tamper = changed

    def result(self, deferred: Deferred[Any]) -> Any:
        """What a request led to: its result, or its error."""
        outcome: list[Any] = []
        deferred.addBoth(outcome.append)
        self.server.deliver()
        (found,) = outcome
        return getattr(found, "value", found)
