"""Which keys count."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.device_trust import (
    MAX_KEPT,
    DeviceTable,
    KeptKey,
    Trust,
    TrustedDevice,
    TrustPolicy,
)

BOB = "bob@example.org"
ME = "alice@example.org"
KEY, OTHER, THIRD = (bytes([n]) * 32 for n in (1, 2, 3))


class DeviceTrustTests(SynchronousTestCase):
    """docs/protocol.rst, "Devices", "Trust"."""

    def setUp(self) -> None:
        """Begin with a table that knows our own device alone."""
        self.table = DeviceTable()
        self.table.set_own(ME, "here", THIRD)

    def restarted(self, policy: TrustPolicy = TrustPolicy.BLIND) -> DeviceTable:
        """Make the table of the next run from what is stored of this one."""
        stored = {
            (device.jid, device.resource): kept
            for jid in self.table.accounts()
            for device in self.table.devices(jid)
            if (kept := self.table.kept(device.jid, device.resource)) is not None
        }
        table = DeviceTable(policy, stored)
        table.set_own(ME, "here", THIRD)
        return table

    def trust(self, resource: str, jid: str = BOB) -> Trust:
        """Say how far a device is trusted."""
        return self.table.trust(jid, resource)

    def test_the_first_key_is_trusted_blindly(self) -> None:
        """Over a restart, too."""
        self.table.announced(BOB, "laptop", KEY)
        self.assertEqual(self.trust("laptop"), Trust.BLIND)
        self.assertEqual(self.restarted().trust(BOB, "laptop"), Trust.BLIND)
        self.assertEqual(self.restarted().key(BOB, "laptop"), KEY)

    def test_a_device_that_does_not_sign_does_not_count(self) -> None:
        """Nor does one that nobody has heard of."""
        self.table.announced(BOB, "old", b"")
        self.assertEqual(self.trust("old"), Trust.NONE)
        self.assertEqual(self.trust("unheard"), Trust.NONE)
        self.assertIsNone(self.table.kept(BOB, "old"))

    def test_another_key_is_changed_until_it_is_verified(self) -> None:
        """In the next run as well, although the new key comes first then."""
        self.table.announced(BOB, "laptop", KEY)
        self.table.announced(BOB, "laptop", OTHER)
        self.assertEqual(self.trust("laptop"), Trust.CHANGED)
        again = self.restarted()
        again.announced(BOB, "laptop", OTHER)
        self.assertEqual(again.trust(BOB, "laptop"), Trust.CHANGED)
        self.assertEqual(
            again.device(BOB, "laptop"), TrustedDevice(BOB, "laptop", OTHER, Trust.CHANGED)
        )
        again.verify(BOB, "laptop", OTHER, 5.0)
        self.assertEqual(again.trust(BOB, "laptop"), Trust.VERIFIED)
        again.announced(BOB, "laptop", KEY)
        self.assertEqual(again.trust(BOB, "laptop"), Trust.CHANGED)

    def test_a_signature_that_is_stripped_is_a_change(self) -> None:
        """And the kept key counts again when it is seen again."""
        self.table.announced(BOB, "laptop", KEY)
        self.table.announced(BOB, "laptop", b"")
        self.assertEqual(self.trust("laptop"), Trust.CHANGED)
        self.assertEqual(self.table.device(BOB, "laptop").key, b"")
        self.table.announced(BOB, "laptop", KEY)
        self.assertEqual(self.trust("laptop"), Trust.BLIND)

    def test_after_one_is_verified_new_ones_are_not_trusted(self) -> None:
        """Nor those that were trusted blindly before; other accounts are not concerned."""
        for resource, key in (("laptop", KEY), ("phone", OTHER)):
            self.table.announced(BOB, resource, key)
        self.table.announced("carol@example.org", "pc", THIRD)
        self.table.verify(BOB, "laptop", KEY, 1.0)
        self.table.announced(BOB, "new", THIRD)
        self.assertEqual(self.trust("laptop"), Trust.VERIFIED)
        self.assertEqual(self.trust("phone"), Trust.NONE)
        self.assertEqual(self.trust("new"), Trust.NONE)
        self.assertEqual(self.trust("pc", "carol@example.org"), Trust.BLIND)

    def test_a_verified_device_vouches_for_others(self) -> None:
        """For exactly that key, only while it does, and only of its own account."""
        self.table.announced(BOB, "phone", OTHER)
        self.table.announced("carol@example.org", "phone", OTHER)
        self.table.announced(BOB, "laptop", KEY, 0, {"phone": OTHER, "tablet": OTHER})
        self.assertEqual(self.trust("phone"), Trust.BLIND)
        self.table.verify(BOB, "laptop", KEY, 1.0)
        self.table.verify("carol@example.org", "pc", THIRD, 1.0)
        self.assertEqual(self.trust("phone"), Trust.SIGNED)
        self.assertEqual(self.trust("phone", "carol@example.org"), Trust.NONE)
        self.table.announced(BOB, "tablet", THIRD)
        self.assertEqual(self.trust("tablet"), Trust.NONE)
        self.table.announced(BOB, "laptop", KEY)
        self.assertEqual(self.trust("phone"), Trust.NONE)

    def test_those_vouched_for_do_not_vouch(self) -> None:
        """Nor does one whose key has changed."""
        self.table.announced(BOB, "phone", OTHER, 0, {"pc": THIRD})
        self.table.announced(BOB, "pc", THIRD)
        self.table.announced(BOB, "laptop", KEY, 0, {"phone": OTHER})
        self.table.verify(BOB, "laptop", KEY, 1.0)
        self.assertEqual(self.trust("pc"), Trust.NONE)
        self.table.announced(BOB, "laptop", THIRD, 0, {"phone": OTHER})
        self.assertEqual(self.trust("phone"), Trust.NONE)

    def test_where_only_verified_ones_count(self) -> None:
        """The setting ``trust = "verified"``: the first key is kept, but not believed."""
        self.table = self.restarted(TrustPolicy.VERIFIED)
        self.table.announced(BOB, "laptop", KEY, 0, {"phone": OTHER})
        self.table.announced(BOB, "phone", OTHER)
        self.assertEqual(self.trust("laptop"), Trust.NONE)
        self.table.verify(BOB, "laptop", KEY, 1.0)
        self.assertEqual(self.trust("laptop"), Trust.VERIFIED)
        self.assertEqual(self.trust("phone"), Trust.SIGNED)

    def test_distrust(self) -> None:
        """It ends a verification and blind trust, and lasts until the device is verified."""
        self.table.announced(BOB, "laptop", KEY)
        self.table.announced(BOB, "phone", OTHER)
        self.table.verify(BOB, "laptop", KEY, 1.0)
        self.table.distrust(BOB, "laptop")
        self.table = self.restarted()
        self.table.announced(BOB, "laptop", KEY)
        self.assertEqual(self.trust("laptop"), Trust.NONE)
        self.assertEqual(self.trust("phone"), Trust.BLIND)
        self.table.distrust(BOB, "unheard")
        self.table.verify(BOB, "laptop", KEY, 2.0)
        self.assertEqual(self.trust("laptop"), Trust.VERIFIED)

    def test_our_own_device(self) -> None:
        """It counts, whatever the server says, and our others are trusted blindly beside it."""
        self.table.announced(ME, "here", OTHER)
        self.assertEqual(
            self.table.device(ME, "here"), TrustedDevice(ME, "here", THIRD, Trust.VERIFIED)
        )
        self.table.announced(ME, "pc", KEY)
        self.assertEqual(self.trust("pc", ME), Trust.BLIND)

    def test_an_earlier_statement_is_refused(self) -> None:
        """By kind, over a restart; an announcement may be read again, nothing else."""
        for issued, outcome in ((10, True), (9, False), (10, True)):
            self.assertEqual(self.table.announced(BOB, "laptop", KEY, issued), outcome)
        for kind, issued, outcome in (
            ("meet", 9, True),
            ("meet", 9, False),
            ("page", 8, True),
            ("meet", 10, True),
        ):
            self.assertEqual(self.table.accepts(BOB, "laptop", KEY, kind, issued), outcome)
        again = self.restarted()
        self.assertFalse(again.announced(BOB, "laptop", KEY, 9))
        self.assertFalse(again.accepts(BOB, "laptop", KEY, "meet", 10))
        self.assertTrue(again.announced(BOB, "laptop", KEY, 11))

    def test_a_changed_key_has_times_of_its_own(self) -> None:
        """A forger cannot keep out the statements of the kept key; verified, they stay."""
        for key, issued, outcome in (
            (KEY, 10, True),
            (OTHER, 2**52, True),
            (OTHER, 5, False),
            (KEY, 11, True),
            (KEY, 10, False),
            (OTHER, 20, True),
        ):
            self.assertEqual(self.table.announced(BOB, "laptop", key, issued), outcome)
        self.table.verify(BOB, "laptop", OTHER, 1.0)
        self.assertFalse(self.table.announced(BOB, "laptop", OTHER, 19))

    def test_an_announcement_that_is_dropped_changes_nothing(self) -> None:
        """Neither the key nor the vouches that it holds."""
        self.table.announced(BOB, "phone", OTHER)
        self.table.announced(BOB, "laptop", KEY, 10)
        self.table.verify(BOB, "laptop", KEY, 1.0)
        self.table.announced(BOB, "laptop", KEY, 9, {"phone": OTHER})
        self.assertEqual(self.trust("phone"), Trust.NONE)

    def test_which_kinds_of_trust_count(self) -> None:
        """A device that has changed or is unknown gets nothing that is restricted."""
        counting = {trust for trust in Trust if trust.counts}
        self.assertEqual(counting, {Trust.BLIND, Trust.VERIFIED, Trust.SIGNED})

    def test_of_our_own_device_nothing_is_stored(self) -> None:
        """An earlier run may have kept its key as that of another device of the account."""
        table = DeviceTable(kept={(ME, "here"): KeptKey(KEY)})
        table.set_own(ME, "here", THIRD)
        self.assertIsNone(table.kept(ME, "here"))
        self.assertEqual(table.accounts(), [ME])

    def test_an_account_of_which_nothing_is_kept_is_not_listed(self) -> None:
        """Nor has its device a key."""
        self.assertEqual(self.table.key(BOB, "laptop"), b"")
        self.assertEqual(self.table.accounts(), [ME])

    def test_a_stripped_signature_leaves_the_kept_key(self) -> None:
        """What is sealed for the device is sealed to the key that it had."""
        self.table.announced(BOB, "laptop", KEY)
        self.table.announced(BOB, "laptop", b"")
        self.assertEqual(self.table.key(BOB, "laptop"), KEY)

    def test_a_statement_without_a_known_key_is_accepted_again(self) -> None:
        """Times are remembered for keys that are known; the first one may be 1."""
        self.assertTrue(self.table.accepts(BOB, "laptop", KEY, "meet", 1))
        self.table.announced(BOB, "laptop", KEY)
        self.assertTrue(self.table.accepts(BOB, "laptop", KEY, "meet", 1))
        self.assertFalse(self.table.accepts(BOB, "laptop", KEY, "meet", 1))

    def test_our_own_device_stays_among_many_of_the_account(self) -> None:
        """Others are dropped, however many the server invents."""
        for number in range(2 * MAX_KEPT):
            self.table.announced(ME, f"pc {number}", KEY)
        self.assertEqual(self.table.key(ME, "here"), THIRD)
        self.assertIn("here", [device.resource for device in self.table.devices(ME)])

    def test_devices_without_end(self) -> None:
        """The oldest are forgotten, and named; verified ones and our own stay."""
        self.table.announced(BOB, "laptop", KEY)
        self.table.verify(BOB, "laptop", KEY, 1.0)
        for number in range(2 * MAX_KEPT):
            self.table.announced(BOB, f"d{number}", OTHER)
            self.table.announced(ME, f"d{number}", OTHER)
        forgotten = [resource for jid, resource in self.table.forgotten if jid == BOB]
        self.assertEqual(forgotten[:2], ["d0", "d1"])
        self.assertEqual(len(forgotten), MAX_KEPT + 1)
        self.assertEqual(self.trust("laptop"), Trust.VERIFIED)
        self.assertEqual(self.trust("here", ME), Trust.VERIFIED)
        self.assertLessEqual(len(self.table.devices(BOB)), MAX_KEPT + 1)

    def test_the_verified_keys(self) -> None:
        """Of an account, those that its other devices may be told of."""
        self.table.announced(ME, "pc", KEY)
        self.table.announced(ME, "phone", OTHER)
        self.table.verify(ME, "pc", KEY, 1.0)
        self.assertEqual(self.table.verified_keys(ME), {"pc": KEY})
        self.assertEqual(self.table.kept(ME, "pc"), KeptKey(KEY, 1.0, issued={"announcement": 0}))
