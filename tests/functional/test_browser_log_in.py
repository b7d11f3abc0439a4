"""How a browser logs in, and what its cookie is good for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import alsoProvides

from bitween.api.access import Access
from bitween.api.failed_log_ins import BURST
from bitween.api.sessions import IDLE, LINK_LIFE, MAX_LINKS, MAX_SESSIONS, Sessions
from tests.functional.api_rig import (
    PORT,
    TOKEN,
    Answer,
    Connection,
    World,
    http_request,
    rpc,
    site_of,
)

URL = f"http://127.0.0.1:{PORT}/api"
ORIGIN = {"Origin": f"http://127.0.0.1:{PORT}"}
BARE: dict[str, str | None] = {"Authorization": None}


class SessionTests(SynchronousTestCase):
    """What is known of browsers."""

    def setUp(self) -> None:
        """Begin with nobody."""
        self.clock = Clock()
        self.sessions = Sessions(self.clock)

    def test_access(self) -> None:
        """A session may do what it was begun with, and nobody can do with another id."""
        full, looking = (self.sessions.begin(access) for access in (Access.FULL, Access.READ_ONLY))
        self.assertIs(self.sessions.access(full.encode()), Access.FULL)
        self.assertIs(self.sessions.access(looking.encode()), Access.READ_ONLY)
        for other in (b"", b"\xff", full[:-1].encode()):
            self.assertIsNone(self.sessions.access(other))

    def test_idle(self) -> None:
        """It lives as long as it is used."""
        session = self.sessions.begin(Access.FULL).encode()
        for _ in range(3):
            self.clock.advance(IDLE - 1)
            self.assertIs(self.sessions.access(session), Access.FULL)
        self.clock.advance(IDLE)
        self.assertIsNone(self.sessions.access(session))

    def test_end(self) -> None:
        """One ends alone, or all at once with every code."""
        sessions = [self.sessions.begin(Access.FULL).encode() for _ in range(2)]
        code = self.sessions.make_code().encode()
        self.sessions.end(sessions[0])
        self.assertEqual([self.sessions.access(s) for s in sessions], [None, Access.FULL])
        self.sessions.end_all()
        self.assertIsNone(self.sessions.access(sessions[1]))
        self.assertIsNone(self.sessions.redeem(code))

    def test_bounded(self) -> None:
        """One too many ends the one that was idle for longest."""
        sessions = [self.sessions.begin(Access.FULL).encode() for _ in range(MAX_SESSIONS)]
        self.sessions.access(sessions[0])
        self.sessions.begin(Access.FULL)
        alive = [self.sessions.access(session) is not None for session in sessions]
        self.assertEqual(alive, [True, False] + [True] * (MAX_SESSIONS - 2))

    def test_codes(self) -> None:
        """A code serves once, for a while, and among the last ones."""
        first, *others = (self.sessions.make_code().encode() for _ in range(MAX_LINKS + 1))
        self.assertIsNone(self.sessions.redeem(first))
        session = self.sessions.redeem(others[0])
        assert session is not None
        self.assertIs(self.sessions.access(session.encode()), Access.FULL)
        self.assertIsNone(self.sessions.redeem(others[0]))
        self.clock.advance(LINK_LIFE)
        self.assertIsNone(self.sessions.redeem(others[1]))


class LogInCase(SynchronousTestCase):
    """A browser and a site."""

    def setUp(self) -> None:
        """Serve a world."""
        self.clock = Clock()
        folder = self.mktemp()
        os.makedirs(folder)
        self.world = World(self.clock)
        tokens_file = os.path.join(folder, "tokens.json")
        self.site = site_of(self.world, ["files.example.org"], tokens_file)
        self.site.url = URL

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str | None] | None = None,
        body: bytes = b"",
        secure: bool = False,
    ) -> Answer:
        """The answer to one request that shows no token by itself."""
        connection = Connection(self.site)
        if secure:
            alsoProvides(connection.transport, ISSLTransport)
        connection.send(http_request(body, method, path, {**BARE, **(headers or {})}))
        return connection.only_answer()

    def log_in(self, token: object = TOKEN, headers: Mapping[str, str | None] = ORIGIN) -> Answer:
        """The answer to a page that sends a token."""
        return self.ask("POST", "/login", headers, json.dumps({"token": token}).encode())

    def call(self, method: str, *params: object, token: str = TOKEN) -> Answer:
        """The answer to a program."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.ask("POST", "/api", headers, rpc(method, list(params)))

    def link(self) -> str:
        """The path of a new log-in link."""
        url: str = self.call("Api.login_link").json["result"]["url"]
        return url.removeprefix(f"http://127.0.0.1:{PORT}")


def cookie_of(answer: Answer) -> str:
    """What a browser sends back."""
    return answer.headers["set-cookie"].partition(";")[0]


