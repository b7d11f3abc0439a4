"""Which answer of libtorrent belongs to which flush."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine.flusher import Flusher
from bitween.model.torrent import InfoHash

FILM = InfoHash("ab" * 20)


class FakeSession:
    """
    Counts the flushes that it is asked for.

    :ivar loaded: whether it has the torrent.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.loaded = True

    def flush(self, _: InfoHash) -> bool:
        """Begin to flush."""
        self.asked += self.loaded
        return self.loaded


class FlusherTests(SynchronousTestCase):
    """libtorrent answers in order, and once unasked when a torrent has finished."""

    def setUp(self) -> None:
        """Begin with a torrent that is loaded."""
        self.session = FakeSession()
        self.flusher = Flusher(lambda: cast(Any, self.session))

    def flush(self) -> Deferred[bool]:
        """Flush the torrent."""
        return self.flusher.flush(FILM)

    def test_answers_in_order(self) -> None:
        """The first answer is for the first flush."""
        first, second = self.flush(), self.flush()
        self.flusher.take(FILM)
        self.assertIs(self.successResultOf(first), True)
        self.assertNoResult(second)
        self.flusher.take(FILM)
        self.assertIs(self.successResultOf(second), True)

    def test_an_unasked_answer(self) -> None:
        """Once a torrent has finished, a flush waits for the answer after the unasked one."""
        self.flusher.expect_unasked(FILM)
        flushed = self.flush()
        self.flusher.take(FILM)
        self.assertNoResult(flushed)
        self.flusher.take(FILM)
        self.assertIs(self.successResultOf(flushed), True)

    def test_an_unasked_answer_that_overtakes_nothing(self) -> None:
        """It may be from after the flush: the flush then waits for one answer too many."""
        flushed = self.flush()
        self.flusher.expect_unasked(FILM)
        self.flusher.take(FILM)
        self.flusher.take(FILM)
        self.assertIs(self.successResultOf(flushed), True)

    def test_an_unasked_answer_that_never_comes(self) -> None:
        """A flush is answered all the same, for libtorrent is asked once more."""
        self.flusher.expect_unasked(FILM)
        for _ in range(3):
            flushed, answers = self.flush(), 0
            while not flushed.called:
                answers += 1
                self.flusher.take(FILM)
            self.assertLessEqual(answers, 2)
        self.assertLessEqual(self.session.asked, 6)

    def test_an_additional_answer_is_for_no_later_flush(self) -> None:
        """The answer to the additional request may be from before a flush that follows."""
        self.flusher.expect_unasked(FILM)
        first = self.flush()
        self.flusher.take(FILM)
        self.flusher.take(FILM)
        self.assertTrue(first.called)
        second = self.flush()
        self.flusher.take(FILM)
        self.assertNoResult(second)

    def test_a_torrent_that_leaves(self) -> None:
        """Its flushes end without being written, and a later one begins afresh."""
        self.flusher.expect_unasked(FILM)
        flushed = self.flush()
        self.flusher.forget_all()
        self.assertIs(self.successResultOf(flushed), False)
        later = self.flush()
        self.flusher.take(FILM)
        self.assertIs(self.successResultOf(later), True)

    def test_a_torrent_that_is_not_loaded(self) -> None:
        """Nothing is written."""
        self.session.loaded = False
        self.assertIs(self.successResultOf(self.flush()), False)
