"""Searching and ranking."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.annotation import Annotation
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import ResourceRecord
from bitween.model.catalogue.query import NameText, SearchQuery, folded
from bitween.model.catalogue.search import (
    SORTS,
    UNFILTERED,
    Claim,
    Filter,
    Found,
    FoundPage,
    Matches,
)
from bitween.model.torrent import InfoHash
from tests.support.catalogues import find

ALICE, BOB = "alice@example.org", "bob@example.org"


def info_hash(number: int) -> InfoHash:
    """An info-hash that begins with a number."""
    return InfoHash(f"{number:08x}".ljust(40, "0"))


def announcement(names: Sequence[str], start: int = 0) -> Announcement:
    """A list of shares with these names."""
    shares = [Share(info_hash(n), name, n) for n, name in enumerate(names, start)]
    return Announcement("r", {share.info_hash: share for share in shares})


class ClaimTests(SynchronousTestCase):
    """Contacts who say different things of one torrent."""

    def setUp(self) -> None:
        """Nobody says anything."""
        self.ours: Share | None = None
        self.catalogue = Catalogue(own_share=lambda _: self.ours)

    def say(self, jid: str, name: str, size: int = 9, resource: str = "r") -> None:
        """Have a contact's device share the torrent under a name."""
        share = Share(info_hash(1), name, size)
        said = Announcement(resource, {share.info_hash: share})
        self.catalogue.replace_item(jid, resource, [said])

    def found(self, query: str = "", contact: str | None = None) -> Found:
        """The only thing that is found."""
        (found,) = find(self.catalogue, query, contact).items
        return found

    def test_where_all_agree(self) -> None:
        """There is nothing to tell."""
        self.say(ALICE, "holiday")
        self.say(BOB, "holiday")
        found = self.found()
        self.assertEqual((found.name, found.contacts, found.claims), ("holiday", (ALICE, BOB), ()))

    def test_most_contacts_are_believed(self) -> None:
        """However many devices one has, online or not; what each says is told as theirs."""
        self.say(ALICE, "holiday")
        self.say("carol@example.org", "holiday")
        for device in "abc":
            self.say(BOB, "forged", 1, device)
            self.catalogue.set_online(BOB, device, True)
        found = self.found()
        self.assertEqual((found.name, found.size), ("holiday", 9))
        self.assertEqual(
            found.claims,
            (
                Claim("holiday", 9, (ALICE, "carol@example.org")),
                Claim("forged", 1, (BOB,)),
            ),
        )
        self.assertEqual(
            self.catalogue.torrents.share(info_hash(1)), Share(info_hash(1), "holiday", 9)
        )

    def test_the_first_is_believed_of_as_many(self) -> None:
        """Who comes later does not rename what was known."""
        self.say(BOB, "holiday")
        self.say(ALICE, "forged")
        self.assertEqual(self.found().name, "holiday")

    def test_our_own_copy_is_right(self) -> None:
        """Its metadata is what the hash proves, whatever all others say."""
        self.ours = Share(info_hash(1), "holiday", 9)
        self.say(ALICE, "forged")
        self.say(BOB, "forged")
        found = self.found()
        self.assertEqual(found.name, "holiday")
        self.assertEqual(found.claims, (Claim("holiday", 9, ()), Claim("forged", 9, (ALICE, BOB))))

    def test_a_forged_name_that_is_searched(self) -> None:
        """It leads to the torrent, which is shown under its right name."""
        self.say(ALICE, "holiday")
        self.say("carol@example.org", "holiday")
        self.say(BOB, "secret")
        self.assertEqual(self.found("secret").name, "holiday")

    def test_of_one_contact(self) -> None:
        """Their shares are shown as they call them, and the difference is told."""
        self.say(ALICE, "holiday")
        self.say("carol@example.org", "holiday")
        self.say(BOB, "forged")
        found = self.found(contact=BOB)
        self.assertEqual(found.name, "forged")
        self.assertEqual([claim.name for claim in found.claims], ["forged", "holiday"])
        self.assertEqual(self.found(contact=ALICE).name, "holiday")

    def test_what_a_device_says_itself(self) -> None:
        """That is asked for where it counts for this device only."""
        self.say(ALICE, "holiday")
        self.say(BOB, "forged", 1)
        share = self.catalogue.share_of(BOB, "r", info_hash(1))
        self.assertEqual(share, Share(info_hash(1), "forged", 1))
        self.assertIsNone(self.catalogue.share_of(BOB, "other", info_hash(1)))


