"""The counters of stream management (XEP-0198)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.session.stream_management import MAX_STANZAS, StreamManagement

# wokkel can only be imported once the shim of bitween.xmpp has run.


class StreamManagementTests(SynchronousTestCase):
    """The counts of one session."""

    def test_what_is_acknowledged_is_forgotten(self) -> None:
        """Only the rest is sent again, in order."""
        books = StreamManagement("t")
        for stanza in ("<a/>", "<b/>", "<c/>"):
            books.sent(stanza)
        books.acknowledged("2")
        self.assertEqual(books.unacknowledged, ("<c/>",))
        books.acknowledged("3")
        self.assertEqual(books.unacknowledged, ())
        self.assertTrue(books.resumable)

    def test_counters_wrap_at_2_to_the_32(self) -> None:
        """After 2^32 - 1 comes 0, on both sides."""
        books = StreamManagement("t")
        books._handled = books._acknowledged = 2**32 - 1  # noqa: SLF001  # after four billion stanzas
        books.received()
        self.assertIn("h='0'", books.report)
        books.sent("<a/>")
        books.sent("<b/>")
        books.acknowledged("1")
        self.assertEqual(books.unacknowledged, ())

    def test_impossible_counts_end_resumption(self) -> None:
        """A server that has handled more than was sent, or less than before, is not relied on."""
        for count in ("3", "0", "-1", "x", "", None, "99999999999999", "\u0661"):
            books = StreamManagement("t")
            books.sent("<a/>")
            books.acknowledged("1")
            books.sent("<b/>")
            books.acknowledged(count)
            self.assertFalse(books.resumable, count)

    def test_the_queue_is_bounded(self) -> None:
        """Beyond the bounds nothing is kept, and the session is none that could be resumed."""
        for stanza, count in (("<a/>", MAX_STANZAS), ("x" * 100_000, 10)):
            books = StreamManagement("t")
            for _ in range(count):
                books.sent(stanza)
            self.assertTrue(books.resumable)
            books.sent(stanza)
            self.assertFalse(books.resumable)
            self.assertEqual(books.unacknowledged, ())

    def test_one_question_at_a_time(self) -> None:
        """The next is asked when the first is answered, or its link gone."""
        books = StreamManagement("t")
        self.assertFalse(books.asks())
        books.sent("<a/>")
        self.assertEqual((books.asks(), books.asks()), (True, False))
        books.interrupted()
        self.assertTrue(books.asks())
        books.acknowledged("1")
        self.assertFalse(books.asks())

    def test_an_answer_without_news_is_not_asked_for_again(self) -> None:
        """A server that acknowledges nothing could have us ask for ever, as fast as it answers."""
        books = StreamManagement("t")
        books.sent("<a/>")
        self.assertTrue(books.asks())
        books.sent("<b/>")
        books.acknowledged("0")
        self.assertTrue(books.asks())
        books.acknowledged("0")
        self.assertFalse(books.asks())
        books.sent("<c/>")
        self.assertTrue(books.asks())
