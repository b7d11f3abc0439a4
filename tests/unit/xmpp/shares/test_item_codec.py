"""Values become XML and back: what is built is read as it was meant."""

from __future__ import annotations

import string
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.annotation import MAX_NOTE, MAX_TAG, MAX_TAGS, Annotation
from bitween.model.announcement import MAX_SHARES, Announcement, Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.text import safe_name
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.xmpp.namespaces import NS_BITWEEN, NS_BITWEEN_2, NS_SHARES
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES
from bitween.xmpp.shares.item_codec import (
    MAX_CHANGED,
    MAX_WHOLE,
    OwnPlaces,
    canonical,
    changed_item,
    list_state,
    parse_item,
    payload_of,
    whole_item,
)
from tests.support.fakes.lists import listed, numbered
from tests.support.items import (
    at,
    candidate_lists,
    over_the_wire,
    resources,
    share_lists,
    xml,
)
from tests.support.published_items import HASH, in_item


class RoundTripTests(SynchronousTestCase):
    """What is built is read as it was meant."""

    @given(resources, share_lists, candidate_lists)
    def test_what_is_built_is_read(
        self, resource: str, said: list[Share], where: list[Candidate]
    ) -> None:
        """Resource, shares, candidates survive; names are made harmless and nothing else."""
        parsed = parse_item(over_the_wire(whole_item(resource, listed(said), at(where), 100_000)))
        self.assertEqual(parsed.dropped, 0)
        (announcement,) = parsed.announcements
        self.assertEqual(announcement.resource, resource)
        self.assertEqual(announcement.addresses, tuple(c.address for c in where if c.dialable))
        self.assertEqual(sorted(announcement.candidates, key=str), sorted(where, key=str))
        read = list(announcement.shares.values())
        self.assertEqual(
            [(s.info_hash, s.size, s.annotation, s.seal) for s in read],
            [(s.info_hash, s.size, s.annotation, s.seal) for s in said],
        )
        for share in read:
            self.assertEqual(share.name, safe_name(share.name))

    @given(st.text(string.ascii_letters + string.digits + " äöü&<>'\"-_.", min_size=1, max_size=80))
    def test_ordinary_names_are_kept(self, name: str) -> None:
        """A name without anything dangerous arrives letter by letter."""
        item = over_the_wire(
            whole_item("r", listed([Share(parse_info_hash(HASH), name, 1)]), OwnPlaces())
        )
        (share,) = parse_item(item).announcements[0].shares.values()
        self.assertEqual(share.name, safe_name(name))

    def test_a_hostile_annotation_is_bounded(self) -> None:
        """A long note is cut, bad tags are dropped, and the share itself stays."""
        long, tags = "x" * 5000, ",".join(["ok", "", "y" * 40, "OK", *map(str, range(90))])
        item = in_item(
            f"<resource resource='r'><share_item name='n' hash='{HASH}' size='1'>"
            f"<annotation xmlns='{NS_BITWEEN}' note='&#x202e;{long}' tags='{tags}'/>"
            f"<annotation xmlns='{NS_BITWEEN}' note='second'/></share_item></resource>"
        )
        (share,) = parse_item(item).announcements[0].shares.values()
        self.assertEqual(share.annotation.note, "\ufffd" + "x" * (MAX_NOTE - 1))
        self.assertEqual(share.annotation.tags, ("ok", *map(str, range(MAX_TAGS - 1))))

    def test_a_malformed_seal_is_none(self) -> None:
        """The share stands, and is taken for plain; the seal of another one is read."""
        good = "A" * 70
        bad = (
            "",
            "x",
            "A" * 69,
            "A" * 69 + "B",
            "A" * 72,
            "A" * 69 + "=",
            "A" * 68 + "+/",
            "ä" * 70,
        )
        for text in bad:
            item = in_item(
                f"<resource resource='r'>"
                f"<share_item name='n' hash='{HASH}' size='1' seal='{text}'/>"
                f"<share_item name='m' hash='{HASH[::-1]}' size='1' seal='{good}'/></resource>"
            )
            parsed = parse_item(item)
            seals = [share.seal for share in parsed.announcements[0].shares.values()]
            self.assertEqual((seals, parsed.dropped), ([b"", bytes(52)], 0), text)

    def test_a_seal_is_a_change_of_the_item(self) -> None:
        """The publisher sees from its own item whether the right one is there."""
        plain = Share(parse_info_hash(HASH), "n", 1)
        items = [
            whole_item("r", listed([replace(plain, seal=seal)]), OwnPlaces())
            for seal in (b"", bytes(52), b"\1" * 52)
        ]
        self.assertEqual(len({repr(canonical(payload_of(item))) for item in items}), 3)

    def test_a_secret_is_not_in_what_a_log_shows(self) -> None:
        """Neither of a share nor of an announcement."""
        share = Share(parse_info_hash(HASH), "n", 1, seal=b"secret" * 9)
        self.assertNotIn("secret", repr(Announcement("r", {share.info_hash: share})))

    def test_the_longest_annotation_arrives(self) -> None:
        """With every character of the note and every tag."""
        annotation = Annotation("ä" * MAX_NOTE, tuple(f"{n:0{MAX_TAG}}" for n in range(MAX_TAGS)))
        share = Share(parse_info_hash(HASH), "n", 1, annotation)
        item = over_the_wire(whole_item("r", listed([share]), OwnPlaces()))
        (read,) = parse_item(item).announcements[0].shares.values()
        self.assertEqual(read, share)

    def test_an_annotation_is_a_change_of_the_item(self) -> None:
        """The publisher sees from its own item whether the note is there."""
        plain = Share(parse_info_hash(HASH), "n", 1)
        items = [
            whole_item("r", listed([replace(plain, annotation=Annotation(note))]), OwnPlaces())
            for note in ("", "one", "two", "one")
        ]
        values = [repr(canonical(payload_of(item))) for item in items]
        self.assertEqual((len(set(values)), values[1]), (3, values[3]))

    def test_names_that_xml_cannot_carry_are_mended(self) -> None:
        """Controls, lone surrogates and non-characters never reach the stream."""
        name = "a\x00b\x1fc\ud800d\ufffee\uffff\nf"
        item = over_the_wire(
            whole_item("r", listed([Share(parse_info_hash(HASH), name, 1)]), OwnPlaces())
        )
        (share,) = parse_item(item).announcements[0].shares.values()
        self.assertEqual(share.name, "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd\ufffdf")

    def test_the_prototype_can_read_it(self) -> None:
        """Elements and attributes are the prototype's, ours stand in our namespace."""
        share = Share(InfoHash(HASH), "holiday", 123)
        item = whole_item(
            "laptop", listed([share]), at([Candidate(PeerAddress.parse("192.0.2.7", 6881))])
        )
        self.assertEqual(item["id"], "laptop")
        payload = over_the_wire(item).firstChildElement()
        self.assertEqual((payload.uri, payload.name), (NS_SHARES, "user_shares"))
        resource = payload.firstChildElement()
        self.assertEqual((resource.uri, resource["resource"]), (NS_SHARES, "laptop"))
        self.assertEqual(
            resource.share_item.attributes, {"name": "holiday", "hash": HASH, "size": "123"}
        )
        self.assertEqual(resource.ip_address.attributes, {"address": "192.0.2.7", "port": "6881"})
        others = [e.uri for e in resource.elements() if e.name not in {"share_item", "ip_address"}]
        self.assertEqual(others, [NS_BITWEEN_2, NS_BITWEEN])


