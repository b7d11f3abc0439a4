"""Who gets through to the API, and what a client may send, against the real site."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.channel import DEADLINE, MAX_DRAINED_HEAD, UNAUTHENTICATED_DEADLINE
from bitween.api.http.connection_limits import MAX_CONNECTIONS, MAX_UNAUTHENTICATED
from bitween.api.http.failed_log_ins import BURST
from bitween.api.http.request import MAX_BODY, MAX_DRAINED, MAX_PUBLIC_BODY
from tests.support.api_rig import PORT, TOKEN, Answer, Connection, World, http_request, rpc, site_of

CALL = rpc("Api.versions")


class GateCase(SynchronousTestCase):
    """The whole API in memory, with one further host name."""

    def setUp(self) -> None:
        """Serve it."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.site = site_of(self.world, ["Files.example.org"])

    def request(
        self,
        headers: Mapping[str, str | None],
        *,
        method: str = "POST",
        path: str = "/api",
        peer: str = "127.0.0.1",
        host: str = "127.0.0.1",
    ) -> Answer:
        """The answer to one request on a connection of its own."""
        connection = Connection(self.site, peer, host)
        connection.send(http_request(CALL, method, path, headers))
        connection.transport.loseConnection()
        return connection.only_answer()

    def assertStatus(
        self, status: int, headers: Mapping[str, str | None], host: str = "127.0.0.1"
    ) -> None:
        """Hold that a request with these headers gets this status."""
        self.assertEqual(self.request(headers, host=host).status, status, headers)


class HostTests(GateCase):
    """Against DNS rebinding."""

    def test_allowed_host_names_pass(self) -> None:
        """Names of this machine and those that were allowed, with the port or without."""
        for name in ("localhost", "127.0.0.1", "[::1]", "files.example.org", "LOCALHOST"):
            self.assertStatus(200, {"Host": name})
            self.assertStatus(200, {"Host": f"{name}:{PORT}"})

    def test_other_host_names_get_421(self) -> None:
        """Any other name, port or number of them: 421."""
        for host in (
            "evil.example",
            f"evil.example:{PORT}",
            "localhost:5001",
            "localhost.evil.example",
            "localhost.",
            "",
            "127.0.0.2",
            "127.0.0.1, evil.example",
            "\xff",
            None,
        ):
            self.assertStatus(421, {"Host": host})

    def test_two_host_headers_get_421(self) -> None:
        """A second Host header: 421."""
        connection = Connection(self.site)
        request = http_request(CALL).replace(b"\r\n", b"\r\nHost: evil.example\r\n", 1)
        connection.send(request)
        self.assertEqual(connection.only_answer().status, 421)

    def test_address_of_the_connection(self) -> None:
        """The address at which we were called will do, for nobody can point a name at it alone."""
        self.assertStatus(200, {"Host": f"192.0.2.5:{PORT}"}, host="192.0.2.5")
        self.assertStatus(421, {"Host": f"192.0.2.6:{PORT}"}, host="192.0.2.5")
        self.assertStatus(200, {"Host": f"[2001:db8::5]:{PORT}"}, host="2001:db8::5")

    def test_comes_before_the_token(self) -> None:
        """A page that rebinds learns nothing from the token's refusal."""
        self.assertStatus(421, {"Host": "evil.example", "Authorization": None})


class TargetTests(GateCase):
    """What is asked for, as a proxy would be asked (RFC 9112 §3.2.2)."""

    def ask(self, target: str, host: str | None = "evil.example") -> int:
        """The status of a call to a target."""
        return self.request({"Host": host}, path=target).status

    def test_the_host_in_an_absolute_target_counts(self) -> None:
        """The host in the target counts, and the header does not."""
        for target in (
            f"http://127.0.0.1:{PORT}/api",
            "HTTP://LOCALHOST/api",
            "http://localhost/api?x",
        ):
            self.assertEqual(self.ask(target), 200, target)
            self.assertEqual(self.ask(target, "localhost"), 200, target)
            self.assertEqual(self.ask(target, None), 200, target)

    def test_a_foreign_host_in_the_target_is_refused(self) -> None:
        """One that is not ours is refused, be the header what it may."""
        for host in ("evil.example", "", "localhost:1", "a@localhost", "localhost@evil.example"):
            self.assertEqual(self.ask(f"http://{host}/api", "localhost"), 421, host)

    def test_where_it_leads(self) -> None:
        """The gate and the resources read the same path of it."""
        page = self.request({"Authorization": None}, method="GET", path="http://127.0.0.1")
        self.assertEqual(page.status, 200)
        for path, status in (("/api", 401), ("//api", 404), ("/web/../api", 404)):
            target = f"http://localhost{path}"
            self.assertEqual(self.request({"Authorization": None}, path=target).status, status)
        for target in ("ftp://localhost/api", "http:/localhost/api", "localhost/api"):
            self.assertIn(self.ask(target, "localhost"), {400, 404}, target)

    def test_two_host_headers_are_refused_with_an_absolute_target(self) -> None:
        """They are refused as ever."""
        connection = Connection(self.site)
        request = http_request(CALL, path="http://localhost/api")
        connection.send(request.replace(b"\r\n", b"\r\nHost: evil.example\r\n", 1))
        self.assertEqual(connection.only_answer().status, 421)


