"""What is in force in the catalogue, and what each call says that it changed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.annotation import Annotation
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import Presence
from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.model.catalogue.holders import MAX_ANNOTATED, CatalogueLimits
from tests.support.announcements import ALICE, AWAY, BOB, HOME, announcement, info_hash, share
from tests.support.catalogues import find


class CatalogueTests(SynchronousTestCase):
    """What is in force, and what each call says that it changed."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.catalogue = Catalogue()

    def names(self, **criteria: object) -> list[str]:
        """The names that a search finds, in order."""
        return [found.name for found in find(self.catalogue, **criteria).items]  # type: ignore[arg-type]  # as given

    def test_a_new_item_appears(self) -> None:
        """Every share of a new item is said to have appeared."""
        change = self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1, 2)])
        self.assertEqual({h.share.info_hash for h in change.appeared}, {info_hash(1), info_hash(2)})
        self.assertEqual({h.jid for h in change.appeared}, {ALICE})
        self.assertFalse(change.redialled, "nobody is online yet")

    def test_a_second_look_changes_nothing(self) -> None:
        """The same item again is no change."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.assertFalse(self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)]))

    def test_what_is_no_longer_said_is_gone(self) -> None:
        """A share that the item no longer lists goes; the others stay."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1, 2)])
        change = self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 2, 3)])
        self.assertEqual([h.share.info_hash for h in change.gone], [info_hash(1)])
        self.assertEqual([h.share.info_hash for h in change.appeared], [info_hash(3)])

    def test_only_who_is_online_is_a_source(self) -> None:
        """Presence decides who can be dialled, in whichever order item and presence come."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.assertEqual(self.catalogue.torrents.sources(info_hash(1)), [])
        change = self.catalogue.set_online(ALICE, "laptop", True)
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertEqual(self.catalogue.torrents.sources(info_hash(1))[0].addresses, (HOME,))
        self.catalogue.set_online(BOB, "phone", True)
        change = self.catalogue.replace_item(BOB, "phone", [announcement("phone", 1)])
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertEqual(len(self.catalogue.torrents.sources(info_hash(1))), 2)
        self.catalogue.set_online(ALICE, "laptop", False)
        self.assertEqual([s.jid for s in self.catalogue.torrents.sources(info_hash(1))], [BOB])

    def test_another_address_is_dialled(self) -> None:
        """When an online resource moves, all its torrents have another address to dial."""
        self.catalogue.set_online(ALICE, "laptop", True)
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        moved = announcement("laptop", 1, address=AWAY)
        change = self.catalogue.replace_item(ALICE, "laptop", [moved])
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertFalse(change.appeared)
        self.assertEqual(self.catalogue.torrents.sources(info_hash(1))[0].addresses, (AWAY,))

    def test_what_is_known_of_an_address_changes(self) -> None:
        """A change of candidates is a reason to dial; they are known while the device is online."""
        self.catalogue.set_online(ALICE, "laptop", True)
        said = announcement("laptop", 1)
        self.catalogue.replace_item(ALICE, "laptop", [said])
        candidates = (Candidate(HOME, CandidateKind.MAPPED, reached=True),)
        said = replace(said, candidates=candidates)
        change = self.catalogue.replace_item(ALICE, "laptop", [said])
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertFalse(self.catalogue.replace_item(ALICE, "laptop", [said]))
        self.catalogue.apply_page(ALICE, "laptop", ListPage("list", 1, (share(2),), reset=True))
        self.assertEqual(self.catalogue.candidates(ALICE, "laptop"), candidates)
        self.assertEqual([jid for jid, _ in self.catalogue.online_announcements()], [ALICE])
        self.catalogue.set_online(ALICE, "laptop", False)
        self.assertEqual(self.catalogue.candidates(ALICE, "laptop"), ())
        self.assertEqual(self.catalogue.candidates(BOB, "laptop"), ())
        self.assertEqual(list(self.catalogue.online_announcements()), [])

    def test_two_resources_do_not_overwrite_each_other(self) -> None:
        """One account's laptop and server each keep their own list."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.catalogue.replace_item(ALICE, "server", [announcement("server", 2)])
        self.catalogue.remove_item(ALICE, "laptop")
        self.assertEqual(list(self.catalogue.listings(ALICE)), ["server"])

    def test_one_item_with_several_resources(self) -> None:
        """The prototype's form: what the item leaves out later is gone."""
        both = [announcement("laptop", 1), announcement("server", 2)]
        self.catalogue.replace_item(ALICE, "current", both)
        change = self.catalogue.replace_item(ALICE, "current", both[:1])
        self.assertEqual([h.resource for h in change.gone], ["server"])

    def test_a_resource_s_own_item_wins(self) -> None:
        """Another item's mention of a resource neither replaces nor removes its own word."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.catalogue.replace_item(ALICE, "current", [announcement("laptop", 9)])
        self.assertEqual(self.names(), ["share 1"])
        self.catalogue.remove_item(ALICE, "current")
        self.assertEqual(self.names(), ["share 1"])

    def test_the_whole_node_replaces_what_was_known(self) -> None:
        """Items that are no longer on the server are dropped when all are read."""
        self.catalogue.replace_item(ALICE, "old", [announcement("old", 1)])
        self.catalogue.replace_items(ALICE, {"new": [announcement("new", 2)]})
        self.assertEqual(list(self.catalogue.listings(ALICE)), ["new"])

    def test_forgetting_a_contact(self) -> None:
        """Shares and presence of a contact go together."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.catalogue.set_online(ALICE, "laptop", True)
        change = self.catalogue.forget(ALICE)
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertEqual(self.catalogue.jids(), [])
        self.assertEqual(self.catalogue.online(ALICE), frozenset())
        self.assertFalse(self.catalogue.forget(ALICE))

    def test_a_lost_connection_takes_everybody_away(self) -> None:
        """Shares are kept for browsing, and nobody is a source."""
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.catalogue.set_online(ALICE, "laptop", True)
        self.catalogue.set_all_offline()
        self.assertEqual(self.catalogue.torrents.sources(info_hash(1)), [])
        self.assertEqual(self.names(), ["share 1"])

    def test_resources_are_bounded(self) -> None:
        """A contact cannot fill the memory with invented resources."""
        for number in range(MAX_RESOURCES * 2):
            self.catalogue.replace_item(ALICE, f"r{number}", [announcement(f"r{number}", number)])
            self.catalogue.set_online(ALICE, f"r{number}", True)
        self.assertEqual(len(self.catalogue.listings(ALICE)), MAX_RESOURCES)
        self.assertEqual(len(self.catalogue.online(ALICE)), MAX_RESOURCES)

    def test_a_search_joins_holders_sorts_and_pages(self) -> None:
        """A search joins holders, matches all words in any case, sorts and pages."""
        photos = Share(info_hash(1), "Holiday Photos", 5)
        film = Share(info_hash(2), "holiday film", 500)
        self.catalogue.replace_item(
            ALICE, "a", [Announcement("a", {photos.info_hash: photos, film.info_hash: film})]
        )
        self.catalogue.replace_item(BOB, "b", [Announcement("b", {film.info_hash: film})])
        self.catalogue.set_online(BOB, "b", True)
        self.assertEqual(self.names(query="PHOTOS holi"), ["Holiday Photos"])
        self.assertEqual(self.names(query=info_hash(2)), ["holiday film"])
        self.assertEqual(self.names(contact=BOB), ["holiday film"])
        self.assertEqual(self.names(sort="size"), ["Holiday Photos", "holiday film"])
        self.assertEqual(self.names(sort="online"), ["holiday film", "Holiday Photos"])
        page = find(self.catalogue, offset=1, limit=1)
        self.assertEqual((page.total, [f.name for f in page.items]), (2, ["Holiday Photos"]))
        found = find(self.catalogue, "film").items[0]
        self.assertEqual((found.contacts, found.online), ((ALICE, BOB), True))

    def test_another_name_is_another_share(self) -> None:
        """A share that is called otherwise takes the old one's place, also in searches."""
        self.catalogue.replace_item(ALICE, "a", [announcement("a", 1)])
        renamed = Announcement("a", {info_hash(1): share(1, "better")}, (HOME,))
        change = self.catalogue.replace_item(ALICE, "a", [renamed])
        self.assertEqual([h.share.name for h in change.appeared], ["better"])
        self.assertEqual([h.share.name for h in change.gone], ["share 1"])
        self.assertEqual(self.names(query="share"), [])
        self.assertEqual(self.names(query="better"), ["better"])

    def test_who_comes_and_goes_is_told(self) -> None:
        """A new resource, one that leaves and a lost link each are a change, shares or not."""
        come, gone = Presence(ALICE, "a", True), Presence(ALICE, "a", False)
        self.assertEqual(self.catalogue.set_online(ALICE, "a", True).presences, (come,))
        self.assertFalse(self.catalogue.set_online(ALICE, "a", True))
        self.assertEqual(self.catalogue.set_online(ALICE, "a", False).presences, (gone,))
        self.catalogue.set_online(ALICE, "a", True)
        self.assertEqual(self.catalogue.set_all_offline().presences, (gone,))
        self.catalogue.set_online(ALICE, "a", True)
        self.assertEqual(self.catalogue.forget(ALICE).presences, (gone,))

    def test_the_whole_roster(self) -> None:
        """Only those who are named are kept."""
        for jid in (ALICE, BOB):
            self.catalogue.replace_item(jid, "a", [announcement("a", 1)])
        change = self.catalogue.forget_all_but({BOB})
        self.assertEqual([holding.jid for holding in change.gone], [ALICE])
        self.assertEqual(self.catalogue.jids(), [BOB])

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["put", "drop", "on", "off", "forget", "delta", "lose"]),
                st.sampled_from([ALICE, BOB]),
                st.sampled_from(["a", "b", "current"]),
                st.sets(st.integers(0, 5)),
            )
        )
    )
    def test_the_index_agrees_with_the_listings(
        self, steps: list[tuple[str, str, str, set[int]]]
    ) -> None:
        """After any sequence of calls sources and sums are those of what the listings show."""
        catalogue = Catalogue()
        for step, jid, resource, numbers in steps:
            match step:
                case "put":
                    catalogue.replace_item(jid, resource, [announcement(resource, *numbers)])
                case "drop":
                    catalogue.remove_item(jid, resource)
                case "on" | "off":
                    catalogue.set_online(jid, resource, step == "on")
                case "delta":
                    gone = [info_hash(number) for number in range(3)]
                    added = [share(number, f"new {number}") for number in sorted(numbers)]
                    catalogue.apply_delta(jid, resource, added, gone, list_id="", revision=1)
                case "lose":
                    catalogue.forget_resource(jid, resource)
                case _:
                    catalogue.forget(jid)
        for number in range(6):
            expected = {
                (jid, resource)
                for jid in catalogue.jids()
                for resource, listing in catalogue.listings(jid).items()
                if listing.online and info_hash(number) in listing.announcement.shares
            }
            found = {(s.jid, s.resource) for s in catalogue.torrents.sources(info_hash(number))}
            self.assertEqual(found, expected)
        listed = {
            share.info_hash: name
            for jid in catalogue.jids()
            for listing in catalogue.listings(jid).values()
            for share in listing.announcement.shares.values()
            if "2" in (name := share.name)
        }
        found_names = {item.info_hash for item in find(catalogue, "2").items}
        self.assertEqual(found_names, set(listed))
        for jid in catalogue.jids():
            for listing in catalogue.listings(jid).values():
                sizes = [share.size for share in listing.announcement.shares.values()]
                self.assertEqual(listing.size, sum(sizes))