class CandidateTests(SynchronousTestCase):
    """Where a resource is, and what is known of that."""

    def test_plain_peers_are_told_of_the_plain_port_only(self) -> None:
        """They see no other address; those who know sealed transfers see no plain one."""
        sealed, plain = PeerAddress("192.0.2.7", 6881), PeerAddress("192.0.2.7", 7000)
        places = OwnPlaces((Candidate(sealed),), (plain,))
        item = over_the_wire(whole_item("r", listed([]), places))
        (announced,) = parse_item(item).announcements
        self.assertEqual((announced.addresses, announced.sealed), ((sealed,), True))
        named = item.user_shares.resource.elements(NS_SHARES, "ip_address")
        self.assertEqual([address["port"] for address in named], ["7000"])
        item = over_the_wire(whole_item("r", listed([]), OwnPlaces((Candidate(sealed),))))
        self.assertEqual(list(item.user_shares.resource.elements(NS_SHARES, "ip_address")), [])

    def test_an_address_for_punching_is_not_cut_off(self) -> None:
        """Of more addresses than are read, those go that can be dialled, the last ones first."""
        dialled = [Candidate(PeerAddress(f"10.0.0.{n}", 1)) for n in range(20)]
        seen = Candidate(PeerAddress("192.0.2.7", 6881), CandidateKind.REFLEXIVE)
        item = over_the_wire(whole_item("r", listed([]), OwnPlaces((*dialled, seen))))
        (announced,) = parse_item(item).announcements
        self.assertEqual(announced.candidates, (*dialled[: MAX_CANDIDATES - 1], seen))

    def test_what_is_good_for_meeting_only_is_not_dialled(self) -> None:
        """A reflexive address is not among those that an older reader would dial."""
        seen = Candidate(PeerAddress.parse("192.0.2.7", 6881), CandidateKind.REFLEXIVE)
        item = over_the_wire(whole_item("r", listed([]), at([seen])))
        (said,) = parse_item(item).announcements
        self.assertEqual((said.addresses, said.candidates), ((), (seen,)))

    def test_what_is_known_of_an_address_goes_with_it(self) -> None:
        """The order is that of the addresses; of an address that is named alone, it is HOST."""
        where = [
            Candidate(PeerAddress.parse("10.0.0.1", 1)),
            Candidate(PeerAddress.parse("192.0.2.7", 2), CandidateKind.MAPPED, reached=True),
            Candidate(PeerAddress.parse("192.0.2.7", 3), CandidateKind.REFLEXIVE, varies=True),
        ]
        item = over_the_wire(whole_item("r", listed([]), at(where)))
        (said,) = parse_item(item).announcements
        self.assertEqual(said.candidates, tuple(where))
        self.assertEqual(said.addresses, tuple(c.address for c in where[:2]))


