"""What integration tests stand on: private servers, real daemons, calls to their API."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.inotify import IN_MOVED_TO, INotify
from twisted.internet.interfaces import (
    IProcessTransport,
    IReactorProcess,
    IReactorTCP,
    IReactorTime,
)
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from bitween.errors import ConfigurationError
from bitween.storage import api_location
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from tests.support.private_ejabberd import PrivateEjabberd, find_ejabberd
from tests.support.waiting import described

#: Seconds after which what was waited for will not come any more.
PATIENCE = 120.0
_POLL_INTERVAL = 0.02

# As twistd does, after having asked the kernel to be killed with the test run.
_TWISTD = """
import ctypes, os, signal
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == {parent}:
    from twisted.scripts.twistd import run
    run()
"""


class DaemonEnded(Exception):
    """A daemon ended when nobody had asked it to; holds its log."""


class CallFailed(Exception):
    """
    The API answered with an error.

    :ivar status: of HTTP.
    :ivar error: the JSON-RPC error object; empty if there was none.
    """

    def __init__(self, method: str, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{method}: HTTP {status}, {error}")
        self.status = status
        self.error = error

    @property
    def reason(self) -> str:
        """The kind of the error, as a word."""
        return str((self.error.get("data") or {}).get("reason", ""))


class _Output(ProcessProtocol):
    """Collects what a process writes, and tells when it has ended."""

    def __init__(self) -> None:
        self.text = bytearray()
        self.ended: Deferred[int | None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.text += data

    def errReceived(self, data: bytes) -> None:
        self.text += data

    def processEnded(self, reason: Failure) -> None:
        assert isinstance(reason.value, ProcessDone | ProcessTerminated)
        self.ended.callback(reason.value.exitCode)


class Daemon:
    """
    One daemon as a process of its own, which may be started again after its end.

    :ivar jid: the account's bare JID.
    :ivar state_dir: what it remembers.
    :ivar downloads: where its downloads go.
    :ivar log: all that it ever wrote.
    """

    _flags: ClassVar[Sequence[str]] = ("--no-port-mapping",)

    def __init__(
        self,
        server: PrivateServer,
        pool: HTTPConnectionPool,
        directory: str,
        user: str,
        *,
        password: str = "secret",
        resource: str | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """
        :param directory: an empty or missing one of its own.
        :param options: further ones for the command line.
        """
        self.jid = f"{user}@{server.domain}"
        self.resource = resource
        self.state_dir = os.path.join(directory, "state")
        self.downloads = os.path.join(directory, "downloads")
        self.options = options
        self._server = server
        self._agent = Agent(reactor, pool=pool)
        self._directory = directory
        self._output = _Output()
        self._earlier = bytearray()
        self._process: IProcessTransport | None = None
        self._rendezvous: api_location.ApiLocation | None = None
        self._password_file = os.path.join(directory, "password")
        os.makedirs(self.state_dir, mode=0o700)
        with open(os.open(self._password_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(password)

    @property
    def log(self) -> str:
        """All that it ever wrote."""
        return (self._earlier + self._output.text).decode("utf-8", "replace")

    @property
    def url(self) -> str:
        """Where its API is."""
        assert self._rendezvous is not None
        return self._rendezvous.url

    @property
    def token(self) -> str:
        """The secret that the API wants."""
        assert self._rendezvous is not None
        return self._rendezvous.token

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and not self._output.ended.called

    @property
    def process_id(self) -> int:
        """The process."""
        assert self._process is not None
        return int(self._process.pid)

    def spawn(self) -> Deferred[int | None]:
        """
        Begin the process and wait for nothing; for one that is expected to fail.

        :returns: fires with its exit status when it has ended, ``None`` if a signal ended it.
        """
        assert not self.running
        self._earlier += self._output.text
        self._output = _Output()
        self._process = self._spawn(self._output, self._command())
        ended: Deferred[int | None] = Deferred()
        self._output.ended.addCallback(_tell(ended))
        return ended

    def _spawn(self, protocol: ProcessProtocol, command: list[str]) -> Any:
        processes = IReactorProcess(reactor)
        return processes.spawnProcess(
            protocol, command[0], command, env=self._environment(), path="/"
        )

    async def start(self) -> None:
        """
        Start it, and wait until its API answers.

        :raises DaemonEnded: if it ends instead.
        """
        place = os.path.join(self.state_dir, api_location.FILE_NAME)
        with contextlib.suppress(FileNotFoundError):  # it is there after a kill
            os.unlink(place)
        written: Deferred[None] = Deferred()
        watch = INotify(reactor)
        watch.startReading()

        def appeared(_: object, path: FilePath[bytes], __: int) -> None:
            if path.basename() == api_location.FILE_NAME.encode() and not written.called:
                written.callback(None)

        watch.watch(FilePath(self.state_dir.encode()), IN_MOVED_TO, callbacks=[appeared])
        try:
            self.spawn().addCallback(lambda status: self._ended_early(written, status))
            await written.addTimeout(PATIENCE, IReactorTime(reactor))
        finally:
            watch.loseConnection()
        self._rendezvous = api_location.read(place)

    async def call(self, method: str, **params: object) -> Any:
        """
        Call a method of the API with named parameters.

        :returns: its result.
        :raises CallFailed: if the answer is an error.
        """
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = Headers(
            {"Content-Type": ["application/json"], "Authorization": [f"Bearer {self.token}"]}
        )
        body = FileBodyProducer(BytesIO(json.dumps(call).encode()))
        response = await self._agent.request(b"POST", self.url.encode(), headers, body)
        content = await readBody(response)
        if response.code != 200:
            raise CallFailed(method, response.code, {})
        answer = json.loads(content)
        if "error" in answer:
            raise CallFailed(method, response.code, answer["error"])
        return answer["result"]

    async def until(self, holds: Callable[[Any], object], method: str, **params: object) -> Any:
        """
        Call a method again and again until its result is as wanted.

        :returns: that result.
        """
        return await until(lambda: self.call(method, **params), holds)

    async def share(self, path: str) -> str:
        """Share a file or folder, and wait until it is hashed; its info-hash."""
        added = await self.call("bt.add_path", path=path, wait=True)
        return str(added["hash"])

    async def finds(self, info_hash: str) -> dict[str, Any]:
        """Wait until a contact who is online shares this; the item of ``xmpp.find``."""

        def pick(result: Any) -> Any:
            return next(
                (i for i in result["items"] if i["hash"] == info_hash and i["online"]), None
            )

        found: dict[str, Any] = pick(await self.until(pick, "xmpp.find", limit=1000))
        return found

    async def download(self, info_hash: str) -> str:
        """Download something, and wait until it is complete; the path it then has."""
        await self.call("bt.add_torrent_by_hash", hash=info_hash)
        return await self.complete(info_hash)

    async def complete(self, info_hash: str) -> str:
        """Wait until a torrent is complete; the path it has."""
        torrent = await self.torrent_where(info_hash, lambda torrent: torrent["complete"])
        return os.path.join(str(torrent["save_path"]), str(torrent["name"]))

    async def torrent_where(
        self, info_hash: str, holds: Callable[[dict[str, Any]], object]
    ) -> dict[str, Any]:
        """Wait until a torrent of its own is as wanted; the torrent."""
        result = await self.until(
            lambda result: result["torrents"] and holds(result["torrents"][0]),
            "bt.get_torrents",
            hashes=[info_hash],
        )
        torrent: dict[str, Any] = result["torrents"][0]
        return torrent

    async def says(self, text: str) -> None:
        """Wait until its log has this."""

        async def said() -> str:
            return self.log

        await until(said, lambda log: text in log)

    async def online(self) -> None:
        """Wait until it is logged in."""
        await self.until(lambda status: status["connection"]["state"] == "online", "Api.status")

    def freeze(self) -> None:
        """Have it do nothing more, as a machine whose power is cut: others see it online."""
        assert self._process is not None
        self._process.signalProcess(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.signalProcess(signal.SIGCONT)

    async def kill9(self) -> None:
        """End it as a power failure would, and wait for that."""
        await self._end("KILL")

    async def stop(self) -> int | None:
        """
        Stop it as ``systemd`` would, and wait for that.

        :returns: the exit status.
        """
        return await self._end("TERM")

    async def ended(self) -> int | None:
        """Wait until it has ended by itself; the exit status."""
        return await _copy(self._output.ended).addTimeout(PATIENCE, IReactorTime(reactor))

    async def _end(self, how: str) -> int | None:
        if not self.running:
            return None
        assert self._process is not None
        ended = _copy(self._output.ended)
        self._process.signalProcess(how)
        clock = IReactorTime(reactor)
        overdue = clock.callLater(PATIENCE, self._process.signalProcess, "KILL")
        try:
            return await ended
        finally:
            if overdue.active():
                overdue.cancel()

    def _ended_early(self, written: Deferred[None], status: int | None) -> None:
        if not written.called:
            written.errback(DaemonEnded(f"exit status {status}\n{self.log}"))

    def _command(self) -> list[str]:
        options = [argument for option in self._settings().items() for argument in option]
        program = _TWISTD.format(parent=os.getpid())
        return [
            *(sys.executable, "-c", program, "--nodaemon", "--pidfile="),
            *("bitween", *self._flags, *options, *self.options),
        ]

    def _settings(self) -> dict[str, str]:
        """The options that every daemon of the tests has."""
        server = self._server
        account = self.jid if self.resource is None else f"{self.jid}/{self.resource}"
        return {
            "--jid": account,
            "--password-file": self._password_file,
            "--server": f"{server.host}:{server.port}",
            "--ca-file": server.ca_file,
            "--state-dir": self.state_dir,
            "--download-dir": self.downloads,
            "--api": "tcp:0:interface=127.0.0.1",
            "--listen": "127.0.0.1:0",
        }

    def _environment(self) -> dict[str, str]:
        """That of the tests, save that no setting and no other daemon of the user's is found."""
        private = {
            name: os.path.join(self._directory, name)
            for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
        }
        return {**os.environ, **private}


