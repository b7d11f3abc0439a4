"""``bitween demo``: two daemons on this machine share a folder, and nothing stays behind."""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from bitween.cli.demo.daemon import DemoDaemon, DemoFailed, log_tail, wait_until
from bitween.cli.demo.files import FILES, FOLDER, compare_folders, make_files
from bitween.cli.output import Output
from bitween.cli.waiting import wait_for_job, wait_for_torrent
from bitween.errors import BitweenError
from bitween.messages.quantities import duration_text, rate_text, size_text
from bitween.testing.private_prosody import PrivateProsody

#: Seconds for everything up to the compared sums.
_TIME_ALLOWED = 180
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Makes the directory, and removes it when the demo ends, even if the demo is killed: its standard
# input ends then. The demo's processes die at the same moment, and may write once more: try again.
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


class _Demo:
    """The steps; each prints the time that it took."""

    def __init__(self, stack: contextlib.ExitStack, output: Output) -> None:
        """:param stack: undoes everything in the end."""
        self._stack = stack
        self._output = output
        self._daemons: list[DemoDaemon] = []
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
        original = os.path.join(directory, FOLDER)
        with self._step("some files to share"):
            make_files(original)
        info_hash = self._share(alice, original)
        self._find(bob, info_hash)
        copy = self._download(bob, info_hash)
        with self._step("SHA-256 sums of both compared"):
            compare_folders(original, copy)
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
                self._output.note(log_tail(daemon.log_file))

    def _named(self, error: BitweenError) -> bool:
        return any(daemon.user in error.message for daemon in self._daemons)

    def _start_daemons(self, directory: str, prosody: PrivateProsody) -> list[DemoDaemon]:
        with self._step("two daemons, logged in as alice@localhost and bob@localhost"):
            for user in ("alice", "bob"):
                daemon = DemoDaemon(user, directory, prosody)
                self._daemons.append(daemon)
                self._stack.callback(daemon.stop)
            self._stack.callback(self._terminate_all)
            for daemon in self._daemons:
                wait_until(daemon.is_online)
        return self._daemons

    def _terminate_all(self) -> None:
        for daemon in self._daemons:
            daemon.terminate()

    def _befriend(self, alice: DemoDaemon, bob: DemoDaemon) -> None:
        with self._step("alice asks bob to be a contact, bob accepts"):
            alice.call("xmpp.add_contact", jid=bob.jid)
            wait_until(lambda: bob.contact(alice.jid).get("pending") == "in")
            bob.call("xmpp.accept_contact", jid=alice.jid)
            for one, other in ((alice, bob), (bob, alice)):
                wait_until(lambda: one.contact(other.jid).get("subscription") == "both")  # noqa: B023  # called here

    def _share(self, alice: DemoDaemon, folder: str) -> str:
        size = size_text(sum(FILES.values()))
        with self._step(f"alice shares {FOLDER!r}: {len(FILES)} files, {size}"):
            job = alice.call("bt.add_path", path=folder)["job"]
            result = wait_for_job(alice.client, job, "hashing", self._output)
        return str(result["hash"])

    def _find(self, bob: DemoDaemon, info_hash: str) -> None:
        def found() -> bool:
            items = bob.call("xmpp.find", query="Köln")["items"]
            return any(item["hash"] == info_hash and item["online"] for item in items)

        with self._step("bob finds it among what his contacts share"):
            wait_until(found)

    def _download(self, bob: DemoDaemon, info_hash: str) -> str:
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
            raise DemoFailed("no temporary directory can be made", "is there room in /tmp?")
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
        raise DemoFailed(f"no end in sight after {duration_text(_TIME_ALLOWED)} minutes")


def _program() -> str:
    """How this program is called from here."""
    beside = os.path.join(os.path.dirname(sys.executable), "bitween")
    return "bitween" if shutil.which("bitween") == beside else os.path.relpath(beside)