class HeadTests(SynchronousTestCase):
    """The item is a head, not a warehouse."""

    def test_what_fits_is_told_whole(self) -> None:
        """Everything stands in it up to its limit; above that there is no such item."""
        addresses = [Candidate(PeerAddress.parse("10.0.0.1", 1))] * 40
        for name in ("n" * 40, "<&'>" * 60, "\U0001f4f1" * 255):
            sizes = []
            for count in range(1, 200):
                item = whole_item("r", listed(numbered(count, name)), at(addresses))
                if item is None:
                    break
                sizes.append(len(item.toXml().encode()))
                self.assertEqual(
                    list(parse_item(over_the_wire(item)).announcements[0].shares),
                    [share.info_hash for share in numbered(count, name)],
                )
            self.assertLessEqual(sizes[-1], MAX_WHOLE)
            self.assertGreater(sizes[-1] + sizes[-1] / len(sizes), MAX_WHOLE - 1500)
            self.assertIsNone(whole_item("r", listed(numbered(MAX_SHARES, name)), at(addresses)))

    def test_a_long_list_is_told_by_its_last_changes(self) -> None:
        """The item stays small; it holds all that changed since the revision that it names."""
        said = listed(numbered(MAX_SHARES))
        said.update(numbered(MAX_SHARES)[3:])
        item = changed_item("laptop", said, at([Candidate(PeerAddress.parse("10.0.0.1", 1))]))
        self.assertLessEqual(len(item.toXml().encode()), MAX_CHANGED)
        (head,) = parse_item(over_the_wire(item)).announcements
        self.assertEqual(
            (head.list_id, head.revision, head.complete), ("list", said.revision, False)
        )
        since = list(said.changes(head.since))
        self.assertEqual(set(head.gone), {c.info_hash for c in since if c.share is None})
        self.assertEqual(list(head.shares.values()), [c.share for c in since if c.share])
        self.assertGreater(len(since), 5)

    def test_however_much_else_stands_in_it(self) -> None:
        """With the longest resource and all addresses, news is still told; count and size too."""
        addresses = [
            Candidate(
                PeerAddress.parse(f"2001:db8::{n}", 65535), CandidateKind.MAPPED, reached=False
            )
            for n in range(40)
        ]
        said = listed(numbered(2000))
        item = changed_item("r" * 1023, said, at(addresses))
        self.assertLess(len(item.toXml().encode()), 6000)
        self.assertGreater(len(parse_item(over_the_wire(item)).announcements[0].shares), 3)
        head = next(item.user_shares.resource.elements(NS_BITWEEN, "list"))
        self.assertEqual((head["count"], head["size"]), ("2000", str(sum(range(2000)))))

    def test_a_name_that_does_not_fit(self) -> None:
        """Then nothing is told but that there is more to read."""
        said = listed([Share(parse_info_hash(HASH), "\U0001f4f1" * 255, 1)])
        (head,) = parse_item(changed_item("r" * 300, said, OwnPlaces())).announcements
        self.assertEqual((head.since, head.revision, head.complete), (1, 1, False))

    def test_which_list_it_is(self) -> None:
        """Our own item tells list and revision; one of an older bitween or of nobody does not."""
        self.assertEqual(list_state(whole_item("r", listed(numbered(3)), OwnPlaces())), ("list", 3))
        self.assertEqual(
            list_state(changed_item("r", listed(numbered(3)), OwnPlaces())), ("list", 3)
        )
        for content in ("", "<resource resource='r'/>"):
            self.assertEqual(list_state(in_item(content)), ("", 0))
        self.assertEqual(list_state(xml("<item/>")), ("", 0))

    def test_numbers_that_make_no_sense(self) -> None:
        """Nobody goes on from a list whose head is malformed; its entries stand."""
        for attributes in (
            "id='a' revision='-1'",
            "id='a' revision='1' since='2'",
            "id='a' revision='1'",
            f"id='a' revision='{2**53 + 1}' since='1'",
            "id='a b' revision='1' since='1'",
            "id='' revision='1' since='1'",
            f"id='{'x' * 65}' revision='1' since='1'",
            "revision='1' since='1'",
        ):
            (head,) = parse_item(
                in_item(
                    f"<resource resource='r'><share_item name='n' hash='{HASH}' size='1'/>"
                    f"<list xmlns='{NS_BITWEEN}' more='true' {attributes}>"
                    f"<gone hash='{HASH}'/></list></resource>"
                )
            ).announcements
            self.assertEqual((head.list_id, head.revision, head.complete), ("", 0, False))
            self.assertEqual(list(head.shares), [HASH])

    def test_a_server_may_write_it_down_otherwise(self) -> None:
        """Order of attributes, prefixes and white space make no difference; content does."""
        item = whole_item("r", listed(numbered(1)), OwnPlaces())
        share = numbered(1)[0]
        other = in_item(
            "\n<resource resource='r'>"
            f"<x:share_item xmlns:x='{NS_SHARES}' size='0' hash='{share.info_hash}' "
            f"name='{share.name}'/>"
            f"<device xmlns='{NS_BITWEEN_2}'/>"
            f"<list xmlns='{NS_BITWEEN}' size='0' count='1' revision='1' id='list'/></resource>"
        )
        self.assertEqual(canonical(payload_of(item)), canonical(payload_of(other)))
        changed = whole_item("r", listed(numbered(2)), OwnPlaces())
        self.assertNotEqual(canonical(payload_of(item)), canonical(payload_of(changed)))
