"""
Whatever others send: no exception reaches the reactor, memory stays bounded, good entries stand.

The seed is fixed.  ``BITWEEN_FUZZ=100000`` says how many payloads and stanzas to try; without it
they are few enough for every run of the suite.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import random
import re
import string
import tracemalloc
from collections.abc import Sequence
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model import base64url
from bitween.model.announcement import MAX_SHARES
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.text import printable
from bitween.model.torrent import MAX_SIZE, parse_info_hash
from bitween.xmpp.namespaces import (
    NS_BITWEEN,
    NS_BITWEEN_2,
    NS_BYTESTREAMS,
    NS_COMMANDS,
    NS_IBB,
    NS_RSM,
    NS_SHARES,
)
from bitween.xmpp.session.parser import BoundedElementStream
from bitween.xmpp.shares.item_codec import parse_item
from bitween.xmpp.shares.restricted_codec import parse_page
from tests.support.stream_rig import ME, Rig

ROUNDS = int(os.environ.get("BITWEEN_FUZZ", "2000"))
SEED = 20240

GOOD = "f" * 40
PUBSUB = "http://jabber.org/protocol/pubsub"
ROSTER = "jabber:iq:roster"
# Bytes that may be held more after many stanzas than after the first tenth of them.
LEAK = 3_000_000

NAMES = (
    *("item", "items", "user_shares", "resource", "share_item", "ip_address", "list", "gone"),
    *("shares", "set", "max", "after", "last", "count", "event", "pubsub", "retract", "delete"),
    *("purge", "configure", "query", "ping", "error", "x", "c", "nick", "show", "body", "item"),
    *("candidate", "address", "streamhost", "streamhost-used", "relay", "meet", "dial-back"),
    *("want", "done", "introduce", "device", "vouch", "changed", "ask", "keys"),
)
SPACES = (
    *(
        NS_BITWEEN_2,
        NS_SHARES,
        NS_SHARES,
        NS_BITWEEN,
        NS_BITWEEN,
        NS_RSM,
        PUBSUB,
        PUBSUB + "#event",
    ),
    *(PUBSUB + "#owner", ROSTER, "http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "urn:x"),
)
KEYS = (
    *("resource", "name", "hash", "size", "address", "port", "id", "node", "jid", "subscription"),
    *("ask", "revision", "since", "more", "reset", "count", "type", "from", "to", "kind"),
    *("sid", "seq", "block-size", "stanza", "mode", "host", "reached", "varies"),
    *("member", "seeds", "issued", "until", "signature", "key", "kem", "seal"),
)
VALUES = (
    *("", "0", "1", "-1", "7", "17", "laptop", "here", "true", "both", "remove", "subscribe", ".."),
    *(GOOD, GOOD.upper(), "0" * 40, "10.0.0.1", "::1", "fe80::1%1", "6881", "70000", "\u0663"),
    *("9" * 30, str(2**53), str(2**60), "bob@localhost", "bob@localhost/laptop", NS_SHARES),
    *("A" * 43, "A" * 70, "A" * 86, "A" * 87, base64url.encode(bytes(64))),
    *("list", "theirs", "a/../b", "\u202e", "&#x85;", "x" * 300, "\U0001f4f1" * 64, "nul\ufffe"),
)
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ITEMS = ("laptop", "x", "here", "")
SENDERS = (
    *("bob@localhost", "bob@localhost/laptop", "carol@localhost/x", "mallory@localhost/x", ""),
    *("alice@localhost", ME, "alice@localhost/desk", "localhost", "@", "/", "a@b@c/d/e"),
)


class Fuzzer:
    """Draws XML that means something somewhere."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def element(self, depth: int, name: str = "", uri: str = "") -> str:
        """An element of names, namespaces and attributes that are used in the protocol."""
        draw = self.draw
        name = name or draw.choice(NAMES)
        attributes = {key: self.value() for key in draw.sample(KEYS, draw.randrange(6))}
        attributes["xmlns"] = uri or draw.choice(SPACES)
        content = "".join(
            self.element(depth - 1) if draw.random() < 0.8 else "text &amp; \u202e"
            for _ in range(draw.randrange(5) if depth else 0)
        )
        return f"<{name} {_attributes(attributes)}>{content}</{name}>"

    def value(self) -> str:
        """The value of an attribute."""
        if self.draw.random() < 0.9:
            return self.draw.choice(VALUES)
        return "".join(self.draw.choices(string.printable, k=self.draw.randrange(20)))

    def shares(self, resource: str) -> str:
        """A payload of the right form, with nonsense in it and one good share."""
        inner = "".join(
            self.element(1, self.draw.choice(NAMES[2:8]), NS_SHARES)
            for _ in range(self.draw.randrange(6))
        )
        good = f"<share_item name='good' hash='{GOOD}' size='5'/>"
        head = self.draw.choice([self.element(2, "list", NS_BITWEEN), self.head(), ""])
        head += self.draw.choice([self.element(2, "device", NS_BITWEEN_2), ""])
        return (
            f"<user_shares xmlns='{NS_SHARES}'>"
            f"<resource resource='{resource}'>{good}{inner}{head}</resource></user_shares>"
        )

    def head(self) -> str:
        """The head of a list that has to be read."""
        revision = self.draw.randrange(200)
        return (
            f"<list xmlns='{NS_BITWEEN}' id='theirs' revision='{revision}' more='true' "
            f"since='{self.draw.randrange(revision + 2)}'><gone hash='{'0' * 40}'/></list>"
        )

    def stanza(self, open_requests: Sequence[str]) -> str:
        """A stanza of any kind, from anybody."""
        draw = self.draw
        kind = draw.choice(["message", "message", "presence", "iq", "iq"])
        # Most come from a contact, who gets further than a stranger.
        sender = "bob@localhost" if kind == "message" else "bob@localhost/laptop"
        attributes = {"from": sender if draw.random() < 0.6 else draw.choice(SENDERS), "to": ME}
        if draw.random() < 0.9:
            attributes["id"] = draw.choice(
                [*open_requests, "1", "q", *list(open_requests[-1:]) * 6]
            )
        if kind == "message":
            items = "".join(
                f"<item id='{draw.choice(ITEMS)}'>{self.shares('laptop')}</item>"
                if draw.random() < 0.8
                else self.element(3)
                for _ in range(draw.randrange(1, 3))
            )
            attributes["type"] = draw.choice(["headline", "headline", "error"])
            action = draw.choice(["items"] * 6 + ["delete", "purge", "configuration"])
            content = (
                f"<event xmlns='{PUBSUB}#event'><{action} node='{NS_SHARES}'>{items}</{action}>"
                "</event>"
            )
        elif kind == "presence":
            kinds = ["subscribe", "subscribed", "unsubscribed", "unavailable", "error", "probe"]
            if draw.random() < 0.7:
                attributes["type"] = draw.choice(kinds)
            content = self.element(2)
        else:
            attributes["type"] = draw.choice(
                ["get", "set", "result", "result", "error", "nonsense"]
            )
            sealed = partial(self.sealed, attributes.get("id", ""))
            contents = [self.page, self.page, self.items, self.items, self.any, self.query]
            contents += [self.command, self.encounter, self.stream, self.want, self.private, sealed]
            make = draw.choice(contents)
            if make in (self.encounter, self.stream, self.want) and draw.random() < 0.8:
                attributes |= {"type": draw.choice(["get", "set"]), "from": "bob@localhost/laptop"}
            if make == self.command:
                attributes |= {"type": "set", "from": draw.choice(["alice@localhost/desk", sender])}
            content = make()
        if draw.random() < 0.1:
            content = self.element(4)
        return f"<{kind} {_attributes(attributes)}>{content}</{kind}>"

    def page(self) -> str:
        """A page of a list, or something like it."""
        draw = self.draw
        last = draw.choice(["", "x", str(draw.randrange(100)), str(2**53)])
        rsm = f"<set xmlns='{NS_RSM}'><last>{last}</last><max>{last}</max></set>"
        entries = "".join(self.element(0, "share_item", NS_BITWEEN) for _ in range(3))
        attributes = {
            "id": draw.choice(["theirs", "theirs", "", "other", "x y"]),
            "revision": draw.choice(["100", "0", "x", "", str(2**53)]),
            "more": draw.choice(["true", "true", "1", ""]),
            "reset": draw.choice(["true", "", ""]),
            "since": self.value(),
        }
        return f"<shares xmlns='{NS_BITWEEN}' {_attributes(attributes)}>{entries}{rsm}</shares>"

    def sealed(self, request_id: str) -> str:
        """A page of a restricted list, or something like it."""
        page = json.dumps(self.json_page(request_id))
        text = page if self.draw.random() < 0.1 else base64.b64encode(page.encode()).decode()
        return f"<shares xmlns='{NS_BITWEEN_2}'>{escape(text)}</shares>"

    def json_page(self, request_id: str) -> object:
        """What is in such a page."""
        draw = self.draw
        good = {"hash": GOOD, "name": "good", "size": 5, "seal": "A" * 70}
        page = {
            "request": request_id if draw.random() < 0.9 else self.json_value(2),
            "id": draw.choice(["theirs", "theirs", self.json_value(1)]),
            "revision": draw.choice([7, 100, 2**53, self.json_value(1)]),
            "reset": draw.choice([True, True, False, self.json_value(1)]),
            "more": draw.choice([True, False, False, self.json_value(1)]),
            "last": draw.choice([0, 1, 7, self.json_value(1)]),
            "shares": [good, *(self.json_share() for _ in range(draw.randrange(5)))],
            "gone": draw.choice([[], [GOOD], [self.json_value(1)], self.json_value(2)]),
        }
        if draw.random() < 0.1:
            del page[draw.choice(list(page))]
        return page if draw.random() < 0.95 else self.json_value(3)

    def json_share(self) -> object:
        """A share of such a page, or something like it."""
        draw = self.draw
        keys = ("hash", "name", "size", "seal", "note", "tags", "expires", "replaces")
        share = {"hash": f"{draw.randrange(9):040x}", "name": "n", "size": 1, "locked": True}
        for key in draw.sample((*keys, "locked", "introductions"), draw.randrange(5)):
            share[key] = self.json_value(2)
        return share if draw.random() < 0.9 else self.json_value(2)

    def json_value(self, depth: int) -> object:
        """Any value of JSON."""
        draw = self.draw
        if depth and draw.random() < 0.4:
            values = [self.json_value(depth - 1) for _ in range(draw.randrange(4))]
            return values if draw.random() < 0.5 else {self.value(): v for v in values}
        numbers = (0, -1, 1.5, 2**53 + 1, 10**30, float("inf"))
        return draw.choice([None, True, False, *numbers, self.value(), GOOD, "\ud800"])

    def private(self) -> str:
        """A request that is about restricted lists, or something like it."""
        draw = self.draw
        name = draw.choice(["shares", "shares", "changed", "ask", "keys"])
        keys = draw.sample(["id", "since", "after", "max", "revision", "hash"], 3)
        attributes = {key: self.value() for key in keys}
        if draw.random() < 0.5:
            attributes |= {"id": "theirs", "revision": str(draw.randrange(200)), "hash": GOOD}
        return f"<{name} xmlns='{NS_BITWEEN_2}' {_attributes(attributes)}/>"

    def items(self) -> str:
        """A node that was read."""
        items = "".join(f"<item id='laptop'>{self.shares('laptop')}</item>" for _ in range(2))
        return f"<pubsub xmlns='{PUBSUB}'><items node='{NS_SHARES}'>{items}</items></pubsub>"

    def any(self) -> str:
        """Anything, or nothing."""
        return self.element(4) if self.draw.random() < 0.8 else ""

    def command(self) -> str:
        """A command, or something like it."""
        draw = self.draw
        attributes = {key: self.value() for key in ("sessionid", "action") if draw.random() < 0.2}
        attributes["node"] = draw.choice(["list", "get", "get", "status", self.value()])
        form = self.element(3, "x", "jabber:x:data")
        return f"<command xmlns='{NS_COMMANDS}' {_attributes(attributes)}>{form}</command>"

    def encounter(self) -> str:
        """A request to be dialled or met, or something like it."""
        draw = self.draw
        name, inner = draw.choice([("dial-back", "address"), ("meet", "candidate")])
        places = "".join(
            f"<{inner} address='{draw.choice(('10.0.0.1', '8.8.8.8', '::1', 'x'))}' port='6881'/>"
            if draw.random() < 0.7
            else self.element(1, inner, NS_BITWEEN)
            for _ in range(draw.randrange(20))
        )
        hashed = draw.choice([GOOD, "0" * 40, self.value()])
        return f"<{name} xmlns='{NS_BITWEEN}' {_attributes({'hash': hashed})}>{places}</{name}>"

    def want(self) -> str:
        """A want, its end, or an introduction, or something like it."""
        draw = self.draw
        attributes = {
            "hash": draw.choice([GOOD, GOOD, "0" * 40, self.value()]),
            "member": draw.choice(["7d2a9e4c", "7d2a9e4c", self.value()]),
            "seeds": draw.choice(["true", "false", self.value()]),
            "issued": draw.choice(["1796049906000", self.value()]),
            "until": draw.choice(["1798641906", self.value()]),
            "signature": draw.choice(["A" * 86, self.value()]),
        }
        kept = {key: value for key, value in attributes.items() if draw.random() < 0.8}
        places = "".join(
            f"<candidate address='8.8.8.8' port='{2000 + number}' kind='host'/>"
            if draw.random() < 0.7
            else self.element(1, "candidate", NS_BITWEEN_2)
            for number in range(draw.randrange(20))
        )
        name = draw.choice(["want", "done", "introduce"])
        return f"<{name} xmlns='{NS_BITWEEN_2}' {_attributes(kept)}>{places}</{name}>"

    def stream(self) -> str:
        """A step of a byte stream, or something like it."""
        draw = self.draw
        attributes = {
            "sid": draw.choice(["s", "s", "t", self.value()]),
            "seq": draw.choice(["0", "1", "65535", self.value()]),
            "block-size": draw.choice(["4096", "4096", "1", "70000", self.value()]),
        }
        name = draw.choice(["open", "open", "data", "data", "close", "query", "relay"])
        space = {"query": NS_BYTESTREAMS, "relay": NS_BITWEEN}.get(name, NS_IBB)
        host = draw.choice(["127.0.0.1", "localhost", "10.0.0.1", "x"])
        hosts = f"<streamhost jid='proxy.localhost' host='{host}' port='{draw.choice('17')}'/>"
        content = {"data": draw.choice(["AAAA", "!", "A" * 9000]), "query": hosts}.get(name, "")
        if draw.random() < 0.2:
            content = self.element(2)
        return f"<{name} xmlns='{space}' {_attributes(attributes)}>{content}</{name}>"

    def query(self) -> str:
        """A roster."""
        subscription = self.draw.choice(["none", "to", "from", "both", "remove", "x"])
        jid = self.draw.choice(["bob@localhost", "carol@localhost", "", "x@y/z", "dave@localhost"])
        item = f"<item jid='{jid}' subscription='{subscription}'/>"
        return f"<query xmlns='{ROSTER}'>{item}</query>"