class LogInTests(LogInCase):
    """Tokens and links that become cookies."""

    def test_token(self) -> None:
        """The right one gives a cookie that no script sees, and no other site sends."""
        answer = self.log_in()
        self.assertEqual((answer.status, answer.body), (204, b""))
        name, _, rest = answer.headers["set-cookie"].partition("=")
        session, *attributes = rest.split("; ")
        self.assertEqual(name, f"bitween-{PORT}")
        self.assertRegex(session, r"^[\w-]{43}$")
        self.assertEqual(sorted(attributes), ["HttpOnly", "Path=/", "SameSite=strict"])
        self.assertNotEqual(cookie_of(self.log_in()), cookie_of(answer))

    def test_over_tls(self) -> None:
        """The cookie is for TLS only where there is TLS, ours or a proxy's."""
        body = json.dumps({"token": TOKEN}).encode()
        own = self.ask("POST", "/login", {"Origin": f"https://127.0.0.1:{PORT}"}, body, secure=True)
        proxied = self.log_in(
            headers={"Host": "files.example.org", "Origin": "https://files.example.org"}
        )
        for answer in (own, proxied):
            self.assertEqual(answer.status, 204)
            self.assertIn("; Secure;", answer.headers["set-cookie"])

    def test_wrong_tokens(self) -> None:
        """Guessing is slowed down as it is at the gate, and a right one passes all the same."""
        for _ in range(BURST - 1):
            self.assertEqual(self.log_in("wrong").status, 401)
        self.call("Api.versions", token="wrong")
        answer = self.log_in("wrong")
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "1"))
        self.assertNotIn("set-cookie", answer.headers)
        self.assertEqual(self.log_in().status, 204)

    def test_what_is_no_log_in(self) -> None:
        """Other bodies, types and methods."""
        for body in (
            b"",
            b"[]",
            b"7",
            b"{}",
            b'{"token": 7}',
            b'{"token": null}',
            b"\xff",
            b"[" * 4000,
        ):
            answer = self.ask("POST", "/login", ORIGIN, body)
            self.assertEqual(answer.status, 400, body[:20])
        plain = {**ORIGIN, "Content-Type": "text/plain"}
        self.assertEqual(self.log_in(headers=plain).status, 400)
        self.assertEqual(self.log_in("\ud800").status, 401)
        answer = self.ask("PUT", "/login", ORIGIN)
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, POST"))

    def test_other_sites(self) -> None:
        """None of them can log somebody in."""
        self.assertEqual(self.log_in(headers={"Origin": "http://evil.example"}).status, 403)
        self.assertEqual(self.log_in(headers={"Sec-Fetch-Site": "cross-site"}).status, 403)
        self.assertEqual(self.log_in(headers={"Host": "evil.example"}).status, 421)

    def test_link(self) -> None:
        """It serves once, leads to the page, and is told to nobody else."""
        link = self.link()
        self.assertRegex(link, r"^/login\?code=[\w-]{43}$")
        answer = self.ask("GET", link, {"Sec-Fetch-Site": "none"})
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/"))
        self.assertEqual(answer.headers["referrer-policy"], "no-referrer")
        headers = {**ORIGIN, "Cookie": cookie_of(answer)}
        self.assertIn("result", self.ask("POST", "/api", headers, rpc("token.list")).json)
        self.assertEqual(self.ask("GET", link).status, 401)

    def test_link_that_is_only_looked_at(self) -> None:
        """A program that asks what is there, and another site, do not use it up."""
        link = self.link()
        connection = Connection(self.site)
        connection.send(http_request(b"", "HEAD", link, BARE))
        self.assertIn(b" 405 ", connection.transport.value())
        self.assertEqual(self.ask("GET", link, {"Sec-Fetch-Site": "cross-site"}).status, 403)
        self.assertEqual(self.ask("GET", link).status, 303)

    def test_wrong_links(self) -> None:
        """Old and invented ones, which count as failed log-ins."""
        link = self.link()
        self.clock.advance(LINK_LIFE)
        self.assertEqual(self.ask("GET", link).status, 401)
        good = self.link()
        for path in ("/login", "/login?code=", "/login?code=x", f"{good}&code=x"):
            self.assertEqual(self.ask("GET", path).status, 401)
        for _ in range(BURST):
            answer = self.ask("GET", "/login?code=x")
        self.assertEqual(answer.status, 429)

    def test_link_without_a_port(self) -> None:
        """Nothing is made that no browser can open."""
        for url in ("http+unix://%2Frun%2Fx/api", None):
            self.site.url = url
            error = self.call("Api.login_link").json["error"]
            self.assertEqual(error["data"]["reason"], "configuration_error")

    def test_the_page_needs_no_log_in(self) -> None:
        """Strangers get the page, which asks them to log in; Host counts there."""
        self.assertEqual(self.ask("GET", "/").status, 200)
        self.assertEqual(self.ask("GET", "/", {"Host": "evil.example"}).status, 421)


