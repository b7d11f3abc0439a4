"""Lists for one reader each, on a stream in memory: who reads ours, and how we read theirs."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock

from bitween.crypto.canonical import canonical_json
from bitween.model.announcement import ListPage, Share
from bitween.model.events import MessengerEvent, PrivateListingReceived
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.access_requests import REQUESTS, AccessRequests
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.session.send_budget import BURST, send_budget
from bitween.xmpp.shares.list_codec import MAX_PAGE, ListQuery
from bitween.xmpp.shares.page_queue import MAX_WAITING_OF_ACCOUNT, PageQueue
from bitween.xmpp.shares.restricted_codec import (
    Page,
    changed_element,
    page_value,
    parse_query,
    query_element,
)
from bitween.xmpp.shares.restricted_reader import CHANGES, RestrictedListReader
from bitween.xmpp.shares.restricted_server import RestrictedListServer
from tests.support.fakes.lists import listed, numbered
from tests.support.handler_case import ROSTER, HandlerCase, Manager, xml
from tests.support.pages import UnsealedPages

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip

LAPTOP, PHONE, DAVE = "bob@localhost/laptop", "bob@localhost/phone", "dave@localhost/x"


def sealed(count: int, name: str = "name") -> list[Share]:
    """Shares of a restricted list."""
    return [replace(share, seal=bytes(52)) for share in numbered(count, name)]


class RestrictedCase(HandlerCase):
    """A stream in memory with the handlers on it, logged in; bob's laptop is online."""

    def setUp(self) -> None:
        """Log in, with the roster of the other tests."""
        self.clock = Clock()
        self.told: list[MessengerEvent] = []
        self.manager = Manager(self.clock)
        self.budget = send_budget(self.clock)
        self.pages = UnsealedPages()
        self.contacts = Roster(self.clock, self.told.append, self.manager.presence)
        queue = PageQueue(self.clock, self.budget)
        self.server = RestrictedListServer(
            self.clock, self.budget, queue, self.contacts.sees_us, self.pages
        )
        self.reader = RestrictedListReader(
            self.clock, self.budget, self.contacts.follows, self.told.append, self.pages
        )
        self.access = AccessRequests(self.clock, self.contacts.is_mutual)
        for handler in (self.contacts, self.server, self.reader, self.access, FallbackHandler()):
            handler.setHandlerParent(self.manager)
        self.manager.stub.xmlstream.send = self.send
        self.answer(ROSTER)
        self.receive(f"<presence from='{LAPTOP}'/>")
        self.clear()

    def send(self, stanza: Any) -> None:
        """Send, and charge it, as the stream of the real client does."""
        self.output.append(stanza)
        self.budget.consume(len(stanza.toXml()))

    def clear(self) -> None:
        """Forget what was sent and told."""
        self.told.clear()
        self.output.clear()

    def let_in(self, kind: str, sender: str, content: str, request_id: str = "q") -> None:
        """Let a request come in."""
        self.receive(
            f"<iq type='{kind}' id='{request_id}' from='{sender}' to='alice@localhost/here'>"
            f"{content}</iq>"
        )

    def condition(self) -> str:
        """The condition of the error that was sent last."""
        refusal = next(iq for iq in reversed(self.output) if iq["type"] == "error")
        error = next(e for e in refusal.elements() if e.name == "error")
        return str(error.firstChildElement().name)