def _attributes(values: dict[str, str]) -> str:
    def escaped(value: str) -> str:
        kept = NOT_XML.sub("", value)
        return kept.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;")

    return " ".join(f"{key}='{escaped(value)}'" for key, value in values.items())


class PayloadFuzz(SynchronousTestCase):
    """Payloads against the payload reader."""

    def test_any_payload_keeps_bounds_and_good_shares(self) -> None:
        """Nothing is raised, bounds hold, and a good share beside nonsense is always kept."""
        fuzzer = Fuzzer(SEED)
        catalogue = Catalogue()
        for _ in range(ROUNDS):
            rig = _Parser(f"<item id='x'>{fuzzer.shares('laptop')}</item>")
            parsed = parse_item(rig.root)
            (announcement,) = (a for a in parsed.announcements if a.resource == "laptop")
            self.assertEqual(announcement.shares[parse_info_hash(GOOD)].size, 5)
            for share in announcement.shares.values():
                self.assertEqual(share.name, printable(share.name))
                self.assertNotIn("/", share.name)
            catalogue.replace_item("bob@localhost", "x", parsed.announcements)
            parse_item(_Parser(fuzzer.element(5, "item")).root)
        known = catalogue.listings("bob@localhost")["laptop"].announcement
        self.assertLessEqual(len(known.shares), MAX_SHARES)