class RankingTests(SynchronousTestCase):
    """The order of what is found."""

    def setUp(self) -> None:
        """Alice is away, bob is there."""
        self.catalogue = Catalogue()
        self.catalogue.set_online(BOB, "r", True)

    def share(self, alice: Sequence[str], bob: Sequence[str] = ()) -> None:
        """Have them share this."""
        self.catalogue.replace_item(ALICE, "r", [announcement(alice)])
        self.catalogue.replace_item(BOB, "r", [announcement(bob, 1000)])

    def found(self, query: str, sort: str = "match") -> list[str]:
        """The names that a search finds, in order."""
        return [item.name for item in find(self.catalogue, query, sort=sort).items]

    def test_the_best_match_first(self) -> None:
        """The whole name, then how the name begins, then how a word does, then the rest."""
        ordered = ["Holiday", "holiday 2024", "my_holiday", "the HOLIDAYS", "workholidays"]
        self.share(list(reversed(ordered)))
        self.assertEqual(self.found("holiday"), ordered)

    def test_online_before_away(self) -> None:
        """Of equally good matches those come first that can be had now."""
        self.share(["Holiday", "holiday a"], ["holiday b", "old holiday"])
        self.assertEqual(
            self.found("holiday"), ["Holiday", "holiday b", "holiday a", "old holiday"]
        )
        self.assertEqual(self.found("", "online")[:2], ["holiday b", "old holiday"])

    def test_all_words_must_match(self) -> None:
        """All of them must stand there, in any order; those that begin words are better."""
        self.share(["xalpha beta", "beta alpha", "alpha beta", "alpha"])
        self.assertEqual(self.found("Alpha BETA"), ["alpha beta", "beta alpha", "xalpha beta"])

    def test_letters_of_all_kinds(self) -> None:
        """Case is that of the language, and what looks like a pattern is none."""
        self.share(["GRÖSSE", "größe.*", "日本の休日", "C++ [1]"])
        self.assertEqual(self.found("größe"), ["GRÖSSE", "größe.*"])
        self.assertEqual(self.found("休日"), ["日本の休日"])
        self.assertEqual(self.found("c++ ["), ["C++ [1]"])
        self.assertEqual(self.found(".*"), ["größe.*"])

    def test_accents_in_any_form(self) -> None:
        """Names and queries match however their accents are composed."""
        composed, decomposed = (unicodedata.normalize(form, "Café ﬁlm") for form in ("NFC", "NFD"))
        for name in (composed, decomposed):
            for query in (composed, decomposed, "CAFÉ", "café"):
                share = Share(InfoHash("0" * 40), folded(name), 1)
                matching = NameText([Share(InfoHash("0" * 40), name, 1)]).matching(
                    SearchQuery(query)
                )
                self.assertEqual([text for text, _ in matching], [share.name])

    def test_a_magnet_link(self) -> None:
        """It is taken for the hash that it has."""
        share = Share(InfoHash("ab" * 20), "film", 1)
        query = SearchQuery(f"magnet:?dn=x&xt=urn:btih:{'AB' * 20}")
        self.assertEqual([found for _, found in NameText([share]).matching(query)], [share])

    def test_an_info_hash(self) -> None:
        """Six digits or more find it, fewer do not; a name may have them as well."""
        self.share(["one", "two", "00000001 is a name"])
        self.assertEqual(self.found("00000001"), ["two", "00000001 is a name"])
        self.assertEqual(self.found(info_hash(1)), ["two"])
        self.assertEqual(self.found(info_hash(1)[:-1] + "1"), [])
        self.assertEqual(self.found("000001"), ["00000001 is a name"], "it does not begin so")
        self.assertEqual(self.found("00000"), ["00000001 is a name"])

    def test_one_torrent_under_two_names(self) -> None:
        """It is found by either and shown once, by the name that was told first."""
        for jid, name in ((ALICE, "holiday alice"), (BOB, "holiday bob")):
            self.catalogue.replace_item(jid, "r", [announcement([name])])
        self.assertEqual(self.found("holiday"), ["holiday alice"])
        self.assertEqual(self.found("bob"), ["holiday alice"])
        self.assertEqual(self.found("alice"), ["holiday alice"])
        self.assertEqual(find(self.catalogue, "alice").items[0].contacts, (ALICE, BOB))

    def test_offline_shares_can_be_left_out(self) -> None:
        """What is away can be left out, and is not counted then; it comes when its owner does."""
        self.share(["one", "two"], ["two too"])
        found = find(self.catalogue, "t", only=Filter(online=True))
        self.assertEqual(([item.name for item in found.items], found.total), (["two too"], 1))
        self.catalogue.set_online(ALICE, "r", True)
        self.assertEqual(find(self.catalogue, "t", only=Filter(online=True)).total, 2)

    def test_a_tag_restricts_the_matches(self) -> None:
        """All tags of the query must be there, in any case; words restrict the matches further."""
        for number, (name, *tags) in enumerate(
            (["holiday film", "Film", "summer 2026"], ["holiday songs", "music"], ["film"]), 1
        ):
            tagged = Share(info_hash(number), name, 1, Annotation("", tuple(tags)))
            self.catalogue.replace_item(
                ALICE, str(number), [Announcement(str(number), {tagged.info_hash: tagged})]
            )
        self.assertEqual(self.found("tag:film"), ["holiday film"])
        self.assertEqual(self.found('tag:"Summer 2026" TAG:FILM holiday'), ["holiday film"])
        self.assertEqual(self.found("tag:film songs"), [])
        self.assertEqual(self.found("tag:film tag:music"), [])
        self.assertEqual(self.found("xtag:film"), [])

    def test_the_tags_of_all_contacts_are_found(self) -> None:
        """The first note and the tags of all; of one contact, theirs come first."""
        for jid, annotation in (
            (ALICE, Annotation("hers", ("a",))),
            (BOB, Annotation("his", ("b", "A"))),
        ):
            said = Share(info_hash(1), "n", 1, annotation)
            self.catalogue.replace_item(jid, "r", [Announcement("r", {said.info_hash: said})])
        (found,) = find(self.catalogue, "tag:b").items
        self.assertEqual(found.annotation, Annotation("hers", ("a", "b")))
        (found,) = find(self.catalogue, "", BOB).items
        self.assertEqual(found.annotation, Annotation("his", ("b", "A")))

    def test_shares_can_be_sorted_and_bounded_by_size(self) -> None:
        """The largest or the smallest first, and only those between two sizes, both included."""
        self.share(["a0", "b1", "c2", "d3"], ["e1000", "f1001"])

        def named(sort: str, only: Filter) -> list[str]:
            return [item.name for item in find(self.catalogue, "", sort=sort, only=only).items]

        self.assertEqual(self.found("", "largest"), ["f1001", "e1000", "d3", "c2", "b1", "a0"])
        self.assertEqual(named("size", Filter(min_size=1, max_size=3)), ["b1", "c2", "d3"])
        self.assertEqual(named("name", Filter(min_size=3)), ["d3", "e1000", "f1001"])
        self.assertEqual(named("largest", Filter(max_size=1000))[:2], ["e1000", "d3"])
        self.assertEqual(named("match", Filter(online=True, min_size=1001)), ["f1001"])

    def test_another_filter_is_another_search(self) -> None:
        """What was found last is not shown to one who wants less of it."""
        self.share(["a0", "b1"])
        self.assertEqual(find(self.catalogue, "").total, 2)
        self.assertEqual(find(self.catalogue, "", only=Filter(min_size=1)).total, 1)
        self.assertEqual(find(self.catalogue, "").total, 2)

    def test_pages_go_on(self) -> None:
        """Page after page gives what the whole does, also when something changed between."""
        names = [f"n{number:03}" for number in range(120)]
        self.share(names[::2], names[1::2])
        seen: list[str] = []
        for offset in range(0, 120, 30):
            page = find(self.catalogue, "n", offset=offset, limit=30)
            self.assertEqual(page.total, 120)
            seen += [item.name for item in page.items]
            self.catalogue.set_online(ALICE, "r", offset % 60 == 0)
        self.assertEqual(seen, names)
        self.assertEqual(find(self.catalogue, "n", offset=500).items, ())

    def test_what_goes_meanwhile_is_left_out(self) -> None:
        """A page shows nothing that nobody has any more."""
        self.share(["one"], ["two"])
        search = self.catalogue.searches.begin("", None, "name")
        for _ in search.steps():
            self.catalogue.forget(ALICE)
        self.assertEqual(
            [i.name for i in self.catalogue.searches.page(search, 0, 9).items], ["two"]
        )

    @given(
        st.lists(st.text("aAbß.\n 1", max_size=6), max_size=8),
        st.lists(st.text("abs.1", min_size=1, max_size=2), max_size=2),
    )
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_agrees_with_a_plain_look(self, names: list[str], words: list[str]) -> None:
        """What is found is what looking at one name after the other finds."""
        shares = announcement(names).shares
        text = NameText(shares.values())
        search = Matches(" ".join(words), "name", [lambda: text], lambda _: True)
        for _ in search.steps():
            pass
        plain = sorted(
            (share.name.casefold().replace("\n", " "), share.info_hash)
            for share in shares.values()
            if all(word.casefold() in share.name.casefold() for word in words)
        )
        self.assertEqual([share.info_hash for share in search.page(0, 99)], [h for _, h in plain])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([ALICE, BOB, "carol@example.org"]),
                st.sampled_from(["desk", "den"]),
                st.booleans(),
                st.dictionaries(
                    st.integers(0, 5),
                    st.tuples(st.text("aB\n", max_size=2), st.integers(0, 3)),
                    max_size=4,
                ),
            ),
            max_size=6,
        ),
        st.sampled_from(["", "", "a", "b a", "000000", "00000003"]),
        st.sampled_from(SORTS),
        st.tuples(st.integers(0, 7), st.integers(1, 7)),
        st.builds(Filter, st.booleans(), st.integers(0, 2), st.integers(1, 3)),
    )
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_the_index_follows_every_change(
        self,
        said: list[tuple[str, str, bool, dict[int, tuple[str, int]]]],
        query: str,
        sort: str,
        page: tuple[int, int],
        only: Filter,
    ) -> None:
        """After each change, what is found is what ranking every single thing would give."""
        catalogue = Catalogue()
        for jid, resource, online, named in said:
            shares = {info_hash(n): Share(info_hash(n), *share) for n, share in named.items()}
            catalogue.replace_item(jid, resource, [Announcement(resource, shares)])
            catalogue.set_online(jid, resource, online)
            for wanted in (only, Filter()):
                expected = plain_look(catalogue, query, sort, wanted)
                offset, limit = page
                self.assertEqual(
                    find(catalogue, query, None, sort, offset=offset, limit=limit, only=wanted),
                    FoundPage(len(expected), tuple(expected[offset : offset + limit])),
                )

    def test_a_restored_list_is_made_ready(self) -> None:
        """What is made ready after a start is found like anything else."""
        record = ResourceRecord(ALICE, "r", Announcement("r"), 0.0)
        self.catalogue.restore(record, list(announcement(["b", "a"]).shares.values()))
        self.assertEqual(len(list(self.catalogue.prepare())), 1)
        self.assertEqual(self.found("", "name"), ["a", "b"])

    def test_a_few_of_many(self) -> None:
        """Few of a size among many are found in the order of their names."""
        catalogue = Catalogue()
        catalogue.replace_item(ALICE, "r", [announcement([f"n{n % 7}{n}" for n in range(200)])])
        found = find(catalogue, "", only=Filter(min_size=10, max_size=13))
        self.assertEqual([item.name for item in found.items], ["n310", "n411", "n512", "n613"])
        self.assertEqual(found.total, 4)


