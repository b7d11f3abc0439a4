"""The steps on the disk before a download is fetched: what is necessary, and what undoes them."""

from __future__ import annotations

from itertools import chain, combinations

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.files.holes import Zeros
from bitween.bittorrent.torrents.preparation import DiskStep, Preparation, UndoneBy

_ZEROS = Zeros({0: [range(1, 3)]}, {0: 2**15})
# A row has a step, and what undoes it.
_TABLE = {
    DiskStep.CHECK_PATHS: {UndoneBy.SELECTION, UndoneBy.HALT, UndoneBy.OBSTACLE},
    DiskStep.MAKE_HOLES: set[UndoneBy](),
    DiskStep.RESERVE_NAMES: {UndoneBy.SELECTION},
    DiskStep.MAKE_PROGRAMS: {UndoneBy.SELECTION},
}


class PreparationTests(SynchronousTestCase):
    """The value."""

    def test_a_new_download_has_done_nothing(self) -> None:
        """Every step is still to be done, except holes: a new download has none to make."""
        done = {step for step in DiskStep if Preparation().has_done(step)}
        self.assertEqual(done, {DiskStep.MAKE_HOLES})

    def test_each_step_can_be_finished(self) -> None:
        """A finished step is done, and no other one changes."""
        every = Preparation(pending=frozenset(DiskStep))
        for step in DiskStep:
            self.assertEqual(every.finish(step).pending, set(DiskStep) - {step})

    def test_what_undoes_each_step(self) -> None:
        """Each change undoes the expected steps, and no others."""
        done = Preparation(pending=frozenset())
        for change in UndoneBy:
            undone = done.undo(change)
            expected = {step for step, changes in _TABLE.items() if change in changes}
            self.assertEqual(undone.pending, expected, change)

    def test_the_fetch_waits_for_necessary_steps(self) -> None:
        """It may begin without reserved names, and without programs if there are none."""
        for pending in chain.from_iterable(combinations(DiskStep, count) for count in range(5)):
            preparation = Preparation(pending=frozenset(pending))
            necessary = {DiskStep.CHECK_PATHS, DiskStep.MAKE_HOLES}
            self.assertIs(
                preparation.may_fetch(has_programs=False), not necessary.intersection(pending)
            )
            necessary.add(DiskStep.MAKE_PROGRAMS)
            self.assertIs(
                preparation.may_fetch(has_programs=True), not necessary.intersection(pending)
            )


class HolesTests(SynchronousTestCase):
    """Pieces of zeros."""

    def test_made_where_nothing_lies(self) -> None:
        """Holes are to be made if there are pieces of zeros, and nothing lies there."""
        for zeros, to_make, done in [
            (_ZEROS, True, False),
            (_ZEROS, False, True),
            (Zeros(), True, True),
        ]:
            preparation = Preparation().with_zeros(zeros, to_make=to_make)
            self.assertIs(preparation.has_done(DiskStep.MAKE_HOLES), done)
            self.assertIs(preparation.zeros, zeros)

    def test_kept_until_libtorrent_knows(self) -> None:
        """Holes that are made are remembered until the download is loaded with them."""
        to_do = Preparation().with_zeros(_ZEROS, to_make=True)
        made = to_do.with_holes((range(1, 3),))
        self.assertTrue(made.has_done(DiskStep.MAKE_HOLES))
        self.assertEqual(made.holes, (range(1, 3),))
        loaded = made.without_holes()
        self.assertEqual(loaded.holes, ())
        self.assertTrue(loaded.has_done(DiskStep.MAKE_HOLES))
