"""The device element: addresses, what is signed, and whatever a contact may send."""

from __future__ import annotations

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from bitween.crypto.canonical import canonical_json
from bitween.model import base64url
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.device_statement import Vouch
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.shares.device_codec import MAX_VOUCHES, parse_device, signed_content
from bitween.xmpp.shares.item_codec import changed_item, parse_item, whole_item
from tests.support.fakes.lists import listed, numbered
from tests.support.items import (
    at,
    candidate_lists,
    over_the_wire,
    resources,
    share_lists,
    xml,
)
from tests.support.signer import TestSigner

KEY, SIGNATURE = base64url.encode(bytes(range(32))), base64url.encode(bytes(range(64)))
VOUCH = Vouch("phone's", bytes(range(32)))


def device(attributes: str, content: str = "") -> str:
    """A device element."""
    return f"<device xmlns='{NS_BITWEEN_2}' {attributes}>{content}</device>"


class SigningTests(SynchronousTestCase):
    """Of a signed item, the reader checks what the signer meant."""

    @given(resources, share_lists, candidate_lists)
    def test_what_is_signed_survives_the_wire(
        self, resource: str, shares: list[Share], candidates: list[Candidate]
    ) -> None:
        """Whatever the shares are named, and whether the list is whole or not."""
        signer = TestSigner((VOUCH,))
        for item in (
            whole_item(resource, listed(shares), at(candidates), 100_000, signer),
            changed_item(resource, listed(shares), at(candidates), signer),
        ):
            parsed = parse_item(over_the_wire(item))
            (announcement,) = parsed.announcements
            statement = announcement.device
            assert statement is not None
            self.assertEqual((statement.vouches, parsed.dropped), ((VOUCH,), 0))
            content = signed_content(parsed.bodies[resource])
            self.assertTrue(signer.signed(statement, content))

    def test_everything_that_is_read_is_signed(self) -> None:
        """A server that changes any attribute or element of an item breaks the signature."""
        signer = TestSigner((VOUCH,))
        item = whole_item("r", listed(numbered(2)), at([]), signer=signer)
        text = over_the_wire(item).toXml()
        for old, new in (
            ("name 0", "name X"),
            ("size='1'", "size='2'"),
            ("revision='2'", "revision='3'"),
            ("until='1", "until='2"),
            ("issued='1", "issued='2"),
            ("phone", "phony"),
            ("<list", "<ip_address address='192.0.2.7' port='6881'/><list"),
        ):
            changed = text.replace(old, new, 1)
            self.assertNotEqual(changed, text, old)
            parsed = parse_item(xml(changed))
            statement = parsed.announcements[0].device
            assert statement is not None
            self.assertFalse(signer.signed(statement, signed_content(parsed.bodies["r"])), old)

    def test_signed_it_fits_into_its_bounds(self) -> None:
        """The signature counts among the bytes of an item."""
        signer = TestSigner((VOUCH,) * 3)
        sizes = [
            len(item.toXml().encode())
            for count in range(100, 200)
            if (item := whole_item("r", listed(numbered(count)), at([]), signer=signer)) is not None
        ]
        self.assertLessEqual(max(sizes), 16_000)
        for count in (0, 5, 1000):
            item = changed_item("r", listed(numbered(count)), at([]), TestSigner())
            self.assertLessEqual(len(item.toXml().encode()), 1600)

    def test_the_content_has_a_canonical_form(self) -> None:
        """Attributes with a namespace, which nobody reads, are left out of it."""
        item = xml(
            "<item id='r'><user_shares xmlns='https://xmpp.kwoh.de/protocol/shares'>"
            "<resource resource='r'><x xml:lang='en' a='b'>text<y xmlns='urn:y'/></x></resource>"
            "</user_shares></item>"
        )
        content = signed_content(item.user_shares.resource)
        namespace = "https://xmpp.kwoh.de/protocol/shares"
        self.assertEqual(content, [[namespace, "x", {"a": "b"}, [["urn:y", "y", {}, []]]]])
        self.assertTrue(canonical_json(content))


class HostileDeviceTests(SynchronousTestCase):
    """What a contact may send."""

    GOOD = f"key='{KEY}' issued='1' until='2' signature='{SIGNATURE}'"

    def test_a_good_one(self) -> None:
        """Is read."""
        parsed = parse_device(xml(device(self.GOOD)))
        statement = parsed.statement
        assert statement is not None
        self.assertEqual((statement.key, statement.issued), (bytes(range(32)), 1))
        self.assertEqual((statement.until, statement.signature), (2, bytes(range(64))))

    def test_a_malformed_statement_is_none(self) -> None:
        """The device counts as not signed, and its addresses are read."""
        candidate = "<candidate address='192.0.2.7' port='1' kind='host'/>"
        for old, new in (
            (KEY, ""),
            (KEY, KEY[1:]),
            (KEY, KEY + "A"),
            (KEY, "*" * len(KEY)),
            (KEY, KEY[:-1] + "9"),
            ("issued='1'", "issued='-1'"),
            ("issued='1'", f"issued='{2**53 + 1}'"),
            ("until='2'", ""),
            (f"signature='{SIGNATURE}'", ""),
            (SIGNATURE, SIGNATURE[2:]),
        ):
            parsed = parse_device(xml(device(self.GOOD.replace(old, new), candidate)))
            self.assertEqual((parsed.statement, parsed.dropped), (None, 1), new)
            self.assertEqual(len(parsed.candidates), 1)
        unsigned = parse_device(xml(device("", candidate)))
        self.assertEqual((unsigned.statement, unsigned.dropped), (None, 0))

    def test_vouches_are_bounded(self) -> None:
        """One too many, or one that is malformed, spoils the statement."""
        vouch = f"<vouch resource='phone' key='{KEY}'/>"
        parsed = parse_device(xml(device(self.GOOD, vouch * MAX_VOUCHES)))
        assert parsed.statement is not None
        self.assertEqual(len(parsed.statement.vouches), MAX_VOUCHES)
        for content in (
            vouch * (MAX_VOUCHES + 1),
            vouch.replace("phone", ""),
            vouch.replace("phone", "x" * 2000),
            vouch.replace(KEY, "x"),
        ):
            self.assertIsNone(parse_device(xml(device(self.GOOD, content))).statement)