def plain_look(catalogue: Catalogue, query: str, sort: str, only: Filter) -> list[Found]:
    """What should be found, by looking at one thing after the other."""

    def counts(share: Share) -> bool:
        return only.min_size <= share.size <= only.max_size

    wanted = SearchQuery(query)
    listings = [
        (not listing.online, jid, resource, listing.announcement.shares)
        for jid in catalogue.jids()
        for resource, listing in catalogue.listings(jid).items()
    ]
    shown: dict[InfoHash, Share] = {}
    holders: dict[InfoHash, set[str]] = {}
    there: set[InfoHash] = set()
    for away, jid, _, shares in sorted(listings, key=lambda listing: listing[:3]):
        there |= set() if away else shares.keys()
        for key, share in shares.items():
            holders.setdefault(key, set()).add(jid)
            named = all(word in folded(share.name) for word in query.split())
            matches = named or (wanted.hash_prefix and key.startswith(wanted.hash_prefix))
            # The first one is shown that matches and counts; without a query simply the first.
            if matches and (not query or counts(share)):
                shown.setdefault(key, share)

    def rank(share: Share) -> tuple[object, ...]:
        key, name = share.info_hash, folded(share.name)
        away = key not in there
        return {
            "name": (name, key),
            "size": (share.size, key),
            "largest": (-share.size, key),
            "online": (away, name, key),
            "match": (wanted.rank(name, share), away, name, key),
        }[sort]

    found = [s for s in shown.values() if counts(s) and (s.info_hash in there or not only.online)]
    # Which of several names is shown is another question.
    claims = {share.info_hash: catalogue.torrents.claims(share.info_hash) for share in found}
    return [
        Found(
            *(key, claims[key][0].name, claims[key][0].size),
            *(tuple(sorted(holders[key])), key in there),
            claims[key] if len(claims[key]) > 1 else (),
        )
        for share in sorted(found, key=rank)
        for key in (share.info_hash,)
    ]


