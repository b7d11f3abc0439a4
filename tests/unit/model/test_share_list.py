"""Our list with its history, and a reader who follows it: whatever happens, they agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.share_list import MAX_GONE, Change, ShareList, new_list_id
from bitween.model.torrent import InfoHash
from bitween.xmpp.shares.item_codec import OwnPlaces, changed_item, parse_item, whole_item
from bitween.xmpp.shares.list_codec import ListQuery, page_element, parse_page
from tests.support.fakes.lists import listed, numbered


class ShareListTests(SynchronousTestCase):
    """Revisions and what changed since."""

    def test_every_change_has_its_own_revision(self) -> None:
        """Additions, changes and removals count one by one; what is the same counts for nothing."""
        one, two, three = numbered(3)
        shares = ShareList("list")
        self.assertFalse(shares.update([]))
        self.assertEqual([c.revision for c in shares.update([one, two]).changes], [1, 2])
        self.assertFalse(shares.update([two, Share(one.info_hash, one.name, one.size)]))
        renamed = Share(one.info_hash, "other", 7)
        update = shares.update([renamed, three])
        self.assertEqual(
            update.changes,
            (
                Change(3, two.info_hash, None),
                Change(4, one.info_hash, renamed),
                Change(5, three.info_hash, three),
            ),
        )
        self.assertEqual((shares.revision, len(shares), shares.size), (5, 2, 9))

    def test_what_changed_since(self) -> None:
        """In order of revision, each share once; removals that are known anyway are left out."""
        one, two, three = numbered(3)
        shares = listed([one, two])
        shares.update([one])
        shares.update([one, three])
        self.assertEqual([c.revision for c in shares.changes(0)], [1, 3, 4])
        self.assertEqual([c.revision for c in shares.changes(0, 3)], [1, 4])
        self.assertEqual([c.revision for c in shares.changes(3)], [4])
        self.assertEqual([c.revision for c in shares.newest_first()], [4, 3, 1])

    def test_old_removals_are_forgotten(self) -> None:
        """The last 2,000 stay; the horizon says up to where they are not known."""
        shares = listed(numbered(MAX_GONE + 10))
        forgotten = shares.update([]).forgotten
        self.assertEqual(len(forgotten), 10)
        self.assertEqual(shares.horizon, MAX_GONE + 20)
        self.assertEqual(len(list(shares.changes(0))), MAX_GONE)
        self.assertEqual((len(shares), shares.size), (0, 0))

    def test_the_history_stays_small(self) -> None:
        """A share that changes ever again does not make it grow."""
        shares = ShareList("list")
        for n in range(5000):
            shares.update([Share(InfoHash("a" * 40), f"name {n}", n)])
        self.assertLess(len(shares._log), 200)  # noqa: SLF001  # what the memory holds
        self.assertEqual([c.revision for c in shares.changes(0)], [5000])

    def test_the_number_of_changes_counts_from_the_end(self) -> None:
        """A server of lists tells how much a reader has left to read."""
        shares = listed(numbered(5))
        self.assertEqual([shares.about(after) for after in (0, 2, 5)], [5, 3, 0])

    def test_a_share_that_returns_is_no_longer_a_removal(self) -> None:
        """Only what is gone now counts against the removals that are remembered."""
        one, two = numbered(2)
        shares = ShareList("list", most_gone=1)
        shares.update([one, two])
        shares.update([two])
        shares.update([one, two])
        self.assertEqual(shares.update([one]).forgotten, ())
        self.assertEqual(shares.horizon, 0)

    def test_ids_are_unique(self) -> None:
        """Each has 16 digits of its own."""
        ids = {new_list_id() for _ in range(10)}
        self.assertEqual(({len(each) for each in ids}, len(ids)), ({16}, 10))

    def test_a_new_history(self) -> None:
        """It has another name and the same shares, and knows of no removal."""
        shares = listed(numbered(3))
        shares.update(numbered(2))
        changes = shares.renew("other")
        self.assertEqual([c.revision for c in changes], [1, 2])
        self.assertEqual((shares.list_id, shares.revision, shares.horizon), ("other", 2, 0))

    def test_it_can_be_taken_up_again(self) -> None:
        """What was kept makes the same list."""
        shares = listed(numbered(50))
        shares.update(numbered(20))
        again = ShareList(shares.list_id, shares.changes(0), shares.horizon)
        self.assertEqual(list(again.changes(0)), list(shares.changes(0)))
        self.assertEqual((again.revision, again.size), (shares.revision, shares.size))
        self.assertFalse(again.update(numbered(20)))


class HeadTests(SynchronousTestCase):
    """What is known of a list after its head or a page."""

    SHARES = numbered(4)
    HERE = (PeerAddress.parse("10.0.0.1", 1),)

    def setUp(self) -> None:
        """Have a catalogue."""
        self.catalogue = Catalogue()

    def hear(self, count: int, *, revision: int = 10, complete: bool = True) -> None:
        """Come to know a list."""
        self.catalogue.replace_item("b@x", "r", [Announcement("r", {}, (), "list")])
        page = ListPage("list", revision, tuple(self.SHARES[:count]), (), True, complete)
        self.catalogue.apply_page("b@x", "r", page)

    def after(self, said: Announcement | ListPage) -> Announcement:
        """What is known after a head or a page."""
        if isinstance(said, ListPage):
            self.catalogue.apply_page("b@x", "r", said)
        else:
            self.catalogue.replace_item("b@x", "r", [said])
        return self.catalogue.listings("b@x")["r"].announcement

    def head(self, since: int, revision: int = 12) -> Announcement:
        """A head that adds the last share and takes the first."""
        share = self.SHARES[3]
        return Announcement(
            *("r", {share.info_hash: share}, self.HERE, "list", revision),
            complete=False,
            since=since,
            gone=(self.SHARES[0].info_hash,),
        )

    def test_who_stands_at_its_beginning_needs_nothing_else(self) -> None:
        """The changes are taken over, and everything is known up to its revision."""
        for complete in (True, False):
            self.hear(2, complete=complete)
            known = self.after(self.head(10))
            self.assertEqual(list(known.shares.values()), [self.SHARES[1], self.SHARES[3]])
            self.assertEqual((known.revision, known.complete, known.since), (12, True, 0))
            self.assertEqual(known.addresses, self.HERE)

    def test_who_does_not_has_to_read(self) -> None:
        """What the head says is true already; the revision stays where it was."""
        self.hear(2)
        known = self.after(self.head(11))
        self.assertEqual(list(known.shares.values()), [self.SHARES[1], self.SHARES[3]])
        self.assertEqual((known.revision, known.complete), (10, False))

    def test_an_old_head_changes_no_share(self) -> None:
        """It may come after what was read from the resource; its addresses still count."""
        self.hear(2, revision=12)
        known = self.after(self.head(10))
        self.assertEqual(list(known.shares.values()), self.SHARES[:2])
        self.assertEqual((known.revision, known.complete), (12, True))
        self.assertEqual(known.addresses, self.HERE)

    def test_another_list_begins_with_nothing(self) -> None:
        """Also a list without a name, and one of an unknown contact."""
        head = self.head(10)
        for said in (replace(head, list_id="other"), replace(head, list_id="", since=0)):
            for known_before in (True, False):
                self.setUp()
                if known_before:
                    self.hear(2)
                known = self.after(said)
                self.assertEqual(list(known.shares.values()), [self.SHARES[3]])
                self.assertEqual((known.revision, known.complete, known.gone), (0, False, ()))

    def test_all_changes_are_the_whole_list(self) -> None:
        """Who knows nothing and is told what changed since the beginning knows everything."""
        known = self.after(self.head(0))
        self.assertEqual(list(known.shares.values()), [self.SHARES[3]])
        self.assertEqual((known.revision, known.complete), (12, True))

    def test_a_whole_list_stands_for_itself(self) -> None:
        """Whatever was known before."""
        self.hear(1)
        whole = Announcement("r", {self.SHARES[2].info_hash: self.SHARES[2]}, (), "list", 2)
        known = self.after(whole)
        self.assertEqual(list(known.shares.values()), [self.SHARES[2]])
        self.assertEqual((known.revision, known.complete), (2, True))

    def test_a_page_adds_removes_or_resets(self) -> None:
        """It adds, removes, and replaces the list if it says so; addresses stay."""
        self.hear(2)
        page = ListPage("list", 11, (self.SHARES[2],), (self.SHARES[0].info_hash,))
        known = self.after(page)
        self.assertEqual(list(known.shares.values()), [self.SHARES[1], self.SHARES[2]])
        self.assertEqual((known.revision, known.complete), (11, False))
        self.after(self.head(11))
        anew = ListPage("new", 5, (self.SHARES[2],), reset=True, complete=True)
        known = self.after(anew)
        self.assertEqual(list(known.shares.values()), [self.SHARES[2]])
        self.assertEqual((known.list_id, known.revision, known.complete), ("new", 5, True))
        self.assertEqual(known.addresses, self.HERE)

    def test_pages_of_a_list_that_is_not_known(self) -> None:
        """They change nothing if the device announces another list, or none."""
        page = ListPage("other", 11, (self.SHARES[2],))
        self.assertFalse(self.catalogue.apply_page("b@x", "r", page))
        anew = replace(page, reset=True)
        self.assertFalse(self.catalogue.apply_page("b@x", "r", anew))
        self.hear(2)
        self.assertFalse(self.catalogue.apply_page("b@x", "r", page))

    def test_no_list_grows_beyond_its_bound(self) -> None:
        """However many heads and pages add to it."""
        self.hear(0, revision=0, complete=False)
        shares = numbered(10_500)
        for start in range(0, len(shares), 500):
            known = self.after(ListPage("list", start + 1, tuple(shares[start : start + 500])))
        self.assertEqual(len(known.shares), 10_000)


class _Scene:
    """
    A list, and a reader of heads and pages, which does what application and list reader do.

    Each step of a test is a method.
    """

    def __init__(self) -> None:
        self.shares = ShareList("list", most_gone=4)
        self.catalogue = Catalogue()
        self._query: ListQuery | None = None
        self._wanted: set[int] = set()

    @property
    def known(self) -> Announcement | None:
        """What the reader knows."""
        listing = self.catalogue.listings("b@x").get("r" * 300)
        return None if listing is None else listing.announcement

    def share(self, numbers: set[int]) -> None:
        """Share just these."""
        self._wanted = numbers
        self.shares.update([share for share in numbered(31) if share.size in numbers])

    def toggle(self, number: int) -> None:
        """Share one more or one less."""
        self.share(self._wanted ^ {number})

    def reload(self) -> None:
        """Keep the list, and take it up again."""
        shares = self.shares
        self.shares = ShareList(shares.list_id, shares.changes(0), shares.horizon, 4)

    def renew(self) -> None:
        """Begin a new history."""
        self.shares.renew(f"{self.shares.list_id}x"[-60:])

    def head(self) -> None:
        """Let the reader have the last changes."""
        self._read(changed_item("r" * 300, self.shares, OwnPlaces()))

    def whole(self) -> None:
        """Let the reader have the whole list."""
        self._read(whole_item("r" * 300, self.shares, OwnPlaces()))

    def page(self) -> None:
        """Let the reader have one page, if it needs one."""
        if self.known is None or self.known.complete:
            self._query = None
            return
        revision = self.known.revision
        query = self._query or ListQuery(self.known.list_id, revision, revision, 3)
        answer = parse_page(page_element(self.shares, query))
        page = answer.page
        base = answer.revision if page.reset else query.since
        self._query = None if page.complete else ListQuery(page.list_id, base, page.revision, 3)
        self.catalogue.apply_page("b@x", "r" * 300, page)

    def restart(self) -> None:
        """Let the reader remember nothing but what is known."""
        self._query = None

    def _read(self, item: Any) -> None:
        self.catalogue.replace_item("b@x", "r" * 300, parse_item(item).announcements)


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("share"), st.sets(st.integers(0, 30))),
        st.tuples(st.just("toggle"), st.integers(0, 30)),
        st.tuples(st.sampled_from(["head", "whole", "page", "restart", "renew", "reload"])),
    ),
    max_size=60,
)


class FollowingTests(SynchronousTestCase):
    """A reader and the list, in any interleaving of what may happen."""

    @settings(max_examples=300)
    @given(_steps)
    # A removal that is forgotten while older additions are still told.
    @example([("share", {0, 5, 6, 7, 8, 9}), ("head",), ("share", {0, 1, 2, 3, 4})])
    def test_in_the_end_they_agree(self, steps: list[tuple[Any, ...]]) -> None:
        """After a head and the pages that it asks for, the reader has exactly the list."""
        scene = _Scene()
        for step, *values in steps:
            getattr(scene, step)(*values)
        scene.head()
        for _ in range(40):
            scene.page()
        assert scene.known is not None
        self.assertTrue(scene.known.complete)
        self.assertEqual(scene.known.revision, scene.shares.revision)
        expected = {c.info_hash: c.share for c in scene.shares.changes(0, scene.shares.revision)}
        self.assertEqual(dict(scene.known.shares), expected)
