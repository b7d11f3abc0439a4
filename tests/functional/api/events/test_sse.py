"""``GET /events``: Server-Sent Events, as a browser reads them, through the real site."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.events.log import EventLog
from bitween.api.events.sse import HEARTBEAT, MAX_GUEST_STREAMS, MAX_STALLED, MAX_STREAMS
from bitween.api.http.channel import DEADLINE
from bitween.api.results.event_types import EventType
from tests.support.api_rig import EPOCH, Answer, Connection, World, http_request, rpc, site_of

DONE, FAILED = EventType.JOB_DONE, EventType.JOB_FAILED


@dataclass(frozen=True)
class Message:
    """One message of a stream, dispatched or not."""

    id: int | None
    event: str
    data: Any


class Stream(Connection):
    """A client that reads a stream."""

    def open(self, query: str = "", last_event_id: int | str | None = None) -> Stream:
        """Ask for it."""
        seen = None if last_event_id is None else str(last_event_id)
        headers = {"Last-Event-ID": seen, "Content-Type": None}
        self.send(http_request(method="GET", path=f"/events{query}", headers=headers))
        return self

    @property
    def head(self) -> str:
        """Status line and headers."""
        head: bytes = self.transport.value().partition(b"\r\n\r\n")[0]
        return head.decode()

    def text(self) -> str:
        """What has come of the stream."""
        rest = self.transport.value().partition(b"\r\n\r\n")[2]
        body = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        return body.decode("ascii")

    def blocks(self) -> list[Message]:
        """Everything but comments (WHATWG HTML §9.2.6)."""
        return [_message(block.split("\n")) for block in self.text().split("\n\n")[:-1]]

    def messages(self) -> list[Message]:
        """What a browser would hand to a page."""
        return [message for message in self.blocks() if message.data is not None]

    def numbers(self) -> list[Any]:
        """What the messages carry."""
        return [message.data["data"]["n"] for message in self.messages()]

    def position(self) -> int:
        """What a browser would send as Last-Event-ID."""
        return [message.id for message in self.blocks() if message.id is not None][-1]

    def pause(self) -> None:
        """Stop reading, so that the transport's buffer fills up."""
        self.channel.pauseProducing()

    def resume(self) -> None:
        """Read on."""
        self.channel.resumeProducing()


def _message(lines: Iterable[str]) -> Message:
    fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
    data = json.loads(fields["data"]) if "data" in fields else None
    return Message(int(fields["id"]) if "id" in fields else None, fields.get("event", ""), data)


