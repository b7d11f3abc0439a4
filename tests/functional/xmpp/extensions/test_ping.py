"""Who answers a ping, and what says that nobody does."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import NotConnected
from bitween.xmpp.extensions.ping import ANSWER_TIMEOUT, Pinger
from bitween.xmpp.session.send_budget import send_budget
from tests.support.handler_case import Manager, xml

BOB = "bob@example.org/laptop"


class PingerTests(SynchronousTestCase):
    """A session in memory."""

    def setUp(self) -> None:
        """Log in."""
        self.clock = Clock()
        self.manager: Any = Manager(self.clock)
        self.manager.budget = send_budget(self.clock)
        self.manager.session_is_ready()
        self.pinger = Pinger()
        self.pinger.setHandlerParent(self.manager)

    def ping(self) -> Deferred[bool]:
        """Ask bob."""
        asking = Deferred.fromCoroutine(self.pinger.ping("bob@example.org", "laptop"))
        self.sent = self.manager.stub.output[-1]
        self.assertEqual(self.sent["to"], BOB)
        return asking

    def refuse(self, condition: str) -> None:
        """Let an error be the answer."""
        self.manager.stub.send(
            xml(
                f"<iq type='error' id='{self.sent['id']}' from='{BOB}'><error type='cancel'>"
                f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )
        )

    def test_any_answer_proves_life(self) -> None:
        """Any error of the device itself means that it is online."""
        asking = self.ping()
        self.manager.stub.send(xml(f"<iq type='result' id='{self.sent['id']}' from='{BOB}'/>"))
        self.assertTrue(self.successResultOf(asking))
        asking = self.ping()
        self.refuse("feature-not-implemented")
        self.assertTrue(self.successResultOf(asking))

    def test_a_server_answers_in_its_place(self) -> None:
        """Ours where it does not reach theirs, theirs where it knows of no such resource."""
        for condition in (
            "remote-server-timeout",
            "remote-server-not-found",
            "service-unavailable",
            "recipient-unavailable",
        ):
            asking = self.ping()
            self.refuse(condition)
            self.assertFalse(self.successResultOf(asking))

    def test_silence_is_waited_for_briefly(self) -> None:
        """It is waited for, not for long."""
        asking = self.ping()
        self.clock.advance(ANSWER_TIMEOUT - 1)
        self.assertNoResult(asking)
        self.clock.advance(1)
        self.assertFalse(self.successResultOf(asking))

    def test_without_a_session_nothing_is_known(self) -> None:
        """That we are not there says nothing of others."""
        self.manager.online = False
        asking = Deferred.fromCoroutine(self.pinger.ping("bob@example.org", "laptop"))
        self.failureResultOf(asking, NotConnected)
