"""What the process that writes uploads does, without the process."""

from __future__ import annotations

import errno
import io
import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import NoRoom, UploadFailed
from bitween.files.uploads.frames import FrameKind, frame, head, read_frame
from bitween.files.uploads.worker import PREFIX, Staging, remove_leftovers, write_error


class FrameTests(SynchronousTestCase):
    """Frames are read as they were written."""

    @given(
        st.lists(st.tuples(st.sampled_from(FrameKind), st.binary(max_size=50))), st.integers(0, 40)
    )
    def test_frames_survive_a_round_trip(
        self, said: list[tuple[FrameKind, bytes]], cut: int
    ) -> None:
        """Frames come as they were sent; one that is cut off is none."""
        stream = b"".join(head(kind, len(content)) + content for kind, content in said)
        last = frame(FrameKind.FILE, ["a", "\u20ac\ud800"])
        reading = io.BytesIO(stream + last[: max(0, len(last) - 1 - cut)])
        self.assertEqual([read_frame(reading) for _ in said], said)
        self.assertIsNone(read_frame(reading))


class StagingTests(SynchronousTestCase):
    """The hidden folder in which an upload lies."""

    def setUp(self) -> None:
        """Make a download directory."""
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(self.folder)

    def test_private_until_it_is_complete(self) -> None:
        """Nobody else can look into it; what is kept is open as usual."""
        staging = Staging(self.folder, "film")
        self.addCleanup(staging.remove)
        (hidden,) = os.listdir(self.folder)
        self.assertTrue(hidden.startswith(PREFIX))
        self.assertEqual(os.stat(os.path.join(self.folder, hidden)).st_mode & 0o777, 0o700)

    def test_only_abandoned_leftovers_are_removed(self) -> None:
        """What no process holds goes; what one holds, and what only looks like it, stays."""
        held = Staging(self.folder, "film")
        self.addCleanup(held.remove)
        (hidden,) = os.listdir(self.folder)
        left = os.path.join(self.folder, f"{PREFIX}left", "content", "sub")
        os.makedirs(left)
        outside = os.path.abspath(self.mktemp())
        os.makedirs(outside)
        os.symlink(outside, os.path.join(self.folder, f"{PREFIX}link"))
        remove_leftovers(self.folder)
        self.assertEqual(sorted(os.listdir(self.folder)), sorted([hidden, f"{PREFIX}link"]))
        self.assertTrue(os.path.isdir(outside))

    def test_links_are_not_followed(self) -> None:
        """A name that leads elsewhere is taken, whatever it leads to."""
        outside = os.path.abspath(self.mktemp())
        os.symlink(outside, os.path.join(self.folder, "film"))
        staging = Staging(self.folder, "film")
        self.addCleanup(staging.remove)
        staging.begin([])
        staging.write(b"x")
        staging.end()
        self.assertEqual(staging.keep([]), os.path.join(self.folder, "film (2)"))
        self.assertFalse(os.path.exists(outside))

    def test_a_full_disk_and_a_full_quota_are_told_apart(self) -> None:
        """A full disk and a full quota are told apart from the rest."""
        for number in (errno.ENOSPC, errno.EDQUOT):
            self.assertIsInstance(write_error("/x", OSError(number, "")), NoRoom)
        other = write_error("/x", OSError(errno.EROFS, "Read-only file system"))
        self.assertNotIsInstance(other, NoRoom)
        self.assertIsInstance(other, UploadFailed)
        self.assertIn("Read-only file system", other.message)
