"""Devices of the catalogue: presence, loss, and the index by torrent."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Presence, ResourceRecord
from bitween.model.catalogue.devices import MAX_RESOURCES
from tests.support.announcements import ALICE, AWAY, BOB, HOME, announcement, info_hash, share


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
