"""What is looked at before something is shared."""

from __future__ import annotations

import os
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from bitween.share_guard import ShareGuard


class DoubtsTests(SynchronousTestCase):
    """A look for keys."""

    def test_a_folder_that_cannot_be_read_to_its_end(self) -> None:
        """It ends the look at that folder only, as one does that may not be read at all."""
        with subprocess.Popen(["true"]) as ended:
            os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
            folder = f"/proc/{ended.pid}/net"
            self.assertRaises(OSError, list, os.scandir(folder))
            list(ShareGuard().doubts(folder))
