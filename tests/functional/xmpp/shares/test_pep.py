"""Our PEP node and those of contacts, on a stream in memory."""

from __future__ import annotations

from typing import Any

from bitween.model.events import (
    ItemPublished,
    ItemRetracted,
    ItemsRead,
)
from bitween.xmpp.namespaces import NS_SHARES
from bitween.xmpp.shares.item_codec import OwnPlaces
from tests.support.handler_case import (
    HASH,
    PUBSUB,
    HandlerCase,
    event_of,
    item_of,
)


class EventTests(HandlerCase):
    """What others publish."""

    def items(self, content: str, sender: str = "bob@localhost", node: str = NS_SHARES) -> None:
        """Let an event with these items come in."""
        self.receive(event_of(sender, f"<items node='{node}'>{content}</items>"))

    def test_a_contacts_item_is_told(self) -> None:
        """With its id and what it says."""
        self.items(item_of("laptop"))
        (event,) = self.told
        assert isinstance(event, ItemPublished)
        self.assertEqual((event.jid, event.item_id), ("bob@localhost", "laptop"))
        self.assertEqual(list(event.announcements[0].shares), [HASH])

    def test_strangers_are_refused_counted_and_logged_once(self) -> None:
        """By itself, wokkel hands on whatever anybody sends."""
        for _ in range(3):
            self.items(item_of("x"), "mallory@localhost")
        self.items(item_of("x"), "dave@localhost")
        self.items(item_of("x"), "")
        self.receive(f"<message><event xmlns='{PUBSUB}#event'/></message>")
        self.assertEqual(self.told, [])
        self.assertEqual(self.pep.refused, 6)
        self.assertEqual(len(self.pep._logged), 3)  # noqa: SLF001  # what the memory holds

    def test_a_client_is_not_an_account(self) -> None:
        """Events come from bare JIDs; another one could pretend to be the account."""
        self.items(item_of("x"), "bob@localhost/evil")
        self.assertEqual((self.told, self.pep.refused), ([], 1))

    def test_other_nodes_are_ignored(self) -> None:
        """What else a contact publishes is none of our business."""
        self.items(item_of("x"), node="urn:xmpp:avatar:data")
        self.assertEqual((self.told, self.pep.refused), ([], 0))

    def test_our_echo_is_ignored(self) -> None:
        """What we published ourselves comes back; our other devices' items are told."""
        self.items(item_of("here"), "alice@localhost")
        self.assertEqual(self.told, [])
        self.items(item_of("desk"), "alice@localhost")
        self.assertIsInstance(self.told.pop(), ItemPublished)

    def test_nobody_tells_what_we_share(self) -> None:
        """Another device's item cannot announce shares for this device."""
        other = item_of("here").replace("id='here'", "id='current'")
        self.items(other, "alice@localhost")
        self.assertEqual(
            self.told,
            [ItemPublished(jid="alice@localhost", item_id="current", announcements=())],
        )

    def test_retracts_deletion_and_purge(self) -> None:
        """Each says what is left."""
        self.items("<retract id='laptop'/>")
        self.receive(event_of("bob@localhost", f"<delete node='{NS_SHARES}'/>"))
        self.receive(event_of("bob@localhost", f"<purge node='{NS_SHARES}'/>"))
        nothing = ItemsRead(jid="bob@localhost", items={})
        self.assertEqual(
            self.told, [ItemRetracted(jid="bob@localhost", item_id="laptop"), nothing, nothing]
        )

    def test_malformed_events_do_no_harm(self) -> None:
        """Whatever a contact puts into an event, nothing is raised and the next one is read."""
        for content in (
            "<items/>",
            "<delete/>",
            "<items node=''/>",
            f"<items node='{NS_SHARES}'><item/><what/><item id='{'x' * 2000}'/></items>",
            f"<items node='{NS_SHARES}'><retract/></items>",
            f"<items node='{NS_SHARES}'>text</items>",
            f"<configuration node='{NS_SHARES}'/>",
            "text",
        ):
            self.receive(event_of("bob@localhost", content))
        self.receive(event_of("bob@localhost", "").replace("headline", "error"))
        self.assertEqual(self.told, [])
        self.items(item_of("laptop"))
        self.assertEqual(len(self.told), 1)

    def test_dropped_entries_are_counted(self) -> None:
        """A bad entry beside a good one is dropped and counted, the good one stands."""
        bad = "<share_item name='x' hash='nonsense' size='1'/>"
        self.items(item_of("laptop").replace("</resource>", f"{bad}</resource>"))
        self.assertEqual(self.pep.dropped, 1)
        (event,) = self.told
        assert isinstance(event, ItemPublished)
        self.assertEqual(len(event.announcements[0].shares), 1)


