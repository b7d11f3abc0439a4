"""The keys of devices: stored, compared, and told."""

from __future__ import annotations

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.devices import DeviceTrust
from bitween.crypto.device_key import DeviceKey
from bitween.errors import InvalidValue, UnknownResource
from bitween.model.device_trust import MAX_KEPT, Trust, TrustedDevice, TrustPolicy
from tests.support.fakes.memory import FakeMemory

BOB = "bob@example.org"
KEY, OTHER = DeviceKey(bytes(64)), DeviceKey(bytes(range(64)))


class DevicesTests(SynchronousTestCase):
    """The use cases of device keys."""

    def setUp(self) -> None:
        """Know bob's laptop."""
        self.memory = FakeMemory()
        self.devices = DeviceTrust(self.memory, clock=lambda: 5.0)
        self.told: list[TrustedDevice] = []
        self.devices.changes.subscribe(self.told.append)
        self.devices.announced(BOB, "laptop", KEY.public, 1)

    def test_it_is_stored(self) -> None:
        """Key, verification and times come back in the next run."""
        self.devices.verify(BOB, "laptop", KEY.fingerprint)
        again = DeviceTrust(self.memory)
        self.assertEqual(again.trust(BOB, "laptop"), Trust.VERIFIED)
        self.assertTrue(again.counts(BOB, "laptop"))
        self.assertFalse(again.announced(BOB, "laptop", KEY.public, 0))
        self.assertEqual(again.verified_keys(BOB), {"laptop": KEY.public})
        again.distrust(BOB, "laptop")
        self.assertEqual(DeviceTrust(self.memory).trust(BOB, "laptop"), Trust.NONE)

    def test_a_full_disk_ends_nothing(self) -> None:
        """What is known holds for this run."""
        self.memory.broken = True
        self.devices.verify(BOB, "laptop", KEY.fingerprint)
        self.assertEqual(self.devices.trust(BOB, "laptop"), Trust.VERIFIED)

    def test_changes_are_told_once(self) -> None:
        """Of each device that they concern."""
        self.devices.announced(BOB, "laptop", KEY.public, 2)
        self.devices.announced(BOB, "phone", OTHER.public, 1)
        self.devices.verify(BOB, "laptop", KEY.fingerprint)
        self.devices.announced(BOB, "laptop", OTHER.public, 3)
        self.assertEqual(
            [(device.resource, device.trust) for device in self.told],
            [
                ("laptop", Trust.BLIND),
                ("phone", Trust.BLIND),
                ("laptop", Trust.VERIFIED),
                ("phone", Trust.NONE),
                ("laptop", Trust.CHANGED),
            ],
        )

    def test_a_changed_key_is_logged_once(self) -> None:
        """However often the server swaps it."""
        with capturedLogs() as logged:
            for number in range(5):
                self.devices.announced(BOB, "laptop", (OTHER, KEY)[number % 2].public, 3 + number)
        (line,) = map(formatEvent, logged)
        self.assertIn(f"{BOB}/laptop announces another key", line or "")

    def test_a_fingerprint_is_compared(self) -> None:
        """As people read it out: 32 digits in groups, in any case, with spaces or colons."""
        digits = KEY.fingerprint
        groups = " ".join(digits[i : i + 4] for i in range(0, 32, 4))
        for shown in (digits, groups, groups.upper(), groups.replace(" ", ":")):
            self.devices.distrust(BOB, "laptop")
            device = self.devices.verify(BOB, "laptop", shown)
            self.assertEqual(device, TrustedDevice(BOB, "laptop", KEY.public, Trust.VERIFIED))

    def test_another_fingerprint_is_refused(self) -> None:
        """One digit, too few, too many, or of another device."""
        digits = KEY.fingerprint
        for shown in ("", digits[:31], digits[:31] + "x", digits + "0", OTHER.fingerprint):
            self.assertRaises(InvalidValue, self.devices.verify, BOB, "laptop", shown)
        self.assertEqual(self.devices.trust(BOB, "laptop"), Trust.BLIND)

    def test_a_device_without_a_key(self) -> None:
        """It can be neither verified nor distrusted."""
        self.devices.announced(BOB, "old", b"")
        for resource in ("old", "unheard"):
            self.assertRaises(UnknownResource, self.devices.verify, BOB, resource, "")
            self.assertRaises(UnknownResource, self.devices.distrust, BOB, resource)
        self.assertEqual(self.devices.trust(BOB, "old"), Trust.NONE)

    def test_the_changed_key_is_the_one_to_verify(self) -> None:
        """The old fingerprint does not fit any more."""
        self.devices.announced(BOB, "laptop", OTHER.public, 3)
        self.assertRaises(InvalidValue, self.devices.verify, BOB, "laptop", KEY.fingerprint)
        self.devices.verify(BOB, "laptop", OTHER.fingerprint)
        self.assertEqual(self.devices.trust(BOB, "laptop"), Trust.VERIFIED)

    def test_the_list(self) -> None:
        """Of one account, or of all."""
        self.devices.announced("carol@example.org", "pc", OTHER.public)
        self.assertEqual([d.jid for d in self.devices.list()], [BOB, "carol@example.org"])
        self.assertEqual(
            self.devices.list(BOB), [TrustedDevice(BOB, "laptop", KEY.public, Trust.BLIND)]
        )
        self.assertEqual(self.devices.list("nobody@example.org"), [])

    def test_where_only_verified_ones_count(self) -> None:
        """The setting applies to devices that are known already."""
        devices = DeviceTrust(self.memory, TrustPolicy.VERIFIED)
        self.assertFalse(devices.counts(BOB, "laptop"))

    def test_devices_without_end_do_not_fill_the_database(self) -> None:
        """What is forgotten is deleted there, too."""
        for number in range(MAX_KEPT + 50):
            self.devices.announced(BOB, f"d{number}", OTHER.public)
        self.assertEqual(len(self.memory.devices()), MAX_KEPT)
