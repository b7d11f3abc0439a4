"""The catalogue of what contacts share."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.annotation import Annotation
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Presence, ResourceRecord
from bitween.model.catalogue.devices import MAX_RESOURCES
from bitween.model.catalogue.holders import MAX_ANNOTATED, CatalogueLimits
from bitween.model.torrent import InfoHash
from tests.support.catalogues import find

ALICE, BOB = "alice@example.org", "bob@example.org"
HOME = PeerAddress.parse("192.0.2.7", 6881)
AWAY = PeerAddress.parse("198.51.100.9", 6881)


def info_hash(number: int) -> InfoHash:
    """An info-hash for a small number."""
    return InfoHash(f"{number:040x}")


def share(number: int, name: str | None = None) -> Share:
    """A share with that hash."""
    return Share(info_hash(number), name or f"share {number}", number)


def announcement(resource: str, *numbers: int, address: PeerAddress = HOME) -> Announcement:
    """What a resource says that shares these."""
    return Announcement(resource, {info_hash(n): share(n) for n in numbers}, (address,))


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


class ListTests(SynchronousTestCase):
    """Lists that come in parts."""

    def setUp(self) -> None:
        """Alice's laptop has a list of two."""
        self.catalogue = Catalogue()
        self.say(1, 2, revision=2)

    def say(
        self,
        *numbers: int,
        revision: int,
        complete: bool = True,
        list_id: str = "x",
        since: int = 0,
    ) -> CatalogueChange:
        """Have the laptop's item say this."""
        shares = {info_hash(n): share(n) for n in numbers}
        said = Announcement("laptop", shares, (HOME,), list_id, revision, complete, since)
        return self.catalogue.replace_item(ALICE, "laptop", [said])

    def delta(self, *added: int, gone: int, revision: int, list_id: str = "x") -> CatalogueChange:
        """Have the list change."""
        return self.catalogue.apply_delta(
            ALICE,
            "laptop",
            [share(n) for n in added],
            [info_hash(gone)],
            list_id=list_id,
            revision=revision,
        )

    def known(self) -> tuple[list[int], int, bool]:
        """The numbers, the revision, and whether that is all."""
        said = self.catalogue.listings(ALICE)["laptop"].announcement
        return [s.size for s in said.shares.values()], said.revision, said.complete

    def test_a_delta_changes_shares_and_revision(self) -> None:
        """Shares come and go, and the revision is the new one."""
        change = self.delta(2, 3, gone=1, revision=4)
        self.assertEqual([h.share.size for h in change.appeared], [3])
        self.assertEqual([h.share.size for h in change.gone], [1])
        self.assertEqual(self.known(), ([2, 3], 4, True))
        self.assertEqual(change.records[ALICE, "laptop"].announcement.revision, 4)  # type: ignore[union-attr]  # it is there

    def test_a_delta_of_another_list(self) -> None:
        """What does not belong to the list that we have is no use."""
        self.assertFalse(self.delta(9, gone=1, revision=4, list_id="y"))
        self.assertFalse(
            self.catalogue.apply_delta(BOB, "x", [share(1)], [], list_id="x", revision=1)
        )
        self.assertEqual(self.known(), ([1, 2], 2, True))

    def test_the_head_of_a_longer_list(self) -> None:
        """It adds to what we have, and leaves the revision to go on from."""
        change = self.say(3, revision=5, complete=False, since=4)
        self.assertEqual([h.share.size for h in change.appeared], [3])
        self.assertEqual(self.known(), ([1, 2, 3], 2, False))

    def test_a_head_that_is_old(self) -> None:
        """It brings nothing back that was removed since."""
        self.delta(gone=1, revision=6)
        self.assertFalse(self.say(1, revision=2, complete=False))
        self.assertEqual(self.known(), ([2], 6, True))

    def test_the_head_of_another_list(self) -> None:
        """A list that begins again replaces the old one."""
        self.say(3, revision=7, complete=False, list_id="y", since=6)
        self.assertEqual(self.known(), ([3], 0, False))

    def test_a_list_keeps_its_order(self) -> None:
        """A whole list is kept in its own order, oldest first."""
        self.say(3, 2, 1, revision=9)
        self.assertEqual(self.known()[0], [3, 2, 1])


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


