"""Who may see and fetch a share: the rule, and what a user names as an audience."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.access import (
    DEVICES,
    EVERYBODY,
    MAX_AUDIENCES,
    OPEN,
    PRIVATE,
    Access,
    AccessReason,
    Audience,
    Decision,
    Reader,
    group_audience,
    group_of,
    may_fetch,
    may_see,
    parse_audience,
    parse_audiences,
)

_FAMILY = group_audience("Family")
_ANN = Reader("ann@example.org", frozenset({"Family", "Chess"}), contact=True)
_BEN = Reader("ben@example.org", contact=True)
_OURS = Reader("me@example.org", ours=True, contact=True)
_STRANGER = Reader("eve@example.org")
_BLOCKED = Reader("dan@example.org", frozenset({"Family"}), contact=True, blocked=True)


class FetchTests(SynchronousTestCase):
    """Who may fetch a share."""

    def _assert_reasons(self, access: Access, now: float = 0.0, **expected: AccessReason) -> None:
        readers = {
            "ann": _ANN,
            "ben": _BEN,
            "ours": _OURS,
            "stranger": _STRANGER,
            "blocked": _BLOCKED,
        }
        found = {name: may_fetch(access, readers[name], now).reason for name in expected}
        self.assertEqual(found, expected)

    def test_an_open_share_is_for_every_contact(self) -> None:
        """Every contact that is not blocked may fetch it, a stranger may not."""
        self._assert_reasons(
            OPEN,
            ann=AccessReason.EVERYBODY,
            ben=AccessReason.EVERYBODY,
            ours=AccessReason.OWN_DEVICE,
            stranger=AccessReason.NO_CONTACT,
            blocked=AccessReason.BLOCKED,
        )

    def test_a_share_for_a_group_is_for_its_contacts(self) -> None:
        """Only contacts in the group may fetch it, and the own devices."""
        self._assert_reasons(
            Access((_FAMILY,)),
            ann=AccessReason.GROUP,
            ben=AccessReason.NOT_NAMED,
            ours=AccessReason.OWN_DEVICE,
            stranger=AccessReason.NO_CONTACT,
            blocked=AccessReason.BLOCKED,
        )

    def test_a_share_for_one_contact_is_for_nobody_else(self) -> None:
        """The named contact may fetch it; a named stranger may not, for it is no contact."""
        access = Access((Audience("ben@example.org"), Audience("eve@example.org")))
        self._assert_reasons(
            access,
            ann=AccessReason.NOT_NAMED,
            ben=AccessReason.NAMED,
            stranger=AccessReason.NO_CONTACT,
        )

    def test_a_private_share_is_for_the_own_devices(self) -> None:
        """No contact may fetch it."""
        self._assert_reasons(
            PRIVATE,
            ann=AccessReason.NOT_NAMED,
            ben=AccessReason.NOT_NAMED,
            ours=AccessReason.OWN_DEVICE,
        )

    def test_an_expired_share_is_for_the_own_devices(self) -> None:
        """From its end on only the own devices may fetch it, until then all whom it is for."""
        access = Access((_FAMILY,), expires=100.0)
        self._assert_reasons(access, 99.9, ann=AccessReason.GROUP, ben=AccessReason.NOT_NAMED)
        self._assert_reasons(
            access,
            100.0,
            ann=AccessReason.EXPIRED,
            ben=AccessReason.NOT_NAMED,
            ours=AccessReason.OWN_DEVICE,
        )

    def test_the_decision_names_the_audience(self) -> None:
        """The contact itself counts before a group, and a group before everybody."""
        access = Access((Audience("ann@example.org"), _FAMILY))
        self.assertEqual(
            may_fetch(access, _ANN, 0), Decision(AccessReason.NAMED, Audience("ann@example.org"))
        )
        self.assertEqual(
            may_fetch(Access((_FAMILY,)), _ANN, 0), Decision(AccessReason.GROUP, _FAMILY)
        )
        self.assertEqual(may_fetch(OPEN, _ANN, 0), Decision(AccessReason.EVERYBODY, EVERYBODY))


class SeeTests(SynchronousTestCase):
    """Who may see the name of a share."""

    def test_a_share_that_is_not_listed_is_seen_by_those_who_may_fetch_it(self) -> None:
        """Others do not learn that it exists."""
        access = Access((_FAMILY,))
        self.assertTrue(may_see(access, _ANN, 0))
        self.assertFalse(may_see(access, _BEN, 0))

    def test_a_listed_share_is_seen_with_a_lock(self) -> None:
        """Contacts who may not fetch it see it; strangers and blocked contacts do not."""
        access = Access((_FAMILY,), listed=True, expires=100.0)
        self.assertEqual(may_see(access, _BEN, 0).reason, AccessReason.LISTED)
        self.assertEqual(may_see(access, _ANN, 0).reason, AccessReason.GROUP)
        self.assertEqual(may_see(access, _ANN, 100).reason, AccessReason.LISTED)
        self.assertEqual(may_see(access, _STRANGER, 0).reason, AccessReason.NO_CONTACT)
        self.assertEqual(may_see(access, _BLOCKED, 0).reason, AccessReason.BLOCKED)


class AudienceTests(SynchronousTestCase):
    """What a user names as an audience."""

    def test_every_form_is_read(self) -> None:
        """Fixed words, groups and JIDs, each in its canonical form."""
        for text, expected in (
            ("contacts", EVERYBODY),
            ("devices", DEVICES),
            ("group: Cafe\u0301", "group:Café"),
            ("Ann@Example.org/phone", "ann@example.org"),
        ):
            self.assertEqual(parse_audience(text), expected, text)
        self.assertEqual(group_of(parse_audience("group:Café")), "Café")
        self.assertIsNone(group_of(EVERYBODY))

    def test_anything_else_is_refused(self) -> None:
        """The error says which forms there are."""
        for text in ("", "everyone", "group:", "group:a\nb", "group:" + "x" * 256, "a@", 7, None):
            with self.subTest(text=text):
                self.assertRaises(InvalidValue, parse_audience, text)

    def test_audiences_are_sorted_and_say_nothing_twice(self) -> None:
        """Everybody contains all others, and the own devices are part of any audience."""
        self.assertEqual(parse_audiences(["b@x", "a@x", "a@x"]), ("a@x", "b@x"))
        self.assertEqual(parse_audiences(["b@x", "contacts", "devices"]), (EVERYBODY,))
        self.assertEqual(parse_audiences(["b@x", "devices"]), ("b@x",))
        self.assertEqual(parse_audiences(["devices"]), (DEVICES,))

    def test_none_and_too_many_are_refused(self) -> None:
        """A share is for the own devices at least."""
        self.assertRaises(InvalidValue, parse_audiences, [])
        many = [f"a{number}@x" for number in range(MAX_AUDIENCES + 1)]
        self.assertRaises(InvalidValue, parse_audiences, many)

    @given(st.text())
    def test_what_is_read_is_canonical(self, text: str) -> None:
        """Reading an audience again changes nothing."""
        try:
            audience = parse_audience(text)
        except InvalidValue:
            return
        self.assertEqual(parse_audience(audience), audience)
