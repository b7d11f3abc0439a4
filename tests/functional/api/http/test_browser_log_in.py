"""How a browser logs in, and what its session is good for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.access import Access, Caller
from bitween.api.http.failed_log_ins import BURST
from bitween.api.http.file_tickets import LIFE, MAX_TICKETS, FileTickets
from bitween.api.http.session_file import SessionFile
from bitween.api.http.sessions import (
    IDLE,
    LINK_LIFE,
    MAX_LINKS,
    MAX_SESSIONS,
    REMEMBERED,
    BrowserSessions,
)
from tests.support.api_rig import (
    EPOCH,
    PORT,
    TOKEN,
    Answer,
    Connection,
    World,
    http_request,
    info_hash,
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
        self.clock, self.set_by = Clock(), 0.0
        self.folder = self.mktemp()
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, "sessions.json")
        self.sessions = self.started()

    def started(self, first_token: str = "f") -> BrowserSessions:
        """Those of a daemon that has just started."""
        return BrowserSessions(
            lambda: self.clock.seconds() + self.set_by,
            SessionFile(self.path, first_token),
            self.clock.seconds,
        )

    def access(self, secret: str) -> Access | None:
        """What a secret is good for."""
        session = self.sessions.find(secret.encode("latin-1"))
        return None if session is None else session.access

    def test_a_session_has_the_access_it_began_with(self) -> None:
        """A session may do what it was begun with, and nobody can do with another secret."""
        full, looking = (self.sessions.begin(access) for access in (Access.FULL, Access.READ_ONLY))
        self.assertIs(self.access(full), Access.FULL)
        self.assertIs(self.access(looking), Access.READ_ONLY)
        for other in ("", "\xff", full[:-1], full.partition(".")[0]):
            self.assertIsNone(self.access(other))

    def test_a_clock_that_is_set(self) -> None:
        """Sessions and codes end when they should, not early, and not later either."""
        for step in (1e8, -1e8):
            session = self.sessions.begin(Access.FULL)
            spent, code = self.sessions.make_code(), self.sessions.make_code()
            self.set_by += step
            self.assertIsNotNone(self.sessions.redeem(code.encode()))
            self.assertIs(self.access(session), Access.FULL)
            self.clock.advance(LINK_LIFE)
            self.assertIsNone(self.sessions.redeem(spent.encode()))
            self.clock.advance(IDLE)
            self.assertIsNone(self.access(session))

    def test_a_clock_that_was_ahead_in_an_earlier_run(self) -> None:
        """A session that stays logged in lives no longer for that."""
        self.set_by = 1e8
        session = self.sessions.begin(Access.FULL, remembered=True)
        self.set_by = 0.0
        self.sessions = self.started()
        self.clock.advance(REMEMBERED - 1)
        self.assertEqual(len(self.sessions.known()), 1)
        self.clock.advance(1)
        self.assertIsNone(self.access(session))

    def test_an_idle_session_expires(self) -> None:
        """It lives as long as it is used; one that stays logged in lives longer."""
        for remembered, life in ((False, IDLE), (True, REMEMBERED)):
            session = self.sessions.begin(Access.FULL, remembered=remembered)
            for _ in range(3):
                self.clock.advance(life - 1)
                self.assertIs(self.access(session), Access.FULL)
            self.clock.advance(life)
            self.assertEqual(self.sessions.known(), ())
            self.assertIsNone(self.access(session))

    def test_sessions_end_alone_or_all_at_once(self) -> None:
        """One ends alone, or all at once with every code."""
        secrets = [self.sessions.begin(Access.FULL) for _ in range(2)]
        code = self.sessions.make_code().encode()
        self.assertTrue(self.sessions.end(secrets[0].partition(".")[0]))
        self.assertFalse(self.sessions.end(secrets[0].partition(".")[0]))
        self.assertEqual([self.access(s) for s in secrets], [None, Access.FULL])
        self.sessions.end_all()
        self.assertIsNone(self.access(secrets[1]))
        self.assertIsNone(self.sessions.redeem(code))

    def test_a_session_too_many_ends_the_longest_idle_one(self) -> None:
        """One too many ends the one that was idle for longest."""
        secrets = [self.sessions.begin(Access.FULL) for _ in range(MAX_SESSIONS)]
        self.access(secrets[0])
        self.sessions.begin(Access.FULL)
        alive = [self.access(secret) is not None for secret in secrets]
        self.assertEqual(alive, [True, False] + [True] * (MAX_SESSIONS - 2))

    def test_who_may_only_look_logs_nobody_else_out(self) -> None:
        """However often such a token is logged in with: it is given to others."""
        owners = self.sessions.begin(Access.FULL, remembered=True)
        looking = [self.sessions.begin(Access.READ_ONLY) for _ in range(2 * MAX_SESSIONS)]
        self.assertIsNotNone(self.sessions.find(owners.encode()))
        self.assertIsNone(self.sessions.find(looking[0].encode()))
        self.assertEqual(len(self.sessions.known()), MAX_SESSIONS + 1)

    def test_a_log_in_code_works_once_and_expires(self) -> None:
        """A code serves once, for a while, and among the last ones."""
        first, *others = (self.sessions.make_code().encode() for _ in range(MAX_LINKS + 1))
        self.assertIsNone(self.sessions.redeem(first))
        session = self.sessions.redeem(others[0])
        assert session is not None
        self.assertIs(self.access(session), Access.FULL)
        self.assertIsNone(self.sessions.redeem(others[0]))
        self.clock.advance(LINK_LIFE)
        self.assertIsNone(self.sessions.redeem(others[1]))

    def test_only_remembered_sessions_survive_a_restart(self) -> None:
        """Only who asked for it stays logged in; the file is private, and tells no secret."""
        stays = self.sessions.begin(Access.READ_ONLY, remembered=True, browser="B")
        by_link = self.sessions.redeem(self.sessions.make_code(remembered=True).encode()) or ""
        goes = self.sessions.begin(Access.FULL)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        for secret in (stays, by_link, goes):
            self.assertNotIn(secret.partition(".")[2], text)
        self.sessions = self.started()
        self.assertEqual(
            [self.access(secret) for secret in (stays, by_link, goes)],
            [Access.READ_ONLY, Access.FULL, None],
        )
        self.assertEqual(self.sessions.known()[1].browser, "B")

    def test_use_is_kept(self) -> None:
        """A session that is used does not end early because of a restart."""
        secret = self.sessions.begin(Access.FULL, remembered=True)
        for _ in range(3):
            self.clock.advance(REMEMBERED - 7200)
            self.sessions = self.started()
            self.assertIs(self.access(secret), Access.FULL)

    def test_ended_for_good(self) -> None:
        """What was ended does not come back with a restart."""
        for end in (self.sessions.end, lambda _: self.sessions.end_all()):
            secret = self.sessions.begin(Access.FULL, remembered=True)
            end(secret.partition(".")[0])
            self.sessions = self.started()
            self.assertIsNone(self.access(secret))

    def test_crowded_out_for_good(self) -> None:
        """Nor does what ended because there were too many."""
        first = self.sessions.begin(Access.FULL, remembered=True)
        for _ in range(MAX_SESSIONS):
            self.sessions.begin(Access.FULL)
        self.sessions = self.started()
        self.assertIsNone(self.access(first))

    def test_a_disk_that_is_full(self) -> None:
        """A session is for this run then, and one that was ended does not come back."""
        stays = self.sessions.begin(Access.FULL, remembered=True)
        self.patch(os, "fsync", no_space)
        self.sessions.end(stays.partition(".")[0])
        another = self.sessions.begin(Access.FULL, remembered=True)
        self.assertIs(self.access(another), Access.FULL)
        self.sessions = self.started()
        self.assertEqual(self.sessions.known(), ())

    def test_another_first_token(self) -> None:
        """Who replaces the token of the token file logs every browser out."""
        secret = self.sessions.begin(Access.FULL, remembered=True)
        self.sessions = self.started("another")
        self.assertIsNone(self.access(secret))

    def test_a_file_that_is_of_no_use(self) -> None:
        """A damaged file, or one that other users could have written, costs only a log-in."""
        secret = self.sessions.begin(Access.FULL, remembered=True)
        with open(self.path, encoding="utf-8") as file:
            good = file.read()
        for text, mode in (
            ("[", 0o600),
            ("[]", 0o600),
            ('{"first_token": "f"}', 0o600),
            (good, 0o666),
        ):
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(self.path, mode)
            self.sessions = self.started()
            self.assertIsNone(self.access(secret), text)


def no_space(_: int) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


class TicketTests(SynchronousTestCase):
    """What stands in the address of a file."""

    def setUp(self) -> None:
        """Give out tickets to a caller who may be logged out."""
        self.clock = Clock()
        self.alive = True
        self.tickets = FileTickets(self.clock, lambda _: self.alive)
        self.ours = Caller(Access.FULL, session="s")

    def good(self, ticket: str, digit: str = "a") -> bool:
        """Whether a ticket reads the files of a torrent."""
        return self.tickets.holder(ticket.encode(), info_hash(digit)) is not None

    def test_a_ticket_reads_one_torrent_only(self) -> None:
        """It is for one torrent, for looking only, and known as its holder's."""
        ticket = self.tickets.issue(info_hash("a"), self.ours)
        self.assertFalse(self.good(ticket, "b"))
        self.assertFalse(self.good(ticket[:-1]))
        holder = self.tickets.holder(ticket.encode(), info_hash("a"))
        self.assertEqual(holder, Caller(Access.READ_ONLY, None, "s", Access.FULL))

    def test_a_ticket_ends_with_disuse_or_log_out(self) -> None:
        """It is good as long as it is used, and its holder is logged in."""
        ticket, other = (self.tickets.issue(info_hash("a"), self.ours) for _ in range(2))
        for _ in range(3):
            self.clock.advance(LIFE - 1)
            self.assertTrue(self.good(ticket))
        self.assertFalse(self.good(other))
        self.alive = False
        self.assertFalse(self.good(ticket))

    def test_a_ticket_too_many_ends_the_longest_idle_one(self) -> None:
        """One too many ends the one that was idle for longest."""
        tickets = [self.tickets.issue(info_hash("a"), self.ours) for _ in range(MAX_TICKETS + 1)]
        self.assertEqual([self.good(t) for t in tickets[:2]], [False, True])
        looking = Caller(Access.READ_ONLY, token="wall")
        for _ in range(MAX_TICKETS + 1):
            self.tickets.issue(info_hash("a"), looking)
        self.assertTrue(self.good(tickets[2]))


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