class ReadingTests(HandlerCase):
    """Reading a contact's node."""

    def asked(self) -> list[str]:
        """Whose items were asked for."""
        return [e["to"] for e in self.output if e.name == "iq" and e.pubsub.items is not None]

    def result(self, content: str) -> str:
        """A node's items."""
        return f"<pubsub xmlns='{PUBSUB}'><items node='{NS_SHARES}'>{content}</items></pubsub>"

    def test_every_item_is_told(self) -> None:
        """Both of two resources' items come out, by id."""
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.answer(self.result(item_of("a") + item_of("b")), sender="bob@localhost")
        (event,) = self.told
        assert isinstance(event, ItemsRead)
        self.assertEqual(list(event.items), ["a", "b"])

    def test_several_wishes_make_one_request(self) -> None:
        """Resources that come online together are read together, later ones again."""
        for _ in range(3):
            self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["bob@localhost"])
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["bob@localhost"])
        self.answer(self.result(""), sender="bob@localhost")
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["bob@localhost"] * 2)

    def test_few_at_a_time(self) -> None:
        """A large roster is not asked all at once."""
        for n in range(20):
            self.pep.read(f"x{n}@localhost")
        self.clock.advance(1)
        self.assertEqual(len(self.asked()), 4)
        self.answer(self.result(""), index=0, sender="x0@localhost")
        self.clock.advance(1)
        self.assertEqual(len(self.asked()), 5)

    def test_no_node_means_no_shares(self) -> None:
        """Any other failure says nothing."""
        for condition, told in (
            ("item-not-found", [ItemsRead(jid="bob@localhost", items={})]),
            ("remote-server-timeout", []),
        ):
            self.told.clear()
            self.pep.read("bob@localhost")
            self.clock.advance(1)
            request = self.output[-1]
            self.receive(
                f"<iq type='error' id='{request['id']}' from='bob@localhost'><error type='cancel'>"
                f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
            )
            self.assertEqual(self.told, told)

    def test_no_answer_and_a_senseless_one(self) -> None:
        """Neither tells anything, and neither stops the reading of others."""
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.answer("", sender="bob@localhost")
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.clock.advance(31)
        self.assertEqual(self.told, [])
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        self.assertEqual(len(self.asked()), 3)

    def test_who_lost_our_trust_meanwhile_is_not_told(self) -> None:
        """The answer counts only if the contact still does."""
        self.pep.read("bob@localhost")
        self.clock.advance(1)
        request = self.output[-1]
        self.receive(
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
            "<item jid='bob@localhost' subscription='remove'/></query></iq>"
        )
        self.told.clear()
        self.receive(
            f"<iq type='result' id='{request['id']}' from='bob@localhost'>"
            f"{self.result(item_of('a'))}</iq>"
        )
        self.assertEqual(self.told, [])


