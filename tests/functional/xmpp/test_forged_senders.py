"""Who pretends to be another: on the real stream, with the real handlers and use cases."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.announcement import Announcement
from bitween.xmpp.namespaces import NS_BITWEEN, NS_SHARES
from tests.support.stream_rig import Rig

MINE, THEIRS = "a" * 40, "b" * 40
PUBSUB = "http://jabber.org/protocol/pubsub"


def item(resource: str, info_hash: str, head: str = "") -> str:
    """A PEP item that speaks of a resource."""
    return (
        f"<item id='{resource}'><user_shares xmlns='{NS_SHARES}'><resource resource='{resource}'>"
        f"<share_item name='n' hash='{info_hash}' size='1'/>{head}</resource></user_shares></item>"
    )


class ForgedTests(SynchronousTestCase):
    """bob and carol are contacts who are online; mallory is none."""

    def setUp(self) -> None:
        """Log in; bob's laptop has a list of which there is more to read."""
        self.rig = Rig(self.mktemp())
        for request in self.rig.roster_requests:
            self.rig.feed(
                f"<iq type='result' id='{request}'><query xmlns='jabber:iq:roster'>"
                "<item jid='bob@localhost' subscription='both'/>"
                "<item jid='carol@localhost' subscription='both'/></query></iq>"
            )
        for sender in ("bob@localhost/laptop", "carol@localhost/laptop"):
            self.rig.feed(f"<presence from='{sender}'/>")

    def publish(self, sender: str, content: str) -> None:
        """Let an event come in."""
        self.rig.feed(
            f"<message from='{sender}' type='headline'><event xmlns='{PUBSUB}#event'>"
            f"<items node='{NS_SHARES}'>{content}</items></event></message>"
        )

    def known(self, jid: str, resource: str = "laptop") -> Announcement | None:
        """What is known of a resource."""
        listing = self.rig.bitween.shares.catalogue.listings(jid).get(resource)
        return None if listing is None else listing.announcement

    def asked(self, to: str) -> str:
        """The id of the last request to a JID."""
        self.rig.clock.advance(1)
        sent = [data.decode() for data in self.rig.transport.sent if f"to='{to}'".encode() in data]
        found = re.search(r" id='(\w+)'", [text for text in sent if NS_BITWEEN in text][-1])
        assert found is not None
        return found[1]

    def test_an_answer_of_another(self) -> None:
        """A page counts only from the resource that was asked, even if another knows the id."""
        head = f"<list xmlns='{NS_BITWEEN}' id='theirs' revision='9' more='true' since='8'/>"
        self.publish("bob@localhost", item("laptop", MINE, head))
        request = self.asked("bob@localhost/laptop")
        page = (
            f"<shares xmlns='{NS_BITWEEN}' id='theirs' revision='9' reset='true'>"
            f"<share_item name='n' hash='{THEIRS}' size='1'/></shares>"
        )
        for sender in (
            "mallory@localhost/laptop",
            "carol@localhost/laptop",
            "bob@localhost/other",
            "bob@localhost",
            "alice@localhost",
            "",
        ):
            self.rig.feed(f"<iq type='result' id='{request}' from='{sender}'>{page}</iq>")
            known = self.known("bob@localhost")
            assert known is not None
            self.assertEqual((list(known.shares), known.complete), ([MINE], False))
        self.rig.feed(f"<iq type='result' id='{request}' from='bob@localhost/laptop'>{page}</iq>")
        known = self.known("bob@localhost")
        assert known is not None
        self.assertEqual((list(known.shares), known.complete), ([THEIRS], True))
        self.assertEqual(self.rig.stream.forged, 6)

    def test_a_stranger_s_events(self) -> None:
        """They change nothing, for any contact."""
        self.publish("mallory@localhost", item("laptop", THEIRS))
        self.publish("bob@localhost/laptop", item("laptop", THEIRS))
        self.publish("bob@localhost.evil", item("laptop", THEIRS))
        self.assertEqual(self.rig.bitween.shares.catalogue.jids(), [])

    def test_a_contact_who_speaks_for_another(self) -> None:
        """What carol says is carol's, whatever it names; what bob said stands."""
        self.publish("bob@localhost", item("laptop", MINE))
        self.publish("carol@localhost", item("bob@localhost/laptop", THEIRS))
        self.publish("carol@localhost", item("laptop", THEIRS))
        self.rig.feed(
            f"<message from='carol@localhost' type='headline'><event xmlns='{PUBSUB}#event'>"
            f"<delete node='{NS_SHARES}' jid='bob@localhost'/></event></message>"
        )
        known = self.known("bob@localhost")
        assert known is not None
        self.assertEqual(list(known.shares), [MINE])
        self.assertIsNone(self.known("carol@localhost"))

    def test_a_resource_that_claims_to_be_ours(self) -> None:
        """Neither an item of our account nor a contact's resource of our name tells our shares."""
        self.publish("alice@localhost", item("here", THEIRS))
        self.publish("alice@localhost", item("here", THEIRS).replace("id='here'", "id='desk'"))
        self.assertEqual(self.rig.bitween.shares.catalogue.listings("alice@localhost"), {})
        self.publish("bob@localhost", item("here", THEIRS))
        self.assertEqual(self.rig.bitween.shares.catalogue.listings("alice@localhost"), {})
        self.assertNotIn(THEIRS, {c.info_hash for c in self.rig.own.shares.changes(0)})

    def test_a_large_request_is_not_sent_back(self) -> None:
        """A malformed request gets a short answer, so that it cannot clog our line."""
        for content in (f"<x xmlns='urn:x'>{'y' * 50_000}</x>", "<x/>" * 5000):
            sent = len(self.rig.transport.sent)
            self.rig.feed(f"<iq type='get' id='1' from='mallory@localhost/x'>{content}</iq>")
            answer = b"".join(self.rig.transport.sent[sent:])
            self.assertIn(b"service-unavailable", answer)
            self.assertLess(len(answer), 500)

    def test_names_that_fill_the_memory(self) -> None:
        """Before they do, the link is renewed, with a new parser."""
        for number in range(60):
            names = "".join(f"<x{number}y{n}/>" for n in range(5000))
            self.rig.feed(f"<message from='mallory@localhost/x'>{names}</message>")
            if self.rig.transport.disconnecting:
                break
        self.assertIn(number, range(10, 50))
