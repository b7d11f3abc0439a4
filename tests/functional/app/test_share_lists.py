"""Share lists of which a PEP item tells only a part."""

from __future__ import annotations

from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.events import ItemPublished, ListingReceived
from tests.support.application_case import (
    BOB,
    BOBS_ADDRESS,
    ApplicationCase,
)
from tests.support.fakes.lists import numbered


class ShareListTests(ApplicationCase):
    """The rest is read from the device."""

    def hear(self, head: Announcement) -> Announcement:
        """Publish an item of bob, whose whole list has 20 shares; what alice knows of it then."""
        shares = {share.info_hash: share for share in numbered(20)}
        whole = Announcement("laptop", shares, (BOBS_ADDRESS,), "theirs", 20)
        self.server.account(BOB).items["laptop"] = whole
        event = ItemPublished(jid=BOB, item_id="laptop", announcements=(head,))
        self.messenger.events.notify(event)
        return self.bitween.shares.listings()[BOB]["laptop"].announcement

    def part(self, *shares: Share, since: int, revision: int) -> Announcement:
        """An item with only the last changes of bob's list."""
        known = {share.info_hash: share for share in shares}
        return Announcement(
            "laptop",
            known,
            (BOBS_ADDRESS,),
            "theirs",
            revision,
            complete=False,
            since=since,
        )

    def test_a_missing_part_of_a_list_is_read(self) -> None:
        """The device itself sends it."""
        head = self.part(*numbered(20)[-2:], since=18, revision=20)
        known = self.hear(head)
        self.assertEqual(set(known.shares.values()), set(numbered(20)))
        self.assertEqual((known.revision, known.complete), (20, True))

    def test_the_list_of_an_offline_device_is_not_read(self) -> None:
        """It is read once the device comes online."""
        self.bob.stop()
        known = self.hear(self.part(*numbered(20)[-2:], since=18, revision=20))
        self.assertEqual((list(known.shares.values()), known.complete), (numbered(20)[-2:], False))
        self.bob.start()
        known = self.bitween.shares.listings()[BOB]["laptop"].announcement
        self.assertEqual(len(known.shares), 20)

    def test_an_item_that_continues_the_known_list_is_enough(self) -> None:
        """Nothing is read then."""
        self.hear(self.part(*numbered(20)[-2:], since=18, revision=20))
        known = self.hear(self.part(numbered(21)[-1], since=20, revision=21))
        self.assertEqual(set(known.shares.values()), set(numbered(21)))
        self.assertEqual((known.revision, known.complete), (21, True))

    def test_pages_of_unknown_devices_change_nothing(self) -> None:
        """Neither those of a stranger nor those of a device that announces nothing."""
        page = ListPage("x", 1, tuple(numbered(3)), reset=True, complete=True)
        for jid, resource in (("mallory@example.org", "x"), (BOB, "desk")):
            self.messenger.events.notify(ListingReceived(jid=jid, resource=resource, page=page))
        self.assertEqual(self.find().total, 0)
