"""``devices.``: the keys of devices, through the API."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.logger import LogPublisher

from bitween.api.events.recorder import Recorder
from bitween.api.results.event_types import EventType
from bitween.crypto.device_key import DeviceKey
from bitween.model.device_link import device_link
from tests.support.api_rig import OWN_JID
from tests.support.method_case import MethodCase

BOB = "bob@example.org"
LAPTOP, OWN = DeviceKey(bytes(64)), DeviceKey(bytes(range(64)))


class DeviceMethodTests(MethodCase):
    """bob has a laptop."""

    def setUp(self) -> None:
        """Let it announce its key."""
        super().setUp()
        self.devices = self.world.bitween.devices
        self.devices.set_own(OWN_JID, "den", OWN.public)
        self.devices.announced(BOB, "laptop", LAPTOP.public)

    def test_devices_are_listed(self) -> None:
        """All, or those of an account, whose JID may be typed as people do."""
        laptop = {
            "jid": BOB,
            "resource": "laptop",
            "fingerprint": LAPTOP.fingerprint,
            "trust": "blind",
        }
        self.assertEqual(self.call("devices.list", "Bob@Example.org"), {"devices": [laptop]})
        self.assertEqual(len(self.call("devices.list")["devices"]), 2)
        self.assertEqual(self.reason("devices.list", "bob"), "invalid_value")

    def test_a_device_without_a_key(self) -> None:
        """It has no fingerprint."""
        self.devices.announced(BOB, "old", b"")
        old = self.call("devices.list", BOB)["devices"][1]
        self.assertEqual((old["fingerprint"], old["trust"]), ("", "none"))

    def test_our_own_device(self) -> None:
        """Its QR code holds the link with which others verify it."""
        own = self.call("devices.own")
        self.assertEqual((own["jid"], own["resource"]), (OWN_JID, "den"))
        self.assertEqual(own["uri"], device_link(OWN_JID, "den", OWN.fingerprint))
        self.assertEqual({len(row) for row in own["qr"]}, {len(own["qr"])})

    def test_verify_and_distrust(self) -> None:
        """Both answer with the device as it is now; another fingerprint is refused."""
        shown = LAPTOP.fingerprint[:32].upper()
        self.assertEqual(self.call("devices.verify", BOB, "laptop", shown)["trust"], "verified")
        self.assertEqual(self.call("devices.distrust", BOB, "laptop")["trust"], "none")
        for digits in (OWN.fingerprint, "0"):
            reason = self.reason("devices.verify", BOB, "laptop", digits)
            self.assertEqual(reason, "invalid_value")
        self.assertEqual(self.reason("devices.distrust", BOB, "phone"), "unknown_resource")

    def test_changes_become_events(self) -> None:
        """With what ``devices.list`` says of the device."""
        recorder = Recorder(self.world.bitween, self.world.log, Clock(), LogPublisher())
        recorder.startService()
        self.addCleanup(recorder.stopService)
        before = self.world.log.last
        self.devices.verify(BOB, "laptop", LAPTOP.fingerprint)
        (event,) = self.world.log.after(before, frozenset(EventType), 10**6).events
        self.assertEqual(event.type, EventType.DEVICE_TRUST)
        self.assertEqual(json.loads(event.text)["data"]["trust"], "verified")