class NodeTests(HandlerCase):
    """Setting up our node, and publishing."""

    def error(self, condition: str) -> None:
        """Refuse what was sent last."""
        request = self.output[-1]
        self.receive(
            f"<iq type='error' id='{request['id']}'><error type='cancel'>"
            f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )

    def read_own(self, content: str = "") -> None:
        """Answer the reading of our own node."""
        self.answer(
            f"<pubsub xmlns='{PUBSUB}'><items node='{NS_SHARES}'>{content}</items></pubsub>"
        )

    def options(self) -> dict[str, str]:
        """The form in what was sent last."""
        form = next(e for e in _walk(self.output[-1]) if e.name == "x")
        return {f["var"]: str(f.value) for f in form.elements() if f.name == "field"}

    def test_a_new_node_is_created_and_published_to(self) -> None:
        """Configuring fails, creating takes the options, and the item follows plainly."""
        self.pep.announce([], OwnPlaces())
        self.pep.begin()
        self.assertIsNotNone(self.output[-1].pubsub.configure)
        self.error("item-not-found")
        self.assertEqual(self.output[-1].pubsub.create["node"], NS_SHARES)
        options = self.options()
        self.assertEqual(options["pubsub#access_model"], "presence")
        self.assertGreater(int(options["pubsub#max_items"]), 1)
        self.answer("")
        self.error("item-not-found")
        self.clock.advance(0)
        publish = self.output[-1].pubsub.publish
        self.assertEqual((publish["node"], publish.item["id"]), (NS_SHARES, "here"))
        self.assertEqual(self.options()["pubsub#access_model"], "presence")

    def test_our_own_item_on_the_server_is_known(self) -> None:
        """It is not told, other devices' items are, and nothing is published if it is right."""
        self.pep.announce([], OwnPlaces())
        self.pep.begin()
        self.answer("")
        own = (
            "<resource resource='here'><device xmlns='urn:bitween:2'/>"
            "<list xmlns='urn:bitween:1' id='list' revision='0' count='0' size='0'/></resource>"
        )
        item = f"<item id='here'><user_shares xmlns='{NS_SHARES}'>{own}</user_shares></item>"
        self.read_own(item + item_of("desk"))
        self.clock.advance(5)
        (event,) = self.told
        assert isinstance(event, ItemsRead)
        self.assertEqual((event.jid, list(event.items)), ("alice@localhost", ["desk"]))
        self.assertEqual([e for e in self.output if e.pubsub.publish is not None], [])

    def test_a_server_that_refuses_the_node(self) -> None:
        """Then the item goes out only on condition that not everybody may see it."""
        self.pep.announce([], OwnPlaces())
        self.pep.begin()
        self.error("not-acceptable")
        self.read_own()
        self.clock.advance(0)
        self.error("not-acceptable")
        self.assertIsNotNone(self.output[-1].pubsub.publish)
        self.assertEqual(self.options()["pubsub#access_model"], "presence")

    def published(self) -> int:
        """How often our item was published."""
        return len([e for e in self.output if e.name == "iq" and e.pubsub.publish is not None])

    def publish_first(self) -> Any:
        """Begin, and let the first item be published; the item."""
        self.pep.announce([], OwnPlaces())
        self.pep.begin()
        self.answer("")
        self.read_own()
        self.clock.advance(0)
        item = self.output[-1].pubsub.publish.item
        self.answer("")
        self.output.clear()
        return item

    def test_what_others_make_of_our_node_is_mended(self) -> None:
        """
        Whatever they take away, overwrite or set otherwise: it is set up and read again.

        What our other devices have published is learned by that, too.
        """
        items = f"<items node='{NS_SHARES}'>"
        for content in (
            f"<delete node='{NS_SHARES}'/>",
            f"<purge node='{NS_SHARES}'/>",
            f"<configuration node='{NS_SHARES}'/>",
            f"{items}<retract id='here'/></items>",
            f"{items}{item_of('here')}</items>",
            f"{items}<item id='here'/></items>",
        ):
            self.setUp()
            self.publish_first()
            self.receive(event_of("alice@localhost", content))
            self.clock.advance(3)
            self.assertIsNotNone(self.output[-1].pubsub.configure, content)
            self.answer("")
            self.assertIsNone(self.output[-1].pubsub.items.item)
            self.told.clear()
            self.read_own(item_of("here") + item_of("phone"))
            (event,) = [event for event in self.told if isinstance(event, ItemsRead)]
            self.assertEqual((event.jid, set(event.items)), ("alice@localhost", {"phone"}))
            self.clock.advance(0)
            self.assertEqual(self.published(), 1, content)

    def test_our_own_notification_is_no_reason_to_look(self) -> None:
        """What we published is told to us, too, and others' word of our item counts for nothing."""
        item = self.publish_first()
        item.uri = f"{PUBSUB}#event"
        content = item.toXml(defaultUri=f"{PUBSUB}#event")
        for sender in ("alice@localhost", "alice@localhost", "bob@localhost"):
            self.receive(event_of(sender, f"<items node='{NS_SHARES}'>{content}</items>"))
        self.receive(event_of("bob@localhost", f"<delete node='{NS_SHARES}'/>"))
        self.clock.advance(60)
        self.assertEqual(self.output, [])

    def test_a_node_that_others_may_read_is_closed_first(self) -> None:
        """The server refuses the item until the node lets only contacts see it."""
        self.pep.announce([], OwnPlaces())
        self.pep.begin()
        self.answer("")
        self.read_own()
        self.clock.advance(0)
        self.error("conflict")
        self.assertIsNotNone(self.output[-1].pubsub.configure)
        self.answer("")
        self.assertIsNotNone(self.output[-1].pubsub.publish)


def _walk(element: Any) -> Any:
    yield element
    for child in element.elements():
        yield from _walk(child)
