"""Files that are sent by ``PUT``, at a real socket and with the process that writes them."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from collections.abc import Mapping
from typing import Any, cast

from jsonschema import Draft7Validator
from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.trial.unittest import SkipTest, TestCase

from bitween.api.discovery.discover import document
from bitween.api.http.request import MAX_BODY
from bitween.api.service import ApiService
from bitween.files.uploads import uploads
from bitween.files.uploads.uploads import MOST, Uploads
from bitween.model.torrent import FileEntry
from tests.support.api_rig import TOKEN, World, http_request, info_hash, rpc, site_of
from tests.support.connections import SlowReader
from tests.support.json_schemas import closed
from tests.support.process_tap import ProcessTap
from tests.support.waiting import reactor_turn

CONTENT = bytes(range(256)) * 1000


class Client(SlowReader):
    """A connection on which requests are sent one after the other."""

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; gives the status and the body of its answer."""
        self.send(request)
        return await self.answer()

    def send(self, data: bytes) -> None:
        """Send some of a request."""
        assert self.transport is not None
        self.transport.write(data)

    async def answer(self) -> tuple[int, bytes]:
        """Wait for an answer."""
        await self.until(b"\r\n\r\n")
        head, _, _ = bytes(self.received).partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        end = len(head) + 4 + int(headers.get("content-length", "0"))
        while len(self.received) < end:
            await reactor_turn()
        body = bytes(self.received[len(head) + 4 : end])
        del self.received[:end]
        return int(status.split()[1]), body

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method of the API; gives what it answers, error or result."""
        _, body = await self.ask(http_request(rpc(method, params), headers={"Host": "localhost"}))
        answer = json.loads(body)
        return answer.get("result") or answer["error"]


def put(path: str, content: bytes = b"", headers: Mapping[str, str | None] | None = None) -> bytes:
    """A request that sends a file."""
    given = {"Host": "localhost", "Content-Type": None, **(headers or {})}
    return http_request(content, "PUT", path, given)


class UploadCase(TestCase):
    """An API on loopback, whose download directory is there."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Serve it."""
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(self.folder)
        self.tap = ProcessTap()
        self.world = World(cast(Any, self.tap), self.folder)
        site = self.site = site_of(self.world, tokens_file=os.path.abspath(self.mktemp()))
        service = ApiService(
            reactor, "tcp:0:interface=127.0.0.1", site, token=TOKEN, jid="alice@example.org"
        )
        self.world.uploads.startService()
        self.addCleanup(self.world.uploads.stopService)
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        assert service.url is not None
        self.where = service.url.split("/")[2]
        self.client = await self.connect()

    async def connect(self) -> Client:
        """Another connection."""
        endpoint = clientFromString(reactor, f"tcp:{self.where}")
        client: Client = await connectProtocol(endpoint, Client())
        assert client.transport is not None
        self.addCleanup(lambda: client.closed)
        self.addCleanup(client.transport.loseConnection)
        return client

    def there(self) -> dict[str, bytes]:
        """The files in the download directory, those that are not complete included."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.folder)] = file.read()
        return found

    async def until_written(self, size: int) -> None:
        """Wait until so many bytes have come to the disk."""
        while sum(map(len, self.there().values())) < size:
            await reactor_turn()

    async def gone(self) -> None:
        """Wait until all processes that write have ended, and hold that they left nothing."""
        await self.world.uploads.stopService()
        self.assertEqual(os.listdir(self.folder), [])


class FileTests(UploadCase):
    """A file alone."""

    async def test_is_kept_and_hashed(self) -> None:
        """It lies in the download directory as any new file would, and a job hashes it."""
        status, body = await self.client.ask(put("/upload/film%20%E2%82%AC.mkv", CONTENT))
        self.assertEqual(status, 201)
        path = os.path.join(self.folder, "film €.mkv")
        answer = json.loads(body)
        self.assertEqual(answer["path"], path)
        self.assertEqual(self.world.bitween.jobs.get(answer["job"]).subject, path)
        self.assertIn(path, self.world.hasher.running)
        self.assertEqual(self.there(), {"film €.mkv": CONTENT})
        umask = os.umask(0)
        os.umask(umask)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o666 & ~umask)

    async def test_longer_than_any_other_body(self) -> None:
        """No bound but the disk holds for it, whether its length is told or not."""
        content = CONTENT * (MAX_BODY // len(CONTENT) + 2)
        self.assertEqual((await self.client.ask(put("/upload/a", content)))[0], 201)
        chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
        self.client.send(put("/upload/b", b"", chunked))
        for start in range(0, len(content), 100_000):
            piece = content[start : start + 100_000]
            self.client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.assertEqual((await self.client.ask(b"0\r\n\r\n"))[0], 201)
        self.assertTrue(self.there() == {"a": content, "b": content})

    async def test_nothing_is_overwritten(self) -> None:
        """A name that is taken, on the disk or by a download to come, gets a number."""
        self.world.swarm.download(info_hash("1"), "film", self.folder)
        files = (FileEntry("film (2).mkv", 1000),)
        self.world.swarm.change(info_hash("1"), files=files)
        for content in (b"1", b"2"):
            await self.client.ask(put("/upload/film.mkv", content))
        self.assertEqual(self.there(), {"film.mkv": b"1", "film (3).mkv": b"2"})

    async def test_hostile_names_stay_in_the_download_directory(self) -> None:
        """None leads out of the download directory, is hidden, or steers a terminal."""
        for name in (
            "..", ".", "", "%2e%2e", "..%2fx", "%2Fetc%2Fx", "a%00b", "%ff", "a/b", "../x", "%20",
            "a/", "/x",
        ):  # fmt: skip
            status, body = await self.client.ask(put(f"/upload/{name}", b"x"))
            self.assertEqual(status, 400, name)
            self.assertEqual(body.count(b"\n"), 1, name)
            self.client = await self.connect()
        self.assertEqual(os.listdir(self.folder), [])
        for name, safe in (
            (".bashrc", "_bashrc"),
            ("a%1b%5b2J", "a_[2J"),
            ("gpj.%E2%80%AEexe", "gpj._exe"),
            ("a%5cb", "a\\b"),
            ("%E2%82%AC" * 300 + ".txt", "€" * 83 + ".txt"),
            ("-rf", "-rf"),
        ):
            status, body = await self.client.ask(put(f"/upload/{name}", b"x"))
            self.assertEqual((status, json.loads(body)["path"]), (201, f"{self.folder}/{safe}"))

    async def test_an_empty_file(self) -> None:
        """It could not be shared, so it is refused, and not kept."""
        status, body = await self.client.ask(put("/upload/empty"))
        self.assertEqual((status, b"no content" in body), (409, True))
        await self.gone()

    async def test_a_client_that_goes(self) -> None:
        """Nothing is left of what did not come to its end."""
        self.client.send(put("/upload/film", CONTENT)[:-1])
        await self.until_written(len(CONTENT) - 1)
        assert self.client.transport is not None
        self.client.transport.loseConnection()
        await self.client.closed
        await self.gone()

    async def test_a_daemon_that_stops(self) -> None:
        """The same, and the client is told."""
        self.client.send(put("/upload/film", CONTENT)[:-1])
        await self.until_written(len(CONTENT) - 1)
        await self.gone()
        status, body = await self.client.answer()
        self.assertEqual((status, b"being stopped" in body), (409, True))

    async def test_an_upload_needs_a_full_token_and_our_origin(self) -> None:
        """Without a token, with one for looking only, or for another page: nothing is written."""
        looking = (await self.client.call("token.new", read_only=True))["token"]
        for status, headers in (
            (401, {"Authorization": None}),
            (401, {"Authorization": "Bearer no"}),
            (
                401,
                {"Authorization": None, "Cookie": "bitween-5000=x", "Origin": "http://localhost"},
            ),
            (403, {"Authorization": f"Bearer {looking}"}),
            (403, {"Origin": "http://evil.example"}),
            (421, {"Host": "evil.example"}),
            (400, {"Content-Encoding": "gzip"}),
            (400, {"Content-Range": "bytes 0-1/10"}),
            (507, {"Content-Length": str(2**60)}),
        ):
            client = await self.connect()
            self.assertEqual((await client.ask(put("/upload/x", b"x", headers)))[0], status)
        self.assertEqual(os.listdir(self.folder), [])

    async def test_other_methods(self) -> None:
        """Only PUT sends a file."""
        for method in ("GET", "POST", "DELETE"):
            request = http_request(b"", method, "/upload/x", {"Host": "localhost"})
            status, body = await self.client.ask(request)
            self.assertEqual((status, body), (405, b"PUT a file to /upload/NAME\n"))


class SlowDiskTests(UploadCase):
    """A disk, and a process that writes to it, that do not keep up."""

    async def test_holds_the_client_back(self) -> None:
        """Little is held in memory; the time-out does not count; in the end all of it is there."""
        content = CONTENT * 200
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        await self.client.ask(put(f"/upload/first?upload={upload}", b"x"))
        process = self.tap.processes[-1]
        process.signalProcess("STOP")
        self.client.send(put(f"/upload/film?upload={upload}", content))
        (channel,) = self.site.channels
        while not channel._paused:  # noqa: SLF001  # Twisted has no event for that
            await reactor_turn()
        pipe = process.pipes[0]
        held = len(pipe.dataBuffer) + pipe._tempDataLen  # noqa: SLF001  # Twisted's own affair
        self.assertLess(held, 2**20)
        channel.timeoutConnection()
        self.assertFalse(self.client.closed.called)
        os.kill(process.pid, signal.SIGCONT)
        self.assertEqual((await self.client.answer())[0], 204)
        await self.client.call("upload.finish", upload=upload)
        self.assertTrue(self.there()["holiday/film"] == content)

    async def test_a_process_that_does_not_end(self) -> None:
        """It does not hold the daemon up for long when that stops."""
        await self.client.call("upload.begin", name="holiday")
        process = self.tap.processes[-1]
        process.signalProcess("STOP")
        self.patch(uploads, "PATIENCE", 0.1)
        await self.world.uploads.stopService()

    async def test_a_process_that_is_killed(self) -> None:
        """The client is told at once, and what was written goes at the next start."""
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        self.client.send(put(f"/upload/film?upload={upload}", CONTENT)[:-1])
        await self.until_written(len(CONTENT) - 1)
        process = self.tap.processes[-1]
        process.signalProcess("KILL")
        status, body = await self.client.answer()
        self.assertEqual((status, b"broke off" in body), (409, True))
        await self.world.uploads.stopService()
        self.assertEqual(len(os.listdir(self.folder)), 1)
        again = Uploads(reactor, self.folder)
        again.startService()
        await again.stopService()
        self.assertEqual(os.listdir(self.folder), [])

    async def test_a_client_that_stands_still(self) -> None:
        """One that sends nothing more is cut off, and the upload says so."""
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        self.client.send(put(f"/upload/film?upload={upload}", CONTENT)[:-1])
        await self.until_written(len(CONTENT) - 1)
        (channel,) = self.site.channels
        channel.setTimeout(0.2)
        await self.client.closed
        error = await (await self.connect()).call("upload.finish", upload=upload)
        self.assertIn("the connection broke off", error["message"])


class FullDiskTests(UploadCase):
    """A disk of one megabyte."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Mount it."""
        await super().setUp()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.folder]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            raise SkipTest("only root can mount a small disk")
        self.addCleanup(subprocess.run, ["umount", self.folder], check=True)

    async def test_an_upload_without_room_is_refused_at_once(self) -> None:
        """A length that has no room is refused before a byte of it is read."""
        request = put("/upload/film", b"", {"Content-Length": "2000000"})
        status, body = await self.client.ask(request)
        self.assertEqual(status, 507)
        self.assertRegex(body, rb"2 MB have no room where [\d.]+ [kM]B are free")

    async def test_a_part_stays_free(self) -> None:
        """What would take the last bytes of the disk is refused, told before or not."""
        size = 1_000_000
        request = put("/upload/film", b"", {"Content-Length": str(size)})
        status, _ = await self.client.ask(request)
        self.assertEqual(status, 507)
        chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
        client = await self.connect()
        client.send(put("/upload/film", b"", chunked))
        client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (size, bytes(size)))
        status, _ = await client.answer()
        self.assertEqual(status, 507)
        await self.gone()

    async def test_full_on_the_way(self) -> None:
        """One that was not told ends when the disk is full, in words; nothing is left of it."""
        chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
        self.client.send(put("/upload/film", b"", chunked))
        for _ in range(20):
            self.client.send(b"%x\r\n%s\r\n" % (100_000, bytes(100_000)))
        status, body = await self.client.answer()
        self.assertEqual(status, 507)
        self.assertIn(b"is full (make room there)", body)
        await self.gone()