class StreamCase(SynchronousTestCase):
    """A log, served."""

    def setUp(self) -> None:
        """Serve one that keeps ten events."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.log = self.world.log = EventLog(lambda: EPOCH, capacity=10)
        self.site = site_of(self.world)

    def open(self, query: str = "", last_event_id: int | str | None = None) -> Stream:
        """A client that reads."""
        return Stream(self.site).open(query, last_event_id)

    def record(self, *numbers: int, event_type: EventType = DONE) -> None:
        """Let things happen."""
        for number in numbers:
            self.log.record(event_type, {"n": number})

    def refusal(self, query: str = "", method: str = "GET") -> Answer:
        """The answer to what is no stream."""
        connection = Connection(self.site)
        connection.send(http_request(method=method, path=f"/events{query}"))
        answer = connection.only_answer()
        connection.transport.loseConnection()
        return answer


class StreamTests(StreamCase):
    """What a client gets."""

    def test_new_events_arrive_at_once(self) -> None:
        """What happens from now on, at once, each with id, type and the same data as a poll's."""
        self.record(1)
        stream = self.open()
        self.assertIn("200 OK", stream.head)
        self.assertIn("text/event-stream", stream.head)
        self.assertEqual(stream.messages(), [])
        self.record(2)
        (message,) = stream.messages()
        self.assertEqual((message.id, message.event), (self.log.last, "job_done"))
        self.assertEqual(
            message.data, {"id": message.id, "type": "job_done", "time": EPOCH, "data": {"n": 2}}
        )
        self.record(3)
        self.assertEqual(stream.numbers(), [2, 3])

    def test_from_the_start(self) -> None:
        """With since=0, first what is kept, and no resync."""
        self.record(*range(15))
        self.assertEqual(self.open("?since=0").numbers(), list(range(5, 15)))

    def test_events_after_a_position_are_sent(self) -> None:
        """What came after an event."""
        self.record(1, 2, 3)
        self.assertEqual(self.open(f"?since={self.log.last - 2}").numbers(), [2, 3])

    def test_last_event_id(self) -> None:
        """A browser that comes back goes on where it was, whatever its URL says."""
        stream = self.open("?since=0")
        self.record(1)
        stream.transport.loseConnection()
        self.record(2, 3)
        self.assertEqual(self.open("?since=0", stream.position()).numbers(), [2, 3])

    def test_cut_off_before_the_first_event(self) -> None:
        """The client knows where it was all the same."""
        stream = self.open()
        stream.transport.loseConnection()
        self.record(1)
        self.assertEqual(self.open("", stream.position()).numbers(), [1])

    def test_only_requested_types_are_sent(self) -> None:
        """Only those that are asked for; a heartbeat moves the position past the others."""
        stream = self.open("?types=job_failed,warning")
        self.record(1)
        self.record(2, event_type=FAILED)
        self.record(3)
        self.assertEqual(stream.numbers(), [2])
        self.clock.advance(HEARTBEAT)
        self.assertEqual(stream.position(), self.log.last)
        other = self.open("?types=job_done&types=job_failed&since=0")
        self.assertEqual(other.numbers(), [1, 2, 3])

    def test_a_comment_is_sent_every_15_seconds(self) -> None:
        """A comment every 15 seconds; the deadline of requests does not end the stream."""
        stream = self.open()
        for _ in range(20):
            self.clock.advance(HEARTBEAT)
        self.assertGreater(20 * HEARTBEAT, DEADLINE)
        self.assertEqual(stream.text().count("\n: "), 20)
        self.assertTrue(stream.transport.connected)
        self.record(1)
        self.assertEqual(stream.numbers(), [1])

    def test_an_unknown_position_gets_a_resync(self) -> None:
        """Who comes back too late, from an earlier run, or with nonsense, is told, and goes on."""
        self.record(*range(15))
        for seen in (self.log.start - 1, self.log.last + 1, 7, "nonsense", "9" * 5000, ""):
            stream = self.open("", seen)
            (message,) = stream.messages()
            self.assertEqual((message.event, message.id), ("resync", self.log.last), seen)
            stream.transport.clear()
            stream.transport.loseConnection()

    def test_resync_whatever_the_types(self) -> None:
        """It is told to those who want one type only, and events follow it."""
        self.record(1)
        stream = self.open("?types=job_failed", 7)
        self.record(2, event_type=FAILED)
        self.assertEqual([m.event for m in stream.messages()], ["resync", "job_failed"])


class PausedClientTests(StreamCase):
    """Clients that do not read."""

    def test_a_paused_client_gets_what_it_missed(self) -> None:
        """Nothing is written for it; when it reads on, it gets what it missed."""
        stream = self.open()
        stream.pause()
        self.record(1, 2, 3)
        self.clock.advance(HEARTBEAT)
        self.assertEqual(stream.messages(), [])
        self.assertNotIn("\n: ", stream.text())
        stream.resume()
        self.assertEqual(stream.numbers(), [1, 2, 3])

    def test_paused_for_too_much(self) -> None:
        """If that is no longer kept, it gets a resync, and what comes after."""
        stream = self.open()
        self.record(1)
        stream.pause()
        self.record(*range(11))
        stream.resume()
        self.record(2)
        self.assertEqual([m.event for m in stream.messages()], ["job_done", "resync", "job_done"])
        self.assertEqual(stream.position(), self.log.last)

    def test_does_not_hold_up_others(self) -> None:
        """Others go on meanwhile."""
        paused, other = self.open(), self.open()
        paused.pause()
        self.record(1)
        self.assertEqual((paused.messages(), other.numbers()), ([], [1]))

    def test_buffer_that_is_full(self) -> None:
        """Of many events in the log, only what the transport takes is written."""
        for number in range(10):
            self.log.record(DONE, {"n": number, "text": "x" * 30_000})
        stream = Stream(self.site)
        write = stream.transport.writeSequence

        def write_and_pause(data: Sequence[bytes]) -> None:
            write(data)
            if len(stream.transport.value()) > 2**16:
                stream.pause()

        self.patch(stream.transport, "writeSequence", write_and_pause)  # as a socket does
        stream.open("?since=0")
        self.assertEqual(stream.numbers(), [0, 1, 2, 3])
        for _ in range(10):
            stream.resume()
        self.assertEqual(stream.numbers(), list(range(10)))

    def test_reads_no_more(self) -> None:
        """A client that reads nothing for ten minutes loses its place; one that reads keeps it."""
        lazy, dead = self.open(), self.open()
        for stream in (lazy, dead):
            stream.pause()
        self.clock.pump([HEARTBEAT] * (MAX_STALLED - 1))
        lazy.resume()
        self.assertTrue(dead.transport.connected)
        self.clock.advance(HEARTBEAT)
        self.assertFalse(dead.transport.connected)
        self.assertTrue(lazy.transport.connected)


