"""Lists by pages, on a stream in memory: who may read ours, and how theirs are read."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.words.xish import domish

from bitween.model.announcement import ListPage
from bitween.model.events import ListingReceived, MessengerEvent
from bitween.model.share_list import ShareList
from bitween.xmpp.namespaces import NS_BITWEEN, NS_RSM
from bitween.xmpp.roster.roster import Roster
from bitween.xmpp.session.send_budget import BURST, RATE, send_budget
from bitween.xmpp.shares.list_codec import (
    MAX_ENTRIES,
    MAX_PAGE,
    ListQuery,
    page_element,
    parse_query,
    query_element,
)
from bitween.xmpp.shares.list_reader import AT_ONCE, MAX_PAGES, MAX_RESETS, ListReader
from bitween.xmpp.shares.list_server import ListServer
from bitween.xmpp.shares.page_queue import (
    MAX_WAITING,
    MAX_WAITING_OF_ACCOUNT,
    READER_BURST,
    READER_RATE,
    PageQueue,
)
from tests.support.fakes.lists import listed, numbered
from tests.support.handler_case import ROSTER, HandlerCase, Manager, xml

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip

LAPTOP = "bob@localhost/laptop"


class ListCase(HandlerCase):
    """A stream in memory with the list handlers on it, logged in; bob's laptop is online."""

    def setUp(self) -> None:
        """Log in, with the roster of the other tests."""
        self.clock = Clock()
        self.told: list[MessengerEvent] = []
        self.manager = Manager(self.clock)
        self.budget = send_budget(self.clock)
        self.shares = listed(numbered(1000))
        self.contacts = Roster(self.clock, self.told.append, self.manager.presence)
        self.queue = PageQueue(self.clock, self.budget)
        self.server = ListServer(self.queue, self.shares, self.contacts.sees_us)
        self.reader = ListReader(self.clock, self.budget, self.contacts.follows, self.told.append)
        for handler in (self.contacts, self.server, self.reader, FallbackHandler()):
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


