"""``bitween demo``: two daemons on this machine share a folder, and nothing stays behind."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from bitween.cli.client import ApiClient
from bitween.cli.failures import CommandFailed
from bitween.cli.output import Output
from bitween.cli.waiting import wait_for_job, wait_for_torrent
from bitween.errors import BitweenError
from bitween.model.format import duration_text, rate_text, size_text
from bitween.storage import api_location
from bitween.testing.private_prosody import PrivateProsody
from bitween.util.processes import dying_with_parent

#: Seconds for everything up to the compared sums.
_TIME_ALLOWED = 180
_STOP_TIMEOUT = 15.0
_POLL_INTERVAL = 0.02
_LOG_LINES = 25
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_FOLDER = "Urlaub in Köln ☀"
_FILES = {
    "film.mkv": 24_000_000,
    **{f"pictures/picture {n:02}.jpg": 1_000_000 + 7919 * n for n in range(12)},
    "notes/what we did/Grüße.txt": 2_000,
    "notes/empty": 0,
}

# Makes the directory, and removes it when the demo goes, however it goes: then its standard input
# ends. What the demo started dies at the same moment, so that a second try succeeds at the latest.
_KEEPER = """
trap '' HUP INT TERM
directory=$(mktemp -d "${TMPDIR:-/tmp}/bitween-demo-XXXXXX") || exit 1
chmod 711 "$directory"
echo "$directory"
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf "$directory" 2>/dev/null && exit
    sleep 0.1
done
"""

_BITWEEN = "import sys; from bitween.cli.main import main; sys.exit(main())"


class _DemoFailed(BitweenError):
    """Something did not go as it should."""


def run_demo(args: argparse.Namespace) -> int:  # noqa: ARG001  # every command is called alike
    """
    Show what bitween does: two accounts, two daemons, one folder that goes from one to the other.

    On a terminal it then stays up until Ctrl-C, unless ``DEMO_EXIT`` is set.

    :returns: the exit status.
    """
    with contextlib.ExitStack() as stack:
        demo = _Demo(stack, Output(False, sys.stdout, sys.stderr))
        try:
            for number in _SIGNALS:
                signal.signal(number, _stop)
            demo.run()
            if sys.stdout.isatty() and not os.environ.get("DEMO_EXIT"):
                demo.stay()
            else:
                demo.leave()
        except BitweenError as error:
            demo.explain(error)
            return 1
        finally:
            for number in (*_SIGNALS, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # as signal wants it
    raise SystemExit(128 + number)


class _Daemon:
    """A daemon for one account: a process, and a client of its API."""

    def __init__(self, user: str, directory: str, prosody: PrivateProsody) -> None:
        password = secrets.token_urlsafe(16)
        self.user = user
        self.jid = prosody.add_account(user, password)
        self.state_dir = os.path.join(directory, user)
        self.downloads = os.path.join(directory, f"{user}'s downloads")
        self.log_file = os.path.join(directory, f"{user}.log")
        self._password_file = os.path.join(directory, f"{user}.password")
        with open(os.open(self._password_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(password)
        self._process = self._spawn(directory, prosody)
        self._client: ApiClient | None = None

    @property
    def client(self) -> ApiClient:
        """
        A client of its API, as soon as it has one.

        :raises _DemoFailed: if the process ends instead.
        """
        while self._client is None:
            if self._process.poll() is not None:
                raise _DemoFailed(f"{self.user}'s daemon ended with {self._process.returncode}")
            with contextlib.suppress(FileNotFoundError):
                found = api_location.read(os.path.join(self.state_dir, api_location.FILE_NAME))
                self._client = ApiClient(found.url, found.token)
                break
            time.sleep(_POLL_INTERVAL)
        return self._client

    def call(self, method: str, **params: object) -> Any:
        """
        Call a method of its API.

        :raises _DemoFailed: if the daemon says no, or is gone.
        """
        try:
            return self.client.call(method, **params)
        except CommandFailed as error:
            raise _DemoFailed(f"{self.user}'s daemon, asked for {method}: {error}") from None

    def contact(self, jid: str) -> dict[str, Any]:
        """What it knows of a contact; empty if nothing."""
        contacts = self.call("xmpp.get_contacts")["contacts"]
        return next((contact for contact in contacts if contact["jid"] == jid), {})

    def is_online(self) -> bool:
        """
        Whether it is logged in.

        :raises _DemoFailed: if it has given up.
        """
        connection = self.call("Api.status")["connection"]
        if connection["state"] == "failed":
            raise _DemoFailed(f"{self.user}'s daemon cannot log in: {connection['error']}")
        return bool(connection["state"] == "online")

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Stop it, in the hard way if it takes too long."""
        self.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _spawn(self, directory: str, prosody: PrivateProsody) -> subprocess.Popen[bytes]:
        options = {
            "--jid": f"{self.jid}/demo",
            "--password-file": self._password_file,
            "--server": f"{prosody.host}:{prosody.port}",
            "--ca-file": prosody.ca_file,
            "--state-dir": self.state_dir,
            "--download-dir": self.downloads,
            "--api": "tcp:0:interface=127.0.0.1",
            "--listen": "127.0.0.1:0",
        }
        arguments = [argument for option in options.items() for argument in option]
        # Neither your settings nor your other daemons are any business of the demo.
        private = {
            name: os.path.join(directory, name)
            for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
        }
        with open(self.log_file, "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _BITWEEN, "daemon", "--no-port-mapping", *arguments],
                cwd=directory,
                env={**os.environ, **private},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # there are no threads
            )


