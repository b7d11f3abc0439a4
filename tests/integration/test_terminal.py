"""How a daemon ends with its terminal, and how it lives in the background."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorProcess

from bitween.errors import ConfigurationError
from bitween.storage import api_location
from tests.support.harness import Daemon, ProsodyTestCase, until
from tests.support.noise import noise

MIB = 2**20


class TerminalDaemon(Daemon):
    """One that runs in the foreground of a terminal of its own."""

    def _spawn(self, protocol: Any, command: list[str]) -> Any:
        processes = IReactorProcess(reactor)
        return processes.spawnProcess(
            protocol, command[0], command, env=self._environment(), path="/", usePTY=True
        )

    def press(self, keys: bytes) -> None:
        """Type something."""
        self._process.write(keys)  # type: ignore[union-attr]  # it runs

    def close_terminal(self) -> None:
        """Close the window."""
        self._process.loseConnection()  # type: ignore[union-attr]  # it runs


class BackgroundDaemon(Daemon):
    """
    One that twistd puts into the background.

    :ivar log_file: where its log goes.
    """

    umask: tuple[str, ...] = ()

    @property
    def log_file(self) -> str:
        """The path of its log."""
        return os.path.join(self._directory, "twistd.log")

    @property
    def pid(self) -> int | None:
        """The process, as it tells itself; ``None`` if it does not run."""
        with contextlib.suppress(FileNotFoundError, ConfigurationError):
            self._rendezvous = api_location.read(os.path.join(self.state_dir, "api.json"))
            return self._rendezvous.pid
        return None

    async def begin(self) -> int:
        """Start it; the process."""
        status = await self.spawn()
        assert status == 0, self.log
        return int(await until(self._told, bool))

    async def gone(self) -> None:
        """Wait until it has ended cleanly."""
        await until(self._told, lambda pid: pid is None)

    async def _told(self) -> int | None:
        return self.pid

    def _command(self) -> list[str]:
        options = [argument for option in self._settings().items() for argument in option]
        program = "from twisted.scripts.twistd import run; run()"
        pidfile = os.path.join(self._directory, "twistd.pid")
        return [
            *("/bin/sh", "-c", 'umask 022; exec "$@"', "sh", sys.executable, "-c", program),
            *(f"--pidfile={pidfile}", f"--logfile={self.log_file}", *self.umask),
            *("bitween", *self._flags, *options),
        ]


def mode(path: str) -> int:
    """What may be done with a file."""
    return stat.S_IMODE(os.stat(path).st_mode)


class TerminalTests(ProsodyTestCase):
    """Alice's daemon runs in a terminal; bob watches."""

    async def two(self) -> tuple[TerminalDaemon, Daemon]:
        """Both are online, and contacts."""
        server = self.server("alice", "bob")
        alice = TerminalDaemon(server, self.pool, os.path.join(self.directory, "alice"), "alice")
        self._daemons.append(alice)
        self.addCleanup(alice.kill9)
        bob = self.daemon(server, "bob")
        await self.make_contacts([alice, bob])
        await bob.until(lambda result: result["contacts"][0]["online"], "xmpp.get_contacts")
        return alice, bob

    async def assert_clean(self, alice: Daemon, bob: Daemon, status: int | None = 0) -> None:
        """The daemon has withdrawn everything, and its stream was closed."""
        self.assertEqual(await alice.ended(), status)
        self.assertFalse(os.path.exists(os.path.join(alice.state_dir, "api.json")))
        await until(
            lambda: bob.call("xmpp.get_contacts"),
            lambda result: not result["contacts"][0]["online"],
            patience=5,
        )

    async def test_the_terminal_is_closed(self) -> None:
        """That is a usual end."""
        alice, bob = await self.two()
        alice.close_terminal()
        await self.assert_clean(alice, bob)

    async def test_state_files_are_private(self) -> None:
        """In a state directory that others could look into, everything is private from then on."""
        server = self.server("alice")
        alice = TerminalDaemon(server, self.pool, os.path.join(self.directory, "alice"), "alice")
        os.chmod(alice.state_dir, 0o755)
        umask = os.umask(0o022)
        try:
            starting = alice.start()
        finally:
            os.umask(umask)
        self.addCleanup(alice.kill9)
        await starting
        await alice.share(self.make_file("film.mkv", noise(MIB)))
        modes = {
            name: mode(os.path.join(alice.state_dir, name)) for name in os.listdir(alice.state_dir)
        }
        self.assertGreaterEqual(modes.keys(), {"bitween.sqlite-wal", "bitween.sqlite-shm", "token"})
        self.assertEqual(set(modes.values()), {0o600}, modes)
        self.assertEqual(
            [mode(path) for path in (alice.state_dir, alice.downloads)], [0o700, 0o755]
        )

    async def test_control_c_stops_the_daemon_cleanly(self) -> None:
        """So is this; child processes that hash are not hit, and nothing looks like a fault."""
        alice, bob = await self.two()
        path = self.make_file("film.mkv", noise(64 * MIB))
        await alice.call("bt.add_path", path=path)
        alice.press(b"\x03")
        # twistd ends by the signal itself then, so that a shell stops, too.
        await self.assert_clean(alice, bob, None)
        for word in ("Traceback", "KeyboardInterrupt", "Unhandled"):
            self.assertNotIn(word, alice.log)

    async def test_control_backslash_stops_the_daemon_cleanly(self) -> None:
        """So is this."""
        alice, bob = await self.two()
        alice.press(b"\x1c")
        await self.assert_clean(alice, bob)