class BoundTests(SynchronousTestCase):
    """What many announcements may hold together."""

    def test_shares_of_a_contact(self) -> None:
        """The newest that fit are taken, and others still find room."""
        catalogue = Catalogue(limits=CatalogueLimits(contact_shares=3, shares=4))
        catalogue.replace_item(ALICE, "a", [announcement("a", 1, 2)])
        catalogue.replace_item(ALICE, "b", [announcement("b", 3, 4)])
        self.assertEqual(list(catalogue.listings(ALICE)["b"].announcement.shares), [info_hash(4)])
        self.assertEqual(catalogue.torrents.refused, 1)
        catalogue.replace_item(BOB, "c", [announcement("c", 5, 6)])
        self.assertEqual(find(catalogue).total, 4)
        catalogue.forget(ALICE)
        catalogue.replace_item(BOB, "d", [announcement("d", 7)])
        self.assertEqual(find(catalogue).total, 2)

    def test_annotations_are_bounded(self) -> None:
        """A device's first ones are kept; further shares are kept without theirs."""
        catalogue = Catalogue()
        noted = {
            info_hash(n): replace(share(n), annotation=Annotation("x"))
            for n in range(1, MAX_ANNOTATED + 3)
        }
        catalogue.replace_item(ALICE, "a", [Announcement("a", noted)])
        kept = catalogue.listings(ALICE)["a"].announcement.shares
        self.assertEqual(len(kept), len(noted))
        self.assertEqual(sum(bool(one.annotation) for one in kept.values()), MAX_ANNOTATED)
        catalogue.replace_item(ALICE, "a", [Announcement("a", dict(list(noted.items())[-2:]))])
        kept = catalogue.listings(ALICE)["a"].announcement.shares
        self.assertEqual([bool(one.annotation) for one in kept.values()], [True, True])

    def test_a_delta_is_bounded(self) -> None:
        """A list cannot grow without end by small steps."""
        catalogue = Catalogue(limits=CatalogueLimits(contact_shares=3))
        catalogue.replace_item(ALICE, "a", [announcement("a", 1, 2)])
        added = [share(number) for number in range(3, 9)]
        catalogue.apply_delta(ALICE, "a", added, [], list_id="", revision=0)
        self.assertEqual(find(catalogue).total, 3)