class LostDeviceTests(SynchronousTestCase):
    """Resources that are gone for good."""

    def setUp(self) -> None:
        """Alice's laptop spoke at 100 s."""
        self.now = 100.0
        self.catalogue = Catalogue(lambda: self.now)
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])

    def test_news_and_presence_count_as_sightings(self) -> None:
        """News and presence count; the same item, read again from the server, does not."""
        self.now = 200.0
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        self.assertEqual(self.catalogue.unseen_since(150.0), [(ALICE, "laptop")])
        self.catalogue.set_online(ALICE, "laptop", True)
        self.now = 300.0
        self.assertEqual(self.catalogue.unseen_since(1000.0), [], "it is there")
        self.catalogue.set_online(ALICE, "laptop", False)
        self.assertEqual(self.catalogue.listings(ALICE)["laptop"].last_seen, 300.0)
        self.now = 400.0
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 2)])
        self.assertEqual(self.catalogue.unseen_since(350.0), [])

    def test_who_stays_for_months(self) -> None:
        """A resource that never leaves is noted as seen, should the daemon be killed."""
        self.catalogue.set_online(ALICE, "laptop", True)
        self.now = 200.0
        record = self.catalogue.refresh_last_seen().records[ALICE, "laptop"]
        assert record is not None
        self.assertEqual(record.last_seen, 200.0)

    def test_a_forgotten_one_stays_so(self) -> None:
        """Its old item on the server does not bring it back; something new does."""
        change = self.catalogue.forget_resource(ALICE, "laptop")
        self.assertEqual([holding.resource for holding in change.gone], ["laptop"])
        same = {"laptop": [announcement("laptop", 1)]}
        self.assertFalse(self.catalogue.replace_items(ALICE, same))
        self.catalogue.replace_items(ALICE, {"laptop": [announcement("laptop", 1, 2)]})
        self.assertEqual(list(self.catalogue.listings(ALICE)), ["laptop"])

    def test_a_forgotten_one_comes_online(self) -> None:
        """Then its item counts again, as it stands."""
        self.catalogue.forget_resource(ALICE, "laptop")
        change = self.catalogue.set_online(ALICE, "laptop", True)
        self.assertEqual(change.records, {(ALICE, "laptop"): None})
        self.assertTrue(self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)]))

    def test_forgetting_is_kept_over_a_restart(self) -> None:
        """What is forgotten is so in the next run."""
        change = self.catalogue.forget_resource(ALICE, "laptop")
        record = change.records[ALICE, "laptop"]
        assert record is not None
        later = Catalogue()
        later.restore(record, ())
        self.assertFalse(later.replace_item(ALICE, "laptop", [announcement("laptop", 1)]))

    def test_what_is_restored_is_away(self) -> None:
        """A long list may come in portions; the presence comes from XMPP."""
        record = ResourceRecord(ALICE, "laptop", Announcement("laptop", list_id="x"), 50.0)
        later = Catalogue()
        for number in (1, 2):
            later.restore(record, [share(number)])
        listing = later.listings(ALICE)["laptop"]
        self.assertEqual(list(listing.announcement.shares), [info_hash(1), info_hash(2)])
        self.assertEqual((listing.online, listing.last_seen), (False, 50.0))
        self.assertEqual(
            later.set_online(ALICE, "laptop", True).redialled, set(map(info_hash, (1, 2)))
        )

    def test_a_new_announcement_ends_forgetting(self) -> None:
        """After it, the announcement that was forgotten counts again."""
        self.catalogue.forget_resource(ALICE, "laptop")
        for numbers in ((1, 2), (1,)):
            item = [announcement("laptop", *numbers)]
            self.assertTrue(self.catalogue.replace_item(ALICE, "laptop", item))

    def test_few_forgotten_devices_are_remembered(self) -> None:
        """Of more than the most devices, the one that was forgotten first may come back."""
        names = [f"device {number}" for number in range(MAX_RESOURCES + 1)]
        for name in names[:-1]:
            self.catalogue.replace_item(BOB, name, [announcement(name, 1)])
            change = self.catalogue.forget_resource(BOB, name)
            self.assertEqual([key for key, record in change.records.items() if not record], [])
        self.catalogue.replace_item(BOB, names[-1], [announcement(names[-1], 1)])
        change = self.catalogue.forget_resource(BOB, names[-1])
        self.assertEqual(
            [key for key, record in change.records.items() if not record], [(BOB, names[0])]
        )
        back = [
            self.catalogue.replace_item(BOB, name, [announcement(name, 1)]) for name in names[:2]
        ]
        self.assertEqual(list(map(bool, back)), [True, False])

    def test_a_time_itself_is_not_before_it(self) -> None:
        """A device that was seen at a time was not unseen since then."""
        self.assertEqual(self.catalogue.unseen_since(100.0), [])
        self.assertEqual(self.catalogue.unseen_since(100.1), [(ALICE, "laptop")])

    def test_only_what_changes_is_stored_again(self) -> None:
        """Refreshing writes the records of online devices, and of those seen in the future."""
        self.catalogue.replace_item(BOB, "desk", [announcement("desk", 1)])
        self.assertEqual(self.catalogue.refresh_last_seen().records, {})
        self.now = 50.0
        self.assertEqual(
            set(self.catalogue.refresh_last_seen().records), {(ALICE, "laptop"), (BOB, "desk")}
        )

    def test_a_contact_is_restored_with_few_devices(self) -> None:
        """Beyond the most devices of a contact, records are ignored."""
        later = Catalogue()
        for number in range(MAX_RESOURCES + 1):
            name = f"device {number:03}"
            later.restore(ResourceRecord(BOB, name, Announcement(name), 1.0), ())
        self.assertEqual(len(later.listings(BOB)), MAX_RESOURCES)
        self.assertNotIn(f"device {MAX_RESOURCES:03}", later.listings(BOB))