class ServerTests(RestrictedCase):
    """Our lists, as others read them."""

    def setUp(self) -> None:
        """Have a list for bob and another one for dave."""
        super().setUp()
        self.lists = {"bob@localhost": sealed(3), "dave@localhost": sealed(2, "dave's")}
        self.server.serve(lambda jid: self.lists.get(jid, []))

    def ask(self, sender: str, query: ListQuery | None = None, request_id: str = "q") -> None:
        """Let a request for a page come in."""
        content: Any = query_element(query or ListQuery("", 0, 0))
        self.let_in("get", sender, content.toXml(), request_id)

    def page(self, sender: str, query: ListQuery | None = None) -> Page:
        """The page that answers a request, which has been read."""
        self.output.clear()
        self.ask(sender, query)
        self.clock.advance(10)
        (answer,) = [iq for iq in self.output if iq["type"] in ("result", "error")]
        self.assertEqual((answer["to"], answer["type"]), (sender, "result"))
        self.output.clear()
        page: Page = json.loads(base64.b64decode(str(answer.shares)))
        return page

    def nudged(self) -> list[tuple[str, str]]:
        """Who was told of a change since the last look, and of which revision."""
        self.clock.advance(1)
        self.clock.advance(1)
        changed = [iq for iq in self.output if iq.changed is not None]
        self.output.clear()
        return [(iq["to"], iq.changed["revision"]) for iq in changed]

    def test_everybody_reads_their_own_list(self) -> None:
        """With an id of its own, and nothing of another one."""
        first, second = self.page(LAPTOP), self.page(DAVE)
        self.assertEqual([s["name"] for s in first["shares"]], ["name 0", "name 1", "name 2"])
        self.assertEqual([s["name"] for s in second["shares"]], ["dave's 0", "dave's 1"])
        self.assertEqual((first["revision"], second["revision"]), (3, 2))
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(self.page("alice@localhost/desk")["shares"], [])

    def test_the_change_of_one_list_moves_no_other(self) -> None:
        """Neither its id nor its revision, and nobody else is told."""
        before = self.page(DAVE)
        self.page(LAPTOP)
        self.page(PHONE)
        self.lists["bob@localhost"] = sealed(9)[2:]
        self.server.update()
        self.assertEqual(self.nudged(), [(LAPTOP, "11"), (PHONE, "11")])
        self.assertEqual(self.page(DAVE), before)
        query = ListQuery(before["id"], before["revision"], before["revision"])
        self.assertEqual(self.page(DAVE, query)["shares"], [])
        self.server.update()
        self.assertEqual(self.nudged(), [])

    def test_changes_are_collected(self) -> None:
        """A device is told once, of the last one."""
        self.page(LAPTOP)
        for count in range(4, 9):
            self.lists["bob@localhost"] = sealed(count)
            self.server.update()
        self.assertEqual(self.nudged(), [(LAPTOP, "8")])

    def test_who_has_not_asked_is_not_told(self) -> None:
        """Older versions do not know what to make of it."""
        self.lists["bob@localhost"] = []
        self.server.update()
        self.assertEqual(self.nudged(), [])

    def test_who_leaves_is_not_told(self) -> None:
        """The list ends with the last device, and the next one begins another list."""
        known = self.page(LAPTOP)
        self.page(PHONE)
        self.server.contact_left("bob@localhost", "phone")
        self.assertEqual(self.page(LAPTOP)["id"], known["id"])
        self.server.contact_left("bob@localhost", "laptop")
        self.lists["bob@localhost"] = []
        self.server.update()
        self.assertEqual(self.nudged(), [])
        page = self.page(LAPTOP, ListQuery(known["id"], 3, 3))
        self.assertNotEqual(page["id"], known["id"])
        self.assertEqual((page["reset"], page["shares"]), (True, []))

    def test_nobody_else_learns_anything(self) -> None:
        """The answer is that to any request at all: strangers, whom we only follow, accounts."""
        for reader in ("mallory@localhost/x", "carol@localhost/x", "bob@localhost", "localhost"):
            self.clear()
            self.ask(reader)
            self.assertEqual(self.condition(), "service-unavailable")
            self.let_in("get", reader, "<x/>")
            refusal, other = self.output
            del refusal.children[:-1], other.children[:-1]
            self.assertEqual(refusal.toXml(), other.toXml())

    def test_a_device_that_does_not_count_comes_again(self) -> None:
        """Its announcement may still be on its way, or its user may verify it."""
        self.pages.refused.add(LAPTOP)
        self.ask(LAPTOP)
        self.assertEqual(self.condition(), "resource-constraint")
        self.pages.refused.clear()
        self.assertEqual(len(self.page(LAPTOP)["shares"]), 3)

    def test_malformed_requests_are_errors(self) -> None:
        """They get an error, and the next one is read."""
        for attributes in ("id=''", "id='l' since='x'", "max='-1'"):
            self.let_in("get", LAPTOP, f"<shares xmlns='{NS_BITWEEN_2}' {attributes}/>")
            self.assertEqual(self.condition(), "bad-request")
        self.ask(LAPTOP, request_id="x" * 300)
        self.assertEqual(self.condition(), "bad-request")
        self.page(LAPTOP)

    def test_pages_wait_for_room_and_turns(self) -> None:
        """Few wait of one account; nothing is sent while the line is busy."""
        self.budget.consume(BURST)
        for n in range(MAX_WAITING_OF_ACCOUNT + 1):
            self.ask(f"bob@localhost/{n}")
        self.assertEqual(self.condition(), "resource-constraint")
        self.assertEqual(len(self.output), 1)
        self.clock.advance(60)
        self.clock.advance(60)
        self.assertEqual([iq["type"] for iq in self.output[1:]], ["result"] * 2)

    def test_a_page_is_small(self) -> None:
        """However long the list is."""
        self.lists["bob@localhost"] = sealed(1000)
        page = self.page(LAPTOP)
        self.assertTrue(page["more"])
        self.assertLess(len(canonical_json(page)), MAX_PAGE * 3 / 4)
        self.assertGreater(len(page["shares"]), 10)

    def test_what_is_taken_away_meanwhile_is_not_sent(self) -> None:
        """A page that waits for its turn is out of date when the list changes."""
        self.budget.consume(BURST)
        self.ask(LAPTOP)
        self.lists["bob@localhost"] = []
        self.server.update()
        self.clock.advance(60)
        self.assertEqual(self.condition(), "resource-constraint")
        self.clear()
        self.budget.consume(BURST)
        self.ask(LAPTOP)
        roster = "<item jid='bob@localhost' subscription='to'/>"
        self.receive(f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{roster}</query></iq>")
        self.clear()
        self.clock.advance(60)
        self.assertEqual(self.condition(), "service-unavailable")

    def test_who_is_no_contact_any_more_has_an_empty_list(self) -> None:
        """Whatever the application says."""
        self.page(LAPTOP)
        roster = "<item jid='bob@localhost' subscription='to'/>"
        self.receive(f"<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{roster}</query></iq>")
        self.clear()
        self.server.update()
        self.assertEqual(self.nudged(), [])

    def test_the_end_of_a_session(self) -> None:
        """Nothing is answered or told after it."""
        self.page(LAPTOP)
        self.lists["bob@localhost"] = []
        self.server.update()
        self.server.connectionLost(None)
        self.assertEqual(self.nudged(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ReaderTests(RestrictedCase):
    """Others' lists for us, as we read them."""

    def setUp(self) -> None:
        """Have bob's laptop keep a list for us."""
        super().setUp()
        self.theirs = listed(sealed(40), "theirs")

    def read(self) -> None:
        """Read the list of bob's laptop."""
        self.reader.read_private("bob@localhost", "laptop")

    def request(self) -> Any:
        """The one request that was sent."""
        self.clock.advance(0)
        (iq,) = [iq for iq in self.output if iq["type"] == "get"]
        self.output.clear()
        return iq

    def asked(self) -> bool:
        """Whether anything was asked since the last look."""
        self.clock.advance(0)
        requests = [iq for iq in self.output if iq["type"] == "get"]
        self.output.clear()
        return bool(requests)

    def reply(self, iq: Any, **changes: object) -> None:
        """Answer a request from the list, with some parts of the page changed."""
        query = parse_query(xml(iq.toXml()).shares)
        page = page_value(self.theirs, query, iq["id"]) | changes
        text = base64.b64encode(json.dumps(page).encode()).decode()
        self.receive(
            f"<iq type='result' id='{iq['id']}' from='{LAPTOP}'>"
            f"<shares xmlns='{NS_BITWEEN_2}'>{text}</shares></iq>"
        )
        self.clock.advance(5)

    def read_all(self) -> None:
        """Read the whole list."""
        self.read()
        while self.theirs.revision not in [page.revision for page in self.received()]:
            self.reply(self.request())

    def received(self) -> list[ListPage]:
        """The pages that were told."""
        return [event.page for event in self.told if isinstance(event, PrivateListingReceived)]

    def changed(self, sender: str = LAPTOP, list_id: str = "theirs", revision: int = 0) -> None:
        """Let bob's laptop tell of a change."""
        element: Any = changed_element(list_id, revision or self.theirs.revision)
        self.let_in("set", sender, element.toXml(), "c")

    def test_a_list_is_read_once(self) -> None:
        """To its end, page by page, each told at once; asking again does nothing."""
        self.read_all()
        pages = self.received()
        self.assertEqual([s for page in pages for s in page.added], sealed(40))
        self.assertEqual([page.complete for page in pages], [False] * (len(pages) - 1) + [True])
        self.read()
        self.assertFalse(self.asked())

    def test_what_has_changed_is_read(self) -> None:
        """And nothing else, as soon as the device says so."""
        self.read_all()
        self.told.clear()
        self.theirs.update(sealed(41)[1:])
        self.changed()
        self.assertIn("result", [iq["type"] for iq in self.output])
        self.reply(self.request())
        (page,) = self.received()
        self.assertEqual(([s.size for s in page.added], len(page.gone)), ([40], 1))
        self.changed()
        self.assertFalse(self.asked(), "that is known")

    def test_a_change_while_the_list_is_read(self) -> None:
        """It is read afterwards, once, whatever revision the device names."""
        self.theirs = listed(sealed(1), "theirs")
        self.read()
        iq = self.request()
        for _ in range(3):
            self.changed(revision=2**53)
        self.output.clear()
        self.reply(iq)
        self.reply(self.request())
        self.assertFalse(self.asked())
        self.assertEqual(len(self.received()), 2)

    def test_another_list(self) -> None:
        """A device that has begun another list says its id."""
        self.read_all()
        self.told.clear()
        self.theirs = listed(sealed(2, "other"), "other")
        self.changed(list_id="other")
        self.reply(self.request())
        (page,) = self.received()
        self.assertEqual((page.reset, page.list_id, len(page.added)), (True, "other", 2))

    def test_a_device_that_sends_its_presence_again(self) -> None:
        """It may have begun another list, and not know that we read the one before."""
        self.read_all()
        self.reader.refresh("bob@localhost", "laptop")
        self.assertEqual(self.request().shares["since"], "40")
        self.reader.refresh("bob@localhost", "phone")
        self.assertFalse(self.asked(), "nothing is known of it")

    def test_only_those_who_count_may_tell(self) -> None:
        """Not strangers, not whom we do not follow, not who is away, not accounts."""
        for sender in ("mallory@localhost/x", DAVE, PHONE, "bob@localhost", "carol@localhost/x"):
            self.clear()
            self.changed(sender)
            self.assertEqual(self.condition(), "service-unavailable", sender)
            self.assertFalse(self.asked())

    def test_telling_without_end(self) -> None:
        """Is refused, and costs us no more than a bounded number of requests."""
        requests = 0
        for revision in range(1, 200):
            self.changed(revision=revision)
            requests += self.asked()
        self.assertEqual(requests, 1)
        self.changed(revision=500)
        self.assertEqual(self.condition(), "policy-violation")
        self.clock.advance(CHANGES[1])
        self.let_in("set", LAPTOP, f"<changed xmlns='{NS_BITWEEN_2}' id='x' revision='x'/>")
        self.assertEqual(self.condition(), "bad-request")

    def test_a_page_for_another_request_does_not_count(self) -> None:
        """Nor one that is malformed; the device is asked again only when it says so."""
        for change in (
            {"request": "other"},
            {"id": 5},
            {"revision": "x"},
            {"more": True, "last": 99},
        ):
            self.reader.drop("bob@localhost")
            self.read()
            self.reply(self.request(), **change)
            self.assertEqual(self.received(), [])
            self.read()
            self.assertFalse(self.asked())
            self.changed()
            self.request()

    def test_it_is_forgotten_with_the_device(self) -> None:
        """And with our session: then it is read from its beginning."""
        for leave in (
            lambda: self.reader.contact_left("bob@localhost", "laptop"),
            lambda: self.reader.drop("bob@localhost"),
            lambda: self.reader.connectionLost(None),
        ):
            self.clear()
            self.read_all()
            leave()
            self.manager.online = True
            self.reader.xmlstream = self.manager.stub.xmlstream
            self.read()
            self.assertFalse(self.request().shares.hasAttribute("id"))
            self.reader.drop("bob@localhost")


class AccessTests(RestrictedCase):
    """Asking for access to what is locked."""

    def setUp(self) -> None:
        """Take requests."""
        super().setUp()
        self.asked: list[tuple[str, str, str]] = []
        self.ask = f"<ask xmlns='{NS_BITWEEN_2}' hash='{'a' * 40}'/>"

    def test_the_owner_learns_of_it(self) -> None:
        """The answer is the same whatever there is; a malformed request is none."""
        self.access.serve(lambda *request: self.asked.append(request))
        self.let_in("set", LAPTOP, self.ask)
        self.assertEqual(self.asked, [("bob@localhost", "laptop", "a" * 40)])
        answer: Element = self.output[-1]
        self.assertEqual((answer.getAttribute("type"), list(answer.elements())), ("result", []))
        self.let_in("set", LAPTOP, f"<ask xmlns='{NS_BITWEEN_2}' hash='x'/>")
        self.assertEqual(self.condition(), "bad-request")

    def test_there_is_a_limit_a_day(self) -> None:
        """The rest is refused until later."""
        self.access.serve(lambda *request: self.asked.append(request))
        for _ in range(REQUESTS[0] + 3):
            self.let_in("set", LAPTOP, self.ask)
        self.assertEqual((len(self.asked), self.condition()), (REQUESTS[0], "policy-violation"))

    def test_nobody_else_may_ask(self) -> None:
        """Only who is online and a contact in both directions; nobody before there is a service."""
        self.let_in("set", LAPTOP, self.ask)
        self.assertEqual(self.condition(), "service-unavailable")
        self.access.serve(lambda *request: self.asked.append(request))
        for sender in ("mallory@localhost/x", DAVE, PHONE, "bob@localhost", "carol@localhost/x"):
            self.clear()
            self.let_in("set", sender, self.ask)
            self.assertEqual((self.condition(), self.asked), ("service-unavailable", []))