class CookieTests(LogInCase):
    """What a cookie is good for."""

    def setUp(self) -> None:
        """Log in."""
        super().setUp()
        self.cookie = cookie_of(self.log_in())

    def status(
        self, headers: Mapping[str, str | None], method: str = "POST", path: str = "/api"
    ) -> int:
        """What a request with the cookie is answered with."""
        body = rpc("Api.status") if method == "POST" else b""
        return self.ask(method, path, {"Cookie": self.cookie, **headers}, body).status

    def test_own_page(self) -> None:
        """A request of our own page passes."""
        self.assertEqual(self.status(ORIGIN), 200)
        self.assertEqual(self.status({"Sec-Fetch-Site": "same-origin"}), 200)
        self.assertEqual(self.status({**ORIGIN, "Cookie": f"a=b; {self.cookie}; c"}), 200)

    def test_anybody_else(self) -> None:
        """The cookie alone is not enough: whatever makes a browser ask sends it."""
        self.assertEqual(self.status({}), 401)
        self.assertEqual(self.status({"Sec-Fetch-Site": "none"}), 401)
        self.assertEqual(self.status({"Sec-Fetch-Site": "cross-site"}), 403)
        self.assertEqual(self.status({"Sec-Fetch-Site": "same-site"}), 403)
        self.assertEqual(self.status({"Origin": "http://evil.example"}), 403)
        self.assertEqual(self.status({"Origin": "null"}), 403)
        self.assertEqual(self.status({**ORIGIN, "Sec-Fetch-Site": "cross-site"}), 403)
        for path in ("/metrics", "/events"):
            self.assertEqual(self.status({}, "GET", path), 401)

    def test_events_and_figures(self) -> None:
        """What a page reads by GET."""
        same = {"Sec-Fetch-Site": "same-origin"}
        self.assertEqual(self.status(same, "GET", "/metrics"), 200)
        connection = Connection(self.site)
        connection.send(
            http_request(b"", "GET", "/events", {**BARE, **same, "Cookie": self.cookie})
        )
        self.assertIn(b"text/event-stream", connection.transport.value())
        connection.transport.loseConnection()

    def test_other_cookies(self) -> None:
        """Unknown, cut and empty ones, and that of a daemon at another port."""
        name, _, session = self.cookie.partition("=")
        for cookie in ("", name, f"{name}=", f"{name}={session[:-1]}", f"bitween-1={session}"):
            self.assertEqual(self.status({**ORIGIN, "Cookie": cookie}), 401)
        self.assertEqual(self.status({**ORIGIN, "Cookie": "\xff=\xff; ="}), 401)

    def test_an_old_cookie_is_no_guess(self) -> None:
        """A page that was open when the daemon was started anew is not locked out."""
        for _ in range(2 * BURST):
            self.assertEqual(self.status({**ORIGIN, "Cookie": f"bitween-{PORT}=old"}), 401)
        self.assertEqual(self.log_in("wrong").status, 401)

    def test_wrong_token_beside_it(self) -> None:
        """A token that is shown is what counts."""
        self.assertEqual(self.status({**ORIGIN, "Authorization": "Bearer wrong"}), 401)

    def test_read_only(self) -> None:
        """Who logs in with a token for looking can only look."""
        token = self.call("token.new", "wall", True).json["result"]["token"]
        cookie = cookie_of(self.log_in(token))
        for method, key in (("Api.status", "result"), ("Api.login_link", "error")):
            answer = self.ask("POST", "/api", {**ORIGIN, "Cookie": cookie}, rpc(method))
            self.assertIn(key, answer.json)

    def test_revoking_a_token_ends_all_sessions(self) -> None:
        """Whoever logged in with it, or by a link that it made, is out."""
        self.call("token.new", "wall")
        stream = Connection(self.site)
        same = {**BARE, "Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        stream.send(http_request(b"", "GET", "/events", same))
        self.call("token.revoke", "wall")
        self.clock.advance(0)
        self.assertFalse(stream.transport.connected)
        self.assertEqual(self.status(ORIGIN), 401)

    def test_log_out(self) -> None:
        """The session ends, and the browser forgets the cookie."""
        self.assertEqual(self.status({}, path="/logout"), 401)
        self.assertEqual(self.status(ORIGIN, "PUT", "/logout"), 405)
        answer = self.ask("POST", "/logout", {**ORIGIN, "Cookie": self.cookie})
        self.assertEqual(answer.status, 204)
        self.assertTrue(
            answer.headers["set-cookie"].startswith(f"bitween-{PORT}=; Path=/; Max-Age=0")
        )
        self.assertEqual(self.status(ORIGIN), 401)

    def test_each_daemon_has_its_name(self) -> None:
        """The cookie's name is the port's; at a Unix socket, behind a proxy, there is none."""
        for host, name in (
            (IPv4Address("TCP", "127.0.0.1", 5001), "bitween-5001"),
            (UNIXAddress("/run/x"), "bitween"),
        ):
            connection = Connection(self.site)
            connection.transport.hostAddr = host
            body = json.dumps({"token": TOKEN}).encode()
            headers = {**BARE, "Host": "localhost"}
            connection.send(http_request(body, "POST", "/login", headers))
            self.assertTrue(cookie_of(connection.only_answer()).startswith(f"{name}="))
