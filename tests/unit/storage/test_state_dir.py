"""One daemon a directory."""

from __future__ import annotations

import os
import stat

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from bitween.errors import StartupError
from bitween.storage.state_dir import StateDirectory

_NOBODY = 65534


class StateDirectoryTests(SynchronousTestCase):
    """Claiming, refusing and releasing."""

    def setUp(self) -> None:
        """Choose a directory that does not exist."""
        self.path = os.path.abspath(self.mktemp())

    def test_it_is_made_private(self) -> None:
        """Nobody else may look into it."""
        directory = StateDirectory(self.path)
        directory.claim()
        self.addCleanup(directory.release)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o700)

    def test_what_was_there_before_is_made_private(self) -> None:
        """The directory and its files, but nothing that a link leads to."""
        os.mkdir(self.path, 0o755)
        elsewhere = os.path.abspath(self.mktemp())
        for path in (os.path.join(self.path, "bitween.sqlite-wal"), elsewhere):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        os.symlink(elsewhere, os.path.join(self.path, "link"))
        directory = StateDirectory(self.path)
        directory.claim()
        self.addCleanup(directory.release)
        modes = {
            name: stat.S_IMODE(os.lstat(os.path.join(self.path, name)).st_mode)
            for name in (".", "lock", "bitween.sqlite-wal")
        }
        self.assertEqual(modes, {".": 0o700, "lock": 0o600, "bitween.sqlite-wal": 0o600})
        self.assertEqual(stat.S_IMODE(os.stat(elsewhere).st_mode), 0o644)

    def test_that_of_another_user_is_refused(self) -> None:
        """They could replace the token or the database; nothing in it is touched."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give a directory away")
        os.mkdir(self.path, 0o777)
        os.chown(self.path, _NOBODY, _NOBODY)
        with self.assertRaises(StartupError) as caught:
            StateDirectory(self.path).claim()
        self.assertIn("belongs to another user", str(caught.exception))
        self.assertEqual(os.listdir(self.path), [])

    def test_a_link_in_place_of_the_lock(self) -> None:
        """The file that it leads to keeps its content."""
        elsewhere = os.path.abspath(self.mktemp())
        with open(elsewhere, "w", encoding="utf-8") as file:
            file.write("precious")
        os.mkdir(self.path, 0o700)
        os.symlink(elsewhere, os.path.join(self.path, "lock"))
        with self.assertRaises(StartupError):
            StateDirectory(self.path).claim()
        with open(elsewhere, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")

    def test_a_second_daemon_is_refused(self) -> None:
        """The refusal names the process that has it; after a release it can be had."""
        first, second = StateDirectory(self.path), StateDirectory(self.path)
        first.claim()
        with self.assertRaises(StartupError) as caught:
            second.claim()
        self.assertIn(f"process {os.getpid()}", str(caught.exception))
        first.release()
        first.release()
        second.claim()
        second.release()

    def test_what_cannot_be_a_directory(self) -> None:
        """A path that cannot be made is an error that names it."""
        with open(self.path, "w", encoding="utf-8"):
            pass
        with self.assertRaises(StartupError) as caught:
            StateDirectory(self.path).claim()
        self.assertIn(self.path, str(caught.exception))