class PresenceTests(SynchronousTestCase):
    """Devices come and go."""

    def setUp(self) -> None:
        """Let Alice's two devices be online, each with a share."""
        self.catalogue = Catalogue()
        for number, name in enumerate(("desk", "laptop"), 1):
            self.catalogue.replace_item(ALICE, name, [announcement(name, number)])
            self.catalogue.set_online(ALICE, name, True)

    def test_who_goes_is_not_online(self) -> None:
        """Neither one device nor, when the connection is lost, all of them."""
        self.assertEqual(self.catalogue.online(ALICE), {"desk", "laptop"})
        self.catalogue.set_online(ALICE, "desk", False)
        self.assertEqual(self.catalogue.online(ALICE), {"laptop"})
        change = self.catalogue.set_all_offline()
        self.assertEqual(self.catalogue.online(ALICE), set())
        self.assertEqual(set(change.records), {(ALICE, "laptop")})
        self.assertTrue(self.catalogue.set_online(ALICE, "laptop", True), "it can come back")

    def test_nothing_changes(self) -> None:
        """A call that changes nothing returns an empty change."""
        catalogue = self.catalogue
        page = ListPage("list", 1, (share(9),), reset=True)
        empty = CatalogueChange()
        self.assertEqual(catalogue.set_online(ALICE, "desk", True), empty)
        self.assertEqual(catalogue.remove_item(BOB, "x"), empty)
        self.assertEqual(catalogue.replace_items(BOB, {}), empty)
        self.assertEqual(catalogue.forget(BOB), empty)
        self.assertEqual(catalogue.forget_all_but([ALICE]), empty)
        self.assertEqual(catalogue.forget_resource(ALICE, "phone"), empty)
        self.assertEqual(catalogue.apply_page(ALICE, "phone", page), empty)
        delta = catalogue.apply_delta(ALICE, "desk", [], [], list_id="other", revision=1)
        self.assertEqual(delta, empty)

    def test_one_device_too_many(self) -> None:
        """Beyond the most devices of a contact, none more counts as online."""
        for number in range(MAX_RESOURCES):
            self.catalogue.set_online(BOB, f"device {number}", True)
        self.assertEqual(self.catalogue.set_online(BOB, "more", True), CatalogueChange())
        self.assertEqual(len(self.catalogue.online(BOB)), MAX_RESOURCES)

    def test_only_what_is_new_is_dialled_for(self) -> None:
        """A further share of an online device is no reason to dial it for its others."""
        change = self.catalogue.replace_item(ALICE, "desk", [announcement("desk", 1, 3)])
        self.assertEqual(change.redialled, {info_hash(3)})
        gone = self.catalogue.replace_item(ALICE, "desk", [announcement("desk", 3)])
        self.assertEqual(gone.redialled, {info_hash(1)})
        moved = self.catalogue.replace_item(ALICE, "desk", [announcement("desk", 3, address=AWAY)])
        self.assertEqual(moved.redialled, {info_hash(3)})

    def test_a_first_page_is_a_change(self) -> None:
        """The page of a new list replaces the old one."""
        page = ListPage("list", 1, (share(9),), reset=True)
        change = self.catalogue.apply_page(ALICE, "desk", page)
        self.assertEqual([holding.share for holding in change.appeared], [share(9)])
        self.assertEqual([holding.share for holding in change.gone], [share(1)])

    def test_forgetting_all_others_is_a_change(self) -> None:
        """It is the same as forgetting each of them."""
        self.catalogue.set_online(BOB, "home", True)
        change = self.catalogue.forget_all_but([ALICE])
        self.assertEqual(change.presences, (Presence(BOB, "home", False),))

    def test_contacts_at_an_address(self) -> None:
        """Address and port count, or the address alone; online or not."""
        self.catalogue.replace_item(BOB, "home", [announcement("home", address=AWAY)])
        self.catalogue.set_online(ALICE, "laptop", False)
        jids_at = self.catalogue.jids_at
        self.assertEqual(jids_at(HOME.address, HOME.port), {ALICE})
        self.assertEqual(jids_at(AWAY.address, None), {BOB})
        self.assertEqual(jids_at(AWAY.address, AWAY.port + 1), set())
        self.assertEqual(jids_at("203.0.113.1", None), set())