class OriginTests(GateCase):
    """Against other sites in the same browser."""

    def test_our_own_origin_passes(self) -> None:
        """Scripts of our own page pass, also behind a proxy that adds TLS."""
        self.assertStatus(200, {"Origin": f"http://127.0.0.1:{PORT}"})
        own = {"Host": "files.example.org", "Origin": "https://files.example.org"}
        self.assertStatus(200, own)

    def test_foreign_origins_get_403(self) -> None:
        """Any other origin: 403, null among them."""
        for origin in (
            "http://evil.example",
            "null",
            "",
            "\xff",
            "http://127.0.0.1",
            f"http://localhost:{PORT}",
            f"http://127.0.0.1:{PORT}.evil.example",
            f"ftp://127.0.0.1:{PORT}",
        ):
            self.assertStatus(403, {"Origin": origin})

    def test_fetch_metadata_of_browsers_is_checked(self) -> None:
        """What a browser says of the caller counts; programs say nothing."""
        for site in ("none", "same-origin"):
            self.assertStatus(200, {"Sec-Fetch-Site": site})
        for site in ("cross-site", "same-site", "", "\xff"):
            self.assertStatus(403, {"Sec-Fetch-Site": site})


class TokenTests(GateCase):
    """Log-ins."""

    def test_a_missing_token_gets_401(self) -> None:
        """401 and how to log in."""
        answer = self.request({"Authorization": None})
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="bitween"')

    def test_wrong_tokens_get_401(self) -> None:
        """Other tokens, parts of the right one and other schemes: 401."""
        for credentials in (
            "Bearer wrong",
            "Bearer ",
            "Bearer",
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN}x",
            f"Basic {TOKEN}",
            TOKEN,
            "Bearer \xff",
        ):
            self.assertStatus(401, {"Authorization": credentials})

    def test_scheme_in_any_case(self) -> None:
        """The scheme's name is not case-sensitive (RFC 9110 §11.1)."""
        self.assertStatus(200, {"Authorization": f"bearer {TOKEN}"})

    def test_guards_every_path(self) -> None:
        """What there is and what there is not look the same from outside."""
        for path in ("/api", "/nothing", "/api/deeper", "/../api", "/%6cogin", "/loginx", "*", "x"):
            self.assertEqual(self.request({"Authorization": None}, path=path).status, 401)

    def test_many_wrong_tokens_get_429(self) -> None:
        """After a burst of wrong tokens: 429 and when to come back; a right one always passes."""
        for _ in range(BURST):
            self.assertStatus(401, {"Authorization": "Bearer wrong"})
        answer = self.request({"Authorization": "Bearer wrong"})
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "1"))
        self.assertStatus(200, {})
        self.assertEqual(self.request({"Authorization": "Bearer wrong"}).status, 429)

    def test_failures_are_forgiven(self) -> None:
        """One a second."""
        for _ in range(10 * BURST):
            self.request({"Authorization": "Bearer wrong"})
        self.assertStatus(429, {"Authorization": "Bearer wrong"})
        self.clock.advance(2 * BURST + 1)
        self.assertStatus(401, {"Authorization": "Bearer wrong"})

    def test_failures_count_by_address(self) -> None:
        """The failures of another network do not count against ours."""
        for _ in range(BURST + 1):
            self.request({"Authorization": "Bearer wrong"}, peer="192.0.2.66")
        self.assertStatus(401, {"Authorization": "Bearer wrong"})

    def test_asking_without_a_token_is_no_failure(self) -> None:
        """A browser that has yet to log in is not shut out."""
        for _ in range(2 * BURST):
            self.assertStatus(401, {"Authorization": None})

    def test_failures_of_a_network(self) -> None:
        """Who has an IPv6 network has 2**64 addresses: it counts as one; other networks do not."""
        wrong = {"Authorization": "Bearer wrong"}
        for number in range(BURST):
            self.request(wrong, peer=f"2001:db8::{number:x}")
        self.assertEqual(self.request(wrong, peer="2001:db8:0:0:ffff::1").status, 429)
        self.assertEqual(self.request(wrong, peer="2001:db8:0:1::1").status, 401)

    def test_failures_of_a_mapped_address(self) -> None:
        """An IPv4 address is the same whichever socket it came to (RFC 4291 §2.5.5.2)."""
        wrong = {"Authorization": "Bearer wrong"}
        for _ in range(BURST):
            self.request(wrong, peer="192.0.2.66")
        self.assertEqual(self.request(wrong, peer="::ffff:192.0.2.66").status, 429)
        self.assertEqual(self.request(wrong, peer="::ffff:192.0.2.67").status, 401)

    def test_two_authorization_headers_are_refused(self) -> None:
        """Which of two headers would count is for nobody to guess."""
        connection = Connection(self.site)
        connection.send(http_request(CALL).replace(b"\r\n", b"\r\nAuthorization: Bearer x\r\n", 1))
        self.assertEqual(connection.only_answer().status, 401)


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


