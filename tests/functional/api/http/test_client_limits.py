"""What a client may send, and how long it may take, against the real site."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from bitween.api.http.channel import DEADLINE, MAX_DRAINED_HEAD, UNAUTHENTICATED_DEADLINE
from bitween.api.http.connection_limits import MAX_CONNECTIONS, MAX_UNAUTHENTICATED
from bitween.api.http.request import MAX_BODY, MAX_DRAINED
from tests.support.api_rig import TOKEN, Connection, World, http_request, rpc, site_of
from tests.support.gate_case import CALL, GateCase


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
                    self.assertLess(len(connection.channel._buffer), 40_000 + size)  # noqa: SLF001  # Twisted's
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
                    self.assertLess(len(connection.channel._buffer), 40_000 + size)  # noqa: SLF001  # Twisted's
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
