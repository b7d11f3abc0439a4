"""How a browser logs in, and what its session is good for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.failed_log_ins import BURST
from bitween.api.http.sessions import (
    IDLE,
    LINK_LIFE,
    REMEMBERED,
)
from tests.support.api_rig import (
    EPOCH,
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
    ) -> Answer:
        """The answer to one request that shows no token by itself."""
        connection = Connection(self.site)
        connection.send(http_request(body, method, path, {**BARE, **(headers or {})}))
        return connection.only_answer()

    def log_in(
        self, token: object = TOKEN, headers: Mapping[str, str | None] = ORIGIN, **more: object
    ) -> Answer:
        """The answer to a page that sends a token."""
        return self.ask("POST", "/login", headers, json.dumps({"token": token, **more}).encode())

    def follow(self, code: str, headers: Mapping[str, str | None] = ORIGIN) -> Answer:
        """The answer to a page that sends the code of a link."""
        return self.ask("POST", "/login", headers, json.dumps({"code": code}).encode())

    def call(self, method: str, *params: object, token: str = TOKEN) -> Answer:
        """The answer to a program."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.ask("POST", "/api", headers, rpc(method, list(params)))

    def link(self) -> str:
        """The code of a new log-in link."""
        url: str = self.call("Api.login_link").json["result"]["url"]
        self.assertTrue(url.startswith(f"http://127.0.0.1:{PORT}/#login="), url)
        return url.partition("=")[2]


def shown(answer: Answer) -> dict[str, str | None]:
    """What the page sends with each request from then on."""
    return {"Authorization": f"Bearer {answer.json['session']}"}


class LogInTests(LogInCase):
    """Tokens and links that become sessions."""

    def test_the_right_token_gives_the_page_a_secret(self) -> None:
        """The right one gives the page a secret; a cookie would go to other ports."""
        answer = self.log_in()
        self.assertEqual(answer.status, 200)
        self.assertNotIn("set-cookie", answer.headers)
        self.assertRegex(answer.json["session"], r"^[0-9a-f]{8}\.[\w-]{43}$")
        self.assertIs(answer.json["remembered"], False)
        self.assertIs(self.log_in(remember=True).json["remembered"], True)
        self.assertNotEqual(self.log_in().json["session"], answer.json["session"])

    def test_guessing_tokens_is_slowed_down(self) -> None:
        """Guessing is slowed down as it is at the gate, and a right one passes all the same."""
        for _ in range(BURST - 1):
            self.assertEqual(self.log_in("wrong").status, 401)
        self.call("Api.versions", token="wrong")
        answer = self.log_in("wrong")
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "1"))
        self.assertEqual(self.log_in().status, 200)

    def test_a_session_is_no_token(self) -> None:
        """A log-in does not beget another."""
        self.assertEqual(self.log_in(self.log_in().json["session"]).status, 401)

    def test_what_is_no_log_in(self) -> None:
        """Other bodies, types and methods."""
        for body in (
            b"",
            b"[]",
            b"7",
            b"{}",
            b'{"token": 7}',
            b'{"token": null}',
            b'{"token": "x", "code": "x"}',
            b'{"token": "x", "remember": 1}',
            b"\xff",
            b"[" * 4000,
        ):
            answer = self.ask("POST", "/login", ORIGIN, body)
            self.assertEqual(answer.status, 400, body[:20])
        plain = {**ORIGIN, "Content-Type": "text/plain"}
        self.assertEqual(self.log_in(headers=plain).status, 400)
        self.assertEqual(self.log_in("\ud800").status, 401)
        for method in ("PUT", "GET"):
            answer = self.ask(method, f"/login?code={self.link()}", ORIGIN)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "POST"))

    def test_other_sites_cannot_log_in(self) -> None:
        """None of them logs a browser in."""
        self.assertEqual(self.log_in(headers={"Origin": "http://evil.example"}).status, 403)
        self.assertEqual(self.log_in(headers={"Sec-Fetch-Site": "cross-site"}).status, 403)
        self.assertEqual(self.log_in(headers={"Sec-Fetch-Site": "same-site"}).status, 403)
        self.assertEqual(self.log_in(headers={"Host": "evil.example"}).status, 421)

    def test_a_log_in_link_works_once(self) -> None:
        """It serves once, and its code is in what a browser tells nobody."""
        code = self.link()
        self.assertRegex(code, r"^[\w-]{43}$")
        answer = self.follow(code)
        self.assertIn("result", self.ask("POST", "/api", shown(answer), rpc("Api.status")).json)
        self.assertEqual(self.follow(code).status, 401)

    def test_link_of_another_site(self) -> None:
        """It cannot be used by one, nor used up."""
        code = self.link()
        self.assertEqual(self.follow(code, {"Sec-Fetch-Site": "same-site"}).status, 403)
        self.assertEqual(self.follow(code).status, 200)

    def test_link_that_stays_logged_in(self) -> None:
        """The caller who makes the link decides that."""
        url = self.call("Api.login_link", True).json["result"]["url"]
        self.assertIs(self.follow(url.partition("=")[2]).json["remembered"], True)

    def test_wrong_links_count_as_failed_log_ins(self) -> None:
        """Old and invented ones, which count as failed log-ins."""
        code = self.link()
        self.clock.advance(LINK_LIFE)
        self.assertEqual(self.follow(code).status, 401)
        for wrong in ("", "x", "\ud800"):
            self.assertEqual(self.follow(wrong).status, 401)
        for _ in range(BURST):
            answer = self.follow("x")
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


