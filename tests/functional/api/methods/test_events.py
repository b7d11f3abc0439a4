"""``events.poll``: asking for what happened, and waiting for what will."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.methods.events import ROOM
from bitween.api.results.event_types import EventType
from tests.support.api_rig import Connection, World, http_request, rpc, site_of

DONE, FAILED = EventType.JOB_DONE, EventType.JOB_FAILED


class PollTests(SynchronousTestCase):
    """The method through HTTP."""

    def setUp(self) -> None:
        """Serve a log in which nothing has happened."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.log = self.world.log
        self.site = site_of(self.world)

    def poll(self, **params: object) -> Connection:
        """Begin to ask."""
        connection = Connection(self.site)
        connection.send(http_request(rpc("events.poll", params)))
        return connection

    def result(self, **params: object) -> Any:
        """The answer to what is answered at once."""
        return self.poll(**params).only_answer().json["result"]

    def record(self, number: int, event_type: EventType = DONE) -> None:
        """Let something happen."""
        self.log.record(event_type, {"n": number})

    def numbers(self, result: Any) -> list[int]:
        """What the events of a result carry."""
        return [event["data"]["n"] for event in result["events"]]

    def test_what_there_is(self) -> None:
        """From 0 on come all that are kept, at once; then those after the last."""
        self.record(1)
        self.record(2, FAILED)
        result = self.result()
        self.assertEqual((self.numbers(result), result["gap"]), ([1, 2], False))
        first, second = result["events"]
        self.assertEqual(
            second,
            {"id": first["id"] + 1, "type": "job_failed", "time": 2000.0, "data": {"n": 2}},
        )
        self.assertEqual(result["last"], second["id"])
        self.record(3)
        self.assertEqual(self.numbers(self.result(since=result["last"])), [3])

    def test_a_poll_waits_for_the_next_event(self) -> None:
        """Where there is nothing yet, the answer comes with the next event."""
        waiting = self.poll()
        self.clock.advance(29)
        self.assertEqual(waiting.answers(), [])
        self.record(1)
        self.assertEqual(self.numbers(waiting.only_answer().json["result"]), [1])
        self.assertEqual(self.clock.getDelayedCalls()[1:], [], "only the connection's own is left")

    def test_waits_only_so_long(self) -> None:
        """Then the answer is empty, and one can go on from there."""
        waiting = self.poll(timeout=10)
        self.clock.advance(10)
        self.assertEqual(
            waiting.only_answer().json["result"],
            {"events": [], "last": self.log.last, "gap": False},
        )

    def test_does_not_wait(self) -> None:
        """With a timeout of 0 the answer comes at once."""
        self.assertEqual(self.result(timeout=0)["events"], [])

    def test_a_poll_skips_other_types(self) -> None:
        """Others are neither given nor waited for, and the position passes over them."""
        self.record(1)
        waiting = self.poll(types=["job_failed", "warning"])
        self.record(2)
        self.assertEqual(waiting.answers(), [])
        self.record(3, FAILED)
        result = waiting.only_answer().json["result"]
        self.assertEqual((self.numbers(result), result["last"]), ([3], self.log.last))

    def test_wrong_parameters_are_refused_by_name(self) -> None:
        """They are refused, and named."""
        for params, name in (
            ({"types": ["job_done", "sun\x1brise"]}, "sun"),
            ({"types": "job_done"}, "types"),
            ({"timeout": 601}, "timeout"),
            ({"timeout": -1}, "timeout"),
            ({"since": -1}, "since"),
            ({"since": "1"}, "since"),
        ):
            error = self.poll(**params).only_answer().json["error"]
            self.assertEqual(error["code"], -32602)
            self.assertIn(name, error["message"])
            self.assertTrue(error["message"].isprintable())

    def test_what_is_to_come(self) -> None:
        """With null, what happened before does not count."""
        self.record(1)
        waiting = self.poll(since=None)
        self.assertEqual(waiting.answers(), [])
        self.record(2)
        self.assertEqual(self.numbers(waiting.only_answer().json["result"]), [2])

    def test_an_unknown_position_is_reported_at_once(self) -> None:
        """A position that is unknown here is told at once, and where to go on."""
        self.record(1)
        for since in (1, self.log.start - 1, self.log.last + 1):
            self.assertEqual(
                self.result(since=since), {"events": [], "last": self.log.last, "gap": True}
            )

    def test_more_than_fits(self) -> None:
        """An answer is bounded; asking on gives the rest."""
        for number in range(5):
            self.log.record(DONE, {"n": number, "text": "x" * (ROOM // 2)})
        numbers, position = [], 0
        for _ in range(3):
            result = self.result(since=position)
            position = result["last"]
            numbers.append(self.numbers(result))
        self.assertEqual(numbers, [[0, 1], [2, 3], [4]])

    def test_client_goes_away(self) -> None:
        """Nothing is left of its waiting."""
        waiting = self.poll()
        waiting.transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.record(1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_every_waiting_poll_gets_the_event(self) -> None:
        """Each gets the event."""
        waiting = [self.poll() for _ in range(3)]
        self.record(1)
        for connection in waiting:
            self.assertEqual(self.numbers(connection.only_answer().json["result"]), [1])