class ServerTests(ListCase):
    """Our list, as others read it."""

    def ask(self, sender: str, query: ListQuery | None = None, request_id: str = "q") -> None:
        """Let a request come in."""
        element = query_element(query or ListQuery("", 0, 0))
        self.receive(
            f"<iq type='get' id='{request_id}' from='{sender}' to='alice@localhost/here'>"
            f"{element.toXml()}</iq>"
        )

    def answers(self) -> list[tuple[str, str]]:
        """The recipients of the answers, and whether each was a result."""
        self.clock.advance(0)
        return [(iq["to"], iq["type"]) for iq in self.output if iq.name == "iq"]

    def condition(self) -> str:
        """The condition of the error that was sent last."""
        error = next(e for e in self.output[-1].elements() if e.name == "error")
        return str(error.firstChildElement().name)

    def test_who_sees_us_may_read(self) -> None:
        """Contacts whom we let in, whether we follow them or not, and our own devices."""
        for reader in ("bob@localhost/x", "dave@localhost/x", "alice@localhost/desk"):
            self.clear()
            self.ask(reader)
            self.assertEqual(self.answers(), [(reader, "result")])
            self.clock.advance(60)

    def test_nobody_else_learns_anything(self) -> None:
        """The answer is that to any request at all: strangers, whom we only follow, accounts."""
        for reader in ("mallory@localhost/x", "carol@localhost/x", "bob@localhost", "localhost"):
            self.clear()
            self.ask(reader)
            self.assertEqual(self.answers(), [(reader, "error")])
            refusal = self.output[0]
            self.receive(
                f"<iq type='get' id='q' from='{reader}' to='alice@localhost/here'><x/></iq>"
            )
            other = self.output[1]
            del refusal.children[:-1], other.children[:-1]
            self.assertEqual(refusal.toXml(), other.toXml())

    def test_a_page_is_small_and_says_how_it_goes_on(self) -> None:
        """Entries come in order of revision, within the bounds of bytes and of what was asked."""
        self.ask(LAPTOP)
        self.clock.advance(0)
        (answer,) = self.output
        self.assertLess(len(answer.toXml()), MAX_PAGE + 300)
        hashes = [e["hash"] for e in answer.shares.elements(NS_BITWEEN, "share_item")]
        self.assertEqual(hashes, [share.info_hash for share in numbered(len(hashes))])
        self.assertGreater(len(hashes), 50)
        self.assertEqual(answer.shares["more"], "true")
        self.assertEqual(str(answer.shares.set.last), str(len(hashes)))
        self.clear()
        self.clock.advance(60)
        self.ask(LAPTOP, ListQuery("list", 10, 100, 5))
        self.clock.advance(0)
        entries = list(self.output[0].shares.elements(NS_BITWEEN, "share_item"))
        self.assertEqual([e["name"] for e in entries], [f"name {n}" for n in range(100, 105)])

    def test_a_reader_who_has_everything(self) -> None:
        """The answer is an empty page."""
        self.ask(LAPTOP, ListQuery("list", 1000, 1000))
        self.clock.advance(0)
        page = self.output[0].shares
        self.assertEqual(list(page.elements(NS_BITWEEN, "share_item")), [])
        self.assertEqual((page["revision"], page.getAttribute("more")), ("1000", None))

    def test_malformed_requests_are_errors(self) -> None:
        """They get an error, and the next one is read."""
        for content in (
            f"<shares xmlns='{NS_BITWEEN}' id='' since='1'/>",
            f"<shares xmlns='{NS_BITWEEN}' id='list' since='x'/>",
            f"<shares xmlns='{NS_BITWEEN}' id='list' since='-1'/>",
            f"<shares xmlns='{NS_BITWEEN}'><set xmlns='{NS_RSM}'><max/></set></shares>",
        ):
            self.receive(f"<iq type='get' id='q' from='{LAPTOP}'>{content}</iq>")
            self.assertEqual(self.condition(), "bad-request")
        self.clear()
        self.ask(LAPTOP)
        self.assertEqual(self.answers(), [(LAPTOP, "result")])

    def test_lists_leave_room_for_what_matters(self) -> None:
        """However much is asked, news and pings never wait behind a list."""
        sent = 0
        for turn in range(1200):
            if turn % 20 == 0:
                for reader in range(4):
                    self.ask(f"bob@localhost/{reader}", request_id=f"{turn}-{reader}")
            self.clock.advance(0.1)
            self.assertEqual(self.budget.backlog, 0)
            sent += sum(iq["type"] == "result" for iq in self.output)
            self.output.clear()
        self.assertGreater(sent * MAX_PAGE, 60 * RATE)

    def test_a_queue_is_short_and_fair(self) -> None:
        """Few wait, each with one request; the others are told to come again."""
        self.budget.consume(BURST)
        readers = [
            f"{jid}@localhost/{n}"
            for jid in ("bob", "dave", "alice")
            for n in range(MAX_WAITING_OF_ACCOUNT)
        ]
        self.assertEqual(len(readers), MAX_WAITING)
        # A third resource of the same account is refused, while there are places for others.
        for reader in (*readers[:3], "bob@localhost/x", *readers[3:]):
            self.ask(reader)
        self.ask("bob@localhost/0")
        self.assertEqual(self.condition(), "resource-constraint")
        self.ask("dave@localhost/x")
        refused = ("bob@localhost/x", "bob@localhost/0", "dave@localhost/x")
        self.assertEqual(self.answers(), [(reader, "error") for reader in refused])
        self.clear()
        for _ in range(200):
            self.clock.advance(1)
        self.assertEqual(self.answers(), [(reader, "result") for reader in readers])

    def test_nobody_reads_without_end(self) -> None:
        """Who reads the list over and over gets ever less of our line."""
        for _ in range(READER_BURST // MAX_PAGE):
            self.queue._readers.bucket("bob@localhost").consume(MAX_PAGE)  # noqa: SLF001  # after hours of reading
        pages = 0
        for _ in range(200):
            self.ask(LAPTOP)
            self.clock.advance(4)
            pages += sum(iq["type"] == "result" for iq in self.output)
            self.clear()
        self.assertLess(pages, 200 * 4 * READER_RATE / MAX_PAGE + 2)
        self.assertGreater(pages, 10)
        self.ask("dave@localhost/x")
        self.clock.advance(4)
        self.assertEqual(self.answers(), [("dave@localhost/x", "result")])

    def test_who_is_removed_while_waiting_gets_nothing(self) -> None:
        """Trust is looked at again when the turn comes."""
        self.budget.consume(BURST)
        self.ask(LAPTOP)
        self.receive(
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'>"
            "<item jid='bob@localhost' subscription='to'/></query></iq>"
        )
        self.clear()
        self.clock.advance(60)
        self.assertEqual(self.answers(), [(LAPTOP, "error")])
        self.assertEqual(self.condition(), "service-unavailable")

    def test_the_end_of_a_session(self) -> None:
        """Nothing is answered after it."""
        self.budget.consume(BURST)
        self.ask(LAPTOP)
        self.server.connectionLost(None)
        self.clock.advance(60)
        self.assertEqual(self.answers(), [])


class ReaderTests(ListCase):
    """Others' lists, as we read them."""

    def requests(self) -> list[Any]:
        """What was asked and not yet looked at."""
        self.clock.advance(0)
        asked = [iq for iq in self.output if iq["type"] == "get"]
        self.output.clear()
        return asked

    def request(self) -> Any:
        """The one request that was sent."""
        (iq,) = self.requests()
        return iq

    def reply(self, iq: Any, content: str, sender: str | None = None, kind: str = "result") -> None:
        """Answer a request."""
        self.receive(
            f"<iq type='{kind}' id='{iq['id']}' from='{sender or iq['to']}'>{content}</iq>"
        )

    def refuse(self, iq: Any, condition: str, kind: str) -> None:
        """Answer with an error."""
        error = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        self.reply(iq, f"<error type='{kind}'>{error}</error>", kind="error")

    def page(
        self, *, last: int, revision: int = 500, more: bool = True, attributes: str = ""
    ) -> str:
        """A page with one share."""
        goes_on = "more='true'" if more else ""
        return (
            f"<shares xmlns='{NS_BITWEEN}' revision='{revision}' {goes_on} {attributes}>"
            f"<share_item name='n' hash='{last:040x}' size='1'/>"
            f"<set xmlns='{NS_RSM}'><last>{last}</last></set></shares>"
        )

    def pages(self) -> list[ListPage]:
        """What was told."""
        return [event.page for event in self.told if isinstance(event, ListingReceived)]

    def test_a_list_is_read_to_its_end(self) -> None:
        """From nothing, page by page, each told at once; what comes is what the other has."""
        theirs = listed(numbered(500), "theirs")
        self.reader.read("bob@localhost", "laptop", "theirs", 0)
        for turn in range(20):
            asked = self.requests()
            if not asked:
                break
            (iq,) = asked
            self.assertEqual(iq["to"], LAPTOP)
            self.reply(iq, _answered(theirs, iq))
            self.assertEqual(len(self.pages()), turn + 1)
            self.clock.advance(5)
        pages = self.pages()
        self.assertEqual([p.reset for p in pages], [True] + [False] * (len(pages) - 1))
        self.assertEqual([p.complete for p in pages], [False] * (len(pages) - 1) + [True])
        self.assertEqual([s for p in pages for s in p.added], numbered(500))
        self.assertEqual(pages[-1].revision, 500)

    def test_only_what_is_not_known(self) -> None:
        """From a revision on, changes and removals after it come, and nothing else."""
        theirs = listed(numbered(500), "theirs")
        theirs.update(numbered(501)[1:])
        self.reader.read("bob@localhost", "laptop", "theirs", 498)
        self.reply(iq := self.request(), _answered(theirs, iq))
        (page,) = self.pages()
        self.assertEqual([share.size for share in page.added], [498, 499, 500])
        self.assertEqual(page.gone, (numbered(1)[0].info_hash,))
        self.assertEqual((page.reset, page.complete, page.revision), (False, True, 502))

    def test_one_request_at_a_time_and_few_in_all(self) -> None:
        """Asking again for what is being read changes nothing."""
        for n in range(20):
            self.befriend(f"c{n}@localhost")
        self.output.clear()
        for n in range(20):
            self.receive(f"<presence from='c{n}@localhost/x'/>")
            for _ in range(2):
                self.reader.read(f"c{n}@localhost", "x", "theirs", 0)
        asked = [iq["to"] for iq in self.requests()]
        self.assertEqual(asked, [f"c{n}@localhost/x" for n in range(AT_ONCE)])

    def test_one_account_does_not_hold_up_the_others(self) -> None:
        """Its resources may never answer: they wait for each other, and for nobody else."""
        for n in range(20):
            self.receive(f"<presence from='bob@localhost/{n}'/>")
            self.reader.read("bob@localhost", str(n), "theirs", 0)
        self.receive("<presence from='carol@localhost/x'/>")
        self.reader.read("carol@localhost", "x", "theirs", 0)
        first, other = self.requests()
        self.assertEqual((first["to"], other["to"]), ("bob@localhost/0", "carol@localhost/x"))
        self.reply(first, self.page(last=20, more=False, attributes="id='theirs'"))
        self.assertEqual(self.request()["to"], "bob@localhost/1")

    def befriend(self, jid: str) -> None:
        """Have the server tell of a contact."""
        item = f"<item jid='{jid}' subscription='both'/>"
        self.receive(f"<iq type='set' id='p'><query xmlns='jabber:iq:roster'>{item}</query></iq>")

    def test_only_who_is_there_and_counts_is_asked(self) -> None:
        """Not strangers, not whom we do not follow, not who is away."""
        self.receive("<presence from='dave@localhost/x'/>")
        for jid, resource in (
            ("bob@localhost", "away"),
            ("dave@localhost", "x"),
            ("mallory@localhost", "x"),
        ):
            self.reader.read(jid, resource, "theirs", 0)
        self.assertEqual(self.requests(), [])

    def test_what_passes_is_tried_again(self) -> None:
        """A busy resource and one that does not answer are asked again, from where it stood."""
        self.reader.read("bob@localhost", "laptop", "theirs", 10)
        self.reply(self.request(), self.page(last=20, attributes="id='theirs'"))
        self.refuse(self.request(), "resource-constraint", "wait")
        self.assertEqual(self.requests(), [])
        self.clock.advance(2)
        self.request()
        self.clock.advance(60)
        self.clock.advance(4)
        self.assertEqual(str(self.request().shares.set.after), "20")

    def test_a_refusal_holds_until_the_resource_comes_anew(self) -> None:
        """Who does not serve us is not asked again and again."""
        for _ in range(3):
            self.reader.read("bob@localhost", "laptop", "theirs", 0)
        self.refuse(self.request(), "service-unavailable", "cancel")
        self.reader.read("bob@localhost", "laptop", "theirs", 0)
        self.assertEqual(self.requests(), [])
        self.reader.drop("bob@localhost", "laptop")
        self.reader.read("bob@localhost", "laptop", "theirs", 0)
        self.request()

    def test_answers_that_lead_nowhere(self) -> None:
        """Malformed ones, revisions that do not grow, another list: it ends there, untold."""
        for content in (
            "",
            "<x/>",
            f"<shares xmlns='{NS_BITWEEN}'/>",
            f"<shares xmlns='{NS_BITWEEN}' id='theirs' revision='x'/>",
            f"<shares xmlns='{NS_BITWEEN}' id='theirs' revision='50' more='true'/>",
            self.page(last=10, attributes="id='theirs'"),
            self.page(last=9, attributes="id='theirs'"),
            self.page(last=20, attributes="id='other'"),
            self.page(last=20, revision=19, attributes="id='theirs'"),
            self.page(last=5, revision=5, more=False, attributes="id='theirs'"),
        ):
            self.reader.drop("bob@localhost")
            self.reader.read("bob@localhost", "laptop", "theirs", 10)
            self.reply(self.request(), content)
            self.clock.advance(600)
            self.assertEqual((self.requests(), self.pages()), ([], []), content)

    def test_a_list_without_an_end(self) -> None:
        """Neither ever new revisions nor ever new beginnings keep us reading for ever."""
        for attributes, limit in (
            ("id='theirs'", MAX_PAGES + 1),
            ("id='theirs' reset='true'", MAX_RESETS + 1),
        ):
            self.reader.drop("bob@localhost")
            self.clear()
            self.reader.read("bob@localhost", "laptop", "theirs", 0)
            asked = 0
            while (found := self.requests()) and asked <= limit:
                asked += 1
                content = self.page(last=asked, revision=2**53, attributes=attributes)
                self.reply(found[0], content)
                self.clock.advance(2)
            self.assertLessEqual(asked, limit)

    def test_more_entries_than_were_asked_for(self) -> None:
        """They are dropped, and so is what is no share; the rest stands."""
        good = "".join(
            f"<share_item name='n' hash='{share.info_hash}' size='1'/>" for share in numbered(300)
        )
        bad = "<share_item name='n' hash='x' size='1'/><gone hash='y'/><what/>"
        self.reader.read("bob@localhost", "laptop", "theirs", 10)
        content = f"<shares xmlns='{NS_BITWEEN}' id='theirs' revision='50'>{bad}{good}</shares>"
        self.reply(self.request(), content)
        (page,) = self.pages()
        self.assertEqual((len(page.added), page.complete), (MAX_ENTRIES, True))

    def test_it_stops_when_the_resource_goes(self) -> None:
        """The answer that is still on its way is not told, and nothing more is asked."""
        for stop in (
            lambda: self.reader.drop("bob@localhost", "laptop"),
            lambda: self.reader.drop("bob@localhost"),
            lambda: self.receive(f"<presence from='{LAPTOP}' type='unavailable'/>"),
            lambda: self.reader.connectionLost(None),
        ):
            self.receive(f"<presence from='{LAPTOP}'/>")
            self.reader.drop("bob@localhost")
            self.clear()
            self.reader.read("bob@localhost", "laptop", "theirs", 0)
            iq = self.request()
            stop()
            self.reply(iq, self.page(last=20, attributes="id='theirs' reset='true'"))
            self.clock.advance(100)
            self.assertEqual((self.requests(), self.pages()), ([], []))

    def test_nothing_is_left_of_what_was_stopped(self) -> None:
        """No request waits for its answer, and the next list can be read."""
        for _ in range(50):
            self.reader.read("bob@localhost", "laptop", "theirs", 0)
            self.reader.drop("bob@localhost")
        self.assertEqual(self.manager.stub.xmlstream.iqDeferreds, {})
        self.requests()
        self.clock.advance(100)
        self.reader.read("bob@localhost", "laptop", "theirs", 0)
        self.request()

    def test_another_list_in_its_place(self) -> None:
        """The old one is read no further, the new one from its beginning."""
        self.reader.read("bob@localhost", "laptop", "old", 7)
        old = self.request()
        self.reader.read("bob@localhost", "laptop", "new", 0)
        self.assertIsNone(self.request().shares.getAttribute("id"))
        self.reply(old, self.page(last=20, attributes="id='old'"))
        self.assertEqual(self.pages(), [])

    def test_a_list_that_begins_anew_while_it_is_read(self) -> None:
        """The page says so, and reading goes on in the new list."""
        theirs = listed(numbered(500), "theirs")
        self.reader.read("bob@localhost", "laptop", "theirs", 0)
        self.reply(iq := self.request(), _answered(theirs, iq))
        theirs.renew("anew")
        for _ in range(20):
            for iq in self.requests():
                self.reply(iq, _answered(theirs, iq))
            self.clock.advance(5)
        pages = self.pages()
        self.assertEqual([p.reset for p in pages[:3]], [True, True, False])
        self.assertEqual({p.list_id for p in pages[1:]}, {"anew"})
        self.assertEqual([s for p in pages[1:] for s in p.added], numbered(500))


def _answered(shares: ShareList, iq: Any) -> str:
    """What a list server answers to a request."""
    page: domish.Element = page_element(shares, parse_query(xml(iq.toXml()).shares))
    return str(page.toXml())