class IntegrationTestCase(TestCase):
    """
    Makes servers, daemons and directories that are gone when the test ends.

    When a test fails, its output has the daemons' logs.
    """

    timeout = 600.0
    server_type: ClassVar[type[PrivateProsody | PrivateEjabberd]] = PrivateProsody

    def setUp(self) -> None:
        """Begin with nothing."""
        self._daemons: list[Daemon] = []
        self.pool = HTTPConnectionPool(reactor)
        # A daemon closes a connection that rests for 30 s, perhaps just when it is used again.
        self.pool.cachedConnectionTimeout = 10
        self.addCleanup(self.pool.closeCachedConnections)
        # Not trial's: its paths are long, and closed to the user who runs root's Prosody.
        self.directory = tempfile.mkdtemp(prefix="bitween-test-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.addCleanup(self._show_logs)

    def server(self, *users: str) -> PrivateServer:
        """
        Start a private server that has these accounts, with the password ``secret``.

        It holds clients to its default rate, as the servers do that people use.
        """
        return self.run_server(self.server_type(limits=True), *users)

    def run_server(self, server: PrivateServer, *users: str) -> PrivateServer:
        """Start a server of one's own making, as :meth:`server` does."""
        self.addCleanup(server.close)
        for user in users:
            server.add_account(user, "secret")
        server.start()
        return server

    def daemon(
        self,
        server: PrivateServer,
        user: str,
        *,
        password: str = "secret",
        resource: str | None = None,
        options: Sequence[str] = (),
    ) -> Daemon:
        """Make a daemon, without starting it."""
        directory = os.path.join(self.directory, f"{user}-{len(self._daemons)}")
        daemon = Daemon(
            server,
            self.pool,
            directory,
            user,
            password=password,
            resource=resource,
            options=options,
        )
        self._daemons.append(daemon)
        self.addCleanup(daemon.kill9)
        return daemon

    async def contacts(self, server: PrivateServer, *users: str) -> list[Daemon]:
        """Start a daemon for each account, all of them contacts of each other."""
        daemons = [self.daemon(server, user) for user in users]
        await self.make_contacts(daemons)
        return daemons

    async def make_contacts(self, daemons: Sequence[Daemon]) -> None:
        """Start daemons, and make them contacts of each other."""
        await together([daemon.start() for daemon in daemons])
        await together([daemon.online() for daemon in daemons])
        for position, daemon in enumerate(daemons):
            for other in daemons[position + 1 :]:
                await befriend(daemon, other)

    def listen(self, factory: Any) -> str:
        """Listen on loopback with a factory until the test ends; host and port."""
        port: Any = IReactorTCP(reactor).listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"127.0.0.1:{port.getHost().port}"

    async def refusal_of(self, daemon: Daemon) -> str:
        """Start a daemon that cannot run; the one line that it says when it ends."""
        self.assertEqual(await daemon.spawn(), 1)
        self.assertNotIn("Traceback", daemon.log)
        self.assertFalse(os.path.exists(os.path.join(daemon.state_dir, api_location.FILE_NAME)))
        lines = re.findall(r"^bitween: (.*)$", daemon.log, re.MULTILINE)
        self.assertEqual(len(lines), 1, daemon.log)
        return str(lines[0])

    def make_file(self, name: str, content: bytes) -> str:
        """Make a file, and the folders above it; its path."""
        path = os.path.join(self.directory, "files", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def assert_same(self, one: str, other: str) -> None:
        """Check that two files, or two folders, hold the same."""
        self.assertEqual(_contents(one), _contents(other))

    def _show_logs(self) -> None:
        if not getattr(self, "_passed", False):  # trial's own; it has no public way to tell
            for daemon in self._daemons:
                print(f"\n---- the log of {daemon.jid} ----\n{daemon.log}")  # noqa: T201  # see the class


class ProsodyTestCase(IntegrationTestCase):
    """Its servers are Prosodies."""


class EjabberdTestCase(IntegrationTestCase):
    """Its servers are ejabberds."""

    server_type = PrivateEjabberd

    def setUp(self) -> None:
        """Begin with nothing, on a machine that has an ejabberd."""
        try:
            find_ejabberd()
        except ConfigurationError as error:
            raise SkipTest(str(error)) from None
        super().setUp()


# Tests that run on every server are a mixin of it and of one of the classes above, so that trial
# does not run them on no server at all.
if TYPE_CHECKING:
    OnEveryServer = IntegrationTestCase
else:
    OnEveryServer = object


async def until(
    ask: Callable[[], Awaitable[Any]],
    holds: Callable[[Any], object],
    patience: float = PATIENCE,
) -> Any:
    """
    Ask again and again until the answer is as wanted.

    :param patience: seconds.
    :returns: that answer.
    :raises AssertionError: with the last answer and the condition, if that does not hold in time.
    """
    clock = IReactorTime(reactor)
    deadline = clock.seconds() + patience
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        if clock.seconds() > deadline:
            raise AssertionError(
                f"not within {patience:.0f} s: {described(holds)}; the last answer: {answer!r}"
            )
        await deferLater(clock, _POLL_INTERVAL)


async def befriend(one: Daemon, other: Daemon) -> None:
    """Make two daemons contacts of each other."""

    def contact(jid: str, key: str, value: str) -> Callable[[Any], object]:
        return lambda result: any(c["jid"] == jid and c[key] == value for c in result["contacts"])

    await one.call("xmpp.add_contact", jid=other.jid)
    await other.until(contact(one.jid, "pending", "in"), "xmpp.get_contacts")
    await other.call("xmpp.accept_contact", jid=one.jid)
    for daemon, jid in ((one, other.jid), (other, one.jid)):
        await daemon.until(contact(jid, "subscription", "both"), "xmpp.get_contacts")


async def together(coroutines: Sequence[Any]) -> list[Any]:
    """Await several coroutines at once; the first failure is raised."""
    running = [Deferred.fromCoroutine(coroutine) for coroutine in coroutines]
    results: list[Any] = await gatherResults(running, consumeErrors=True)
    return results


def _tell(listener: Deferred[int | None]) -> Callable[[int | None], int | None]:
    """A callback that passes a result on, and tells it to a listener that still wants it."""

    def tell(status: int | None) -> int | None:
        if not listener.called:
            listener.callback(status)
        return status

    return tell


def _copy(source: Deferred[int | None]) -> Deferred[int | None]:
    """A Deferred of its own for one of several who wait for the same result."""
    copy: Deferred[int | None] = Deferred()
    source.addCallback(_tell(copy))
    return copy


def _contents(path: str) -> dict[str, bytes]:
    if os.path.isfile(path):
        return {"": _read(path)}
    return {
        os.path.relpath(os.path.join(parent, name), path): _read(os.path.join(parent, name))
        for parent, _, names in os.walk(path)
        for name in names
    }


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