class SessionUseTests(LogInCase):
    """What a session is good for."""

    def setUp(self) -> None:
        """Log in."""
        super().setUp()
        self.shown = shown(self.log_in())

    def status(
        self, headers: Mapping[str, str | None], method: str = "POST", path: str = "/api"
    ) -> int:
        """What a request with the session's secret is answered with."""
        body = rpc("Api.status") if method == "POST" else b""
        return self.ask(method, path, {**self.shown, **headers}, body).status

    def test_requests_of_our_page_pass(self) -> None:
        """A request of our own page passes, whatever a page reads and writes."""
        self.assertEqual(self.status(ORIGIN), 200)
        self.assertEqual(self.status({"Sec-Fetch-Site": "same-origin"}), 200)
        self.assertEqual(self.status({}, "GET", "/metrics"), 200)
        connection = Connection(self.site)
        connection.send(http_request(b"", "GET", "/events", self.shown))
        self.assertIn(b"text/event-stream", connection.transport.value())
        connection.transport.loseConnection()

    def test_requests_of_other_sites_are_refused(self) -> None:
        """None passes, though it could not know the secret."""
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "http://evil.example"},
            {"Origin": "http://127.0.0.1:5001"},
            {"Origin": "null"},
            {**ORIGIN, "Sec-Fetch-Site": "cross-site"},
        ):
            self.assertEqual(self.status(headers), 403, headers)

    def test_cookies_are_ignored(self) -> None:
        """They count for nothing: a browser sends those of one port to all."""
        secret = str(self.shown["Authorization"]).partition(" ")[2]
        for cookie in (
            f"bitween-{PORT}={secret}",
            f"bitween={secret}",
            f"bitween.session={secret}",
        ):
            headers = {**ORIGIN, **BARE, "Cookie": cookie}
            self.assertEqual(self.status(headers), 401)
            for path in ("/metrics", "/events", f"/files/{'a' * 40}/0"):
                self.assertEqual(self.status(headers, "GET", path), 401)
        self.assertEqual(self.status({"Cookie": f"bitween-{PORT}=wrong; \xff"}), 200)

    def test_wrong_secrets_are_refused(self) -> None:
        """Unknown, cut and empty ones."""
        secret = str(self.shown["Authorization"])
        for other in (secret[:-1], f"{secret}x", "Bearer", secret.partition(".")[0]):
            self.assertEqual(self.status({"Authorization": other}), 401)

    def test_an_old_session_is_no_guess(self) -> None:
        """Pages that were open when the daemon was started again are not locked out."""
        old = {"Authorization": f"Bearer 01234567.{'a' * 43}"}
        for _ in range(2 * BURST):
            self.assertEqual(self.status(old), 401)
        self.assertEqual(self.log_in("wrong").status, 401)

    def test_a_read_only_session_cannot_change_anything(self) -> None:
        """Who logs in with a token for looking can only look."""
        token = self.call("token.new", "wall", True).json["result"]["token"]
        looking = shown(self.log_in(token))
        for method, key in (("Api.status", "result"), ("session.list", "error")):
            answer = self.ask("POST", "/api", {**ORIGIN, **looking}, rpc(method))
            self.assertIn(key, answer.json)

    def test_what_needs_a_token(self) -> None:
        """Nothing can be made with a session that outlives it: the token has to be shown again."""
        for method, params in (
            ("token.new", []),
            ("token.list", []),
            ("token.revoke", ["wall"]),
            ("Api.login_link", []),
        ):
            answer = self.ask("POST", "/api", {**ORIGIN, **self.shown}, rpc(method, params))
            self.assertEqual(answer.json["error"]["data"]["reason"], "token_needed", method)
        self.assertEqual(len(self.call("token.list").json["result"]["tokens"]), 1)

    def test_revoking_a_token_ends_all_sessions(self) -> None:
        """Browsers that logged in with it, or by a link made with it, are logged out."""
        self.call("token.new", "wall")
        stream = Connection(self.site)
        stream.send(http_request(b"", "GET", "/events", self.shown))
        self.call("token.revoke", "wall")
        self.clock.advance(0)
        self.assertFalse(stream.transport.connected)
        self.assertEqual(self.status(ORIGIN), 401)

    def test_log_out_ends_the_sessions_streams_and_tickets(self) -> None:
        """The session ends, with what it has open and with its tickets; others go on."""
        other = shown(self.log_in())
        stream = Connection(self.site)
        stream.send(http_request(b"", "GET", "/events", self.shown))
        path = f"/files/{'a' * 40}"
        ticket = self.ask("POST", f"{path}/ticket", self.shown).json["ticket"]
        self.assertEqual(self.ask("GET", f"{path}/0?ticket={ticket}").status, 404)
        self.assertEqual(self.ask("POST", "/logout").status, 401)
        self.assertEqual(self.status(ORIGIN, "PUT", "/logout"), 405)
        self.assertEqual(self.ask("POST", "/logout", self.shown).status, 204)
        self.clock.advance(0)
        self.assertFalse(stream.transport.connected)
        self.assertEqual(self.status(ORIGIN), 401)
        self.assertEqual(self.ask("GET", f"{path}/0?ticket={ticket}").status, 401)
        self.assertEqual(self.status(other), 200)

    def test_list_and_revoke(self) -> None:
        """The browsers that are logged in are told, without secrets, and each can be logged out."""
        body = json.dumps({"token": TOKEN, "remember": True}).encode()
        other = self.ask("POST", "/login", {"User-Agent": "A\x80 browser"}, body).json["session"]
        answer = self.ask("POST", "/api", {**ORIGIN, **self.shown}, rpc("session.list"))
        mine, theirs = answer.json["result"]["sessions"]
        self.assertEqual(theirs["session"], other.partition(".")[0])
        self.assertEqual(theirs["browser"], "A\ufffd browser")
        self.assertEqual(
            [(s["access"], s["remembered"], s["expires"] - EPOCH) for s in (mine, theirs)],
            [("full", False, IDLE), ("full", True, REMEMBERED)],
        )
        self.assertNotIn(other.partition(".")[2].encode(), answer.body)
        self.assertIs(self.call("session.revoke", theirs["session"]).json["result"], True)
        self.assertEqual(self.status({"Authorization": f"Bearer {other}"}), 401)
        error = self.call("session.revoke", theirs["session"]).json["error"]
        self.assertEqual(error["data"]["reason"], "unknown_session")

    def test_a_ticket_reads_files_and_makes_no_tickets(self) -> None:
        """One reads the files of its torrent and nothing else, and cannot beget another."""
        path = f"/files/{'a' * 40}"
        self.assertEqual(self.ask("POST", f"{path}/ticket").status, 401)
        self.assertEqual(self.status({}, "POST", "/files/x/ticket"), 404)
        ticket = self.ask("POST", f"{path}/ticket", self.shown).json["ticket"]
        self.assertEqual(self.ask("GET", f"{path}/0?ticket={ticket}").status, 404)
        site = {"Sec-Fetch-Site": "cross-site"}
        self.assertEqual(self.ask("GET", f"{path}/0?ticket={ticket}", site).status, 403)
        for method, other in (
            ("GET", f"{path}/0?ticket={ticket}x"),
            ("GET", f"{path}/0?ticket={ticket}&ticket={ticket}"),
            ("GET", f"/files/{'b' * 40}/0?ticket={ticket}"),
            ("POST", f"{path}/ticket?ticket={ticket}"),
            ("GET", f"/events?ticket={ticket}"),
            ("GET", f"/metrics?ticket={ticket}"),
            ("PUT", f"/upload/x?ticket={ticket}"),
            ("POST", f"/api?ticket={ticket}"),
        ):
            self.assertEqual(self.ask(method, other).status, 401, other)
