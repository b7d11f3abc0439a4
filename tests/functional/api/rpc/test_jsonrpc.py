"""JSON-RPC 2.0 as its specification has it, and its corners, against the real resource."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from bitween.api.rpc.jsonrpc import MAX_BATCH
from tests.support.api_rig import Connection, http_request, rpc
from tests.support.jsonrpc_case import JsonRpcCase

_NO_IDS: tuple[object, ...] = (True, False, [], {})


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
