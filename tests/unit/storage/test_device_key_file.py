"""The file of the device's secret."""

from __future__ import annotations

import os
import stat
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import StartupError
from bitween.storage.device_key_file import FILE_NAME, load_or_make_device_secret

_SECRET = bytes(range(64))


class DeviceKeyFileTests(SynchronousTestCase):
    """Made once, read afterwards, never replaced."""

    def setUp(self) -> None:
        """Choose a place in an empty directory."""
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder, 0o700)
        self.path = os.path.join(folder, FILE_NAME)

    def load(self, secret: bytes = _SECRET) -> bytes:
        """Read the file, or make it with a secret."""
        return load_or_make_device_secret(self.path, lambda: secret)

    def write(self, content: bytes) -> None:
        """Replace the content of the file."""
        with open(self.path, "wb") as file:
            file.write(content)

    def read(self) -> bytes:
        """Return the content of the file."""
        with open(self.path, "rb") as file:
            return file.read()

    def test_it_is_made_at_the_first_start(self) -> None:
        """Nobody else may read it, and nothing else stays in the directory."""
        self.assertEqual(self.load(), _SECRET)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [FILE_NAME])

    def test_it_is_read_at_the_next(self) -> None:
        """A new secret is not drawn."""
        self.load()
        self.assertEqual(self.load(bytes(64)), _SECRET)

    def test_a_damaged_file_is_an_error_and_stays(self) -> None:
        """Empty, cut, one character changed, another length, no text: each says what to do."""
        self.load()
        good = self.read()
        changed = bytearray(good)
        changed[40] = changed[40] ^ 1
        for bad in (
            b"",
            good[:-1][:60],
            bytes(changed),
            good + b"more\n",
            b"\xff\xfe",
            b"a\nb\nc\n",
        ):
            self.write(bad)
            with self.assertRaises(StartupError) as caught:
                self.load()
            self.assertIn("is damaged (restore it from a backup", str(caught.exception))
            self.assertEqual(self.read(), bad)

    def test_a_file_that_others_can_read_is_refused(self) -> None:
        """The secret may have been copied."""
        self.load()
        os.chmod(self.path, 0o644)
        self.assertIn("open to others", str(self.assertRaises(StartupError, self.load)))

    def test_a_link_is_refused(self) -> None:
        """It may lead to what another user can replace."""
        os.symlink("/nonexistent", self.path)
        self.assertRaises(StartupError, self.load)
        self.assertTrue(os.path.islink(self.path))

    def test_a_full_disk_leaves_nothing(self) -> None:
        """The next start tries again."""
        with patch("bitween.storage.device_key_file.os.fsync", side_effect=OSError(28, "full")):
            self.assertIn("full", str(self.assertRaises(StartupError, self.load)))
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_a_directory_that_is_missing(self) -> None:
        """It is an error that names the file."""
        self.path = os.path.join(self.path, "missing", FILE_NAME)
        self.assertIn("cannot write", str(self.assertRaises(StartupError, self.load)))
