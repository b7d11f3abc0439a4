"""Share lists that come in parts."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.announcement import Announcement
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange
from tests.support.announcements import ALICE, BOB, HOME, info_hash, share


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
