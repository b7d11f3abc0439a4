"""``/files/HASH/INDEX``: the bytes of our files, in parts, as they come, and harmless."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.files.download import MAX_GUEST_READERS, MAX_READERS, PATIENCE
from bitween.api.http.body_writer import MAX_STALLED
from bitween.errors import SwarmError
from bitween.model.torrent import FileEntry, TorrentState
from bitween.model.torrent_options import Selection, TorrentOptions
from tests.support.api_rig import (
    TOKEN,
    Answer,
    Connection,
    World,
    http_request,
    info_hash,
    rpc,
    site_of,
)
from tests.support.fakes.swarm import PIECE, FakeFile

FILM = info_hash("a")
CONTENT = bytes(i % 251 for i in range(10 * PIECE + 7))


class FilePagesCase(SynchronousTestCase):
    """A daemon with one complete torrent of one file."""

    def setUp(self) -> None:
        """Share it."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.site = site_of(self.world)
        self.share("film.bin", CONTENT)

    def share(self, name: str, content: bytes) -> None:
        """Have the torrent be of this file."""
        self.world.share("anything", FILM, len(content))
        self.world.swarm.change(FILM, files=(FileEntry(name, len(content)),))
        self.world.swarm.contents[FILM] = content

    def connect(
        self,
        path: str = f"/files/{FILM}/0",
        *,
        method: str = "GET",
        headers: Mapping[str, str | None] | None = None,
    ) -> Connection:
        """Send a request."""
        connection = Connection(self.site)
        connection.send(http_request(b"", method, path, headers))
        return connection

    def get(self, path: str = f"/files/{FILM}/0", **headers: str | None) -> Answer:
        """The answer to a request."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.connect(path, headers=given).only_answer()

    @property
    def opened(self) -> FakeFile:
        """The file that was opened last."""
        return self.world.swarm.opened[-1]


class RangeTests(FilePagesCase):
    """RFC 9110 §14."""

    def test_without_a_range_the_whole_file_comes(self) -> None:
        """Without a range every byte comes; the file is closed then."""
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (200, CONTENT))
        self.assertEqual(answer.headers["accept-ranges"], "bytes")
        self.assertEqual(answer.headers["etag"], f'"{FILM}-0"')
        self.assertNotIn("content-range", answer.headers)
        self.assertTrue(self.opened.closed)

    @given(st.integers(0, len(CONTENT) - 1), st.integers(0, len(CONTENT) + 50))
    def test_a_range_gives_just_that_part(self, first: int, length: int) -> None:
        """A part comes as one, wherever the pieces begin and end."""
        answer = self.get(Range=f"bytes={first}-{first + length}")
        expected = CONTENT[first : first + length + 1]
        self.assertEqual((answer.status, answer.body), (206, expected))
        end = first + len(expected) - 1
        self.assertEqual(answer.headers["content-range"], f"bytes {first}-{end}/{len(CONTENT)}")

    def test_no_such_part(self) -> None:
        """What lies behind the end is refused, with the size."""
        answer = self.get(Range=f"bytes={len(CONTENT)}-")
        self.assertEqual(answer.status, 416)
        self.assertEqual(answer.headers["content-range"], f"bytes */{len(CONTENT)}")
        self.assertTrue(self.opened.closed)

    def test_a_range_of_a_changed_file_gives_the_whole(self) -> None:
        """A range with another validator is the whole file; a known file is not sent again."""
        tag = f'"{FILM}-0"'
        self.assertEqual(self.get(Range="bytes=0-1", If_Range=tag).status, 206)
        for other in ('"other"', f"W/{tag}", "Sat, 21 Nov 2026 13:00:00 GMT"):
            self.assertEqual(self.get(Range="bytes=0-1", If_Range=other).status, 200)
        known = self.get(If_None_Match=tag)
        self.assertEqual((known.status, known.body), (304, b""))

    def test_head_sends_no_bytes_and_fetches_nothing(self) -> None:
        """HEAD tells all but the bytes, and has nothing fetched."""
        (head, _, body) = (
            self.connect(method="HEAD", headers={"Range": "bytes=1-2"})
            .transport.value()
            .partition(b"\r\n\r\n")
        )
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "))
        self.assertIn(b"Content-Length: %d" % len(CONTENT), head)
        self.assertEqual((body, self.opened.wanted), (b"", None))

    def test_an_empty_file(self) -> None:
        """It is served as nothing, and has no parts."""
        self.share("empty.txt", b"")
        self.assertEqual((self.get().status, self.get().body), (200, b""))
        self.assertEqual(self.get(Range="bytes=0-").status, 416)

    def test_one_after_the_other(self) -> None:
        """A connection serves for several."""
        connection = self.connect(headers={"Range": "bytes=0-1"})
        connection.send(http_request(b"", "GET", f"/files/{FILM}/0", {"Range": "bytes=2-3"}))
        self.assertEqual([a.body for a in connection.answers()], [CONTENT[:2], CONTENT[2:4]])


class ComingTests(FilePagesCase):
    """Files that are still being fetched."""

    def setUp(self) -> None:
        """Have the first two pieces."""
        super().setUp()
        self.world.swarm.contents[FILM] = CONTENT[: 2 * PIECE]
        self.change(state=TorrentState.DOWNLOADING)

    def change(self, **changes: Any) -> None:
        """Let the torrent be incomplete, and otherwise so."""
        self.world.swarm.change(FILM, complete=False, **changes)

    def test_missing_bytes_are_requested_and_sent_when_they_arrive(self) -> None:
        """What is here comes at once, the rest when it is; asked for are the bytes of the range."""
        connection = self.connect(headers={"Range": f"bytes={PIECE}-{4 * PIECE}"})
        self.assertTrue(connection.transport.value().endswith(CONTENT[PIECE : 2 * PIECE]))
        self.assertEqual(self.opened.wanted, (2, 4))
        self.opened.arrive(CONTENT[: 4 * PIECE])
        self.assertEqual(self.opened.wanted, (4, 4))
        self.opened.arrive(CONTENT)
        self.assertEqual(connection.only_answer().body, CONTENT[PIECE : 4 * PIECE + 1])
        self.assertTrue(self.opened.closed)

    def test_bytes_that_do_not_arrive_in_time_are_an_error(self) -> None:
        """What does not come in time is told, or the connection cut where the answer has begun."""
        late, cut = self.connect(headers={"Range": "bytes=500-"}), self.connect()
        self.clock.advance(PATIENCE)
        answer = late.only_answer()
        self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "5"))
        self.assertIn(b"have not come", answer.body)
        self.assertTrue(cut.transport.disconnected)
        self.assertTrue(all(file.closed for file in self.world.swarm.opened))

    def test_read_errors_are_reported_in_words(self) -> None:
        """What the swarm cannot read is told in words."""
        connection = self.connect(headers={"Range": "bytes=500-"})
        self.opened.fail(SwarmError("the file is another than it was"))
        answer = connection.only_answer()
        self.assertEqual((answer.status, answer.body), (409, b"the file is another than it was\n"))
        self.assertNotIn("etag", answer.headers)

    def test_a_client_that_leaves_requests_nothing_more(self) -> None:
        """Who goes away wants nothing more."""
        connection = self.connect()
        self.assertFalse(self.opened.closed)
        connection.transport.loseConnection()
        self.assertTrue(self.opened.closed)

    def test_not_on_its_way(self) -> None:
        """What nobody fetches is not waited for, and the answer says what to do."""
        for changes in (
            {"state": TorrentState.PAUSED},
            {"state": TorrentState.QUEUED},
            {"options": TorrentOptions(selection=Selection(skipped=frozenset({0})))},
        ):
            self.change(**changes)
            self.assertEqual(self.get().status, 409, changes)
        self.change(files=None)
        self.assertEqual(self.get().status, 404)

    def test_waiting_downloads_are_bounded(self) -> None:
        """The number of downloads is limited; a client that goes away makes room."""
        waiting = [self.connect() for _ in range(MAX_READERS)]
        self.assertEqual(self.get().status, 503)
        waiting[0].transport.loseConnection()
        self.assertEqual(self.get(Range="bytes=0-1").status, 206)

    def test_guests_leave_downloads_to_the_owner(self) -> None:
        """A read-only token and its tickets get a part of the places only."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.site = site_of(self.world, tokens_file=os.path.join(folder, "tokens.json"))
        connection = Connection(self.site)
        connection.send(http_request(rpc("token.new", ["wall", True])))
        secret = connection.only_answer().json["result"]["token"]
        guest = {"Authorization": f"Bearer {secret}"}
        by_ticket = self.ticket(guest)
        waiting = [self.wait(headers=guest) for _ in range(MAX_GUEST_READERS - 1)]
        waiting.append(self.wait(by_ticket, {}))
        self.assertEqual({c.transport.value() for c in waiting}, {b""})
        for path, headers in ((f"/files/{FILM}/0", guest), (by_ticket, {})):
            self.assertEqual(self.wait(path, headers).only_answer().status, 503)
        self.assertEqual(self.get(Range="bytes=0-1").status, 206)
        self.assertEqual(self.wait(self.ticket({}), {}).transport.value(), b"")
        waiting[0].transport.loseConnection()
        self.assertEqual(self.wait(headers=guest).transport.value(), b"")

    def wait(
        self, path: str = f"/files/{FILM}/0", headers: Mapping[str, str] | None = None
    ) -> Connection:
        """Ask for bytes that have not come yet."""
        given = {"Authorization": None, "Range": "bytes=500-", **(headers or {})}
        return self.connect(path, headers=given)

    def ticket(self, headers: Mapping[str, str]) -> str:
        """The path of the file, with a ticket."""
        answer = self.connect(f"/files/{FILM}/ticket", method="POST", headers=headers).only_answer()
        return f"/files/{FILM}/0?ticket={answer.json['ticket']}"