class _Demo:
    """The steps, each told with the time that it took."""

    def __init__(self, stack: contextlib.ExitStack, output: Output) -> None:
        """:param stack: undoes everything in the end."""
        self._stack = stack
        self._output = output
        self._daemons: list[_Daemon] = []
        self._present = "starting"
        self._began = time.monotonic()

    def run(self) -> None:
        """
        From nothing to the compared sums.

        :raises BitweenError: where something does not go as it should.
        """
        signal.signal(signal.SIGALRM, self._out_of_time)
        signal.alarm(_TIME_ALLOWED)
        directory = self._make_directory()
        with self._step("a private Prosody"):
            prosody = self._stack.enter_context(PrivateProsody(os.path.join(directory, "prosody")))
        alice, bob = self._start_daemons(directory, prosody)
        self._befriend(alice, bob)
        original = os.path.join(directory, _FOLDER)
        with self._step("some files to share"):
            _make_files(original)
        info_hash = self._share(alice, original)
        self._find(bob, info_hash)
        copy = self._download(bob, info_hash)
        with self._step("SHA-256 sums of both compared"):
            _compare(original, copy)
        signal.alarm(0)
        self._say(f"done in {time.monotonic() - self._began:.1f} s: all sums are the same")
        self._say_addresses()

    def stay(self) -> None:
        """Wait for Ctrl-C, or for the end of the terminal, which not every one of them signals."""
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._say_commands()
            self._say_links()
            self._say("\nBoth stay up until you press Ctrl-C; then all of this is removed.")
            terminal = select.poll()
            terminal.register(sys.stdout, 0)  # errors and a hang-up are told all the same
            terminal.poll()

    def leave(self) -> None:
        """Say why it ends here."""
        self._say("\nBoth are stopped now, and all of this is removed; on a terminal they stay up.")

    def explain(self, error: BitweenError) -> None:
        """Tell what went wrong, and what the daemons logged last."""
        self._output.note(f"\nbitween demo: {self._present}: {error}")
        for daemon in self._daemons:
            if daemon.user in error.message or not self._named(error):
                self._output.note(f"\nthe end of {daemon.user}'s log:")
                self._output.note(_tail(daemon.log_file))

    def _named(self, error: BitweenError) -> bool:
        return any(daemon.user in error.message for daemon in self._daemons)

    def _start_daemons(self, directory: str, prosody: PrivateProsody) -> list[_Daemon]:
        with self._step("two daemons, logged in as alice@localhost and bob@localhost"):
            for user in ("alice", "bob"):
                daemon = _Daemon(user, directory, prosody)
                self._daemons.append(daemon)
                self._stack.callback(daemon.stop)
            self._stack.callback(self._terminate_all)
            for daemon in self._daemons:
                _until(daemon.is_online)
        return self._daemons

    def _terminate_all(self) -> None:
        for daemon in self._daemons:
            daemon.terminate()

    def _befriend(self, alice: _Daemon, bob: _Daemon) -> None:
        with self._step("alice asks bob to be a contact, bob accepts"):
            alice.call("xmpp.add_contact", jid=bob.jid)
            _until(lambda: bob.contact(alice.jid).get("pending") == "in")
            bob.call("xmpp.accept_contact", jid=alice.jid)
            for one, other in ((alice, bob), (bob, alice)):
                _until(lambda: one.contact(other.jid).get("subscription") == "both")  # noqa: B023  # called here

    def _share(self, alice: _Daemon, folder: str) -> str:
        size = size_text(sum(_FILES.values()))
        with self._step(f"alice shares {_FOLDER!r}: {len(_FILES)} files, {size}"):
            job = alice.call("bt.add_path", path=folder)["job"]
            result = wait_for_job(alice.client, job, "hashing", self._output)
        return str(result["hash"])

    def _find(self, bob: _Daemon, info_hash: str) -> None:
        def found() -> bool:
            items = bob.call("xmpp.find", query="Köln")["items"]
            return any(item["hash"] == info_hash and item["online"] for item in items)

        with self._step("bob finds it among what his contacts share"):
            _until(found)

    def _download(self, bob: _Daemon, info_hash: str) -> str:
        began = time.monotonic()
        with self._step("bob downloads it"):
            bob.call("bt.add_torrent_by_hash", hash=info_hash)
            torrent = wait_for_torrent(bob.client, info_hash, self._output)
        rate = torrent["total_size"] / (time.monotonic() - began)
        self._say(f"         at {rate_text(rate)}, the time to connect included")
        return os.path.join(str(torrent["save_path"]), str(torrent["name"]))

    def _make_directory(self) -> str:
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self._stack.enter_context(keeper)  # closes its standard input, and waits for its end
        assert keeper.stdout is not None
        directory = keeper.stdout.readline().rstrip("\n")
        if not directory:
            raise _DemoFailed("no temporary directory can be made", "is there room in /tmp?")
        return directory

    @contextlib.contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self._present = title
        began = time.monotonic()
        yield
        self._say(f"{time.monotonic() - began:6.2f} s  {title}")

    def _say_addresses(self) -> None:
        for daemon in self._daemons:
            self._say(f"\n{daemon.user}'s API: {daemon.client.url}")

    def _say_commands(self) -> None:
        """Tell how the command line reaches the daemons."""
        for daemon in self._daemons:
            self._say(f"\n{daemon.user}'s daemon, on the command line:")
            self._say(f"  {_program()} --state-dir {daemon.state_dir} status")
            self._say(f"  {_program()} --state-dir {daemon.state_dir} ls")

    def _say_links(self) -> None:
        """Tell where the pages are, which a browser opens logged in."""
        self._say("\nTheir pages, for your browser; each link logs you in once, within a minute:")
        for daemon in self._daemons:
            link = daemon.client.reached(daemon.call("Api.login_link")["url"])
            self._say(f"  {daemon.user}'s page: {link}")
        self._say("For another link:")
        for daemon in self._daemons:
            self._say(f"  {_program()} --state-dir {daemon.state_dir} open --print")

    def _say(self, text: str) -> None:
        print(text, flush=True)

    def _out_of_time(self, number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG002  # as signal wants it
        raise _DemoFailed(f"no end in sight after {duration_text(_TIME_ALLOWED)} minutes")


def _program() -> str:
    """How this program is called from here."""
    beside = os.path.join(os.path.dirname(sys.executable), "bitween")
    return "bitween" if shutil.which("bitween") == beside else os.path.relpath(beside)


def _until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the alarm ends it if it never does."""
    while not holds():
        time.sleep(_POLL_INTERVAL)


def _make_files(folder: str) -> None:
    for name, size in _FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(os.urandom(size))


def _compare(original: str, copy: str) -> None:
    """
    :raises _DemoFailed: naming a file that is not the same in both.
    """
    sums, sums_of_copy = _sums(original), _sums(copy)
    for name in sorted(sums.keys() | sums_of_copy.keys()):
        if sums.get(name) != sums_of_copy.get(name):
            raise _DemoFailed(f"{name!r} is not the same in the original and the copy")


def _sums(folder: str) -> dict[str, str]:
    sums = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            sums[os.path.relpath(path, folder)] = digest
    return sums


def _tail(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-_LOG_LINES:])
    except FileNotFoundError:
        return "(nothing)"