class RestrictedPageFuzz(SynchronousTestCase):
    """What a page of a restricted list may hold once it is opened."""

    def test_any_page_keeps_bounds_and_good_shares(self) -> None:
        """It is refused as a whole, or its good shares stand; bounds hold in any case."""
        fuzzer = Fuzzer(SEED + 2)
        read = 0
        for _ in range(ROUNDS):
            page = fuzzer.json_page("q")
            if not isinstance(page, dict):
                continue
            # As it comes over the wire.
            page = json.loads(json.dumps(page))
            try:
                answer = parse_page(page)
            except InvalidValue:
                continue
            read += 1
            if "shares" in page:
                self.assertIn(parse_info_hash(GOOD), [s.info_hash for s in answer.page.added])
            for share in answer.page.added:
                self.assertEqual(share.name, printable(share.name))
                self.assertEqual(len(share.seal), 0 if share.locked else 52)
                self.assertTrue(0 <= share.size <= MAX_SIZE)
                self.assertTrue(share.expires is None or 0 <= share.expires <= 2**53)
            self.assertTrue(0 <= answer.page.revision <= answer.revision <= 2**53)
        self.assertGreater(read, ROUNDS // 10)


class StanzaFuzz(SynchronousTestCase):
    """Stanzas against the real handlers on the real stream."""

    def test_any_stanza_keeps_the_stream_up(self) -> None:
        """Nothing reaches the reactor, the stream stays up, and memory stays bounded."""
        fuzzer = Fuzzer(SEED + 1)
        rig = Rig(self.mktemp())
        self._log_in(rig)
        settled = 0
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for number in range(ROUNDS):
            rig.feed(fuzzer.stanza(rig.open_requests()))
            rig.clock.advance(fuzzer.draw.choice([0, 0.1, 1, 40]))
            if number % 20 == 0:
                self._log_in(rig)
            if number == ROUNDS // 10:
                gc.collect()
                settled = tracemalloc.get_traced_memory()[0]
        self.assertEqual([f.getTraceback() for f in self.flushLoggedErrors()], [])
        self.assertFalse(rig.transport.disconnecting)
        rig.stream.connectionLost(Failure(ConnectionError()))
        gc.collect()
        self.assertLess(tracemalloc.get_traced_memory()[0] - settled, LEAK)

    def _log_in(self, rig: Rig) -> None:
        """Have bob be a contact who is online, whatever happened before."""
        rig.feed(
            f"<iq type='set' id='r'><query xmlns='{ROSTER}'>"
            "<item jid='bob@localhost' subscription='both'/></query></iq>"
        )
        for request in rig.roster_requests:
            query = (
                f"<query xmlns='{ROSTER}'><item jid='bob@localhost' subscription='both'/></query>"
            )
            rig.feed(f"<iq type='result' id='{request}'>{query}</iq>")
        rig.feed("<presence from='bob@localhost/laptop'/>")


class _Parser:
    """Parses one element with the parser of our streams."""

    def __init__(self, text: str) -> None:
        parser = BoundedElementStream()
        parser.DocumentStartEvent = lambda _: None
        parser.ElementEvent = self._take
        parser.DocumentEndEvent = lambda: None
        parser.parse(f"<stream>{text}".encode())

    def _take(self, element: Any) -> None:
        self.root = element