class IndexTests(SynchronousTestCase):
    """Devices by torrent."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.catalogue = Catalogue()

    def announce(self, jid: str, *shares: Share, address: PeerAddress = HOME) -> None:
        """Have a contact's only device announce shares, and come online."""
        said = Announcement("home", {each.info_hash: each for each in shares}, (address,))
        self.catalogue.replace_item(jid, "home", [said])
        self.catalogue.set_online(jid, "home", True)

    def test_every_reachable_torrent_comes_once(self) -> None:
        """It comes with the addresses of all online devices that have it, and only of these."""
        self.announce(ALICE, share(1), share(2), address=HOME)
        self.announce(BOB, share(1), address=AWAY)
        reachable = list(self.catalogue.torrents.reachable())
        self.assertEqual(len(reachable), 2)
        self.assertEqual(
            dict(reachable),
            {info_hash(1): frozenset({HOME, AWAY}), info_hash(2): frozenset({HOME})},
        )
        self.catalogue.set_online(ALICE, "home", False)
        reachable = list(self.catalogue.torrents.reachable())
        self.assertEqual(reachable, [(info_hash(1), frozenset({AWAY}))])

    def test_sizes_that_contacts_announce(self) -> None:
        """Each of them, once."""
        self.announce(ALICE, Share(info_hash(1), "a", 5))
        self.announce(BOB, Share(info_hash(1), "a", 6))
        self.assertEqual(self.catalogue.torrents.sizes(info_hash(1)), {5, 6})
        self.assertEqual(self.catalogue.torrents.sizes(info_hash(2)), frozenset())

    def test_what_most_contacts_announce_comes_first(self) -> None:
        """Even if another contact announced it before."""
        self.announce(ALICE, Share(info_hash(1), "rare", 1))
        for jid in (BOB, "carol@example.org"):
            self.announce(jid, Share(info_hash(1), "common", 1))
        names = [claim.name for claim in self.catalogue.torrents.claims(info_hash(1))]
        self.assertEqual(names, ["common", "rare"])

    def test_a_delta_changes_a_share(self) -> None:
        """A new name replaces the old one, and both are in the change."""
        said = Announcement("home", {info_hash(1): share(1)}, list_id="list", revision=1)
        self.catalogue.replace_item(ALICE, "home", [said])
        new = share(1, "new name")
        change = self.catalogue.apply_delta(ALICE, "home", [new], [], list_id="list", revision=2)
        self.assertEqual([holding.share for holding in change.gone], [share(1)])
        self.assertEqual([holding.share for holding in change.appeared], [new])
        self.assertEqual(self.catalogue.share_of(ALICE, "home", info_hash(1)), new)

    def test_a_whole_list_without_a_name_is_complete(self) -> None:
        """Its revision is unknown, but there is nothing more to read."""
        self.announce(ALICE, share(1))
        self.assertTrue(self.catalogue.listings(ALICE)["home"].announcement.complete)
