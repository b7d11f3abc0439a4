"""Byte streams in blocks of IQs (XEP-0047)."""

from __future__ import annotations

import base64
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from bitween.xmpp.namespaces import NS_IBB
from bitween.xmpp.streams.in_band import LEAST_BLOCK_SIZE
from bitween.xmpp.streams.in_band_stream import BLOCK_SIZE, stream_limit
from bitween.xmpp.streams.stream_limits import MAX_OF_CONTACT
from tests.support.streams_case import BOB, LIMIT, StreamsCase


class Listener(Protocol):
    """Keeps what comes."""

    transport: Any

    def __init__(self) -> None:
        self.heard = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        """Note it."""
        self.lost = reason


class InBandTests(StreamsCase):
    """Blocks in IQs."""

    def open(self, sid: str = "s", size: int = BLOCK_SIZE, sender: str = BOB) -> Any:
        """Have Bob open a stream; our answer."""
        return self.receive(
            f"<iq type='set' id='i' from='{sender}'>"
            f"<open xmlns='{NS_IBB}' sid='{sid}' block-size='{size}' stanza='iq'/></iq>"
        )

    def block(self, seq: object, content: bytes = b"x", sender: str = BOB, sid: str = "s") -> Any:
        """Have Bob send a block; our answer."""
        text = base64.b64encode(content).decode()
        return self.receive(
            f"<iq type='set' id='d' from='{sender}'>"
            f"<data xmlns='{NS_IBB}' sid='{sid}' seq='{seq}'>{text}</data></iq>"
        )

    def begun(self) -> Listener:
        """A protocol that reads what Bob sends."""
        self.assertEqual(self.open()["type"], "result")
        listener = Listener()
        self.accepted[-1].begin(listener)
        return listener

    def test_blocks_come_in_order(self) -> None:
        """Each is acknowledged."""
        listener = self.begun()
        for seq in range(3):
            self.assertEqual(self.block(seq, b"%d" % seq)["type"], "result")
        self.assertEqual(listener.heard, b"012")

    def test_nonsense_ends_the_stream(self) -> None:
        """It is answered with an error, and nothing is handed out."""
        for seq, content in ((1, b"x"), (0, bytes(BLOCK_SIZE + 1))):
            listener = self.begun()
            self.assertEqual(self.block(seq, content)["type"], "error")
            self.assertIsNotNone(listener.lost)
            self.assertEqual(listener.heard, b"")
        self.begun()
        for number in ("", "-1", "x", "٣"):
            self.assertEqual(self.block(number)["type"], "error")

    def test_nobody_speaks_in_anothers_stream(self) -> None:
        """The stream is of one full JID."""
        listener = self.begun()
        self.assertIsNone(self.block(0, sender="eve@b.example/x"))
        self.assertEqual(self.block(0, sender="bob@b.example/other")["type"], "error")
        self.assertEqual(listener.heard, b"")

    def test_who_is_slow_gets_no_more(self) -> None:
        """A block waits for its reader, and the next one for the acknowledgement."""
        listener = self.begun()
        listener.transport.pauseProducing()
        self.assertIsNone(self.block(0, b"a"))
        listener.transport.resumeProducing()
        self.assertEqual(self.settle()["type"], "result")
        self.assertEqual(listener.heard, b"a")
        listener.transport.pauseProducing()
        self.assertIsNone(self.block(1))
        self.assertEqual(self.block(2)["type"], "error")
        self.assertIsNotNone(listener.lost)

    def test_a_stream_carries_no_more_than_the_limit(self) -> None:
        """In either direction."""
        listener = self.begun()
        for seq in range(stream_limit(LIMIT) // BLOCK_SIZE):
            self.assertEqual(self.block(seq, bytes(BLOCK_SIZE))["type"], "result")
        self.assertIsNone(listener.lost)
        last = stream_limit(LIMIT) // BLOCK_SIZE
        self.assertEqual(self.block(last, bytes(BLOCK_SIZE))["type"], "error")
        self.assertIsNotNone(listener.lost)

    def test_what_goes_waits_for_the_budget_and_for_each_block(self) -> None:
        """One block at a time, and the writer is held up."""
        listener = self.begun()
        self.manager.stub.output.clear()
        stops: list[str] = []

        class Writer:
            """Notes what it is told."""

            def pauseProducing(self) -> None:
                stops.append("pause")

            def resumeProducing(self) -> None:
                stops.append("go")

            stopProducing = pauseProducing

        listener.transport.registerProducer(Writer(), True)
        listener.transport.write(bytes(5 * BLOCK_SIZE))
        self.assertEqual(stops, ["pause"])
        sizes = []
        self.budget.consume(16_000)
        for _ in range(100):
            output = self.manager.stub.output
            if not output:
                self.reactor.advance(1)
                continue
            self.assertEqual(len(output), 1)
            sizes.append(len(base64.b64decode(str(output[0].data))))
            self.budget.consume(len(output[0].toXml()))
            self.answers[BOB, NS_IBB] = ""
            self.settle()
        self.assertEqual((sizes, stops), ([BLOCK_SIZE] * 5, ["pause", "go"]))

    def test_the_end_of_the_session_ends_it(self) -> None:
        """And a close by the other side does."""
        listener = self.begun()
        answer = self.receive(
            f"<iq type='set' id='c' from='{BOB}'><close xmlns='{NS_IBB}' sid='s'/></iq>"
        )
        self.assertEqual(answer["type"], "result")
        self.assertIsNotNone(listener.lost)
        listener = self.begun()
        for handler in list(self.manager):
            handler.connectionLost(None)
        self.assertIsNotNone(listener.lost)

    def test_what_is_asked_for_must_make_sense(self) -> None:
        """Each refusal says why."""
        self.assertIsNone(self.open(sender="eve@b.example/x"))
        for size, condition in (
            (0, "bad-request"),
            (LEAST_BLOCK_SIZE - 1, "not-acceptable"),
            (BLOCK_SIZE + 1, "resource-constraint"),
        ):
            self.assertIn(condition, self.open(size=size).toXml())
        self.open()
        self.assertIn("bad-request", self.open().toXml())
        for number in range(MAX_OF_CONTACT):
            answer = self.open(f"t{number}")
        self.assertIn("resource-constraint", answer.toXml())
