"""JSON-RPC 2.0 as its specification has it, and its corners, against the real resource."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.rpc.jsonrpc import MAX_BATCH
from bitween.api.rpc.namespace import Namespace
from bitween.api.rpc.params import Between, Path
from bitween.errors import UnknownTorrent
from bitween.model.torrent import InfoHash
from tests.support.api_rig import Answer, Connection, bare_site, http_request, rpc

_NO_IDS: tuple[object, ...] = (True, False, [], {})


class Examples(Namespace):
    """Methods for the tests."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: Deferred[str] = Deferred()
        self.cancelled = False

    def jsonrpc_subtract(self, minuend: int, subtrahend: int) -> int:
        """The difference."""
        return minuend - subtrahend

    def jsonrpc_sum(self, numbers: list[int]) -> int:
        """The sum."""
        return sum(numbers)

    def jsonrpc_update(self, a: int = 0, b: int = 0) -> None:
        """Do nothing, as the specification's example."""

    def jsonrpc_echo(self, text: str | None = None) -> str | None:
        """The text itself."""
        return text

    def jsonrpc_hash(self, hash: InfoHash) -> str:  # noqa: A002  # as in the API
        """The hash in lower case."""
        return hash

    def jsonrpc_path(self, path: Path) -> str:
        """The path itself."""
        return path

    def jsonrpc_choose(
        self, sort: Literal["name", "size"] = "name", limit: Annotated[int, Between(0, 10)] = 5
    ) -> list[object]:
        """What was chosen."""
        return [sort, limit]

    def jsonrpc_flag(self, flag: bool) -> bool:
        """The flag itself."""
        return flag

    def jsonrpc_refuse(self) -> None:
        """Fail as our own code does."""
        raise UnknownTorrent("there is no such torrent", "look again")

    def jsonrpc_break(self) -> None:
        """Fail as a fault in our code does."""
        raise RuntimeError("secret /path/of/ours")

    def jsonrpc_nan(self) -> float:
        """Answer what JSON cannot hold."""
        return float("nan")

    async def jsonrpc_later(self) -> str:
        """Answer when the test says so."""
        try:
            return await self.pending
        except CancelledError:
            self.cancelled = True
            raise


class JsonRpcCase(SynchronousTestCase):
    """A resource with the examples below ``t.``."""

    def setUp(self) -> None:
        """Serve the examples."""
        self.examples = Examples()
        self.site = bare_site({"t": self.examples}, Clock())
        self.connection = Connection(self.site)

    def post(self, body: bytes | str) -> Answer:
        """The answer to one request."""
        connection = Connection(self.site)
        connection.send(http_request(body if isinstance(body, bytes) else body.encode()))
        connection.transport.loseConnection()
        return connection.only_answer()

    def error_of(self, method: str, params: object) -> dict[str, Any]:
        """The error object of a call that must fail."""
        error: dict[str, Any] = self.post(rpc(method, params)).json["error"]
        return error

    def assertAnswers(self, body: str, answer: object) -> None:
        """Hold that the body is answered with this document."""
        self.assertEqual(self.post(body).json, answer)

    def assertSilence(self, body: str) -> None:
        """Hold that the body is answered with nothing."""
        answer = self.post(body)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertNotIn("content-type", answer.headers)


