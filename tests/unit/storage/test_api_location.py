"""Tests for :mod:`bitween.storage.api_location`."""

from __future__ import annotations

import json
import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import ConfigurationError
from bitween.storage.api_location import (
    FILE_NAME,
    ApiLocation,
    places,
    read,
    remove,
    running,
    write,
)

# Larger than any process number that Linux gives.
GONE = 2**22 + 1


def rendezvous(jid: str = "alice@example.org", pid: int | None = None) -> ApiLocation:
    """One of a daemon that runs, unless told otherwise."""
    return ApiLocation("http://127.0.0.1:5000/api", "secret", pid or os.getpid(), jid)


class RendezvousCase(SynchronousTestCase):
    """A home of one's own."""

    def setUp(self) -> None:
        """Make it."""
        self.home = os.path.abspath(self.mktemp())
        self.runtime = os.path.join(self.home, "run")
        self.state = os.path.join(self.home, "state")
        self.environ = {
            "HOME": self.home,
            "XDG_RUNTIME_DIR": self.runtime,
            "XDG_STATE_HOME": self.state,
        }
        self.path = os.path.join(self.home, "some", "api.json")

    def put(self, text: str, mode: int = 0o600) -> None:
        """Write the file by hand."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path, mode)


class FileTests(RendezvousCase):
    """One file."""

    def test_the_file_survives_a_round_trip(self) -> None:
        """What is written is read."""
        write(self.path, rendezvous())
        self.assertEqual(read(self.path), rendezvous())

    def test_the_file_is_private(self) -> None:
        """Only its owner may read it, whatever the umask, and nothing else is left there."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        write(self.path, rendezvous())
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        folder = os.path.dirname(self.path)
        self.assertEqual(os.listdir(folder), ["api.json"])
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)

    def test_replaces_what_was_there(self) -> None:
        """The last one to write wins, and a link in its place is not followed."""
        target = os.path.join(self.home, "target")
        os.makedirs(os.path.dirname(self.path))
        os.symlink(target, self.path)
        write(self.path, rendezvous())
        self.assertFalse(os.path.exists(target))
        self.assertEqual(read(self.path), rendezvous())

    def test_a_missing_file_differs_from_a_refused_one(self) -> None:
        """That is not the same as one that is refused."""
        self.assertRaises(FileNotFoundError, read, self.path)
        self.put("{}")
        self.assertRaises(FileNotFoundError, read, os.path.join(self.path, "deeper"))

    def test_open_to_others(self) -> None:
        """A file that others may read or write is refused."""
        write(self.path, rendezvous())
        for mode in (0o640, 0o604, 0o620, 0o602, 0o644, 0o666):
            os.chmod(self.path, mode)
            error = self.assertRaises(ConfigurationError, read, self.path)
            self.assertIn("open to others", error.message)

    def test_of_somebody_else(self) -> None:
        """A file of another user is refused."""
        if os.geteuid() != 0:
            self.skipTest("only root can give a file away")
        write(self.path, rendezvous())
        os.chown(self.path, 65534, 65534)
        self.assertRaises(ConfigurationError, read, self.path)

    def test_no_ordinary_file(self) -> None:
        """A link, a folder and a pipe are refused, without waiting."""
        target = os.path.join(self.home, "target")
        write(target, rendezvous())
        os.makedirs(os.path.dirname(self.path))
        os.symlink(target, self.path)
        self.assertRaises(ConfigurationError, read, self.path)
        os.unlink(self.path)
        os.mkfifo(self.path, 0o600)
        self.assertRaises(ConfigurationError, read, self.path)
        os.unlink(self.path)
        os.mkdir(self.path, 0o700)
        self.assertRaises(ConfigurationError, read, self.path)

    def test_a_damaged_file_is_refused(self) -> None:
        """What is not what a daemon writes is refused."""
        good = {"url": "http://x", "token": "t", "pid": 1, "jid": "a@b"}
        for text in (
            "",
            "{",
            "[]",
            "{}",
            "null",
            json.dumps({**good, "pid": "1"}),
            json.dumps({**good, "url": 1}),
            json.dumps({**good, "token": None}),
        ):
            self.put(text)
            error = self.assertRaises(ConfigurationError, read, self.path)
            self.assertIn("damaged", error.message)

    def test_only_the_own_file_is_removed(self) -> None:
        """One's own file is removed, another daemon's is not; twice is harmless."""
        write(self.path, rendezvous(pid=1))
        remove(self.path, rendezvous())
        self.assertTrue(os.path.exists(self.path))
        remove(self.path, rendezvous(pid=1))
        self.assertFalse(os.path.exists(self.path))
        remove(self.path, rendezvous(pid=1))


class PlacesTests(RendezvousCase):
    """Where the files are."""

    def test_the_file_is_in_runtime_and_state_directory(self) -> None:
        """One by JID in the runtime directory, one in the state directory."""
        self.assertEqual(
            places("alice@example.org", "/state", self.environ),
            (f"{self.runtime}/bitween/alice@example.org.json", "/state/api.json"),
        )

    def test_without_a_runtime_directory(self) -> None:
        """None, or one that is not absolute, is left out."""
        for environ in ({}, {"XDG_RUNTIME_DIR": "run"}):
            self.assertEqual(places("a@b", "/state", environ), ("/state/api.json",))

    def test_a_jid_is_no_path(self) -> None:
        """Nothing in a JID leads elsewhere."""
        place, _ = places("../../x@y", "/state", self.environ)
        self.assertEqual(os.path.dirname(place), f"{self.runtime}/bitween")


class RunningTests(RendezvousCase):
    """Which daemons run here."""

    def publish(self, one: ApiLocation) -> None:
        """Write where a daemon with the default state directory does."""
        state_dir = os.path.join(self.state, "bitween", one.jid)
        for place in places(one.jid, state_dir, self.environ):
            write(place, one)

    def test_no_file_means_no_daemon(self) -> None:
        """Nothing is there at all."""
        self.assertEqual(running(self.environ), [])

    def test_a_daemon_with_two_files_counts_once(self) -> None:
        """A daemon that wrote two files is one daemon."""
        self.publish(rendezvous("bob@example.org"))
        self.publish(rendezvous("alice@example.org"))
        self.assertEqual(
            [one.jid for one in running(self.environ)], ["alice@example.org", "bob@example.org"]
        )

    def test_the_file_of_a_dead_process_is_ignored(self) -> None:
        """The file of a process that has ended is ignored."""
        for pid in (GONE, -1, 2**70):
            self.publish(rendezvous(pid=pid))
            self.assertEqual(running(self.environ), [])

    def test_default_state_home(self) -> None:
        """Without other word it is below the home directory."""
        state_dir = os.path.join(self.home, ".local", "state", "bitween", "alice@example.org")
        write(os.path.join(state_dir, FILE_NAME), rendezvous())
        self.assertEqual(running({"HOME": self.home}), [rendezvous()])

    def test_one_that_is_not_private(self) -> None:
        """It is not passed over in silence."""
        self.publish(rendezvous())
        os.chmod(places("alice@example.org", "/", self.environ)[0], 0o644)
        self.assertRaises(ConfigurationError, running, self.environ)
