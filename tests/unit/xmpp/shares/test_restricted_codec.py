"""Pages of restricted lists: round trips, bounds, and whatever a contact may send."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.crypto.canonical import canonical_json
from bitween.crypto.device_key import SEAL_OVERHEAD
from bitween.errors import InvalidValue
from bitween.model.annotation import MAX_NOTE, Annotation
from bitween.model.announcement import Share, ShareTerms
from bitween.model.text import safe_name
from bitween.xmpp.shares.list_codec import MAX_ENTRIES, MAX_PAGE, ListQuery
from bitween.xmpp.shares.restricted_codec import (
    changed_element,
    page_value,
    parse_changed,
    parse_page,
    parse_query,
    query_element,
)
from tests.support.fakes.lists import listed, numbered
from tests.support.items import over_the_wire, share_lists, xml

HASH = "0123456789abcdef0123456789abcdef01234567"
SHARE = {"hash": HASH, "name": "n", "size": 1, "seal": "A" * 70}
PAGE = {
    "request": "q",
    "id": "list",
    "revision": 7,
    "reset": False,
    "more": False,
    "last": 7,
    "shares": [SHARE],
    "gone": [HASH[::-1]],
}
NOTHING = ListQuery("", 0, 0)
terms = st.builds(
    ShareTerms,
    st.just(False),
    st.none() | st.integers(0, 2**53),
    st.none() | st.just(HASH),
    st.booleans(),
)


def sealed(share: Share) -> Share:
    """The same share, as it stands in a restricted list."""
    return replace(share, seal=share.seal or bytes(52), size=min(share.size, 2**53))


class RoundTripTests(SynchronousTestCase):
    """What is built is read as it was meant."""

    @given(share_lists, terms)
    def test_pages(self, shares: list[Share], share_terms: ShareTerms) -> None:
        """Everything survives; names are made harmless and nothing else."""
        listing = listed([replace(sealed(share), terms=share_terms) for share in shares])
        text = canonical_json(page_value(listing, NOTHING, "q"))
        answer = parse_page(json.loads(text))
        page = answer.page
        self.assertEqual((page.list_id, page.reset, answer.dropped), ("list", True, 0))
        for share, read in zip(shares, page.added, strict=False):
            self.assertEqual(read.name, safe_name(read.name))
            self.assertEqual(
                replace(read, name=share.name), replace(sealed(share), terms=share_terms)
            )

    def test_what_is_locked_has_no_seal(self) -> None:
        """Neither is it sent, nor read, whatever the list holds."""
        (share,) = numbered(1)
        locked = replace(share, seal=bytes(52), terms=ShareTerms(locked=True))
        page = page_value(listed([locked]), NOTHING, "q")
        self.assertNotIn("seal", page["shares"][0])
        self.assertEqual(parse_page(page).page.added, (replace(locked, seal=b""),))
        page["shares"][0]["seal"] = "A" * 70
        self.assertEqual(parse_page(page).page.added, (replace(locked, seal=b""),))

    @given(st.builds(ListQuery, st.just("list"), st.integers(1, 99), st.integers(0, 99)))
    def test_requests(self, query: ListQuery) -> None:
        """With a revision or from nothing."""
        self.assertEqual(parse_query(over_the_wire(query_element(query))), query)
        self.assertEqual(parse_query(query_element(NOTHING)), NOTHING)

    def test_what_tells_of_a_change(self) -> None:
        """Names the list and its revision."""
        self.assertEqual(parse_changed(over_the_wire(changed_element("l", 4))), ("l", 4))

    def test_pages_follow_each_other(self) -> None:
        """In order, each within its bounds when it is sealed, until the list is complete."""
        shares = [
            replace(sealed(share), annotation=Annotation("x" * MAX_NOTE)) for share in numbered(60)
        ]
        listing = listed(shares)
        query, read = NOTHING, list[Share]()
        for _ in range(100):
            page = page_value(listing, query, "q")
            wrapped = canonical_json(
                {"page": page, "issued": 2**43, "until": 2**33, "signature": "A" * 86}
            )
            self.assertLess(len(base64.b64encode(bytes(SEAL_OVERHEAD) + wrapped)), MAX_PAGE - 200)
            answer = parse_page(page)
            read += answer.page.added
            if answer.page.complete:
                break
            query = ListQuery("list", answer.revision, answer.page.revision)
        self.assertEqual(read, shares)

    def test_only_what_changed(self) -> None:
        """Since a revision: changes, and removals that the reader does not know of."""
        listing = listed([sealed(share) for share in numbered(3)])
        listing.update([sealed(share) for share in numbered(4)[1:]])
        page = parse_page(page_value(listing, ListQuery("list", 3, 3), "q")).page
        self.assertEqual([share.size for share in page.added], [3])
        self.assertEqual((page.gone, page.reset), ((numbered(1)[0].info_hash,), False))


class HostilePageTests(SynchronousTestCase):
    """What a contact may send."""

    def test_a_good_page(self) -> None:
        """Is read."""
        answer = parse_page(PAGE)
        self.assertEqual((len(answer.page.added), answer.page.gone), (1, (HASH[::-1],)))
        self.assertEqual((answer.page.revision, answer.dropped), (7, 0))

    def test_malformed_pages_are_refused(self) -> None:
        """Where the list or its revisions make no sense."""
        changes: tuple[dict[str, Any], ...] = (
            {"id": ""},
            {"id": 5},
            {"id": "x" * 65},
            {"revision": -1},
            {"revision": True},
            {"revision": "7"},
            {"revision": 2**53 + 1},
            {"more": True, "last": 8},
            {"more": True, "last": None},
        )
        for change in changes:
            self.assertRaises(InvalidValue, parse_page, PAGE | change)
        for missing in ("id", "revision"):
            page = {key: value for key, value in PAGE.items() if key != missing}
            self.assertRaises(InvalidValue, parse_page, page)

    def test_malformed_entries_are_dropped(self) -> None:
        """The others stay."""
        changes: tuple[dict[str, Any], ...] = (
            {"hash": "x"},
            {"hash": None},
            {"name": 5},
            {"size": -1},
            {"size": 2**61},
            {"size": 1.5},
            {"size": True},
            {"seal": "A"},
            {"seal": None},
            {"expires": -1},
            {"expires": "soon"},
            {"replaces": "x"},
        )
        for change in changes:
            answer = parse_page(PAGE | {"shares": [SHARE | change, SHARE]})
            self.assertEqual((len(answer.page.added), answer.dropped), (1, 1), change)
        for entries in (5, "x", None, {"a": 1}):
            self.assertEqual(parse_page(PAGE | {"shares": entries}).page.added, ())
        answer = parse_page(PAGE | {"shares": [5, None, [], "x"], "gone": ["x", 5, {}]})
        self.assertEqual((answer.page.added, answer.dropped), ((), 7))

    def test_annotations_are_made_harmless(self) -> None:
        """As everywhere."""
        share = SHARE | {"note": "\u202e" + "x" * 5000, "tags": ["ok", 5, "", "y" * 99, *"abc"]}
        (read,) = parse_page(PAGE | {"shares": [share]}).page.added
        self.assertEqual(read.annotation.note, "\ufffd" + "x" * (MAX_NOTE - 1))
        self.assertEqual(read.annotation.tags, ("ok", "a", "b", "c"))
        (read,) = parse_page(PAGE | {"shares": [SHARE | {"note": 5, "tags": {}}]}).page.added
        self.assertFalse(read.annotation)

    def test_there_are_bounds_on_how_many(self) -> None:
        """Entries beyond what was asked for are dropped."""
        shares = [SHARE | {"hash": f"{n:040x}"} for n in range(300)]
        answer = parse_page(PAGE | {"shares": shares})
        self.assertEqual(len(answer.page.added) + len(answer.page.gone), MAX_ENTRIES)

    def test_malformed_requests_are_refused(self) -> None:
        """Numbers and ids are checked."""
        for attributes in ("id=''", "id='l' since='x'", "id='l' after='-1'", "max='x'"):
            element = xml(f"<shares xmlns='urn:bitween:2' {attributes}/>")
            self.assertRaises(InvalidValue, parse_query, element)
        for attributes in ("id='l'", "revision='1'", "id='l' revision='-1'", "id='' revision='1'"):
            element = xml(f"<changed xmlns='urn:bitween:2' {attributes}/>")
            self.assertRaises(InvalidValue, parse_changed, element)
