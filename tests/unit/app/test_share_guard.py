"""The checks before a path is shared."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.share_guard import ShareGuard
from bitween.errors import ConfirmationNeeded


class DoubtsTests(SynchronousTestCase):
    """The search for keys."""

    def test_a_folder_that_cannot_be_read_to_its_end(self) -> None:
        """The search goes on with the next folder, as it does if one cannot be read at all."""
        with subprocess.Popen(["true"]) as ended:
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            folder = f"/proc/{ended.pid}/net"
            self.assertRaises(OSError, list, os.scandir(folder))
            list(ShareGuard().check_intended(folder))

    def test_keys_below_a_name_that_is_not_utf8(self) -> None:
        """The error is clean text, which can be shown and sent."""
        folder = self.mktemp()
        os.makedirs(os.fsencode(os.path.join(folder, "old")) + b"\xff/.ssh")
        error = self.assertRaises(ConfirmationNeeded, list, ShareGuard().check_intended(folder))
        "".join((error.message, *map(str, error.values.values()))).encode()
        self.assertIn("old\\xff/.ssh", error.message)

    def test_a_malformed_torrent_file(self) -> None:
        """It is shared like any other file."""
        path = f"{self.mktemp()}.torrent"
        with open(path, "wb") as file:
            file.write(b"d-3:e")
        list(ShareGuard().check_intended(path))
