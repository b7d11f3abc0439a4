"""Keys of devices, between real daemons."""

from __future__ import annotations

import os
from typing import Any

from bitween.storage.device_key_file import FILE_NAME
from tests.support.harness import Daemon, ProsodyTestCase


class DeviceTests(ProsodyTestCase):
    """alice and bob are contacts; bob gets a second device."""

    async def trust(self, daemon: Daemon, jid: str, expected: dict[str, str]) -> None:
        """Wait until a daemon trusts the devices of an account so."""

        def holds(result: Any) -> bool:
            return {d["resource"]: d["trust"] for d in result["devices"]} == expected

        await daemon.until(holds, "devices.list", jid=jid)

    async def test_verified_devices_vouch_for_others(self) -> None:
        """A new device of a verified contact counts once that contact vouches for it."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        await bob.share(self.make_file("film.mkv", b"x" * 1000))
        laptop = await bob.call("devices.own")
        jid, resource = laptop["jid"], laptop["resource"]
        await self.trust(alice, jid, {resource: "blind"})
        await alice.call(
            "devices.verify", jid=jid, resource=resource, fingerprint=laptop["fingerprint"]
        )
        phone = self.daemon(server, "bob")
        await phone.start()
        await phone.online()
        own = await phone.call("devices.own")
        await self.trust(alice, jid, {resource: "verified", own["resource"]: "none"})
        await self.trust(bob, jid, {resource: "verified", own["resource"]: "blind"})
        await bob.call(
            "devices.verify",
            jid=jid,
            resource=own["resource"],
            fingerprint=own["fingerprint"],
        )
        await self.trust(alice, jid, {resource: "verified", own["resource"]: "signed"})
        for daemon in (alice, bob):
            await daemon.stop()
            await daemon.start()
        await self.trust(alice, jid, {resource: "verified", own["resource"]: "signed"})

    async def test_a_device_with_another_key_is_changed(self) -> None:
        """Alice sees when the daemon of bob loses its key but not its name, and can verify it."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        own = await bob.call("devices.own")
        jid, resource = own["jid"], own["resource"]
        await self.trust(alice, jid, {resource: "blind"})
        await bob.stop()
        os.unlink(os.path.join(bob.state_dir, FILE_NAME))
        await bob.start()
        await self.trust(alice, jid, {resource: "changed"})
        new = await bob.call("devices.own")
        self.assertNotEqual(new["fingerprint"], own["fingerprint"])
        await alice.call(
            "devices.verify", jid=jid, resource=resource, fingerprint=new["fingerprint"]
        )
        await self.trust(alice, jid, {resource: "verified"})

    async def test_a_damaged_key_is_never_replaced(self) -> None:
        """The daemon does not start, and says what to do: contacts would see another device."""
        daemon = self.daemon(self.server("alice"), "alice")
        await daemon.start()
        await daemon.stop()
        path = os.path.join(daemon.state_dir, FILE_NAME)
        with open(path, "r+b") as file:
            file.truncate(50)
        refusal = await self.refusal_of(daemon)
        self.assertIn("is damaged", refusal)
        self.assertIn("restore it from a backup", refusal)
        self.assertEqual(os.path.getsize(path), 50)
