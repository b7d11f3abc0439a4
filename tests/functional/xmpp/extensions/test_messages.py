"""What comes of messages that are sent to a daemon's full JID."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.extensions.messages import ANSWERS, MessageRefusal
from tests.support.handler_case import PUBSUB, Manager, xml

STRANGER = "mallory@localhost/x"


class MessageTests(SynchronousTestCase):
    """Who writes to the daemon is told that nobody reads it."""

    def setUp(self) -> None:
        """Log in."""
        self.clock = Clock()
        self.manager = Manager(self.clock)
        MessageRefusal(self.clock, lambda jid: jid != STRANGER).setHandlerParent(self.manager)

    def receive(
        self, kind: str = "type='chat'", sender: str = "bob@localhost/x", content: str = ""
    ) -> list[Any]:
        """Let a message come in; what is sent upon it."""
        text = content or "<body>hello</body>"
        stanza = (
            f"<message {kind} id='m' from='{sender}' to='alice@localhost/here'>{text}</message>"
        )
        self.manager.stub.output.clear()
        self.manager.stub.send(xml(stanza))
        sent: list[Any] = self.manager.stub.output
        return sent

    def test_a_message_gets_an_error(self) -> None:
        """One that says which message is meant, and repeats nothing of it."""
        for kind in ("type='chat'", "type='normal'", "", "type='groupchat'", "type='other'"):
            (error,) = self.receive(kind)
            self.assertEqual((error.name, error["type"], error["id"]), ("message", "error", "m"))
            self.assertEqual(error["to"], "bob@localhost/x")
            self.assertEqual(error.error.firstChildElement().name, "service-unavailable")
            self.assertNotIn("hello", error.toXml())

    def test_a_stranger_is_not_told_what_we_are(self) -> None:
        """Only who may see us reads in the error what is there."""
        (known,) = self.receive()
        (unknown,) = self.receive(sender=STRANGER)
        self.assertIn("file sharing", known.toXml())
        self.assertEqual(unknown.error.firstChildElement().name, "service-unavailable")
        self.assertNotIn("file sharing", unknown.toXml())

    def test_what_expects_no_answer_gets_none(self) -> None:
        """Headlines and errors (RFC 6121 §5.2.2), and what servers and our account say."""
        for kind in ("type='headline'", "type='error'"):
            self.assertEqual(self.receive(kind), [])
        for sender in ("localhost", "alice@localhost", "", "x@" + "y" * 4000):
            self.assertEqual(self.receive(sender=sender), [], sender)

    def test_what_was_taken_gets_none(self) -> None:
        """A notification of a PEP node is no message of a person."""

        def take(message: Any) -> None:
            message.handled = True

        path = f"/message/event[@xmlns='{PUBSUB}#event']"
        self.manager.stub.xmlstream.addObserver(path, take)
        event = f"<event xmlns='{PUBSUB}#event'/>"
        self.assertEqual(self.receive("", content=event), [])

    def test_a_flood_is_not_answered_in_full(self) -> None:
        """A sender of very many messages gets a limited number of errors; others get theirs."""
        count, seconds = ANSWERS
        answers = sum(len(self.receive()) for _ in range(3 * count))
        self.assertEqual(answers, count)
        self.assertEqual(len(self.receive(sender="carol@localhost/x")), 1)
        self.clock.advance(seconds)
        self.assertEqual(len(self.receive()), 1)
