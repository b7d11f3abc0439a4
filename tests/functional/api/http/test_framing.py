"""What is decided before a body is read, and what every answer has, against the real site."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import capturedLogs, formatEvent

from bitween.api.http.channel import UNAUTHENTICATED_DEADLINE
from bitween.api.http.request import MAX_BODY, MAX_PUBLIC_BODY
from tests.support.api_rig import Connection, http_request, rpc
from tests.support.gate_case import CALL, GateCase


class EarlyTests(GateCase):
    """What is decided before a body is read."""

    def begin(self, headers: Mapping[str, str | None], path: str = "/api") -> Connection:
        """Send the headers of a request that is to have a body."""
        connection = Connection(self.site)
        connection.send(http_request(b"", "POST", path, {"Content-Length": "1000000", **headers}))
        return connection

    def test_refused_at_the_headers(self) -> None:
        """The answer is there before the body; what is sent of it is passed over."""
        for status, headers in (
            (401, {"Authorization": None}),
            (401, {"Authorization": "Bearer wrong"}),
            (403, {"Origin": "http://evil.example"}),
            (421, {"Host": "evil.example"}),
        ):
            connection = self.begin(headers)
            answer = connection.only_answer()
            self.assertEqual((answer.status, answer.headers["connection"]), (status, "close"))
            self.assertTrue(connection.transport.connected)
            connection.send(b"x" * 999_999)
            self.assertTrue(connection.transport.connected)
            connection.send(b"x" + http_request(CALL))
            self.assertFalse(connection.transport.connected)
            self.assertEqual(len(connection.answers()), 1)

    def test_an_unauthorized_chunked_body_is_not_read(self) -> None:
        """A body of unknown length is not read either."""
        chunked = {"Content-Length": None, "Transfer-Encoding": "chunked", "Authorization": None}
        connection = self.begin(chunked)
        self.assertEqual(connection.only_answer().status, 401)
        connection.send(b"3\r\nabc\r\n0\r\n\r\n")
        self.assertFalse(connection.transport.connected)

    def test_a_client_that_does_not_go(self) -> None:
        """The deadline holds for a refused body, too."""
        connection = self.begin({"Authorization": None})
        self.clock.advance(UNAUTHENTICATED_DEADLINE / 2)
        connection.send(b"x")
        self.clock.advance(UNAUTHENTICATED_DEADLINE / 2)
        self.assertFalse(connection.transport.connected)

    def test_without_a_body(self) -> None:
        """A refusal without a body to pass over leaves the connection for the next request."""
        connection = Connection(self.site)
        for headers in ({"Authorization": None}, {}):
            connection.send(http_request(b"", "GET", "/metrics", headers))
        self.assertEqual([answer.status for answer in connection.answers()], [401, 200])

    def test_expect_100_continue_gets_one_answer(self) -> None:
        """A client that asks before it sends is told to go on, or what is wrong, but not both."""
        body = {"Expect": "100-continue", "Content-Length": str(len(CALL))}
        going = self.begin(body)
        self.assertEqual(going.transport.value(), b"HTTP/1.1 100 Continue\r\n\r\n")
        going.transport.clear()
        going.send(CALL)
        self.assertEqual(going.only_answer().status, 200)
        for status, headers in (
            (401, {**body, "Authorization": None}),
            (413, {**body, "Content-Length": str(MAX_BODY + 1)}),
        ):
            self.assertEqual(self.begin(headers).only_answer().status, status)

    def test_nobody_sends_much(self) -> None:
        """A body that needs no token is limited to the length of one."""
        logging_in = {"Authorization": None, "Content-Length": str(MAX_PUBLIC_BODY + 1)}
        self.assertEqual(self.begin(logging_in, "/login").only_answer().status, 413)
        chunked = {**logging_in, "Content-Length": None, "Transfer-Encoding": "chunked"}
        connection = self.begin(chunked, "/login")
        connection.send(b"%x\r\n%s\r\n" % (MAX_PUBLIC_BODY + 1, b"x" * (MAX_PUBLIC_BODY + 1)))
        self.assertEqual(connection.only_answer().status, 413)

    def test_a_refused_head_has_no_body(self) -> None:
        """A refusal of HEAD has no body, even if the request has one."""
        connection = Connection(self.site)
        connection.send(http_request(CALL, "HEAD", "/", {"Host": "evil.example"}))
        self.assertTrue(connection.transport.value().endswith(b"\r\n\r\n"))


class SmugglingTests(GateCase):
    """Requests of which two readers might think differently (RFC 9112 §11.2)."""

    def test_ambiguous_lengths_close_the_connection(self) -> None:
        """400, the connection is closed, and what stands behind is no request."""
        length = f"Content-Length: {len(CALL)}"
        chunked = "Transfer-Encoding: chunked"
        for lines in (
            [length, length],
            [length, "Content-Length: 0"],
            [length, chunked],
            [chunked, length],
            [chunked, chunked],
            ["Content-Length: 5, 5"],
            ["Content-Length: +5"],
            ["Content-Length: -1"],
            ["Content-Length: 0x5"],
            ["Content-Length: " + "9" * 5000],
            ["Content-Length: 5_0"],
            ["Content-Length: \u00b2"],
            ["Content-Length:"],
            ["Transfer-Encoding: gzip, chunked"],
            ["Transfer-Encoding: chunked, identity"],
            ["Transfer-Encoding: xchunked"],
            ["Transfer-Encoding: \x0bchunked"],
            ["Transfer-Encoding : chunked"],
            ["Content-Length : 5"],
            ["X-Colon"],
            ["X: a\x00b"],
            [f"X: a\r{length}"],
        ):
            connection = Connection(self.site)
            head = http_request(headers={"Content-Length": None}).decode().rstrip()
            request = "\r\n".join([head, *lines, "", ""]).encode("latin-1")
            connection.send(request + CALL + http_request(rpc("Api.exit")))
            self.assertTrue(connection.transport.value().startswith(b"HTTP/1.1 400 "), lines)
            self.assertEqual(connection.transport.value().count(b"HTTP/1.1"), 1, lines)
            self.assertFalse(connection.transport.connected, lines)
        self.clock.advance(1)
        self.assertEqual(self.world.stopped, [])

    def test_malformed_chunk_lengths_are_refused(self) -> None:
        """A length of a chunk is hexadecimal digits, and its end is where it says."""
        headers = {"Content-Length": None, "Transfer-Encoding": "chunked"}
        for body in (
            b"0x5\r\n",
            b"+5\r\n",
            b"-1\r\n",
            b" 5\r\n",
            b"g\r\n",
            b"\r\n",
            b"2\r\nabc\r\n",
        ):
            connection = Connection(self.site)
            connection.send(http_request(headers=headers) + body + http_request(CALL))
            self.assertTrue(connection.transport.value().startswith(b"HTTP/1.1 400 "), body)
            self.assertEqual(connection.transport.value().count(b"HTTP/1.1"), 1, body)

    def test_a_body_is_no_request(self) -> None:
        """A request in the body of a refused one is passed over with it."""
        inner = http_request(rpc("Api.exit"))
        connection = Connection(self.site)
        connection.send(http_request(inner, headers={"Authorization": None}))
        self.assertEqual(connection.only_answer().status, 401)
        self.assertFalse(connection.transport.connected)
        self.clock.advance(1)
        self.assertEqual(self.world.stopped, [])


class AnswerTests(GateCase):
    """What every answer has."""

    def test_headers_of_every_answer(self) -> None:
        """Refusals too are neither stored nor sniffed."""
        answers = [
            self.request({}),
            self.request({"Host": "evil.example"}),
            self.request({"Origin": "http://evil.example"}),
            self.request({"Authorization": None}),
            self.request({"Content-Type": "text/plain"}),
            self.request({}, method="PUT"),
            self.request({}, path="/nothing"),
            self.request({"Content-Length": str(MAX_BODY + 1)}),
        ]
        self.assertEqual(
            [answer.status for answer in answers], [200, 421, 403, 401, 415, 405, 404, 413]
        )
        for answer in answers:
            self.assertEqual(answer.headers["cache-control"], "no-store", answer)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff", answer)

    def test_head_has_the_headers_of_get(self) -> None:
        """It has the headers of GET, whatever answers, and nothing is logged."""
        for path, status in (
            ("/", 200),
            ("/docs", 200),
            ("/docs/", 302),
            ("/metrics", 200),
            ("/nothing", 404),
            ("/api", 405),
            ("/login", 405),
            ("/events", 405),
        ):
            with capturedLogs() as events:
                connection = Connection(self.site)
                connection.send(http_request(b"", "HEAD", path))
            head, _, body = connection.transport.value().partition(b"\r\n\r\n")
            self.assertIn(b"HTTP/1.1 %d " % status, head)
            self.assertEqual(body, b"")
            self.assertEqual([formatEvent(event) for event in events], [], path)
            if status == 200 and path != "/metrics":
                length = self.request({"Content-Length": "0"}, method="GET", path=path)
                expected = length.headers["content-length"]
                self.assertIn(b"\r\ncontent-length: " + expected.encode(), head.lower())

    def test_head_has_no_body(self) -> None:
        """A refusal of HEAD is headers only."""
        connection = Connection(self.site)
        connection.send(http_request(b"", "HEAD", "/", {"Authorization": None}))
        self.assertTrue(connection.transport.value().endswith(b"\r\n\r\n"))