class EndTests(StreamCase):
    """How a stream ends."""

    def test_client_goes_away(self) -> None:
        """Nothing is left of it."""
        self.open().transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.record(1)

    def test_paused_client_goes_away(self) -> None:
        """Nor of one that did not read."""
        stream = self.open()
        stream.pause()
        stream.transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_streams_end_when_the_site_closes(self) -> None:
        """All streams end."""
        streams = [self.open(), self.open()]
        streams[1].pause()
        self.successResultOf(Deferred.fromCoroutine(self.site.close()))
        self.assertEqual([s.transport.connected for s in streams], [False, False])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class RefusalTests(StreamCase):
    """What gets no stream."""

    def test_a_stream_without_a_token_is_refused(self) -> None:
        """The gate stands before it."""
        connection = Connection(self.site)
        headers = {"Authorization": None}
        connection.send(http_request(method="GET", path="/events", headers=headers))
        self.assertEqual(connection.only_answer().status, 401)

    def test_other_methods(self) -> None:
        """Only GET will do."""
        for method in ("POST", "PUT", "DELETE"):
            answer = self.refusal(method=method)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET"))

    def test_an_unknown_type_is_refused_by_name(self) -> None:
        """It is named, and those that there are."""
        answer = self.refusal("?types=job_done,sunrise")
        self.assertEqual(answer.status, 400)
        self.assertIn(b"'sunrise'", answer.body)
        self.assertIn(b"torrent_added", answer.body)

    def test_a_position_that_is_no_number_is_refused(self) -> None:
        """A position is a number."""
        for since in ("x", "-1", "", "1.5", "9" * 17):
            self.assertEqual(self.refusal(f"?since={since}").status, 400, since)

    def test_too_many_streams_are_refused(self) -> None:
        """There is room for calls beside streams; one that ends makes place for another."""
        streams = [self.open() for _ in range(MAX_STREAMS)]
        answer = self.refusal()
        self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "15"))
        streams[0].transport.loseConnection()
        self.assertIn("200 OK", self.open().head)

    def test_who_may_only_look(self) -> None:
        """They leave room for the owner's page, however many there are."""
        self.site = site_of(self.world, tokens_file=self.mktemp())
        made = Connection(self.site)
        made.send(http_request(rpc("token.new", ["wall", True])))
        reader = {"Authorization": f"Bearer {made.only_answer().json['result']['token']}"}
        looking = [Connection(self.site) for _ in range(MAX_STREAMS)]
        for connection in looking:
            connection.send(http_request(method="GET", path="/events", headers=reader))
        heads = [connection.transport.value()[:15] for connection in looking]
        self.assertEqual(heads.count(b"HTTP/1.1 200 OK"), MAX_GUEST_STREAMS)
        self.assertIn("200 OK", self.open().head)
        looking[0].transport.loseConnection()
        looking[-1].send(http_request(method="GET", path="/events", headers=reader))
        self.assertIn(b"200 OK", looking[-1].transport.value())
