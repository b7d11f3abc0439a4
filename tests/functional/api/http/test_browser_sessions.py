"""The sessions of browsers, and the tickets for single files."""

from __future__ import annotations

import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.access import Caller, TokenAccess
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
    info_hash,
)


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

    def access(self, secret: str) -> TokenAccess | None:
        """What a secret is good for."""
        session = self.sessions.find(secret.encode("latin-1"))
        return None if session is None else session.access

    def test_a_session_has_the_access_it_began_with(self) -> None:
        """A session may do what it was begun with, and nobody can do with another secret."""
        full, looking = (
            self.sessions.begin(access) for access in (TokenAccess.FULL, TokenAccess.READ_ONLY)
        )
        self.assertIs(self.access(full), TokenAccess.FULL)
        self.assertIs(self.access(looking), TokenAccess.READ_ONLY)
        for other in ("", "\xff", full[:-1], full.partition(".")[0]):
            self.assertIsNone(self.access(other))

    def test_a_clock_that_is_set(self) -> None:
        """Sessions and codes end when they should, not early, and not later either."""
        for step in (1e8, -1e8):
            session = self.sessions.begin(TokenAccess.FULL)
            spent, code = self.sessions.make_code(), self.sessions.make_code()
            self.set_by += step
            self.assertIsNotNone(self.sessions.redeem(code.encode()))
            self.assertIs(self.access(session), TokenAccess.FULL)
            self.clock.advance(LINK_LIFE)
            self.assertIsNone(self.sessions.redeem(spent.encode()))
            self.clock.advance(IDLE)
            self.assertIsNone(self.access(session))

    def test_a_clock_that_was_ahead_in_an_earlier_run(self) -> None:
        """A session that stays logged in lives no longer for that."""
        self.set_by = 1e8
        session = self.sessions.begin(TokenAccess.FULL, remembered=True)
        self.set_by = 0.0
        self.sessions = self.started()
        self.clock.advance(REMEMBERED - 1)
        self.assertEqual(len(self.sessions.known()), 1)
        self.clock.advance(1)
        self.assertIsNone(self.access(session))

    def test_an_idle_session_expires(self) -> None:
        """It lives as long as it is used; one that stays logged in lives longer."""
        for remembered, life in ((False, IDLE), (True, REMEMBERED)):
            session = self.sessions.begin(TokenAccess.FULL, remembered=remembered)
            for _ in range(3):
                self.clock.advance(life - 1)
                self.assertIs(self.access(session), TokenAccess.FULL)
            self.clock.advance(life)
            self.assertEqual(self.sessions.known(), ())
            self.assertIsNone(self.access(session))

    def test_sessions_end_alone_or_all_at_once(self) -> None:
        """One ends alone, or all at once with every code."""
        secrets = [self.sessions.begin(TokenAccess.FULL) for _ in range(2)]
        code = self.sessions.make_code().encode()
        self.assertTrue(self.sessions.end(secrets[0].partition(".")[0]))
        self.assertFalse(self.sessions.end(secrets[0].partition(".")[0]))
        self.assertEqual([self.access(s) for s in secrets], [None, TokenAccess.FULL])
        self.sessions.end_all()
        self.assertIsNone(self.access(secrets[1]))
        self.assertIsNone(self.sessions.redeem(code))

    def test_a_session_too_many_ends_the_longest_idle_one(self) -> None:
        """One too many ends the one that was idle for longest."""
        secrets = [self.sessions.begin(TokenAccess.FULL) for _ in range(MAX_SESSIONS)]
        self.access(secrets[0])
        self.sessions.begin(TokenAccess.FULL)
        alive = [self.access(secret) is not None for secret in secrets]
        self.assertEqual(alive, [True, False] + [True] * (MAX_SESSIONS - 2))

    def test_who_may_only_look_logs_nobody_else_out(self) -> None:
        """However often such a token is logged in with: it is given to others."""
        owners = self.sessions.begin(TokenAccess.FULL, remembered=True)
        looking = [self.sessions.begin(TokenAccess.READ_ONLY) for _ in range(2 * MAX_SESSIONS)]
        self.assertIsNotNone(self.sessions.find(owners.encode()))
        self.assertIsNone(self.sessions.find(looking[0].encode()))
        self.assertEqual(len(self.sessions.known()), MAX_SESSIONS + 1)

    def test_a_log_in_code_works_once_and_expires(self) -> None:
        """A code serves once, for a while, and among the last ones."""
        first, *others = (self.sessions.make_code().encode() for _ in range(MAX_LINKS + 1))
        self.assertIsNone(self.sessions.redeem(first))
        session = self.sessions.redeem(others[0])
        assert session is not None
        self.assertIs(self.access(session), TokenAccess.FULL)
        self.assertIsNone(self.sessions.redeem(others[0]))
        self.clock.advance(LINK_LIFE)
        self.assertIsNone(self.sessions.redeem(others[1]))

    def test_only_remembered_sessions_survive_a_restart(self) -> None:
        """Only who asked for it stays logged in; the file is private, and tells no secret."""
        stays = self.sessions.begin(TokenAccess.READ_ONLY, remembered=True, browser="B")
        by_link = self.sessions.redeem(self.sessions.make_code(remembered=True).encode()) or ""
        goes = self.sessions.begin(TokenAccess.FULL)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        for secret in (stays, by_link, goes):
            self.assertNotIn(secret.partition(".")[2], text)
        self.sessions = self.started()
        self.assertEqual(
            [self.access(secret) for secret in (stays, by_link, goes)],
            [TokenAccess.READ_ONLY, TokenAccess.FULL, None],
        )
        self.assertEqual(self.sessions.known()[1].browser, "B")

    def test_use_is_kept(self) -> None:
        """A session that is used does not end early because of a restart."""
        secret = self.sessions.begin(TokenAccess.FULL, remembered=True)
        for _ in range(3):
            self.clock.advance(REMEMBERED - 7200)
            self.sessions = self.started()
            self.assertIs(self.access(secret), TokenAccess.FULL)

    def test_ended_for_good(self) -> None:
        """What was ended does not come back with a restart."""
        for end in (self.sessions.end, lambda _: self.sessions.end_all()):
            secret = self.sessions.begin(TokenAccess.FULL, remembered=True)
            end(secret.partition(".")[0])
            self.sessions = self.started()
            self.assertIsNone(self.access(secret))

    def test_crowded_out_for_good(self) -> None:
        """Nor does what ended because there were too many."""
        first = self.sessions.begin(TokenAccess.FULL, remembered=True)
        for _ in range(MAX_SESSIONS):
            self.sessions.begin(TokenAccess.FULL)
        self.sessions = self.started()
        self.assertIsNone(self.access(first))

    def test_a_disk_that_is_full(self) -> None:
        """A session is for this run then, and one that was ended does not come back."""
        stays = self.sessions.begin(TokenAccess.FULL, remembered=True)
        self.patch(os, "fsync", no_space)
        self.sessions.end(stays.partition(".")[0])
        another = self.sessions.begin(TokenAccess.FULL, remembered=True)
        self.assertIs(self.access(another), TokenAccess.FULL)
        self.sessions = self.started()
        self.assertEqual(self.sessions.known(), ())

    def test_another_first_token(self) -> None:
        """Who replaces the token of the token file logs every browser out."""
        secret = self.sessions.begin(TokenAccess.FULL, remembered=True)
        self.sessions = self.started("another")
        self.assertIsNone(self.access(secret))

    def test_a_file_that_is_of_no_use(self) -> None:
        """A damaged file, or one that other users could have written, costs only a log-in."""
        secret = self.sessions.begin(TokenAccess.FULL, remembered=True)
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
        self.ours = Caller(TokenAccess.FULL, session="s")

    def good(self, ticket: str, digit: str = "a") -> bool:
        """Whether a ticket reads the files of a torrent."""
        return self.tickets.holder(ticket.encode(), info_hash(digit)) is not None

    def test_a_ticket_reads_one_torrent_only(self) -> None:
        """It is for one torrent, for looking only, and known as its holder's."""
        ticket = self.tickets.issue(info_hash("a"), self.ours)
        self.assertFalse(self.good(ticket, "b"))
        self.assertFalse(self.good(ticket[:-1]))
        holder = self.tickets.holder(ticket.encode(), info_hash("a"))
        self.assertEqual(holder, Caller(TokenAccess.READ_ONLY, None, "s", TokenAccess.FULL))

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
        looking = Caller(TokenAccess.READ_ONLY, token="wall")
        for _ in range(MAX_TICKETS + 1):
            self.tickets.issue(info_hash("a"), looking)
        self.assertTrue(self.good(tickets[2]))
