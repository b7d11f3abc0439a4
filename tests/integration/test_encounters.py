"""Contacts who dial each other back, between real daemons."""

from __future__ import annotations

from typing import Any

from bitween.model.diagnosis import Verdict
from tests.support.harness import Daemon, ProsodyTestCase


class DialBackTests(ProsodyTestCase):
    """On a machine without a network, so to speak, contacts at loopback test each other."""

    async def finding_of(self, daemon: Daemon) -> dict[str, Any]:
        """What a daemon says of being dialled back, when it knows."""

        def finding(result: dict[str, Any]) -> dict[str, Any]:
            return next(dict(f) for f in result["findings"] if f["check"] == "dial-back")

        known = await daemon.until(
            lambda result: finding(result)["verdict"] != Verdict.UNKNOWN, "net.diagnose"
        )
        return finding(known)

    async def test_contacts_test_each_other(self) -> None:
        """Soon after they have met, each knows that it can be reached, and by how many."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        for daemon in (alice, bob):
            found = await self.finding_of(daemon)
            self.assertEqual(found["verdict"], Verdict.GOOD)
            self.assertIn("reach us over IPv4", found["text"])
            self.assertIn("1 was asked", found["text"])