class LimitTests(GateCase):
    """What a client may send, and how long it may take."""

    def test_a_body_of_the_largest_size_is_read(self) -> None:
        """A body of the largest size is read."""
        connection = Connection(self.site)
        body = CALL + b" " * (MAX_BODY - len(CALL))
        connection.send(http_request(body))
        self.assertEqual(connection.only_answer().status, 200)

    def test_body_that_is_announced_too_long(self) -> None:
        """413 before the body is there; the client may send it all before it reads that."""
        connection = Connection(self.site)
        head, _, _ = http_request(headers={"Content-Length": str(MAX_BODY + 1)}).partition(
            b"\r\n\r\n"
        )
        connection.send(head + b"\r\n\r\n")
        self.assertEqual(connection.only_answer().status, 413)
        self.assertTrue(connection.transport.connected)
        connection.send(b"x" * MAX_BODY)
        self.assertTrue(connection.transport.connected)
        connection.send(b"x")
        self.assertFalse(connection.transport.connected)
        self.assertEqual(len(connection.answers()), 1)

    def test_chunked_body_that_becomes_too_long(self) -> None:
        """413 as soon as it is too long."""
        connection = Connection(self.site)
        chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
        connection.send(http_request(headers=chunked))
        chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
        for _ in range(MAX_BODY // 2**20):
            connection.send(chunk)
        self.assertEqual(connection.answers(), [])
        connection.send(chunk)
        self.assertEqual(connection.only_answer().status, 413)
        connection.send(b"0\r\n\r\n")
        self.assertFalse(connection.transport.connected)

    def test_body_without_end(self) -> None:
        """What is read on after a refusal is bounded too."""
        connection = Connection(self.site)
        connection.send(http_request(headers={"Content-Length": str(10 * MAX_DRAINED)}))
        piece = b"x" * 2**20
        for _ in range(MAX_DRAINED // 2**20):
            connection.send(piece)
        self.assertTrue(connection.transport.connected)
        connection.send(piece)
        self.assertFalse(connection.transport.connected)

    def test_cookies_of_other_ports(self) -> None:
        """However much of them a browser has been given, they lock nobody out."""
        for length in (10, 10_000, 16_384, 20_000, 800_000):
            for size in (1000, 10**7):
                request = http_request(CALL, headers={"cookie": "a" * length, "X-After": "b"})
                connection = Connection(self.site)
                for start in range(0, len(request), size):
                    connection.send(request[start : start + size])
                    self.assertLess(len(connection.channel._buffer), 40_000 + size)  # what is held
                self.assertEqual(connection.only_answer().status, 200, (length, size))

    def test_where_a_cookie_ends(self) -> None:
        """The end of its line is found wherever the network cuts it."""
        request = http_request(CALL, headers={"Cookie": "a" * 30_000, "Authorization": None})
        end = request.index(b"a\r\n") + 1
        request = request.replace(b"a\r\n", b"a\r\nAuthorization: Bearer %s\r\n" % TOKEN.encode())
        for cut in range(end - 2, end + 4):
            connection = Connection(self.site)
            connection.send(request[:cut])
            connection.send(request[cut:])
            self.assertEqual(connection.only_answer().status, 200, cut)

    def test_other_long_lines(self) -> None:
        """Of anything else there is a bound, and an answer that says so, however it is cut."""
        many = {f"X-{number}": "" for number in range(501)}
        for status, head in (
            (431, {"X-Long": "a" * 20_000}),
            (431, {"Cookies": "a" * 20_000}),
            (431, {"Coo kie": "a" * 800_000}),
            (431, {f"X-{number}": "a" * 1000 for number in range(20)}),
            (431, many),
            (431, {**many, "X-Long": "a" * 20_000}),
            (414, {}),
        ):
            path = "/api" if head else "/api?" + "a" * 20_000
            request = http_request(headers=head, path=path)
            for size in (1000, 10**7):
                connection = Connection(self.site)
                for start in range(0, len(request), size):
                    self.assertTrue(connection.transport.connected)
                    connection.send(request[start : start + size])
                    self.assertLess(len(connection.channel._buffer), 40_000 + size)  # what is held
                answer = connection.only_answer()
                self.assertEqual((answer.status, answer.headers["connection"]), (status, "close"))
                self.assertFalse(connection.transport.connected)

    def test_a_head_without_end(self) -> None:
        """It is answered, and not read for ever, in time and in bytes."""
        connection = Connection(self.site)
        line = b"X-Long: " + b"a" * 20_000
        connection.send(b"GET /api HTTP/1.1\r\n" + line)
        self.assertEqual(connection.only_answer().status, 431)
        for _ in range(MAX_DRAINED_HEAD // len(line)):
            self.assertTrue(connection.transport.connected)
            connection.send(line)
        self.assertFalse(connection.transport.connected)
        connection = Connection(self.site)
        connection.send(line)
        self.assertEqual(connection.only_answer().status, 414)
        self.clock.advance(UNAUTHENTICATED_DEADLINE)
        self.assertFalse(connection.transport.connected)

    def test_deadline_for_the_whole_request(self) -> None:
        """A byte now and then does not keep a connection, and a stranger has less time."""
        connection = Connection(self.site)
        for deadline in (UNAUTHENTICATED_DEADLINE, DEADLINE):
            connection = Connection(self.site)
            if deadline == DEADLINE:
                connection.send(http_request(CALL))
            for byte in http_request(CALL)[:20]:
                connection.send(bytes([byte]))
                self.clock.advance(deadline / 21)
            self.assertTrue(connection.transport.connected)
            self.clock.advance(2 * deadline / 21)
            self.assertFalse(connection.transport.connected)

    def test_idle_connections_are_closed(self) -> None:
        """A connection on which nothing happens is closed, soon if nobody has shown a token."""
        stranger, known = Connection(self.site), Connection(self.site)
        known.send(http_request(CALL))
        self.clock.advance(UNAUTHENTICATED_DEADLINE)
        self.assertFalse(stranger.transport.connected)
        self.clock.advance(DEADLINE - UNAUTHENTICATED_DEADLINE - 1)
        self.assertTrue(known.transport.connected)
        self.clock.advance(1)
        self.assertFalse(known.transport.connected)

    def test_each_request_has_its_own_time(self) -> None:
        """A client that asks again just before it is closed has all the time to do so."""
        connection = Connection(self.site)
        connection.send(http_request(CALL))
        self.clock.advance(DEADLINE - 1)
        request = http_request(CALL)
        connection.send(request[:10])
        self.clock.advance(DEADLINE - 1)
        connection.send(request[10:])
        self.assertEqual([answer.status for answer in connection.answers()], [200, 200])

    def test_a_long_answer_has_all_time(self) -> None:
        """The deadline is for receiving: a call that waits is not cut off."""
        world = World(self.clock)
        connection = Connection(site_of(world))
        connection.send(http_request(rpc("bt.add_path", [__file__, True])))
        self.clock.advance(100 * DEADLINE)
        self.assertTrue(connection.transport.connected)
        self.assertEqual(connection.answers(), [])
        world.bitween.jobs.cancel("1")
        self.assertEqual(connection.only_answer().json["error"]["data"]["reason"], "hashing_failed")

    def test_strangers_keep_nobody_out(self) -> None:
        """Of too many connections the oldest are closed, and a client with a token is answered."""
        strangers = [Connection(self.site) for _ in range(5 * MAX_UNAUTHENTICATED)]
        connection = Connection(self.site)
        strangers += [Connection(self.site) for _ in range(5 * MAX_UNAUTHENTICATED)]
        connection.send(http_request(CALL))
        self.assertEqual(connection.only_answer().status, 200)
        self.settle()
        self.assertEqual(len(self.site.channels), MAX_UNAUTHENTICATED + 1)
        there = [stranger.transport.connected for stranger in strangers]
        self.assertEqual(there, [False] * 9 * MAX_UNAUTHENTICATED + [True] * MAX_UNAUTHENTICATED)
        self.assertTrue(connection.transport.connected)

    def test_a_crowd_from_elsewhere(self) -> None:
        """It takes the places of nobody from another address, nor does one IPv6 network."""
        one = [Connection(self.site, peer="192.0.2.1"), Connection(self.site, peer="2001:db8::1")]
        for number in range(3 * MAX_UNAUTHENTICATED):
            Connection(self.site, peer="127.0.0.1" if number % 2 else f"2001:db8:0:5::{number:x}")
        self.settle()
        self.assertEqual([c.transport.connected for c in one], [True, True])

    def test_refused_ones_are_strangers(self) -> None:
        """A wrong token, another host and the page make nobody known."""
        for headers in (
            {"Authorization": "Bearer wrong"},
            {"Host": "evil.example"},
            {"Origin": "http://evil.example"},
        ):
            for _ in range(MAX_UNAUTHENTICATED):
                Connection(self.site).send(http_request(b"", "GET", "/", headers))
        self.settle()
        self.assertEqual(len(self.site.channels), MAX_UNAUTHENTICATED)

    def test_idle_connections_make_room_for_others(self) -> None:
        """Of those with a token one that idles makes room for another; else it has to wait."""
        connections = [Connection(self.site) for _ in range(MAX_CONNECTIONS + 1)]
        for connection in connections:
            connection.send(http_request(rpc("events.poll", [None, 600])))
        busy = connections.pop()
        self.assertIn(b"HTTP/1.1 503 ", busy.transport.value())
        connections[7].transport.loseConnection()
        idle = Connection(self.site)
        idle.send(http_request(CALL))
        self.assertEqual(idle.only_answer().status, 200)
        another = Connection(self.site)
        another.send(http_request(CALL))
        self.assertEqual(another.only_answer().status, 200)
        self.assertFalse(idle.transport.connected)
        for connection in connections:
            connection.transport.loseConnection()

    def test_one_token_keeps_no_other_out(self) -> None:
        """
        Where one has all places, another that comes gets one; with a fair share each, none does.

        A token that may only look is given to others: they must not lock the owner out.
        """
        waiting = rpc("events.poll", [None, 600])
        self.site = site_of(self.world, tokens_file=self.mktemp())
        made = Connection(self.site)
        made.send(http_request(rpc("token.new", ["wall", True])))
        token = made.only_answer().json["result"]["token"]
        made.transport.loseConnection()
        readers = [Connection(self.site) for _ in range(MAX_CONNECTIONS)]
        for number, connection in enumerate(readers):
            reader = {"Authorization": f"Bearer {self.session(token) if number % 2 else token}"}
            connection.send(http_request(waiting, headers=reader))
        more = Connection(self.site)
        more.send(http_request(waiting, headers=reader))
        self.assertIn(b"HTTP/1.1 503 ", more.transport.value())
        owners = [Connection(self.site) for _ in range(MAX_CONNECTIONS)]
        for connection in owners:
            connection.send(http_request(waiting))
        half = MAX_CONNECTIONS // 2
        there = [connection.transport.connected for connection in readers]
        self.assertEqual(there, [False] * half + [True] * half)
        there = [connection.transport.value() == b"" for connection in owners]
        self.assertEqual(there, [True] * half + [False] * half)
        for connection in (*readers, *owners):
            connection.transport.loseConnection()

    def session(self, token: str) -> str:
        """Log in with a token; the secret of the session."""
        connection = Connection(self.site)
        connection.send(http_request(b'{"token": "%s"}' % token.encode(), path="/login"))
        connection.transport.loseConnection()
        return str(connection.only_answer().json["session"])

    def settle(self) -> None:
        """Let the turns pass after which there is room again."""
        self.clock.advance(0)
        self.clock.advance(0)

    def test_closing_the_site(self) -> None:
        """Every connection is closed."""
        connections = [Connection(self.site) for _ in range(3)]
        connections[0].send(http_request(CALL))
        self.successResultOf(Deferred.fromCoroutine(self.site.close()))
        self.assertEqual([c.transport.connected for c in connections], [False] * 3)
        self.assertEqual(connections[0].only_answer().status, 200)
        self.assertEqual(self.clock.getDelayedCalls(), [])
