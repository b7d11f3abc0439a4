"""Parameters, failures and late answers of JSON-RPC calls, against the real resource."""

from __future__ import annotations

import json

from tests.support.api_rig import http_request, rpc
from tests.support.jsonrpc_case import JsonRpcCase


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