class OrderTests(SynchronousTestCase):
    """Ranks, orders and bounds."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.catalogue = Catalogue()

    def announce(self, jid: str, *names: str) -> None:
        """Have a contact share files of these names; each name has a hash and a size of its own."""
        shares = [
            Share(InfoHash(name.encode().hex().ljust(40, "0")), name, len(name)) for name in names
        ]
        said = Announcement("home", {share.info_hash: share for share in shares})
        self.catalogue.replace_item(jid, "home", [said])

    def names(self, query: str = "", sort: str = "name", only: Filter = UNFILTERED) -> list[str]:
        """The names that a search finds, in order."""
        return [item.name for item in find(self.catalogue, query, sort=sort, only=only).items]

    def test_better_matches_come_first(self) -> None:
        """The whole name, its beginning, the beginning of a word, and at last within a word."""
        self.announce(ALICE, "a smart", "art", "art show", "z art")
        self.assertEqual(self.names("art", "match"), ["art", "art show", "z art", "a smart"])

    def test_six_digits_of_a_hash_suffice(self) -> None:
        """Five are taken for a word."""
        self.announce(ALICE, "film")
        digits = b"film".hex()
        for count, found in ((5, []), (6, ["film"]), (7, ["film"]), (8, ["film"])):
            self.assertEqual(self.names(digits[:count]), found)
        self.assertEqual(self.names(digits.ljust(12, "0")), ["film"])
        self.assertEqual(self.names(digits.ljust(12, "1")), [])

    def test_bounds_of_a_size_are_included(self) -> None:
        """With and without words."""
        self.announce(ALICE, "n", "nn", "nnn", "nnnn")
        only = Filter(min_size=2, max_size=3)
        for query in ("n", ""):
            self.assertEqual(self.names(query, only=only), ["nn", "nnn"])
            self.catalogue.set_online(ALICE, "home", True)
            online = Filter(online=True, min_size=2, max_size=3)
            self.assertEqual(self.names(query, only=online), ["nn", "nnn"])

    def test_a_share_is_online_if_one_device_is(self) -> None:
        """It comes before offline ones, although an offline device has it, too."""
        self.announce(ALICE, "a", "z")
        self.announce(BOB, "z")
        self.catalogue.set_online(BOB, "home", True)
        self.assertEqual(self.names(sort="online"), ["z", "a"])

    def test_the_latest_search_is_kept(self) -> None:
        """The same search again is the same object, until something changes."""
        self.announce(ALICE, "film")
        searches = self.catalogue.searches
        first = searches.begin("film")
        self.assertIsNot(searches.begin("film"), first, "it is not done")
        kept = searches.begin("film")
        self.assertEqual(len(list(kept.steps())), 1)
        self.assertTrue(kept.done)
        self.assertIs(searches.begin("film"), kept)
        self.assertIsNot(searches.begin("other"), kept)
        again = searches.begin("film")
        list(again.steps())
        self.catalogue.set_online(ALICE, "home", True)
        self.assertIsNot(searches.begin("film"), again)