class SlowTests(FilePagesCase):
    """Clients that take their time."""

    def setUp(self) -> None:
        """Start to send to a client that stops reading after the first piece."""
        super().setUp()
        self.world.swarm.contents[FILM] = CONTENT[:PIECE]
        self.world.swarm.change(FILM, complete=False, state=TorrentState.DOWNLOADING)
        self.connection = self.connect()
        self.connection.channel.pauseProducing()
        self.opened.arrive(CONTENT)

    def test_reading_pauses_while_the_client_takes_nothing(self) -> None:
        """While the client takes nothing, nothing more is read; then it goes on."""
        self.assertEqual(self.opened.wanted, (1, 10))
        self.connection.channel.resumeProducing()
        self.assertEqual(self.connection.only_answer().body, CONTENT)
        self.clock.advance(MAX_STALLED)
        self.assertFalse(self.connection.transport.disconnected)

    def test_a_stalled_client_is_disconnected(self) -> None:
        """Who takes nothing for long is cut off, and the file is closed."""
        self.clock.advance(MAX_STALLED - 1)
        self.assertFalse(self.opened.closed)
        self.clock.advance(1)
        self.assertTrue(self.opened.closed)
        self.assertTrue(self.connection.transport.disconnected)


class SafetyTests(FilePagesCase):
    """What contacts chose runs nowhere, and nobody gets in."""

    def test_never_as_html(self) -> None:
        """HTML, and whatever is called otherwise than it is, is text or a download."""
        page = b"<!doctype html><script>alert(1)</script>"
        for name, media_type, kind in (
            ("x.html", "text/plain; charset=utf-8", "inline"),
            ("x.js", "text/plain; charset=utf-8", "inline"),
            ("x.png", "application/octet-stream", "attachment"),
            ("x.mp4", "application/octet-stream", "attachment"),
            ("x.pdf", "application/octet-stream", "attachment"),
            ("x", "application/octet-stream", "attachment"),
            ("x.htm.", "application/octet-stream", "attachment"),
        ):
            self.share(name, page)
            headers = self.get().headers
            self.assertEqual(headers["content-type"], media_type, name)
            self.assertTrue(headers["content-disposition"].startswith(f"{kind}; "), name)

    def test_files_are_sandboxed_and_not_cached(self) -> None:
        """Every file is in a sandbox, is not guessed at, not kept, and not for other sites."""
        self.share("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>")
        headers = self.get().headers
        self.assertEqual(headers["content-type"], "image/svg+xml")
        policy = headers["content-security-policy"].split("; ")
        self.assertLessEqual({"sandbox", "default-src 'none'"}, set(policy))
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertEqual(headers["cache-control"], "no-store")
        self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")

    def test_file_names_cannot_inject_headers(self) -> None:
        """No name makes another header."""
        self.share('x\r\nSet-Cookie: a=b\r\n\r\n".html', b"x")
        answer = self.get()
        self.assertNotIn("set-cookie", answer.headers)
        self.assertEqual(answer.body, b"x")

    def test_no_file_without_a_token_log_in_or_ticket(self) -> None:
        """Without a token, a log-in or a ticket nothing is given, nor to other sites."""
        self.assertEqual(self.get(Authorization=None).status, 401)
        self.assertEqual(self.get(Authorization="Bearer wrong").status, 401)
        self.assertEqual(self.get(Sec_Fetch_Site="cross-site").status, 403)
        self.assertEqual(self.world.swarm.opened, [])
        session = self.post("/login", b'{"token": "%s"}' % TOKEN.encode())["session"]
        ours = self.get(Authorization=f"Bearer {session}")
        self.assertEqual(ours.body, CONTENT)
        ticket = self.post(f"/files/{FILM}/ticket", b"")["ticket"]
        shown = self.connect(
            path=f"/files/{FILM}/0?ticket={ticket}", headers={"Authorization": None}
        )
        self.assertEqual(shown.only_answer().body, CONTENT)

    def post(self, path: str, body: bytes) -> Any:
        """What a request with the token is answered with."""
        connection = Connection(self.site)
        connection.send(http_request(body, "POST", path))
        return connection.only_answer().json

    def test_a_read_only_token_suffices_until_it_is_revoked(self) -> None:
        """A token that is for looking will do; when it is revoked, what is open with it ends."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.site = site_of(self.world, tokens_file=os.path.join(folder, "tokens.json"))
        made = self.call("token.new", name="wall", read_only=True)
        bearer = {"Authorization": f"Bearer {made['token']}"}
        self.assertEqual(self.connect(headers=bearer).only_answer().body, CONTENT)
        self.world.swarm.contents[FILM] = b""
        waiting = self.connect(headers=bearer)
        self.call("token.revoke", name="wall")
        self.clock.advance(0)
        self.assertTrue(waiting.transport.disconnected)
        self.assertTrue(self.opened.closed)
        self.assertEqual(self.connect(headers=bearer).only_answer().status, 401)

    def call(self, method: str, **params: object) -> Any:
        """Call a method."""
        connection = Connection(self.site)
        connection.send(http_request(rpc(method, params)))
        return connection.only_answer().json["result"]

    def test_no_other_path_or_method_is_served(self) -> None:
        """There is no other path, and nothing but reading."""
        for path in (
            "/files",
            f"/files/{FILM}",
            f"/files/{FILM}/1",
            f"/files/{FILM}/-1",
            f"/files/{FILM}/0/x",
            f"/files/{FILM}/{'9' * 30}",
            f"/files/{FILM}/..%2f0",
            f"/files/{info_hash('b')}/0",
            "/files/../0",
        ):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(self.connect(method="DELETE").only_answer().status, 405)

    def test_previews_are_listed(self) -> None:
        """``bt.get_files`` tells how a page can show each file."""
        self.share("film.webm", b"x")
        (file,) = self.call("bt.get_files", hash=FILM)["files"]
        self.assertEqual(file["preview"], "video")
