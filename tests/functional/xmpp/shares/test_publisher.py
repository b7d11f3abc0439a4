"""The publisher: coalescing, byte budget, retries; and the budget and back-off it lives by."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.xish import domish

from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.session.send_budget import BURST, RATE, RESERVE, send_budget
from bitween.xmpp.shares.device_codec import signed_content
from bitween.xmpp.shares.item_codec import (
    OwnPlaces,
    changed_item,
    list_state,
    parse_item,
    whole_item,
)
from bitween.xmpp.shares.published_list import PublishedList
from bitween.xmpp.shares.publisher import QUIET, Publisher
from tests.support.fakes.lists import Memory, listed, numbered
from tests.support.signer import TestSigner

ADDRESS = PeerAddress.parse("10.0.0.1", 6881)
HERE = OwnPlaces((Candidate(ADDRESS),), (ADDRESS,))


def whole_of(shares: list[Share]) -> Any:
    """An item with the whole of a list."""
    return whole_item("r", listed(shares), HERE)


class PublisherTests(SynchronousTestCase):
    """Our item is what we want it to be, with as few bytes as it takes."""

    signer: TestSigner | None = None

    def setUp(self) -> None:
        """A publisher whose server answers when the test says so."""
        self.clock = Clock()
        self.budget = send_budget(self.clock)
        self.sent: list[Any] = []
        self.answers: list[Deferred[None]] = []
        self.memory = Memory()
        self.publisher = self.made()

    def made(self) -> Publisher:
        """A publisher that remembers what the one before did."""
        backoff = Backoff(lambda: 0.0)
        own = PublishedList(self.memory)
        publish = self.publish
        return Publisher(self.clock, self.budget, publish, backoff, own, signer=self.signer)

    def publish(self, item: Any) -> Deferred[None]:
        """Take what is published, as the stream does."""
        self.sent.append(item)
        self.budget.consume(len(item.toXml()))
        answer: Deferred[None] = Deferred()
        self.answers.append(answer)
        return answer

    def announce(self, count: int) -> None:
        """Announce so many shares, and let a turn of the reactor pass."""
        self.publisher.announce(numbered(count), HERE)
        self.clock.advance(0)

    def answer(self) -> None:
        """Let the server accept what is under way."""
        self.answers.pop(0).callback(None)
        self.clock.advance(0)

    def published(self) -> list[int]:
        """How many shares each item held that was sent."""
        return [len(parse_item(item).announcements[0].shares) for item in self.sent]

    def test_idle_it_publishes_at_once(self) -> None:
        """No delay is added where nothing is under way."""
        self.publisher.begin("r", None)
        self.announce(1)
        self.assertEqual(self.published(), [1])

    def test_changes_add_up_while_one_is_under_way(self) -> None:
        """However many changes come meanwhile, one item follows, with the last of them."""
        self.publisher.begin("r", None)
        for count in range(1, 20):
            self.announce(count)
        self.assertEqual(self.published(), [1])
        self.answer()
        self.assertEqual(self.published(), [1, 19])

    def test_nothing_is_published_twice(self) -> None:
        """Saying the same again costs no byte."""
        self.publisher.begin("r", None)
        self.announce(2)
        self.answer()
        self.announce(2)
        self.assertEqual(self.published(), [2])

    def test_what_is_known_of_our_addresses_is_published_once(self) -> None:
        """That an address was reached is news; that it still is, is none."""
        self.publisher.begin("r", None)
        reached = OwnPlaces((Candidate(ADDRESS, reached=True),), (ADDRESS,))
        for places in (HERE, reached, reached):
            self.publisher.announce(numbered(1), places)
            self.clock.advance(0)
            if self.answers:
                self.answer()
        announced = [parse_item(item).announcements[0].candidates for item in self.sent]
        self.assertEqual(announced, [HERE.candidates, reached.candidates])

    def test_what_the_server_has_is_not_published_again(self) -> None:
        """After a reconnect, and after a restart, only what differs is sent."""
        self.announce(200)
        for publisher in (self.publisher, self.made()):
            self.publisher = publisher
            self.announce(200)
            known = changed_item("r", listed(numbered(200)), HERE, self.signer)
            self.publisher.begin("r", known)
            self.clock.advance(1)
            self.publisher.end()
        self.assertEqual(self.published(), [])
        self.publisher.begin("r", changed_item("r", listed(numbered(199)), HERE))
        self.clock.advance(1)
        self.assertEqual(len(self.sent), 1)

    def test_a_list_that_nobody_knows_is_told_whole(self) -> None:
        """If the server has none of our items, or one of another list, changes are of no use."""
        for found in (None, whole_item("r", listed(numbered(100), "old"), HERE)):
            self.sent.clear()
            self.publisher.begin("r", found)
            self.announce(100)
            self.clock.advance(30)
            self.assertEqual(self.published(), [100])

    def test_news_of_a_longer_list_are_small(self) -> None:
        """They are told at once by the last changes; the whole follows when all is quiet, once."""
        self.publisher.begin("r", None)
        self.announce(100)
        self.answer()
        self.announce(101)
        self.answer()
        self.assertLess(len(self.sent[1].toXml()), 2000)
        for _ in range(int(QUIET) - 1):
            self.clock.advance(1)
        self.announce(102)
        self.answer()
        self.assertEqual(len(self.sent), 3)
        for _ in range(10 * int(QUIET)):
            self.clock.advance(1)
            if self.answers:
                self.answer()
        self.assertEqual(len(self.sent), 4)
        self.assertEqual(self.published()[3], 102)

    def test_a_list_that_does_not_fit_is_never_told_whole(self) -> None:
        """Nothing is sent again, however long nothing changes."""
        for count in (250, 5000):
            self.sent.clear()
            self.publisher.begin("r", None)
            self.announce(count)
            self.answer()
            for _ in range(1000):
                self.clock.advance(1)
            self.assertEqual(len(self.sent), 1)
            self.assertLess(len(self.sent[0].toXml()), 2000)

    def test_an_old_state_begins_a_new_list(self) -> None:
        """If contacts know a later revision than we do, ours would be used twice."""
        self.announce(3)
        self.publisher.begin("r", whole_item("r", listed(numbered(9)), HERE))
        self.clock.advance(0)
        (item,) = self.sent
        list_id, revision = list_state(item)
        self.assertEqual((list_id != "list", revision, self.published()), (True, 3, [3]))
        self.assertEqual(self.memory.share_list().list_id, list_id)

    def test_it_is_remembered_before_it_is_told(self) -> None:
        """What goes out can be taken up after any end of the process; the same is kept once."""
        self.publisher.begin("r", None)
        for _ in range(3):
            self.publisher.announce(numbered(5), HERE)
        self.assertEqual(
            (self.memory.share_list().revision, self.memory.kept, self.sent), (5, 1, [])
        )

    def test_offline_it_waits(self) -> None:
        """What is announced without a session is published in the next one."""
        self.announce(1)
        self.announce(2)
        self.assertEqual(self.published(), [])
        self.publisher.begin("r", None)
        self.clock.advance(0)
        self.assertEqual(self.published(), [2])

    def test_it_keeps_to_the_budget(self) -> None:
        """A minute of ever new lists stays within burst and rate."""
        self.publisher.begin("r", None)
        for step in range(600):
            self.publisher.announce(numbered(100 + step % 7), HERE)
            self.clock.advance(0.1)
            if self.answers:
                self.answer()
        size = sum(len(item.toXml()) for item in self.sent)
        self.assertLessEqual(size, BURST + 60 * RATE + len(self.sent[0].toXml()))
        self.assertGreater(size, 60 * RATE / 2)

    def test_requests_that_others_cause_do_not_starve_it(self) -> None:
        """A contact that makes us read its list again and again does not delay our publishing."""
        self.budget.consume(BURST)
        self.publisher.begin("r", None)
        self.announce(100)
        for _ in range(100):
            while self.budget.delay(300, RESERVE) <= 0:
                self.budget.consume(300)
            self.clock.advance(0.1)
        self.assertEqual(self.published(), [100])
        self.clock.advance(10)
        self.assertEqual(self.budget.delay(300, RESERVE), 0)

    def test_what_is_taken_back_claims_nothing(self) -> None:
        """A change that was undone while it waited for room leaves that to others."""
        self.publisher.begin("r", None)
        self.announce(1)
        self.answer()
        self.budget.consume(BURST)
        self.announce(2)
        self.publisher.end()
        self.clock.advance(3)
        self.assertEqual(self.budget.delay(300, RESERVE), 0)

    def test_a_change_does_not_shorten_a_back_off(self) -> None:
        """What is announced while a try is put off waits with it."""
        self.publisher.begin("r", None)
        self.announce(1)
        self.answers.pop(0).errback(Failure(RequestRefused("no")))
        self.announce(2)
        self.clock.advance(0.9)
        self.assertEqual(self.published(), [1])
        self.clock.advance(0.2)
        self.assertEqual(self.published(), [1, 2])

    def test_a_failure_is_tried_again_ever_later(self) -> None:
        """Against a server that always refuses, there are few tries in ten minutes."""
        self.publisher.begin("r", None)
        self.announce(1)
        for _ in range(6000):
            if self.answers:
                self.answers.pop(0).errback(Failure(RequestRefused("no")))
            self.clock.advance(0.1)
        self.assertGreater(len(self.sent), 5)
        self.assertLess(len(self.sent), 25)

    def test_an_item_that_ends_the_stream_is_not_sent_again_at_once(self) -> None:
        """If the session broke off in the middle of publishing, the next one waits ever longer."""
        waits = []
        self.announce(1)
        for _ in range(5):
            self.publisher.begin("r", None)
            sent = len(self.sent)
            waited = 0
            while len(self.sent) == sent:
                self.clock.advance(0.5)
                waited += 1
            waits.append(waited)
            self.publisher.end()
        self.assertEqual(waits, sorted(waits))
        self.assertGreater(waits[-1], waits[0] + 10)

    def test_an_answer_from_an_earlier_session_counts_for_nothing(self) -> None:
        """A publish that ended with its session says nothing about the next one."""
        self.publisher.begin("r", None)
        self.announce(1)
        late = self.answers.pop()
        self.publisher.end()
        self.publisher.begin("r", None)
        late.callback(None)
        self.clock.advance(5)
        self.assertEqual(self.published(), [1, 1])

    def test_a_lost_item_is_published_again(self) -> None:
        """The one who removed it does not matter."""
        self.publisher.begin("r", None)
        self.announce(1)
        self.answer()
        self.publisher.compare(None)
        self.clock.advance(0)
        self.assertEqual(len(self.sent), 2)

    def test_the_right_item_is_left_alone(self) -> None:
        """A look that finds what was published costs no further publish."""
        self.publisher.begin("r", None)
        self.announce(1)
        self.answer()
        self.publisher.compare(self.sent[0])
        self.clock.advance(0)
        self.assertEqual(len(self.sent), 1)

    def test_a_foreign_item_is_replaced_under_another_list(self) -> None:
        """Contacts who believed it read all again: it told of the list and revision they know."""
        shares = numbered(200)
        self.publisher.begin("r", None)
        self.announce(200)
        self.answer()
        list_id, revision = list_state(self.sent[-1])
        for foreign in (changed_item("r", listed(shares[:-1]), HERE), whole_of(shares[:2])):
            payload = foreign.user_shares.resource
            payload.list["id"], payload.list["revision"] = list_id, str(revision)
            self.assertFalse(self.publisher.expects(foreign))
            self.publisher.compare(foreign)
            self.clock.advance(10)
            self.answer()
            again, _ = list_state(self.sent[-1])
            self.assertNotEqual(again, list_id)
            list_id, revision = list_state(self.sent[-1])

    def test_an_item_of_another_kind_is_replaced(self) -> None:
        """What another program has put in our place need not be a share list."""
        found = domish.Element((None, "item"))
        found["id"] = "r"
        found.addElement(("urn:example:other", "note"), content="mine")
        self.publisher.begin("r", found)
        self.announce(2)
        self.assertEqual(self.published(), [2])

    def test_our_own_notifications_are_expected(self) -> None:
        """Each as often as the server tells it, but no earlier one after a later one."""
        self.publisher.begin("r", None)
        for count in (1, 2):
            self.announce(count)
            self.answer()
        first, second = self.sent
        told = [self.publisher.expects(item) for item in (first, first, second, second, first)]
        self.assertEqual(told, [True, True, True, True, False])

    def test_what_the_server_had_is_expected(self) -> None:
        """At the log-in it tells the last item, before or after we have read it."""
        had = whole_item("r", listed(numbered(2)), HERE)
        self.assertTrue(self.publisher.expects(had))
        self.publisher.begin("r", had)
        self.announce(2)
        self.assertTrue(self.publisher.expects(had))
        self.assertFalse(self.publisher.expects(whole_of(numbered(1))))


class SignatureTests(PublisherTests):
    """The same, where each item is signed: a signature of another time is no change."""

    signer: TestSigner

    def setUp(self) -> None:
        """Have a signer beside the publisher."""
        self.signer = TestSigner()
        super().setUp()

    def test_each_item_is_signed(self) -> None:
        """Over its content, with a time of its own."""
        self.publisher.begin("r", None)
        for count in (1, 2):
            self.announce(count)
            self.answer()
            parsed = parse_item(self.sent[-1])
            statement = parsed.announcements[0].device
            assert statement is not None
            self.assertTrue(self.signer.signed(statement, signed_content(parsed.bodies["r"])))
        self.assertEqual(len(self.sent), 2)

    def test_a_signature_that_ends_soon_is_replaced(self) -> None:
        """When the item is compared again, as it is from time to time."""
        self.publisher.begin("r", None)
        self.announce(1)
        self.answer()
        self.publisher.compare(self.sent[-1])
        self.clock.advance(0)
        self.assertEqual(len(self.sent), 1)
        self.signer.due = True
        self.publisher.compare(self.sent[-1])
        self.clock.advance(0)
        self.assertEqual(len(self.sent), 2)

    def test_an_item_that_is_not_signed_is_replaced(self) -> None:
        """One that an earlier version has published."""
        self.announce(1)
        self.publisher.begin("r", whole_item("r", listed(numbered(1)), HERE))
        self.clock.advance(0)
        self.assertEqual(len(self.sent), 1)


class BudgetTests(SynchronousTestCase):
    """The token bucket."""

    def test_it_fills_up_again(self) -> None:
        """What was spent comes back at the rate, up to the burst."""
        clock = Clock()
        budget = TokenBucket(clock, rate=100, burst=1000)
        self.assertEqual(budget.delay(1000), 0)
        budget.consume(1500)
        self.assertEqual(budget.backlog, 5)
        self.assertEqual(budget.delay(100), 6)
        clock.advance(6)
        self.assertEqual((budget.backlog, budget.delay(100)), (0, 0))
        clock.advance(1000)
        self.assertEqual(budget.delay(1_000_000), 0)
        budget.consume(1000)
        self.assertEqual(budget.delay(1_000_000), 10)

    def test_something_can_be_left_over(self) -> None:
        """What may wait leaves room for what may not."""
        clock = Clock()
        budget = TokenBucket(clock, rate=100, burst=1000)
        budget.consume(500)
        self.assertEqual((budget.delay(400), budget.delay(400, 300)), (0, 2))
        self.assertEqual(budget.delay(900, 900), 5)

    def test_something_large_can_claim_its_room(self) -> None:
        """What may wait gives way to it; what must not, goes."""
        clock = Clock()
        budget = TokenBucket(clock, rate=100, burst=1000)
        budget.consume(400)
        budget.claim(800)
        self.assertEqual((budget.delay(400), budget.delay(100, 100)), (0, 4))
        budget.claim(0)
        self.assertEqual(budget.delay(100, 100), 0)


class BackoffTests(SynchronousTestCase):
    """Delays between tries."""

    def test_they_grow_from_one_second_to_a_minute(self) -> None:
        """For every random part they stay in 1..60 s, double, and start over after a reset."""
        for draw in (0.0, 0.5, 1.0):
            backoff = Backoff(lambda draw=draw: draw)  # type: ignore[misc]  # bound early
            delays = [backoff.next() for _ in range(30)]
            self.assertEqual(delays, sorted(delays))
            self.assertLess(delays[0], 2)
            self.assertGreaterEqual(delays[0], 1)
            self.assertGreaterEqual(delays[-1], 40)
            self.assertLessEqual(delays[-1], 60)
            backoff.reset()
            self.assertEqual(backoff.next(), delays[0])

    def test_they_differ_between_clients(self) -> None:
        """Clients of a server that restarts do not all come back at once."""
        self.assertNotEqual(Backoff().next(), Backoff().next())
