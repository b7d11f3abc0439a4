"""A bad entry is dropped and counted, the rest stands."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.xish import domish

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.text import printable
from bitween.model.torrent import parse_info_hash
from bitween.xmpp.namespaces import NS_BITWEEN, NS_SHARES
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES
from bitween.xmpp.shares.item_codec import (
    OwnPlaces,
    parse_item,
    whole_item,
)
from tests.support.fakes.lists import listed
from tests.support.published_items import HASH, in_item


class HostileTests(SynchronousTestCase):
    """A bad entry is dropped and counted, the rest stands."""

    def read(self, entries: str) -> tuple[Announcement, int]:
        """The announcement of a resource with these entries beside a good one, and the drops."""
        good = f"<share_item name='good' hash='{HASH}' size='1'/>"
        parsed = parse_item(in_item(f"<resource resource='r'>{entries}{good}</resource>"))
        (announcement,) = parsed.announcements
        self.assertIn(HASH, announcement.shares)
        return announcement, parsed.dropped

    def test_bad_candidates_are_dropped(self) -> None:
        """What is no address, of no known kind, no truth, or said twice is no candidate."""
        good = {"address": "192.0.2.7", "port": "6881", "kind": "seen", "reached": "0"}
        for wrong in (
            {"address": "224.0.0.1"},
            {"port": "0"},
            {"port": None},
            {"kind": "best"},
            {"kind": None},
            {"reached": "perhaps"},
            {"varies": "often"},
            {"varies": ""},
            {},
        ):
            said = "".join(
                f"<candidate xmlns='{NS_BITWEEN}' "
                + " ".join(f"{name}='{value}'" for name, value in one.items() if value is not None)
                + "/>"
                for one in (good, good | wrong)
            )
            announcement, dropped = self.read(said)
            self.assertEqual(dropped, 1, wrong)
            address = PeerAddress.parse("192.0.2.7", 6881)
            self.assertEqual(announcement.addresses, ())
            self.assertEqual(
                announcement.candidates,
                (Candidate(address, CandidateKind.REFLEXIVE, reached=False),),
            )

    def test_only_what_is_seen_varies(self) -> None:
        """Of an address that stays, that is not believed; of one that is seen, it is."""
        announcement, dropped = self.read(
            "".join(
                f"<candidate xmlns='{NS_BITWEEN}' address='192.0.2.{n}' port='1' kind='{kind}' "
                "varies='1'/>"
                for n, kind in enumerate(CandidateKind)
            )
        )
        self.assertEqual(dropped, 0)
        self.assertEqual(
            {c.kind for c in announcement.candidates if c.varies}, {CandidateKind.REFLEXIVE}
        )
        self.assertEqual(len(announcement.candidates), len(CandidateKind))

    def test_too_many_candidates_are_dropped(self) -> None:
        """The first ones are read."""
        announcement, dropped = self.read(
            "".join(
                f"<candidate xmlns='{NS_BITWEEN}' address='192.0.2.{n}' port='1' kind='said'/>"
                for n in range(MAX_CANDIDATES + 3)
            )
        )
        self.assertEqual((len(announcement.candidates), dropped), (MAX_CANDIDATES, 3))

    def test_bad_shares_are_dropped(self) -> None:
        """Malformed hashes and sizes, and missing names, are no shares."""
        other = "f" * 40
        bad = (
            f"<share_item name='x' hash='{other[1:]}' size='1'/>",
            f"<share_item name='x' hash='{other}x' size='1'/>",
            "<share_item name='x' size='1'/>",
            f"<share_item name='x' hash='{other}'/>",
            f"<share_item name='x' hash='{other}' size='-1'/>",
            f"<share_item name='x' hash='{other}' size='1e3'/>",
            f"<share_item name='x' hash='{other}' size='٣'/>",
            f"<share_item name='x' hash='{other}' size='{2**60 + 1}'/>",
            f"<share_item name='x' hash='{other}' size='{'9' * 5000}'/>",
            f"<share_item hash='{other}' size='1'/>",
            "<share_item/>",
        )
        for entry in bad:
            announcement, dropped = self.read(entry)
            self.assertEqual((len(announcement.shares), dropped), (1, 1), entry)

    def test_bad_addresses_are_dropped(self) -> None:
        """Ports 0 and 70000, and addresses that are no IP, are not dialled."""
        for address, port in (
            ("192.0.2.7", "0"),
            ("192.0.2.7", "70000"),
            ("192.0.2.7", "-1"),
            ("192.0.2.7", ""),
            ("example.org", "80"),
            ("0.0.0.0", "80"),
            ("224.0.0.1", "80"),
            ("fe80::1%eth0", "80"),
            ("", "80"),
        ):
            entry = f"<ip_address address='{address}' port='{port}'/>"
            announcement, dropped = self.read(entry)
            self.assertEqual((announcement.addresses, dropped), ((), 1), entry)

    def test_names_are_no_paths(self) -> None:
        """Separators, dots and controls are made harmless."""
        entry = "<share_item name='{}' hash='" + "f" * 40 + "' size='1'/>"
        for name, safe in (
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("..", "__"),
            ("C:\\x", "C:_x"),
            ("a&#x85;b\u202ec", "a\ufffdb\ufffdc"),
            ("", "_"),
        ):
            announcement, _ = self.read(entry.format(name))
            self.assertEqual(announcement.shares[parse_info_hash("f" * 40)].name, safe)

    def test_long_names_are_cut(self) -> None:
        """No name is longer than 255 characters."""
        entry = f"<share_item name='{'n' * 100_000}' hash='{'f' * 40}' size='1'/>"
        announcement, _ = self.read(entry)
        self.assertEqual(len(announcement.shares[parse_info_hash("f" * 40)].name), 255)

    def test_bad_resources_are_dropped(self) -> None:
        """One without a name, with controls in it, too long or said twice does not count."""
        for name in ("", "a&#10;b", "n" * 1024, "ü" * 600, "good"):
            parsed = parse_item(
                in_item(f"<resource resource='good'/><resource resource='{name}'/><resource/>")
            )
            self.assertEqual([a.resource for a in parsed.announcements], ["good"])
            self.assertEqual(parsed.dropped, 2)

    def test_there_are_bounds_on_how_many(self) -> None:
        """64 resources an item, 32 addresses a resource, 10,000 shares an item."""
        many = "".join(f"<resource resource='{n}'/>" for n in range(70))
        parsed = parse_item(in_item(many))
        self.assertEqual((len(parsed.announcements), parsed.dropped), (64, 6))
        many = "".join(f"<ip_address address='10.0.0.{n}' port='1'/>" for n in range(40))
        announcement, dropped = self.read(many)
        self.assertEqual((len(announcement.addresses), dropped), (32, 8))
        many = "".join(f"<share_item name='n' hash='{n:040x}' size='1'/>" for n in range(10_005))
        parsed = parse_item(in_item(f"<resource resource='r'>{many}</resource>"))
        self.assertEqual((len(parsed.announcements[0].shares), parsed.dropped), (10_000, 5))

    def test_other_namespaces_are_ignored(self) -> None:
        """Elements of other namespaces are neither read nor counted."""
        announcement, dropped = self.read(
            f"<share_item xmlns='urn:other' name='x' hash='{'f' * 40}' size='1'/><what/>"
        )
        self.assertEqual((len(announcement.shares), dropped), (1, 0))

    def test_any_element_at_all_will_do(self) -> None:
        """Whatever the structure, reading raises nothing and stays within its bounds."""
        draw = random.Random(7)
        for _ in range(2000):
            parsed = parse_item(_any_element(draw, 4))
            self.assertLessEqual(len(parsed.announcements), 64)

    @given(st.dictionaries(st.sampled_from(["name", "hash", "size", "address"]), st.text()))
    def test_any_attributes_will_do(self, attributes: dict[str, str]) -> None:
        """Whatever stands in the attributes, reading raises nothing."""
        item = whole_item("r", listed([]), OwnPlaces())
        entry = item.user_shares.resource.addElement("share_item")
        entry.attributes.update(attributes)
        address = item.user_shares.resource.addElement("ip_address")
        address.attributes.update(attributes)
        for announcement in parse_item(item).announcements:
            for share in announcement.shares.values():
                self.assertEqual(share.name, printable(share.name))


def _any_element(draw: random.Random, depth: int) -> Any:
    """An element of names, namespaces and attributes that mean something somewhere."""
    names = ["item", "user_shares", "resource", "share_item", "ip_address", "list", "x"]
    uri = draw.choice([NS_SHARES, NS_SHARES, NS_SHARES, NS_BITWEEN, None, "urn:x"])
    element = domish.Element((uri, draw.choice(names)))
    for key in draw.sample(["resource", "name", "hash", "size", "address", "port", "id"], 3):
        element[key] = draw.choice(["", "1", HASH, "r", "..", "\x00", "9" * 30, "10.0.0.1", "٣"])
    for _ in range(draw.randrange(5) if depth else 0):
        if draw.random() < 0.2:
            element.addContent("text")
        else:
            element.addChild(_any_element(draw, depth - 1))
    return element
