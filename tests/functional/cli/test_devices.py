"""The commands about device keys, as their own processes, against a real API on loopback."""

from __future__ import annotations

import json

from bitween.crypto.device_key import DeviceKey
from bitween.model.device_link import device_link, grouped
from bitween.model.device_trust import Trust
from tests.support.cli_case import BOB, JID, CliCase

LAPTOP, PHONE = DeviceKey(bytes(64)), DeviceKey(bytes(range(64)))
OWN = DeviceKey(bytes(63) + b"x")


class DeviceCommandTests(CliCase):
    """bob has a laptop and a phone."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Let both announce their keys."""
        super().setUp()
        await self.serve()
        self.devices = self.world.bitween.devices
        self.devices.set_own(JID, "den", OWN.public)
        self.devices.announced(BOB, "laptop", LAPTOP.public)
        self.devices.announced(BOB, "phone", PHONE.public)
        self.devices.announced("carol@example.org", "old", b"")

    async def test_devices_are_listed(self) -> None:
        """With what people compare; those of one account, or all."""
        listed = (await self.done("devices")).out
        self.assertEqual(
            listed.splitlines(),
            [
                f"{JID}/den\tverified\t{grouped(OWN.fingerprint)}",
                f"{BOB}/laptop\tblind\t{grouped(LAPTOP.fingerprint)}",
                f"{BOB}/phone\tblind\t{grouped(PHONE.fingerprint)}",
                "carol@example.org/old\tnone\t(no key)",
            ],
        )
        self.assertEqual(len((await self.done("devices", BOB)).out.splitlines()), 2)
        (found,) = json.loads((await self.done("--json", "devices", JID)).out)["devices"]
        self.assertEqual(found["fingerprint"], OWN.fingerprint)

    async def test_a_script_verifies_by_the_fingerprint(self) -> None:
        """One that differs is refused, and nothing changes."""
        for digits in (PHONE.fingerprint, LAPTOP.fingerprint[:31]):
            await self.refused(1, "verify", f"{BOB}/laptop", "--fingerprint", digits)
        self.assertEqual(self.devices.trust(BOB, "laptop"), Trust.BLIND)
        shown = grouped(LAPTOP.fingerprint)
        outcome = await self.done("verify", f"{BOB}/laptop", "--fingerprint", shown)
        self.assertEqual(outcome.out, f"{BOB}/laptop is verified\n")
        self.assertEqual(self.devices.trust(BOB, "laptop"), Trust.VERIFIED)
        self.assertEqual(self.devices.trust(BOB, "phone"), Trust.NONE)

    async def test_a_scanned_code_verifies(self) -> None:
        """The link that the other daemon shows."""
        await self.done("verify", device_link(BOB, "phone", PHONE.fingerprint))
        self.assertEqual(self.devices.trust(BOB, "phone"), Trust.VERIFIED)

    async def test_a_device_is_distrusted(self) -> None:
        """It does not count any more."""
        await self.done("verify", f"{BOB}/phone", "--distrust")
        self.assertFalse(self.devices.counts(BOB, "phone"))

    async def test_wrong_usage(self) -> None:
        """Which device is meant must be clear, and without a terminal nobody compares."""
        await self.refused(2, "verify", BOB, "--distrust")
        await self.refused(1, "verify", "nobody@example.org", "--distrust")
        self.assertIn("--fingerprint", await self.refused(2, "verify", BOB))
        await self.refused(1, "verify", "carol@example.org")

    async def test_fingerprints_are_compared_on_a_terminal(self) -> None:
        """Each device is shown; only a yes verifies."""
        watcher = self.on_terminal("verify", BOB)
        await watcher.until("[y/N]")
        self.assertIn(grouped(OWN.fingerprint), watcher.seen)
        self.assertIn(grouped(LAPTOP.fingerprint), watcher.seen)
        assert watcher.transport is not None
        watcher.transport.write(b"y\n")
        await watcher.until(grouped(PHONE.fingerprint))
        watcher.transport.write(b"n\n")
        await watcher.ended
        self.assertEqual(self.devices.trust(BOB, "laptop"), Trust.VERIFIED)
        self.assertEqual(self.devices.trust(BOB, "phone"), Trust.NONE)
