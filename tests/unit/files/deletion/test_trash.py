"""Which trash is for what, by the freedesktop.org specification."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from bitween.files.deletion import trash
from bitween.files.deletion.trash import Trash, find_trash

_OTHER_DISK = "/dev/shm"  # a mount that every Linux has


class TrashTests(SynchronousTestCase):
    """One user's."""

    def setUp(self) -> None:
        """Have a home trash, and a folder beside it."""
        self.data = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.data)
        self.home = os.path.join(self.data, "Trash")
        self.environ = {"XDG_DATA_HOME": self.data}

    def test_without_a_trash_none_is_made(self) -> None:
        """Who never had a trash gets none; a link or a file in its place is none."""
        self.assertIs(find_trash(self.data, self.environ), None)
        self.assertEqual(os.listdir(self.data), [])
        os.symlink(self.data, self.home)
        self.assertIs(find_trash(self.data, self.environ), None)

    def test_the_home_trash(self) -> None:
        """It takes what lies on the same mount, names that are taken or long included."""
        os.mkdir(self.home)
        trash = find_trash(self.data, self.environ)
        self.assertEqual(trash, Trash(self.home))
        assert trash is not None
        for name in ("film.mkv", "film.mkv", "ü" * 127, "odd \udcff"):
            place = trash.reserve(os.path.join(self.data, name))
            self.assertFalse(os.path.lexists(place))
            with open(place, "wb"):
                pass
        names = sorted(os.listdir(os.path.join(self.home, "files")))
        self.assertEqual(names[:2], ["film.2.mkv", "film.mkv"])
        self.assertEqual(len(names), 4)
        with open(os.path.join(self.home, "info", "odd \udcff.trashinfo"), "rb") as file:
            self.assertIn(f"Path={self.data}/odd%20%FF\n".encode(), file.read())

    def test_a_place_that_is_given_up(self) -> None:
        """Nothing is left of it."""
        os.mkdir(self.home)
        trash = Trash(self.home)
        trash.give_up(trash.reserve("/somewhere/film.mkv"))
        self.assertEqual(os.listdir(os.path.join(self.home, "info")), [])

    def test_files_on_another_disk_go_to_its_trash(self) -> None:
        """What lies on another mount goes to that one's own trash, which is private."""
        if os.stat(_OTHER_DISK).st_dev == os.stat(self.data).st_dev:
            raise SkipTest("there is no other disk")
        os.mkdir(self.home)
        folder = tempfile.mkdtemp(dir=_OTHER_DISK)
        self.addCleanup(shutil.rmtree, folder)
        own = os.path.join(_OTHER_DISK, f".Trash-{os.geteuid()}")
        there = os.path.exists(own)
        trash = find_trash(folder, self.environ)
        self.assertEqual(trash, Trash(own, _OTHER_DISK))
        self.assertEqual(os.path.exists(own), there)
        assert trash is not None
        place = trash.reserve(os.path.join(folder, "film"))
        if not there:
            self.addCleanup(shutil.rmtree, own)
        self.assertEqual(stat.S_IMODE(os.stat(own).st_mode), 0o700)
        with open(os.path.join(own, "info", os.path.basename(place) + ".trashinfo")) as file:
            self.assertIn(f"Path={os.path.basename(folder)}/film\n", file.read())
        trash.give_up(place)


class SharedTrashTests(SynchronousTestCase):
    """The trashes of another file system: ``.Trash/UID`` and ``.Trash-UID``."""

    def setUp(self) -> None:
        """Stand for a file system by a folder."""
        self.top = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.top)
        self.shared = os.path.join(self.top, ".Trash")
        self.own = os.path.join(self.top, f".Trash-{os.geteuid()}")

    def test_a_sticky_shared_trash_is_preferred(self) -> None:
        """An administrator has made it, with a folder for each user."""
        os.mkdir(self.shared)
        os.chmod(self.shared, 0o1777)
        place = os.path.join(self.shared, str(os.geteuid()))
        self.assertEqual(trash.trash_at(self.top), Trash(place, self.top))

    def test_a_shared_trash_that_others_could_replace_is_not_used(self) -> None:
        """Without the sticky bit, and as a link, it is passed over."""
        os.mkdir(self.shared)
        os.chmod(self.shared, 0o777)
        self.assertEqual(trash.trash_at(self.top), Trash(self.own, self.top))
        os.rmdir(self.shared)
        os.symlink(self.top, self.shared)
        self.assertEqual(trash.trash_at(self.top), Trash(self.own, self.top))

    def test_a_link_in_place_of_the_users_trash_is_not_followed(self) -> None:
        """Where neither place will do, there is no trash."""
        os.symlink(self.top, self.own)
        self.assertIsNone(trash.trash_at(self.top))
        os.mkdir(self.shared)
        os.chmod(self.shared, 0o1777)
        os.symlink(self.top, os.path.join(self.shared, str(os.geteuid())))
        self.assertIsNone(trash.trash_at(self.top))