class FolderTests(UploadCase):
    """A folder, file by file."""

    async def test_becomes_one_share(self) -> None:
        """Its files are put where they belong in it, and one job hashes it."""
        upload = (await self.client.call("upload.begin", name="holiday", size=3))["upload"]
        for path in ("one", "sub%20folder/two", "sub%20folder/.hidden"):
            status, _ = await self.client.ask(put(f"/upload/{path}?upload={upload}", b"x"))
            self.assertEqual(status, 204)
        answer = await self.client.call("upload.finish", upload=upload)
        self.assertEqual(answer["path"], os.path.join(self.folder, "holiday"))
        self.assertEqual(list(self.world.hasher.running), [answer["path"]])
        self.assertEqual(
            sorted(self.there()),
            ["holiday/one", "holiday/sub folder/.hidden", "holiday/sub folder/two"],
        )
        again = await self.client.call("upload.finish", upload=upload)
        self.assertEqual(again["data"]["reason"], "upload_failed")

    async def test_what_the_methods_tell(self) -> None:
        """They answer as ``rpc.discover`` says."""
        described = closed(document())
        methods = {method["name"]: method for method in described["methods"]}

        async def check(method: str, **params: object) -> Any:
            result = await self.client.call(method, **params)
            schema = {"allOf": [methods[method]["result"]["schema"]]}
            Draft7Validator({**schema, "components": described["components"]}).validate(result)
            return result

        upload = (await check("upload.begin", name="film", size=1, folder=False))["upload"]
        await self.client.ask(put(f"/upload/what-is-not-looked-at?upload={upload}", b"x"))
        answer = await check("upload.finish", upload=upload)
        self.assertEqual(answer["path"], os.path.join(self.folder, "film"))
        upload = (await check("upload.begin", name="film"))["upload"]
        await check("upload.cancel", upload=upload)

    async def test_a_name_that_is_taken(self) -> None:
        """What lies there stays as it is."""
        os.makedirs(os.path.join(self.folder, "holiday"))
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        await self.client.ask(put(f"/upload/one?upload={upload}", b"x"))
        answer = await self.client.call("upload.finish", upload=upload)
        self.assertEqual(answer["path"], os.path.join(self.folder, "holiday (2)"))
        self.assertEqual(list(self.there()), ["holiday (2)/one"])

    async def test_nobody_waits_for_the_end(self) -> None:
        """It is shared all the same."""
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        await self.client.ask(put(f"/upload/one?upload={upload}", b"x"))
        finish = rpc("upload.finish", {"upload": upload})
        self.client.send(http_request(finish, headers={"Host": "localhost"}))
        while self.world.uploads.get(upload)._waiting is None:  # noqa: SLF001  # until it is called
            await reactor_turn()
        assert self.client.transport is not None
        self.client.transport.loseConnection()
        await self.client.closed
        while not self.world.hasher.running:
            await reactor_turn()
        self.assertEqual(list(self.there()), ["holiday/one"])

    async def test_a_cancelled_upload_leaves_nothing(self) -> None:
        """Nothing is left, and a client that goes on sending gets an error."""
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        await self.client.ask(put(f"/upload/one?upload={upload}", b"x"))
        self.assertIs(await self.client.call("upload.cancel", upload=upload), True)
        status, body = await self.client.ask(put(f"/upload/two?upload={upload}", b"x"))
        self.assertEqual((status, b"was cancelled" in body), (409, True))
        error = await (await self.connect()).call("upload.cancel", upload=upload)
        self.assertIn("was cancelled", error["message"])
        await self.gone()

    async def test_clashing_paths_end_the_upload(self) -> None:
        """A path that is sent twice, or is file and folder, ends it in words."""
        for path in ("a/b", "a/b/c", "a"):
            client = await self.connect()
            upload = (await client.call("upload.begin", name="holiday"))["upload"]
            await client.ask(put(f"/upload/a/b?upload={upload}", b"x"))
            status, body = await client.ask(put(f"/upload/{path}?upload={upload}", b"x"))
            self.assertEqual((status, b"sent twice" in body), (409, True), path)
            client = await self.connect()
            error = await client.call("upload.finish", upload=upload)
            self.assertIn("sent twice", error["message"])
        await self.gone()

    async def test_one_file_at_a_time(self) -> None:
        """A second one that comes meanwhile is refused; the first goes on."""
        upload = (await self.client.call("upload.begin", name="holiday"))["upload"]
        first = put(f"/upload/one?upload={upload}", b"12")
        self.client.send(first[:-1])
        await reactor_turn()
        other = await self.connect()
        status, body = await other.ask(put(f"/upload/two?upload={upload}", b"x"))
        self.assertEqual((status, b"one after the other" in body), (409, True))
        error = await (await self.connect()).call("upload.finish", upload=upload)
        self.assertIn("is being sent", error["message"])
        self.assertEqual((await self.client.ask(first[-1:]))[0], 204)

    async def test_uploads_are_bounded_in_number_and_size(self) -> None:
        """No such upload, no such room, too many of them."""
        for query in ("upload=1", "upload=%ff", "upload=x&upload=y"):
            client = await self.connect()
            status, _ = await client.ask(put(f"/upload/one?{query}", b"x"))
            self.assertEqual(status, 404, query)
        client = await self.connect()
        error = await client.call("upload.begin", name="x", size=2**52)
        self.assertEqual(error["data"]["reason"], "no_room")
        for _ in range(MOST):
            await client.call("upload.begin", name="x")
        error = await client.call("upload.begin", name="x")
        self.assertIn("uploads are on their way", error["message"])
