"""Frames, and who asks whether they have come out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.streams.framing import (
    ANSWER_EVERY,
    ASK_AFTER,
    ASK_AT_MOST,
    GATHER,
    GATHERED,
    FramedTransport,
    Unframer,
    answer,
    header,
    question,
)
from tests.support.portions import cut

FRAMES = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.integers(0, 5).map(question),
    st.integers(0, 5).map(answer),
)


class Transport(StringTransport):
    """
    A connection that can be aborted.

    :ivar producerPaused: whether more than its buffer takes waits to be sent.
    """

    producerPaused = False

    def abortConnection(self) -> None:
        """Do nothing."""


class Listener(Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data


class UnframerTests(SynchronousTestCase):
    """What comes."""

    @given(
        st.lists(st.binary(min_size=1, max_size=300)),
        st.lists(st.integers(0, 2**30 - 1)),
        st.lists(st.integers(0, 5000)),
    )
    def test_it_does_not_matter_how_frames_are_cut(
        self, contents: list[bytes], numbers: list[int], places: list[int]
    ) -> None:
        """Everything comes out, in order."""
        heard: list[bytes] = []
        asked: list[int] = []
        answered: list[int] = []
        unframer = Unframer(heard.append, asked.append, answered.append)
        text = b"".join(header(len(content)) + content for content in contents)
        text += b"".join(question(number) + answer(number) for number in numbers)
        for portion in cut(text, places):
            unframer.feed(portion)
        self.assertEqual(b"".join(heard), b"".join(contents))
        self.assertEqual((asked, answered), (numbers, numbers))


class FramedCase(SynchronousTestCase):
    """A transport in memory, against the clock."""

    def setUp(self) -> None:
        """A transport in memory."""
        self.clock = Clock()
        self.sent: Any = Transport()
        self.listener = Listener()
        self.framed = FramedTransport(self.clock, self.sent, self.listener)

    def passed(self, seconds: float) -> bytes:
        """What is sent in this time."""
        self.sent.clear()
        self.clock.advance(seconds)
        value: bytes = self.sent.value()
        return value


class AskingTests(FramedCase):
    """What goes."""

    def test_content_goes_at_once(self) -> None:
        """In one frame a write."""
        self.framed.write(b"hello")
        self.framed.writeSequence([b"wor", b"ld"])
        self.framed.write(b"")
        self.assertEqual(self.sent.value(), header(5) + b"hello" + header(5) + b"world")

    def test_who_has_nothing_more_to_send_asks_until_there_is_an_answer(self) -> None:
        """Seldom and more seldom."""
        self.framed.write(b"x")
        self.assertEqual(self.passed(ASK_AFTER), b"")
        self.assertEqual(self.passed(ASK_AFTER), question(1))
        self.assertEqual(self.passed(ASK_AFTER), b"")
        self.assertEqual(self.passed(ASK_AFTER), question(1))
        for _ in range(10):
            self.passed(ASK_AT_MOST)
        self.assertEqual(self.passed(ASK_AT_MOST), question(1))
        self.framed.received(answer(1))
        self.assertEqual(self.passed(60), b"")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobody_asks_while_there_is_something_to_send(self) -> None:
        """What follows pushes what went before."""
        for _ in range(10):
            self.framed.write(b"x")
            self.assertEqual(self.passed(ASK_AFTER), b"")

    def test_an_answer_to_an_earlier_question_is_none(self) -> None:
        """What was sent after that question may be held back still."""
        self.framed.write(b"x")
        self.passed(ASK_AFTER)
        self.assertEqual(self.passed(ASK_AFTER), question(1))
        self.framed.write(b"y")
        self.framed.received(answer(1))
        self.passed(ASK_AFTER)
        self.framed.received(answer(1))
        self.assertEqual(self.passed(ASK_AFTER), question(2))
        self.framed.received(answer(2))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_questions_are_answered(self) -> None:
        """But only at a limited rate."""
        self.framed.received(question(7) + question(8))
        self.assertEqual(self.sent.value(), answer(7))
        self.clock.advance(ANSWER_EVERY)
        self.sent.clear()
        self.framed.received(question(9))
        self.assertEqual(self.sent.value(), answer(9))

    def test_who_reads_nothing_is_not_answered(self) -> None:
        """A peer that does not read would make us queue answers; it gets one once it reads."""
        self.sent.producerPaused = True
        self.framed.received(question(7))
        self.assertEqual(self.sent.value(), b"")
        self.sent.producerPaused = False
        self.framed.received(question(7))
        self.assertEqual(self.sent.value(), answer(7))

    def test_a_close_ends_the_asking(self) -> None:
        """There is nobody to answer."""
        for close in ("loseConnection", "abortConnection"):
            self.framed.write(b"x")
            getattr(self.framed, close)()
            self.assertEqual(self.clock.getDelayedCalls(), [])


class GatheringTests(FramedCase):
    """Small portions in a row are read together."""

    def feed(self, size: int) -> None:
        """Let so many bytes come in."""
        self.framed.received((header(size) + bytes(size))[:size])

    def test_a_portion_is_followed_by_a_pause(self) -> None:
        """Less than a portion is no part of many, and more needs no waiting."""
        for size in (GATHERED.start - 1, GATHERED.stop):
            self.feed(size)
            self.assertEqual(self.sent.producerState, "producing")
            self.framed.received(bytes(4))
        self.feed(GATHERED.start)
        self.assertEqual(self.sent.producerState, "paused")
        self.clock.advance(GATHER)
        self.assertEqual(self.sent.producerState, "producing")

    def test_who_wants_nothing_gets_nothing_after_the_pause(self) -> None:
        """Only when the protocol resumes reading."""
        self.feed(GATHERED.start)
        self.framed.pauseProducing()
        self.clock.advance(GATHER)
        self.assertEqual(self.sent.producerState, "paused")
        self.framed.resumeProducing()
        self.assertEqual(self.sent.producerState, "producing")

    def test_the_pause_is_kept(self) -> None:
        """Also by who wants more at once; an end ends it."""
        self.feed(GATHERED.start)
        self.framed.resumeProducing()
        self.assertEqual(self.sent.producerState, "paused")
        self.framed.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])
