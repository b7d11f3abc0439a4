"""Answers that are encoded in slices and sent in chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.json_stream import JsonArray, JsonObject, json_parts
from bitween.api.rpc.namespace import Namespace
from bitween.util.cooperate import SLICE
from tests.support.api_rig import Connection, bare_site, http_request, rpc

ROWS = 5
_LONG = "x" * 70_000


class Long(Namespace):
    """Methods with long answers; each row takes half a slice."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.made = 0

    def _rows(self, last: object) -> Iterator[object]:
        for number in range(ROWS):
            self.made += 1
            self._clock.rightNow += SLICE / 2
            yield number
        yield last

    def jsonrpc_rows(self) -> JsonObject:
        """Answer slowly."""
        return JsonObject([("rows", JsonArray(self._rows(True)))])

    def jsonrpc_broken(self) -> JsonObject:
        """Answer what JSON cannot hold, at the end."""
        return JsonObject([("rows", JsonArray(self._rows(float("nan"))))])

    def jsonrpc_bulky(self) -> JsonObject:
        """Answer with several chunks."""
        return JsonObject([("rows", JsonArray([_LONG] * ROWS))])

    def jsonrpc_ping(self) -> int:
        """Answer at once, with the rows that were made by then."""
        return self.made


class PiecesTests(SynchronousTestCase):
    """The encoding."""

    def test_as_a_whole(self) -> None:
        """The parts together are the JSON of the same value in one."""
        whole: dict[str, object] = {
            "a": [1, {"b": "\ud800\n"}, []],
            "c": {},
            "d": None,
            'e"': {"f": [{}]},
        }
        lazy = JsonObject(
            [
                ("a", JsonArray(iter([1, JsonObject([("b", "\ud800\n")]), JsonArray([])]))),
                ("c", JsonObject([])),
                ("d", None),
                ('e"', JsonObject(iter([("f", [{}])]))),
            ]
        )
        self.assertEqual(json.loads("".join(json_parts(lazy))), whole)
        self.assertEqual("".join(json_parts(lazy.pairs[1][1])), "{}")  # type: ignore[index]  # a list


class LargeAnswerTests(SynchronousTestCase):
    """A clock on which every row takes half a slice."""

    def setUp(self) -> None:
        """Serve the long answers below ``t.``."""
        self.clock = Clock()
        self.long = Long(self.clock)
        self.site = bare_site({"t": self.long}, self.clock)
        self.connection = Connection(self.site)
        self.addCleanup(self._hang_up)

    def _hang_up(self) -> None:
        self.connection.transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def _let_little_through(self) -> None:
        """Let the connection be full after every write."""
        channel, transport = self.connection.channel, self.connection.transport
        write = transport.write

        def write_and_be_full(data: bytes) -> None:
            write(data)
            channel.pauseProducing()

        transport.write = write_and_be_full  # type: ignore[method-assign]  # see above

    def ask(self, body: bytes) -> None:
        """Send a request, and leave the rest to the clock."""
        self.connection.send(http_request(body))

    def test_another_call_has_its_turn(self) -> None:
        """While a long answer is made, others are answered; it comes out whole."""
        self.ask(rpc("t.rows"))
        self.assertEqual(self.connection.answers(), [])
        other = Connection(self.site)
        other.send(http_request(rpc("t.ping")))
        other.transport.loseConnection()
        made = other.only_answer().json["result"]
        self.assertTrue(0 < made < ROWS, made)
        self.clock.pump([0] * ROWS)
        rows = [*range(ROWS), True]
        answer = self.connection.only_answer()
        self.assertEqual(answer.json, {"jsonrpc": "2.0", "result": {"rows": rows}, "id": 1})
        self.assertEqual(answer.headers["content-length"], str(len(answer.body)))

    def test_a_client_that_goes_away(self) -> None:
        """Nothing more is made for nobody."""
        self.ask(rpc("t.rows"))
        self.connection.transport.loseConnection()
        made = self.long.made
        self.assertLess(made, ROWS)
        self.clock.pump([0] * ROWS)
        self.assertEqual(self.long.made, made)

    def test_in_a_batch(self) -> None:
        """Long and short answers stand side by side, and a notification is none."""
        calls = [rpc("t.ping", call_id=1), rpc("t.rows", call_id=2), rpc("t.rows", call_id=3)]
        silent = b'{"jsonrpc":"2.0","method":"t.rows"}'
        self.ask(b"[" + b",".join([*calls, silent]) + b"]")
        self.clock.pump([0] * 4 * ROWS)
        answers = self.connection.only_answer().json
        self.assertEqual([answer["id"] for answer in answers], [1, 2, 3])
        self.assertEqual(answers[2]["result"], {"rows": [*range(ROWS), True]})

    def test_as_a_notification(self) -> None:
        """There is no body, however much was made."""
        self.ask(b'{"jsonrpc":"2.0","method":"t.rows"}')
        self.clock.pump([0] * ROWS)
        self.assertEqual(self.connection.only_answer().status, 204)

    def test_what_breaks_late(self) -> None:
        """A fault at the end of a long answer is an error like any other."""
        self.ask(rpc("t.broken"))
        self.clock.pump([0] * ROWS)
        self.assertEqual(self.connection.only_answer().json["error"]["code"], -32603)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_a_slow_reader(self) -> None:
        """What is made goes out as fast as the client takes it, and no faster."""
        self._let_little_through()
        self.ask(rpc("t.bulky"))
        self.clock.pump([0] * ROWS)
        self.assertLess(len(self.connection.transport.value()), 3 * len(_LONG))
        for _ in range(2 * ROWS):
            self.connection.channel.resumeProducing()
        answer = self.connection.only_answer()
        self.assertEqual(answer.json["result"], {"rows": [_LONG] * ROWS})

    def test_a_slow_reader_that_goes_away(self) -> None:
        """The rest is dropped."""
        self._let_little_through()
        self.ask(rpc("t.bulky"))
        self.clock.pump([0] * ROWS)
        sent = len(self.connection.transport.value())
        self.assertGreater(sent, 0)
        self.connection.channel.stopProducing()  # as a real connection does when it is lost
        self.connection.transport.loseConnection()
        self.connection.channel.resumeProducing()
        self.assertEqual(len(self.connection.transport.value()), sent)
