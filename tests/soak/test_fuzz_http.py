"""
Whatever a client sends: never a status of 500 or more, never a traceback, and memory stays bounded.

The seed is fixed.  ``BITWEEN_FUZZ=100000`` says how many requests to try; without it they are few
enough for every run of the suite.
"""

from __future__ import annotations

import gc
import json
import os
import random
import re
import tracemalloc
from collections.abc import Sequence

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.access import TokenAccess
from bitween.api.http.sessions import MAX_SESSIONS, BrowserSessions
from bitween.api.rpc.jsonrpc import MAX_BATCH
from tests.support.api_rig import PORT, TOKEN, Connection, World, info_hash, site_of

ROUNDS = int(os.environ.get("BITWEEN_FUZZ", "2000"))
SEED = 20261
#: Connections that are open at a time: fewer than there may be streams.
OPEN = 20
# Bytes that may be held more after many requests than after the first tenth of them.
LEAK = 5_000_000

FAILED = re.compile(rb"HTTP/1\.[01] 5\d\d ")
HASH = info_hash("a")
METHODS = (
    *("Api.versions", "Api.status", "Api.exit", "Api.login_link", "events.poll", "jobs.cancel"),
    *("rpc.discover", "rpc.discover.x"),
    *("bt.get_torrents", "bt.add_path", "bt.add_torrent_by_hash", "bt.del_torrent", "bt.recheck"),
    *("bt.pause", "bt.resume", "bt.get_files", "bt.set_files", "bt.set_limits", "bt.export"),
    "bt.set_note",
    *("xmpp.find", "xmpp.get_shares", "xmpp.get_hashes", "xmpp.get_contacts", "xmpp.add_contact"),
    *("xmpp.accept_contact", "xmpp.remove_contact", "xmpp.forget_resource", "xmpp.block"),
    *("jobs.get", "jobs.list", "token.new", "token.list", "token.revoke", "rpc.discover", "rpc."),
    *("", ".", "bt.", "__dir__", "bt.__class__", "Api.jsonrpc_exit", "\ud800", "x" * 5000),
)
NAMES = (
    *("hash", "path", "wait", "save_path", "fields", "hashes", "query", "contact", "sort", ""),
    *("limit", "jid", "nick", "job", "name", "read_only", "since", "timeout", "types", "self"),
    *("resource", "wanted", "first", "sequential", "upload", "download", "offset", "__init__"),
)
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**53, 10**400, 0.5, -0.0, 1e300, "", "\0", "\ud800"),
    *(
        HASH,
        HASH.upper(),
        "a" * 39,
        "/",
        "/proc/nowhere/x",
        "/etc/../proc/x",
        "../x",
        "\u202e",
        "x" * 3000,
    ),
    *("bob@example.org", "bob@example.org/x", "@", "a@b@c", "name", "size", "hash", "1", "first"),
    *([], {}, [[]], {"a": [{}]}, ["hash"], [HASH], [None], ["torrent_added"], [0, 1]),
)
PATHS = (
    *(
        "/api",
        "/api",
        "/api",
        "/api",
        "/",
        "/login",
        "/login",
        "/logout",
        f"/files/{'a' * 40}/ticket",
    ),
    *("/docs", "/docs/", "/docs/docs.js", "/docs/../docs", "/docs/%2e%2e/docs"),
    *("/web", "/web/", "/web/app.js", "/web/../web", "/web/%2e%2e/web"),
    *("/events", "/events?since=0", "/events?since=x&types=,", "/metrics", "/metrics?x[]=%00"),
    *("*", "x", "//", "/api/", "/api/..", "/%2e%2e", "/\xb0", "/login/x", "/LOGIN", "http://x/api"),
    *("/?", "/api?" + "a=b&" * 500, "/" + "x/" * 2000, "/events?types=" + "x" * 9000, "/%"),
)
GARBAGE = (
    *("", ":", ": x", "x", "X: \0", "X: a\rb", " folded", "\tfolded", "X-\xe9: \xe9", "Host"),
    *("X: " + "y" * 17000, "X" * 17000 + ": y", "Transfer-Encoding: gzip", "Content-Length: 1, 1"),
    *("Content-Length: -1", "Content-Length: " + "9" * 5000, "Transfer-Encoding: chunked", "\xff"),
    *("Upgrade: websocket", "Connection: upgrade", "Range: bytes=0-", "If-None-Match: *"),
    *("If-Modified-Since: x", "Accept-Encoding: gzip;q=x", "Accept: application/openmetrics-text;"),
)


