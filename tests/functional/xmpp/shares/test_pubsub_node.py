"""A node of a publish-subscribe service that is no account, on a stream in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import NotConnected, RequestRefused
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.shares.pubsub_node import PreconditionFailed, PubSubNode
from tests.support.handler_case import PUBSUB, Manager, xml

SERVICE, NODE = "pubsub.example.org", "films"
OPTIONS = {"pubsub#access_model": "whitelist", "pubsub#max_items": "100"}


class PubSubNodeTests(SynchronousTestCase):
    """A node on a component, as a channel has one."""

    def setUp(self) -> None:
        """Log in."""
        self.manager = Manager(Clock())
        self.manager.online = True
        requester = Extension()
        requester.setHandlerParent(self.manager)
        self.node = PubSubNode(requester, SERVICE, NODE, OPTIONS, ("pubsub#access_model",))

    def sent(self) -> Any:
        """Return the request that was sent last; every one goes to the service."""
        request: Any = self.manager.stub.output[-1]
        self.assertEqual(request["to"], SERVICE)
        return request

    def answer(self, content: str = "") -> None:
        """Let the service answer the request that was sent last."""
        stanza = f"<iq type='result' id='{self.sent()['id']}' from='{SERVICE}'>{content}</iq>"
        self.manager.stub.send(xml(stanza))

    def refuse(self, condition: str) -> None:
        """Let the service refuse the request that was sent last."""
        self.manager.stub.send(
            xml(
                f"<iq type='error' id='{self.sent()['id']}' from='{SERVICE}'><error type='cancel'>"
                f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )
        )

    def test_configuring_sets_the_options(self) -> None:
        """The form of the owner's request has all options."""
        done = Deferred.fromCoroutine(self.node.configure())
        configure = self.sent().pubsub.configure
        self.assertEqual(configure["node"], NODE)
        fields = {f["var"]: str(f.value) for f in configure.x.elements() if f.name == "field"}
        self.assertEqual(fields["pubsub#max_items"], "100")
        self.assertEqual(fields["pubsub#access_model"], "whitelist")
        self.answer()
        self.assertIsNone(self.successResultOf(done))

    def test_a_missing_node_is_created(self) -> None:
        """The request to create it has the options, so no second one is needed."""
        done = Deferred.fromCoroutine(self.node.configure())
        self.refuse("item-not-found")
        self.assertEqual(self.sent().pubsub.create["node"], NODE)
        self.assertIsNotNone(self.sent().pubsub.configure.x)
        self.answer()
        self.assertIsNone(self.successResultOf(done))

    def test_a_node_that_another_device_created_is_configured(self) -> None:
        """Between both requests it may have come into being."""
        done = Deferred.fromCoroutine(self.node.configure())
        self.refuse("item-not-found")
        self.refuse("conflict")
        self.assertIsNotNone(self.sent().pubsub.configure)
        self.answer()
        self.assertIsNone(self.successResultOf(done))

    def test_publishing_names_what_the_node_must_be(self) -> None:
        """Only the required option is a precondition."""
        done = Deferred.fromCoroutine(self.node.publish(xml("<item id='1'><film/></item>")))
        pubsub = self.sent().pubsub
        self.assertEqual((pubsub.publish["node"], pubsub.publish.item["id"]), (NODE, "1"))
        fields = [f["var"] for f in getattr(pubsub, "publish-options").x.elements()]
        self.assertEqual(fields, ["FORM_TYPE", "pubsub#access_model"])
        self.answer()
        self.assertIsNone(self.successResultOf(done))

    def test_publishing_fails_where_the_node_is_configured_otherwise(self) -> None:
        """The caller can then configure it."""
        done = Deferred.fromCoroutine(self.node.publish(xml("<item id='1'/>")))
        self.refuse("conflict")
        self.failureResultOf(done, PreconditionFailed)

    def test_reading_returns_items_up_to_the_limit(self) -> None:
        """A service cannot make us read more."""
        done = Deferred.fromCoroutine(self.node.read(2))
        self.assertEqual(self.sent().pubsub.items["node"], NODE)
        items = "".join(f"<item id='{n}'/>" for n in range(3))
        self.answer(f"<pubsub xmlns='{PUBSUB}'><items node='{NODE}'>{items}</items></pubsub>")
        self.assertEqual([item["id"] for item in self.successResultOf(done)], ["0", "1"])

    def test_a_missing_node_has_no_items(self) -> None:
        """That is no error."""
        done = Deferred.fromCoroutine(self.node.read(2))
        self.refuse("item-not-found")
        self.assertEqual(self.successResultOf(done), [])

    def test_retracting_a_missing_item_is_no_error(self) -> None:
        """The outcome is the one that was asked for."""
        done = Deferred.fromCoroutine(self.node.retract("7"))
        retract = self.sent().pubsub.retract
        self.assertEqual((retract["node"], retract.item["id"]), (NODE, "7"))
        self.refuse("item-not-found")
        self.assertIsNone(self.successResultOf(done))

    def test_every_request_can_be_refused(self) -> None:
        """The refusal reaches the caller."""
        item = xml("<item id='1'/>")
        for request in (
            self.node.configure(),
            self.node.publish(item),
            self.node.read(2),
            self.node.retract("7"),
        ):
            done = Deferred.fromCoroutine(request)
            self.refuse("forbidden")
            self.failureResultOf(done, RequestRefused)

    def test_without_a_session_nothing_is_sent(self) -> None:
        """The caller learns that there is no connection."""
        self.manager.online = False
        done = Deferred.fromCoroutine(self.node.read(2))
        self.failureResultOf(done, NotConnected)
        self.assertEqual(self.manager.stub.output, [])
