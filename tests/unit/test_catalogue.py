"""The catalogue of what contacts share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue import MAX_RESOURCES, Catalogue
from bitween.model.torrent import InfoHash

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
        return [found.name for found in self.catalogue.find(**criteria).items]  # type: ignore[arg-type]  # as given

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
        self.assertEqual(self.catalogue.sources(info_hash(1)), [])
        change = self.catalogue.set_online(ALICE, "laptop", True)
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertEqual(self.catalogue.sources(info_hash(1))[0].addresses, (HOME,))
        self.catalogue.set_online(BOB, "phone", True)
        change = self.catalogue.replace_item(BOB, "phone", [announcement("phone", 1)])
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertEqual(len(self.catalogue.sources(info_hash(1))), 2)
        self.catalogue.set_online(ALICE, "laptop", False)
        self.assertEqual([s.jid for s in self.catalogue.sources(info_hash(1))], [BOB])

    def test_another_address_is_dialled(self) -> None:
        """When an online resource moves, all its torrents have another address to dial."""
        self.catalogue.set_online(ALICE, "laptop", True)
        self.catalogue.replace_item(ALICE, "laptop", [announcement("laptop", 1)])
        moved = announcement("laptop", 1, address=AWAY)
        change = self.catalogue.replace_item(ALICE, "laptop", [moved])
        self.assertEqual(change.redialled, {info_hash(1)})
        self.assertFalse(change.appeared)
        self.assertEqual(self.catalogue.sources(info_hash(1))[0].addresses, (AWAY,))

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
        self.catalogue.all_offline()
        self.assertEqual(self.catalogue.sources(info_hash(1)), [])
        self.assertEqual(self.names(), ["share 1"])

    def test_resources_are_bounded(self) -> None:
        """A contact cannot fill the memory with invented resources."""
        for number in range(MAX_RESOURCES * 2):
            self.catalogue.replace_item(ALICE, f"r{number}", [announcement(f"r{number}", number)])
            self.catalogue.set_online(ALICE, f"r{number}", True)
        self.assertEqual(len(self.catalogue.listings(ALICE)), MAX_RESOURCES)
        self.assertEqual(len(self.catalogue.online(ALICE)), MAX_RESOURCES)

    def test_find(self) -> None:
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
        page = self.catalogue.find(offset=1, limit=1)
        self.assertEqual((page.total, [f.name for f in page.items]), (2, ["Holiday Photos"]))
        found = self.catalogue.find("film").items[0]
        self.assertEqual((found.contacts, found.online), ((ALICE, BOB), True))

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["put", "drop", "on", "off", "forget"]),
                st.sampled_from([ALICE, BOB]),
                st.sampled_from(["a", "b", "current"]),
                st.sets(st.integers(0, 5)),
            )
        )
    )
    def test_the_index_agrees_with_the_listings(
        self, steps: list[tuple[str, str, str, set[int]]]
    ) -> None:
        """After any sequence of calls the sources are those that the listings show."""
        catalogue = Catalogue()
        for step, jid, resource, numbers in steps:
            match step:
                case "put":
                    catalogue.replace_item(jid, resource, [announcement(resource, *numbers)])
                case "drop":
                    catalogue.remove_item(jid, resource)
                case "on" | "off":
                    catalogue.set_online(jid, resource, step == "on")
                case _:
                    catalogue.forget(jid)
        for number in range(6):
            expected = {
                (jid, resource)
                for jid in catalogue.jids()
                for resource, listing in catalogue.listings(jid).items()
                if listing.online and info_hash(number) in listing.announcement.shares
            }
            found = {(s.jid, s.resource) for s in catalogue.sources(info_hash(number))}
            self.assertEqual(found, expected)
