"""Searching and ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue import Catalogue
from bitween.model.search import Filter, Found, FoundPage, Matches, NameText, folded
from bitween.model.torrent import InfoHash

ALICE, BOB = "alice@example.org", "bob@example.org"


def info_hash(number: int) -> InfoHash:
    """An info-hash that begins with a number."""
    return InfoHash(f"{number:08x}".ljust(40, "0"))


def announcement(names: Sequence[str], start: int = 0) -> Announcement:
    """A list of shares with these names."""
    shares = [Share(info_hash(n), name, n) for n, name in enumerate(names, start)]
    return Announcement("r", {share.info_hash: share for share in shares})


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
        return [item.name for item in self.catalogue.find(query, sort=sort).items]

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

    def test_several_words(self) -> None:
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

    def test_an_info_hash(self) -> None:
        """Six digits or more find it, fewer do not; a name may have them as well."""
        self.share(["one", "two", "00000001 is a name"])
        self.assertEqual(self.found("00000001"), ["two", "00000001 is a name"])
        self.assertEqual(self.found(info_hash(1)), ["two"])
        self.assertEqual(self.found(info_hash(1)[:-1] + "1"), [])
        self.assertEqual(self.found("000001"), ["00000001 is a name"], "it does not begin so")
        self.assertEqual(self.found("00000"), ["00000001 is a name"])

    def test_one_torrent_under_two_names(self) -> None:
        """It is found by either and shown once, by the name of who is there if both match."""
        for jid, name in ((ALICE, "holiday alice"), (BOB, "holiday bob")):
            self.catalogue.replace_item(jid, "r", [announcement([name])])
        self.assertEqual(self.found("holiday"), ["holiday bob"])
        self.assertEqual(self.found("alice"), ["holiday alice"])
        self.assertEqual(self.catalogue.find("alice").items[0].contacts, (ALICE, BOB))

    def test_only_online(self) -> None:
        """What is away can be left out, and is not counted then; it comes when its owner does."""
        self.share(["one", "two"], ["two too"])
        found = self.catalogue.find("t", only=Filter(online=True))
        self.assertEqual(([item.name for item in found.items], found.total), (["two too"], 1))
        self.catalogue.set_online(ALICE, "r", True)
        self.assertEqual(self.catalogue.find("t", only=Filter(online=True)).total, 2)

    def test_by_size(self) -> None:
        """The largest or the smallest first, and only those between two sizes, both included."""
        self.share(["a0", "b1", "c2", "d3"], ["e1000", "f1001"])

        def named(sort: str, only: Filter) -> list[str]:
            return [item.name for item in self.catalogue.find("", sort=sort, only=only).items]

        self.assertEqual(self.found("", "largest"), ["f1001", "e1000", "d3", "c2", "b1", "a0"])
        self.assertEqual(named("size", Filter(min_size=1, max_size=3)), ["b1", "c2", "d3"])
        self.assertEqual(named("name", Filter(min_size=3)), ["d3", "e1000", "f1001"])
        self.assertEqual(named("largest", Filter(max_size=1000))[:2], ["e1000", "d3"])
        self.assertEqual(named("match", Filter(online=True, min_size=1001)), ["f1001"])

    def test_another_filter_is_another_search(self) -> None:
        """What was found last is not shown to one who wants less of it."""
        self.share(["a0", "b1"])
        self.assertEqual(self.catalogue.find("").total, 2)
        self.assertEqual(self.catalogue.find("", only=Filter(min_size=1)).total, 1)
        self.assertEqual(self.catalogue.find("").total, 2)

    def test_pages_go_on(self) -> None:
        """Page after page gives what the whole does, also when something changed between."""
        names = [f"n{number:03}" for number in range(120)]
        self.share(names[::2], names[1::2])
        seen: list[str] = []
        for offset in range(0, 120, 30):
            page = self.catalogue.find("n", offset=offset, limit=30)
            self.assertEqual(page.total, 120)
            seen += [item.name for item in page.items]
            self.catalogue.set_online(ALICE, "r", offset % 60 == 0)
        self.assertEqual(seen, names)
        self.assertEqual(self.catalogue.find("n", offset=500).items, ())

    def test_what_goes_meanwhile_is_left_out(self) -> None:
        """A page shows nothing that nobody has any more."""
        self.share(["one"], ["two"])
        search = self.catalogue.search("", None, "name")
        for _ in search.steps():
            self.catalogue.forget(ALICE)
        self.assertEqual([i.name for i in self.catalogue.page(search, 0, 9).items], ["two"])

    @given(
        st.lists(st.text("aAbß.\n 1", max_size=6), max_size=8),
        st.lists(st.text("abs.1", min_size=1, max_size=2), max_size=2),
    )
    def test_agrees_with_a_plain_look(self, names: list[str], words: list[str]) -> None:
        """What is found is what looking at one name after the other finds."""
        shares = announcement(names).shares
        text = NameText(shares)
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
                st.dictionaries(st.integers(0, 5), st.text("aB\n", max_size=2), max_size=4),
            ),
            max_size=6,
        ),
        st.sampled_from(["name", "size", "largest", "online", "match"]),
        st.integers(0, 7),
        st.integers(1, 7),
        st.builds(Filter, st.booleans(), st.integers(0, 2), st.integers(3, 9)),
    )
    def test_everything(
        self,
        said: list[tuple[str, str, bool, dict[int, str]]],
        sort: str,
        offset: int,
        limit: int,
        only: Filter,
    ) -> None:
        """A query of no words finds all that counts, as ranking every single one would."""
        catalogue = Catalogue()
        for jid, resource, online, names in said:
            shares = {info_hash(n): Share(info_hash(n), name, n) for n, name in names.items()}
            catalogue.replace_item(jid, resource, [Announcement(resource, shares)])
            catalogue.set_online(jid, resource, online)
        for wanted in (only, Filter()):
            self.assertEqual(
                catalogue.find("", None, sort, offset, limit, only=wanted),
                plain_look(catalogue, sort, offset, limit, wanted),
            )

    def test_a_few_of_many(self) -> None:
        """Few of a size among many are found in the order of their names."""
        catalogue = Catalogue()
        catalogue.replace_item(ALICE, "r", [announcement([f"n{n % 7}{n}" for n in range(200)])])
        found = catalogue.find("", only=Filter(min_size=10, max_size=13))
        self.assertEqual([item.name for item in found.items], ["n310", "n411", "n512", "n613"])
        self.assertEqual(found.total, 4)


def plain_look(catalogue: Catalogue, sort: str, offset: int, limit: int, only: Filter) -> FoundPage:
    """What a query of no words should find, by looking at one thing after the other."""
    listings = [
        (not listing.online, jid, resource, listing.announcement.shares)
        for jid in catalogue.jids()
        for resource, listing in catalogue.listings(jid).items()
    ]
    found: dict[InfoHash, Found] = {}
    for away, jid, _, shares in sorted(listings, key=lambda listing: listing[:3]):
        for key, share in shares.items():
            known = found.get(key, Found(key, share.name, share.size, (), not away))
            contacts = tuple(sorted({*known.contacts, jid}))
            found[key] = replace(known, contacts=contacts)

    def rank(item: Found) -> tuple[object, ...]:
        if sort in {"size", "largest"}:
            return (item.size if sort == "size" else -item.size, item.info_hash)
        name = folded(item.name)
        away = not item.online and sort != "name"
        return (sort == "match" and name != "", away, name, item.info_hash)

    counted = [
        item
        for item in found.values()
        if only.min_size <= item.size <= only.max_size and (item.online or not only.online)
    ]
    ordered = sorted(counted, key=rank)
    return FoundPage(len(counted), tuple(ordered[offset : offset + limit]))