class Fuzzer:
    """Draws requests that nearly mean something."""

    def __init__(self, seed: int, session: str) -> None:
        """:param session: the secret of one that is good."""
        self.draw = random.Random(seed)
        self._session = session

    def request(self) -> bytes:
        """A request, mostly of the right form."""
        draw = self.draw
        body = self.body()
        lines = [*self._headers(), *self._framing(body)]
        if draw.random() < 0.15:
            lines.insert(draw.randrange(len(lines)), draw.choice(GARBAGE))
        if draw.random() < 0.1:
            lines.append(draw.choice(lines))
        end = "\r\n" if draw.random() < 0.97 else draw.choice(["\n", "\r", "\r\n\r\n"])
        head = end.join([self._first_line(), *lines, "", ""]).encode("latin-1", "replace")
        if draw.random() < 0.1:
            return self._spoiled(head + self._framed(lines, body))
        return head + self._framed(lines, body)

    def body(self) -> bytes:
        """What is posted."""
        draw = self.draw
        kind = draw.random()
        if kind < 0.5:
            return json.dumps(self._call()).encode()
        if kind < 0.65:
            calls = [self._call() for _ in range(draw.choice([0, 1, 2, 5, MAX_BATCH + 1]))]
            return json.dumps(calls).encode()
        if kind < 0.75:
            return self._spoiled(json.dumps(self._call()).encode())
        if kind < 0.8:
            depth = draw.choice([10, 1000, 50_000])
            return draw.choice(["[", '{"a":', '{"params":[']).encode() * depth
        if kind < 0.85:
            return json.dumps({"token": draw.choice([TOKEN, *VALUES])}).encode()
        others = [b"", b"null", b"NaN", b"1e999", b"9" * 5000, b"\xef\xbb\xbf{}", b'"\\ud800"']
        return draw.choice([*others, b"x" * 9000, draw.randbytes(draw.randrange(300))])

    def _call(self) -> object:
        draw = self.draw
        values: Sequence[object] = [draw.choice(VALUES) for _ in range(draw.randrange(4))]
        params: object = values
        if draw.random() < 0.5:
            params = {draw.choice(NAMES): value for value in values}
        call = {
            "jsonrpc": "2.0",
            "id": draw.choice(VALUES),
            "method": draw.choice(METHODS),
            "params": params,
        }
        while draw.random() < 0.15:
            call[draw.choice([*call, "x"])] = draw.choice(VALUES)
        if draw.random() < 0.15:
            del call[draw.choice(list(call))]
        return call if draw.random() < 0.97 else draw.choice(VALUES)

    def _first_line(self) -> str:
        draw = self.draw
        method = draw.choice(
            ["POST"] * 8 + ["GET"] * 6 + ["HEAD", "OPTIONS", "PUT", "x", "G\xe9T", ""]
        )
        version = draw.choice(["HTTP/1.1"] * 15 + ["HTTP/1.0", "HTTP/2.0", "http/1.1", ""])
        return f"{method} {draw.choice(PATHS)} {version}"

    def _headers(self) -> list[str]:
        draw = self.draw
        given = {
            "Host": [f"127.0.0.1:{PORT}"] * 15 + ["localhost", "evil.example", "", "\xff", "[::1"],
            "Authorization": [f"Bearer {TOKEN}"] * 6
            + [f"Bearer {self._session}"] * 2
            + ["Bearer x", "Basic eDp5", "\xff", ""],
            "Content-Type": ["application/json"] * 8 + ["text/plain", "", "multipart/form-data"],
            "Origin": [f"http://127.0.0.1:{PORT}", "null", "http://evil.example", ""],
            "Sec-Fetch-Site": ["same-origin", "none", "cross-site", "\xff"],
            "Cookie": [f"bitween={self._session}", "x" * 40_000, "=", ";;;=;", "\xff=\xff"],
            "Expect": ["100-continue", "x"],
            "Last-Event-ID": ["0", "9" * 400, "x"],
            "Content-Encoding": ["gzip"],
            "Connection": ["close", "keep-alive", "x"],
        }
        likely = {"Host": 0.98, "Authorization": 0.8, "Content-Type": 0.9}
        return [
            f"{name}: {draw.choice(values)}"
            for name, values in given.items()
            if draw.random() < likely.get(name, 0.15)
        ]

    def _framing(self, body: bytes) -> list[str]:
        kind = self.draw.random()
        if kind < 0.8:
            return [f"Content-Length: {len(body)}"]
        if kind < 0.93:
            return ["Transfer-Encoding: chunked"]
        wrong = (len(body) + 1, len(body) // 2, 10**9, 10**30, "")
        return [f"Content-Length: {self.draw.choice(wrong)}"]

    def _framed(self, lines: Sequence[str], body: bytes) -> bytes:
        if "Transfer-Encoding: chunked" not in lines:
            return body
        end = self.draw.choice([b"0\r\n\r\n"] * 5 + [b"0\r\nX: y\r\n\r\n", b"x\r\n", b"-1\r\n"])
        return b"%x\r\n%s\r\n%s" % (len(body), body, end) if body else end

    def _spoiled(self, data: bytes) -> bytes:
        spoiled = bytearray(data)
        for _ in range(self.draw.randrange(1, 4)):
            if spoiled:
                spoiled[self.draw.randrange(len(spoiled))] = self.draw.randrange(256)
        return bytes(spoiled[: self.draw.choice([len(spoiled)] * 3 + [len(spoiled) // 2])])


class RequestFuzz(SynchronousTestCase):
    """Requests against everything that is served over HTTP."""

    def setUp(self) -> None:
        """Serve a world, and log a browser in."""
        self.clock = Clock()
        folder = self.mktemp()
        os.makedirs(folder)
        self.site = site_of(World(self.clock), tokens_file=os.path.join(folder, "tokens.json"))
        self.site.url = f"http://127.0.0.1:{PORT}/api"
        self.statuses: set[bytes] = set()

    def test_any_request_gets_an_answer(self) -> None:
        """Nothing is raised or answered as our mistake, and nothing is left of it."""
        fuzzer = Fuzzer(SEED, self.log_in())
        connections = [Connection(self.site) for _ in range(OPEN)]
        settled = 0
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for number in range(ROUNDS):
            place = fuzzer.draw.randrange(OPEN)
            self.feed(fuzzer, connections[place])
            if not connections[place].transport.connected or fuzzer.draw.random() < 0.2:
                self.leave(connections[place])
                connections[place] = Connection(self.site)
            self.clock.advance(fuzzer.draw.choice([0, 0, 0.1, 1]))
            if number == ROUNDS // 10:
                gc.collect()
                settled = tracemalloc.get_traced_memory()[0]
        for connection in connections:
            self.leave(connection)
        self.assertEqual([f.getTraceback() for f in self.flushLoggedErrors()], [])
        self.assertEqual(self.site.channels, set())
        gc.collect()
        self.assertLess(tracemalloc.get_traced_memory()[0] - settled, LEAK)
        # Else it would not have come as far as it should.
        wanted = {b"200", b"204", b"400", b"401", b"403", b"404", b"405", b"415", b"421"}
        self.assertEqual(wanted - self.statuses, set())

    def log_in(self) -> str:
        """The secret of a browser that has logged in."""
        connection = Connection(self.site)
        body = json.dumps({"token": TOKEN}).encode()
        head = f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        connection.send(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
        session: str = connection.only_answer().json["session"]
        connection.transport.loseConnection()
        return session

    def feed(self, fuzzer: Fuzzer, connection: Connection) -> None:
        """Send a request or two, in pieces as the network might make them."""
        data = b"".join(fuzzer.request() for _ in range(fuzzer.draw.choice([1, 1, 1, 2])))
        while data and connection.transport.connected:
            size = fuzzer.draw.choice([1, 7, 100, len(data), len(data), len(data)])
            connection.send(data[:size])
            data = data[size:]
        said = connection.transport.value()
        self.assertIsNone(FAILED.search(said), said[:2000])
        self.statuses.update(re.findall(rb"HTTP/1\.1 (\d\d\d) ", said))
        connection.transport.clear()

    @staticmethod
    def leave(connection: Connection) -> None:
        """Go away, if that has not happened."""
        if connection.transport.connected:
            connection.transport.loseConnection()


class SessionFuzz(SynchronousTestCase):
    """Log-ins without end."""

    def test_many_log_ins(self) -> None:
        """What is remembered of browsers does not grow with their number."""
        clock = Clock()
        sessions = BrowserSessions(clock.seconds, monotonic=clock.seconds)
        draw = random.Random(SEED)
        known: list[bytes] = []
        for _ in range(ROUNDS):
            known.append(sessions.begin(draw.choice(list(TokenAccess))).encode())
            code = sessions.make_code().encode()
            if draw.random() < 0.3:
                known.append(str(sessions.redeem(code)).encode())
            clock.advance(draw.choice([0, 1, 100]))
        alive = sum(sessions.find(session) is not None for session in known)
        self.assertLessEqual(alive, MAX_SESSIONS * len(TokenAccess))