class BackgroundTests(ProsodyTestCase):
    """twistd without ``-n``."""

    async def begin(self, *umask: str) -> tuple[BackgroundDaemon, int]:
        """Start one, with a state directory that others may look into."""
        server = self.server("alice")
        folder = os.path.join(self.directory, "alice")
        alice = BackgroundDaemon(server, self.pool, folder, "alice")
        alice.umask = umask
        os.chmod(alice.state_dir, 0o755)
        pid = await alice.begin()
        self.addCleanup(self.kill, pid)
        return alice, pid

    def kill(self, pid: int) -> None:
        """End it, if a test did not."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    async def test_the_log_is_opened_again(self) -> None:
        """When it was moved away, as logrotate does it, SIGHUP makes a new one for us alone."""
        alice, pid = await self.begin()
        os.rename(alice.log_file, f"{alice.log_file}.1")
        os.kill(pid, signal.SIGHUP)
        await until(_exists(alice.log_file), bool)
        self.assertEqual(mode(alice.log_file), mode(f"{alice.log_file}.1"))
        os.kill(pid, signal.SIGTERM)
        await alice.gone()
        await until(_contains(alice.log_file, "Received SIGTERM"), bool)

    async def test_state_is_private_and_downloads_follow_the_umask(self) -> None:
        """The state is private, and downloads have the umask of who started the daemon."""
        alice, pid = await self.begin()
        self.assertEqual(mode(alice.state_dir), 0o700)
        for name in os.listdir(alice.state_dir):
            self.assertEqual(mode(os.path.join(alice.state_dir, name)), 0o600, name)
        self.assertEqual(mode(alice.downloads), 0o755)
        os.kill(pid, signal.SIGTERM)
        await alice.gone()

    async def test_a_umask_of_its_own(self) -> None:
        """What twistd is told counts."""
        alice, pid = await self.begin("--umask=027")
        self.assertEqual(mode(alice.downloads), 0o750)
        os.kill(pid, signal.SIGTERM)
        await alice.gone()


def _exists(path: str) -> Any:
    async def look() -> bool:
        return os.path.exists(path)

    return look


def _contains(path: str, text: str) -> Any:
    async def look() -> bool:
        with open(path, encoding="utf-8") as file:
            return text in file.read()

    return look