class SpecificationTests(JsonRpcCase):
    """The examples of section 7."""

    def test_positional_parameters_keep_their_order(self) -> None:
        """Values go to parameters in their order."""
        for params, result in (([42, 23], 19), ([23, 42], -19)):
            self.assertAnswers(
                json.dumps({"jsonrpc": "2.0", "method": "t.subtract", "params": params, "id": 1}),
                {"jsonrpc": "2.0", "result": result, "id": 1},
            )

    def test_named_parameters_may_come_in_any_order(self) -> None:
        """Values go to parameters by name, in any order."""
        for params in ({"subtrahend": 23, "minuend": 42}, {"minuend": 42, "subtrahend": 23}):
            self.assertAnswers(
                json.dumps({"jsonrpc": "2.0", "method": "t.subtract", "params": params, "id": 3}),
                {"jsonrpc": "2.0", "result": 19, "id": 3},
            )

    def test_a_notification_gets_no_answer(self) -> None:
        """Without an id there is no answer, not even an error."""
        self.assertSilence('{"jsonrpc": "2.0", "method": "t.update", "params": [1, 2]}')
        self.assertSilence('{"jsonrpc": "2.0", "method": "t.foobar"}')
        self.assertSilence('{"jsonrpc": "2.0", "method": "t.refuse"}')
        self.assertSilence('{"jsonrpc": "2.0", "method": "t.subtract", "params": [1]}')

    def test_an_unknown_method_is_minus_32601(self) -> None:
        """A method that there is not: -32601."""
        self.assertAnswers(
            '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
            {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"},
        )

    def test_invalid_json_is_minus_32700(self) -> None:
        """What is no JSON: -32700 with id null."""
        self.assertAnswers(
            '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
            {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": None},
        )

    def test_byte_order_mark(self) -> None:
        """One before the text is passed over (RFC 8259 §8.1), but not a second one."""
        call = '{"jsonrpc": "2.0", "method": "t.subtract", "params": [42, 23], "id": 1}'
        self.assertAnswers(f"\ufeff{call}", {"jsonrpc": "2.0", "result": 19, "id": 1})
        answer = self.post(f"\ufeff\ufeff{call}")
        self.assertEqual(answer.json["error"]["code"], -32700)

    def test_an_invalid_request_is_minus_32600(self) -> None:
        """JSON that is no call: -32600 with id null."""
        self.assertAnswers(
            '{"jsonrpc": "2.0", "method": 1, "params": "bar"}',
            {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": None},
        )

    def test_batch_of_invalid_json(self) -> None:
        """One parse error for the whole of it."""
        answer = self.post('[{"jsonrpc": "2.0", "method": "t.sum"}, {"jsonrpc": "2.0", "method"]')
        self.assertEqual(answer.json["error"]["code"], -32700)

    def test_an_empty_batch_is_an_invalid_request(self) -> None:
        """An empty list is no request."""
        self.assertEqual(self.post("[]").json["error"]["code"], -32600)

    def test_batch_of_nonsense(self) -> None:
        """Each entry gets its own error."""
        invalid = {"code": -32600, "message": "Invalid Request"}
        error = {"jsonrpc": "2.0", "error": invalid, "id": None}
        self.assertAnswers("[1]", [error])
        self.assertAnswers("[1,2,3]", [error] * 3)

    def test_a_batch_answers_all_but_notifications(self) -> None:
        """Answers for those that want one, by id."""
        answer = self.post(
            """[
            {"jsonrpc": "2.0", "method": "t.sum", "params": [[1, 2, 4]], "id": "1"},
            {"jsonrpc": "2.0", "method": "t.update", "params": [7]},
            {"jsonrpc": "2.0", "method": "t.subtract", "params": [42, 23], "id": "2"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
            {"jsonrpc": "2.0", "method": "t.echo", "id": "9"}
            ]"""
        )
        self.assertEqual(
            answer.json,
            [
                {"jsonrpc": "2.0", "result": 7, "id": "1"},
                {"jsonrpc": "2.0", "result": 19, "id": "2"},
                {
                    "jsonrpc": "2.0",
                    "error": {"code": -32600, "message": "Invalid Request"},
                    "id": None,
                },
                {
                    "jsonrpc": "2.0",
                    "error": {"code": -32601, "message": "Method not found"},
                    "id": "5",
                },
                {"jsonrpc": "2.0", "result": None, "id": "9"},
            ],
        )

    def test_batch_of_notifications(self) -> None:
        """Nothing is answered at all."""
        self.assertSilence(
            '[{"jsonrpc": "2.0", "method": "t.update"}, {"jsonrpc": "2.0", "method": "t.update"}]'
        )


class EnvelopeTests(JsonRpcCase):
    """The corners of requests and answers."""

    def test_ids_come_back_as_they_came(self) -> None:
        """Every type that an id may have, null among them."""
        ids: tuple[object, ...] = (
            None,
            0,
            -1,
            10**100,
            1.5,
            "",
            "ä\U0001f600",
            "\ud800",
            "x" * 9999,
        )
        for call_id in ids:
            answer = self.post(rpc("t.echo", call_id=call_id))
            self.assertEqual(answer.json, {"jsonrpc": "2.0", "result": None, "id": call_id})

    def test_numbers_come_back_as_they_were_written(self) -> None:
        """A whole number that is written as a fraction stays one, and the sign of zero counts."""
        for text in ("1.0", "-0.0", "0", "-7", "1e+22", "1.5e-07", "1" + "0" * 4000, "0.1"):
            answer = self.post(f'{{"jsonrpc":"2.0","method":"t.echo","id":{text}}}')
            self.assertEqual(
                answer.body, b'{"jsonrpc":"2.0","result":null,"id":%s}' % text.encode()
            )

    def test_null_is_an_id(self) -> None:
        """Only a call without any id is a notification, in a batch too."""
        answers = self.post(
            """[{"jsonrpc": "2.0", "method": "t.echo", "id": null},
                {"jsonrpc": "2.0", "method": "t.nothing", "id": null},
                {"jsonrpc": "2.0", "method": "t.echo"}]"""
        ).json
        self.assertEqual([answer["id"] for answer in answers], [None, None])
        self.assertEqual(answers[1]["error"]["code"], -32601)

    def test_a_malformed_notification_is_answered(self) -> None:
        """What is no call at all is answered, for nobody can tell whether it was to be (§5)."""
        for call in (
            '{"method":"t.echo"}',
            '{"jsonrpc":"2.0","method":"t.echo","params":7}',
            "null",
        ):
            answer = self.post(call).json
            self.assertEqual((answer["error"]["code"], answer["id"]), (-32600, None), call)

    def test_a_nested_batch_is_refused(self) -> None:
        """A batch within a batch is no call."""
        call = '{"jsonrpc":"2.0","method":"t.echo","id":1}'
        (answer,) = self.post(f"[[{call}]]").json
        self.assertEqual((answer["error"]["code"], answer["id"]), (-32600, None))

    def test_json_in_another_encoding_is_refused(self) -> None:
        """JSON is UTF-8 (RFC 8259 §8.1)."""
        call = rpc("t.echo").decode()
        for body in (call.encode("utf-16"), call.encode("utf-32")):
            self.assertEqual(self.post(body).json["error"]["code"], -32700)

    def test_deep_nesting_anywhere(self) -> None:
        """In an id, in what is no member of a call, in a batch: no harm is done."""
        for depth in (500, 5_000, 1_000_000):
            for left, right in ("[]", ('{"a":', "}")):
                nested = left * depth + "1" + right * depth
                for body in (
                    nested,
                    f"[{nested}]",
                    f'{{"jsonrpc":"2.0","method":"t.echo","id":{nested}}}',
                    f'{{"jsonrpc":"2.0","method":"t.echo","id":1,"params":{nested}}}',
                    f'{{"jsonrpc":"2.0","method":"t.echo","id":1,"x":{nested}}}',
                ):
                    self.assertEqual(self.post(body).status, 200)

    def test_other_ids_are_refused(self) -> None:
        """An id is no truth value, list or object."""
        for call_id in _NO_IDS:
            answer = self.post(rpc("t.echo", call_id=call_id)).json
            self.assertEqual((answer["error"]["code"], answer["id"]), (-32600, None))

    def test_invalid_request_keeps_a_readable_id(self) -> None:
        """Wrong version, params and method: the id is told all the same."""
        for change in ({"jsonrpc": "1.0"}, {"jsonrpc": 2.0}, {"params": None}, {"params": 1}):
            call = {"jsonrpc": "2.0", "method": "t.echo", "id": 7, **change}
            answer = self.post(json.dumps(call)).json
            self.assertEqual((answer["error"]["code"], answer["id"]), (-32600, 7))

    def test_what_is_no_json(self) -> None:
        """Constants that JSON lacks, numbers without end, bad UTF-8, nothing at all."""
        for body in (
            b"",
            b"\xff",
            b"NaN",
            b'{"jsonrpc":"2.0","method":"t.echo","id":Infinity}',
            b'{"jsonrpc":"2.0","method":"t.echo","id":1e400}',
            b'{"jsonrpc":"2.0","method":"t.echo","id":1,"params":[-1e999]}',
            b'{"jsonrpc":"2.0","method":"t.echo","id":1,"params":[NaN]}',
            b'{"jsonrpc":"2.0","method":"t.echo","id":1,"params":{"text":-Infinity}}',
            b'[{"jsonrpc":"2.0","method":"t.echo","id":1},NaN]',
            b'{"jsonrpc":"2.0","method":"t.echo","id":1}{}',
            b'{"jsonrpc":"2.0","method":"t.echo","id":' + b"9" * 5000 + b"}",
            b"[" * 100_000,
        ):
            answer = self.post(body)
            self.assertEqual(answer.json["error"]["code"], -32700, body[:50])

    def test_deep_nesting_survives(self) -> None:
        """A deeply nested parameter that the decoder accepts is only of the wrong type."""
        nested = "[" * 500 + "]" * 500
        answer = self.post('{"jsonrpc":"2.0","method":"t.echo","id":1,"params":[' + nested + "]}")
        self.assertEqual(answer.json["error"]["code"], -32602)

    def test_lone_surrogates_survive(self) -> None:
        """Text that UTF-8 cannot hold comes back as it came."""
        answer = self.post(b'{"jsonrpc":"2.0","method":"t.echo","id":1,"params":["\\ud800"]}')
        self.assertEqual(answer.json["result"], "\ud800")

    def test_a_batch_beyond_the_bound_is_refused(self) -> None:
        """As many calls as are allowed pass, one more does not."""
        call = {"jsonrpc": "2.0", "method": "t.echo", "id": 1}
        self.assertEqual(len(self.post(json.dumps([call] * MAX_BATCH)).json), MAX_BATCH)
        answer = self.post(json.dumps([call] * (MAX_BATCH + 1))).json
        self.assertEqual(answer["error"]["code"], -32600)

    def test_reserved_and_hidden_names(self) -> None:
        """Neither ``rpc.`` nor a name that is not an API method can be called."""
        for method in (
            "rpc.discover",
            "rpc.",
            "__dir__",
            "t.__dir__",
            "t.",
            ".",
            "",
            "t.t.echo",
            "t.__init__",
            "render",
            "t._getFunction",
            "\ud800",
            "t.\ud800",
        ):
            self.assertEqual(self.post(rpc(method)).json["error"]["code"], -32601, method)

    def test_answers_are_uncached_json_of_known_length(self) -> None:
        """An answer is JSON, of a known length, not to be stored or sniffed."""
        headers = self.post(rpc("t.echo")).headers
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["x-content-type-options"], "nosniff")

    @given(st.binary(max_size=200))
    @settings(max_examples=200)
    def test_any_bytes_get_a_json_answer(self, body: bytes) -> None:
        """Whatever arrives, there is an answer that is JSON, or rightly none."""
        answer = self.post(body)
        self.assertIn(answer.status, (200, 204))


class ParameterTests(JsonRpcCase):
    """Wrong parameters: -32602, and the message names the parameter."""

    def assertInvalid(self, method: str, params: object, *words: str) -> None:
        """Hold that the call is refused with these words."""
        error = self.error_of(method, params)
        self.assertEqual(error["code"], -32602, error)
        for word in words:
            self.assertIn(word, error["message"])

    def test_a_missing_parameter_is_named(self) -> None:
        """The parameter that lacks a value."""
        self.assertInvalid("t.subtract", [1], "'subtrahend' is missing")
        self.assertInvalid("t.subtract", {"subtrahend": 1}, "'minuend' is missing")

    def test_an_unknown_parameter_is_named(self) -> None:
        """The name that the method does not know, made printable; what it knows is the hint."""
        self.assertInvalid("t.subtract", {"minuend": 1, "subtrahend": 2, "x\n": 3}, "'x\ufffd'")
        hint = self.error_of("t.subtract", {"x": 1})["data"]["hint"]
        self.assertEqual(hint, "the method takes minuend, subtrahend")
        self.assertInvalid("t.echo", {"self": 1}, "'self'")

    def test_too_many_parameters_are_refused(self) -> None:
        """More values than parameters."""
        self.assertInvalid("t.subtract", [1, 2, 3], "3 parameters are too many")
        self.assertInvalid("t.refuse", [1], "too many")

    def test_wrong_types_are_refused(self) -> None:
        """A value of another type than the parameter's."""
        for method, params, name in (
            ("t.subtract", [1, "2"], "subtrahend"),
            ("t.subtract", [1, True], "subtrahend"),
            ("t.subtract", [1, 1.5], "subtrahend"),
            ("t.subtract", [1, None], "subtrahend"),
            ("t.echo", [1], "text"),
            ("t.echo", [{"a": 1}], "text"),
            ("t.flag", [1], "flag"),
            ("t.flag", ["true"], "flag"),
            ("t.sum", [1], "numbers"),
            ("t.sum", [[1, "x"]], "numbers"),
            ("t.choose", ["colour"], "sort"),
            ("t.choose", [[]], "sort"),
            ("t.choose", {"limit": -1}, "limit"),
            ("t.choose", {"limit": 11}, "limit"),
            ("t.choose", {"limit": 10**1000}, "limit"),
            ("t.hash", [7], "hash"),
            ("t.path", [""], "path"),
            ("t.path", ["/a\0b"], "path"),
            ("t.path", ["/\ud800"], "path"),
        ):
            self.assertInvalid(method, params, f"parameter '{name}'")

    def test_a_malformed_hash_is_refused(self) -> None:
        """A hash of the wrong length or with other digits; capitals are taken."""
        for text in ("", "x" * 40, "a" * 39, "a" * 41, "a" * 64, "ａ" * 40):
            self.assertInvalid("t.hash", [text], "parameter 'hash'")
        self.assertEqual(self.post(rpc("t.hash", ["AB" * 20])).json["result"], "ab" * 20)

    def test_null_where_it_is_allowed(self) -> None:
        """Null is a value of optional parameters."""
        self.assertIsNone(self.post(rpc("t.echo", [None])).json["result"])

    def test_omitted_parameters_have_their_defaults(self) -> None:
        """What is left out has the method's own default."""
        self.assertEqual(self.post(rpc("t.choose")).json["result"], ["name", 5])
        self.assertEqual(self.post(rpc("t.choose", {"limit": 0})).json["result"], ["name", 0])


class FailureTests(JsonRpcCase):
    """Methods that fail."""

    def test_an_error_of_ours(self) -> None:
        """Code, message, reason and hint reach the client."""
        error = self.error_of("t.refuse", [])
        self.assertEqual(error["message"], "there is no such torrent")
        self.assertEqual(error["data"], {"reason": "unknown_torrent", "hint": "look again"})

    def test_an_internal_error_says_nothing(self) -> None:
        """Nothing of the exception reaches the client; it is logged."""
        for method, kind in (("t.break", RuntimeError), ("t.nan", ValueError)):
            answer = self.post(rpc(method))
            self.assertEqual(answer.json["error"], {"code": -32603, "message": "Internal error"})
            self.assertEqual(len(self.flushLoggedErrors(kind)), 1)

    def test_a_failing_notification_is_logged(self) -> None:
        """The client gets no answer, but the error is logged."""
        self.assertSilence('{"jsonrpc": "2.0", "method": "t.break"}')
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class LaterTests(JsonRpcCase):
    """Calls that take a while."""

    def test_answered_when_done(self) -> None:
        """The answer goes out when the method has its result."""
        self.connection.send(http_request(rpc("t.later")))
        self.assertEqual(self.connection.answers(), [])
        self.examples.pending.callback("done")
        self.assertEqual(self.connection.only_answer().json["result"], "done")

    def test_batch_waits_for_all(self) -> None:
        """A batch is answered when its last call is."""
        call = {"jsonrpc": "2.0", "method": "t.later", "id": 1}
        quick = {"jsonrpc": "2.0", "method": "t.echo", "id": 2}
        self.connection.send(http_request(json.dumps([call, quick]).encode()))
        self.assertEqual(self.connection.answers(), [])
        self.examples.pending.callback("done")
        self.assertEqual([a["id"] for a in self.connection.only_answer().json], [1, 2])

    def test_a_late_notification_gets_no_answer(self) -> None:
        """A notification that takes a while is answered with nothing too."""
        self.connection.send(http_request(b'{"jsonrpc": "2.0", "method": "t.later"}'))
        self.examples.pending.callback("done")
        self.assertEqual(self.connection.only_answer().status, 204)

    def test_client_that_goes_away(self) -> None:
        """Its call is cancelled, and nothing is logged."""
        self.connection.send(http_request(rpc("t.later")))
        self.connection.transport.loseConnection()
        self.assertTrue(self.examples.cancelled)

    def test_client_that_goes_away_in_a_batch(self) -> None:
        """Every call of the batch is cancelled."""
        call = {"jsonrpc": "2.0", "method": "t.later", "id": 1}
        self.connection.send(http_request(json.dumps([call]).encode()))
        self.connection.transport.loseConnection()
        self.assertTrue(self.examples.cancelled)

    def test_a_call_that_is_cancelled_otherwise(self) -> None:
        """The client still gets an answer."""
        self.connection.send(http_request(rpc("t.later")))
        self.examples.pending.cancel()
        self.assertEqual(self.connection.only_answer().json["error"]["code"], -32603)

    def test_a_connection_serves_several_calls(self) -> None:
        """A connection serves one call after another."""
        for number in range(3):
            self.connection.send(http_request(rpc("t.echo", call_id=number)))
        self.assertEqual([answer.json["id"] for answer in self.connection.answers()], [0, 1, 2])


class TransportTests(JsonRpcCase):
    """What HTTP says before JSON-RPC has its turn."""

    def test_other_http_methods_get_405(self) -> None:
        """405 with Allow."""
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO"):
            connection = Connection(self.site)
            connection.send(http_request(rpc("t.echo"), method=method))
            head = connection.transport.value().split(b"\r\n\r\n")[0]
            self.assertIn(b" 405 ", head.split(b"\r\n")[0])
            self.assertIn(b"allow: post", head.lower())

    def test_status_of_errors(self) -> None:
        """What JSON-RPC has to say is said with 200, errors among it."""
        for body in (rpc("t.break"), rpc("t.nothing"), b"{", b"[]"):
            self.assertEqual(self.post(body).status, 200)
        self.flushLoggedErrors(RuntimeError)

    def test_other_content_types(self) -> None:
        """415 for everything but JSON as it is."""
        for headers in (
            {"Content-Type": None},
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/jsonp"},
            {"Content-Encoding": "gzip"},
        ):
            connection = Connection(self.site)
            connection.send(http_request(rpc("t.echo"), headers=headers))
            self.assertEqual(connection.only_answer().status, 415)

    def test_content_type_with_parameters(self) -> None:
        """A charset and capitals do not matter."""
        connection = Connection(self.site)
        headers = {"Content-Type": "Application/JSON; charset=utf-8"}
        connection.send(http_request(rpc("t.echo"), headers=headers))
        self.assertEqual(connection.only_answer().status, 200)
