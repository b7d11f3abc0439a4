"""Which files of a path are shared."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.listing import IGNORE_FILE, list_files
from bitween.errors import BadPath, EmptyFolder, UnreadablePath


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without a superuser's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class FolderCase(SynchronousTestCase):
    """Has a folder to put files into."""

    def setUp(self) -> None:
        """Make it."""
        self.above = os.path.abspath(self.mktemp())
        self.folder = os.path.join(self.above, "folder")
        os.makedirs(self.folder)

    def write(self, name: str, content: bytes = b"content") -> str:
        """Write a file in the folder."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path


class ListingTests(FolderCase):
    """Which files are shared."""

    def names(self, hidden: bool = True) -> list[str]:
        """What is listed, by name."""
        return ["/".join(file.parts) for file in list_files(self.folder, hidden)]

    def test_the_order_depends_on_names_only(self) -> None:
        """Files come sorted by their names, folder by folder."""
        for name in ("b", "a/z", "a/a", "a.b", "ä"):
            self.write(name)
        self.assertEqual(self.names(), ["a/a", "a/z", "a.b", "b", "ä"])

    def test_links(self) -> None:
        """Folders behind links and files outside are left out; a link to a file inside counts."""
        self.write("real")
        self.write("sub/deep")
        outside = os.path.join(self.above, "outside")
        with open(outside, "wb") as file:
            file.write(b"secret")
        for name, target in (
            ("inside", "real"),
            ("out", outside),
            ("loop", "loop"),
            ("dangling", "nowhere"),
            ("folder", "sub"),
            ("root", "/"),
        ):
            os.symlink(target, os.path.join(self.folder, name))
        self.assertEqual(self.names(), ["inside", "real", "sub/deep"])

    def test_what_is_no_file(self) -> None:
        """Pipes and the like are left out, and cannot be shared themselves."""
        self.write("real")
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        self.assertEqual(self.names(), ["real"])
        with self.assertRaises(BadPath):
            list_files(pipe)

    def test_nothing_to_share(self) -> None:
        """A folder without a byte in it, and an empty file, are refused by name."""
        for prepare in (lambda: None, lambda: self.write("a/empty", b"")):
            prepare()
            with self.assertRaises(EmptyFolder) as raised:
                list_files(self.folder)
            self.assertIn(self.folder, raised.exception.message)
        with self.assertRaises(BadPath):
            list_files(os.path.join(self.folder, "a", "empty"))

    def test_the_root_has_no_name(self) -> None:
        """The root of all files is refused."""
        with self.assertRaises(BadPath):
            list_files("/")

    def test_names_that_are_no_text(self) -> None:
        """A name deep inside that is no UTF-8 is an error that shows it."""
        self.write("sub/fine")
        with open(os.path.join(os.fsencode(self.folder), b"sub", b"bad\xff"), "wb") as file:
            file.write(b"x")
        with self.assertRaises(BadPath) as raised:
            list_files(self.folder)
        self.assertIn("bad\\udcff", raised.exception.message)

    def test_what_may_not_be_read(self) -> None:
        """A folder deep inside that may not be read is an error that names it."""
        # Below the trial's own folder nobody else may look.
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        folder = os.path.dirname(self.write("closed/file"))
        os.chmod(folder, 0)
        self.addCleanup(os.chmod, folder, 0o700)
        with as_nobody(), self.assertRaises(UnreadablePath) as raised:
            list_files(self.folder)
        self.assertIn(folder, raised.exception.message)

    def test_hidden_files(self) -> None:
        """They count unless they are to be skipped; a path that is named is never hidden."""
        for name in (".top", "a/.deep", ".folder/x", "plain"):
            self.write(name)
        self.assertEqual(self.names(), [".folder/x", ".top", "a/.deep", "plain"])
        self.assertEqual(self.names(hidden=False), ["plain"])
        for path in (".top", ".folder"):
            self.assertEqual(len(list_files(os.path.join(self.folder, path), hidden=False)), 1)


class IgnoreTests(FolderCase):
    """What ``.bitweenignore`` leaves out."""

    def names(self) -> list[str]:
        """What is listed, by name."""
        return ["/".join(file.parts) for file in list_files(self.folder)]

    def rules(self, *lines: str, folder: str = "") -> str:
        """Write an ignore file."""
        return self.write(os.path.join(folder, IGNORE_FILE), "\n".join(lines).encode())

    def test_patterns(self) -> None:
        """Patterns mean what they mean in a .gitignore, and the ignore file is not shared."""
        for name in ("a.o", "keep.o", "build/x", "sub/build/y", "sub/top", "top", "d/e/f/z", "ü"):
            self.write(name)
        self.rules("# comment", "", "*.o", "!keep.o", "build/", "/top", "d/**/z")
        self.assertEqual(self.names(), ["keep.o", "sub/top", "ü"])

    def test_the_inner_file_decides(self) -> None:
        """Rules of a folder below count from there, and over those of the folders above."""
        for name in ("one.log", "sub/two.log", "sub/deep/three.log", "sub/other", "other"):
            self.write(name)
        self.rules("*.log")
        self.rules("!*.log", "/other", folder="sub")
        self.rules("three.log", folder="sub/deep")
        self.assertEqual(self.names(), ["other", "sub/two.log"])

    def test_what_is_ignored_is_not_looked_at(self) -> None:
        """Neither names that are no text nor unreadable folders matter where they are ignored."""
        self.write("fine")
        self.write("skip/me")
        with open(os.path.join(os.fsencode(self.folder), b"skip", b"bad\xff"), "wb") as file:
            file.write(b"x")
        with open(os.path.join(os.fsencode(self.folder), b"bad\xff"), "wb") as file:
            file.write(b"x")
        self.rules("skip", "bad*")
        self.assertEqual(self.names(), ["fine"])

    def test_everything_ignored(self) -> None:
        """A folder of which nothing is left is refused."""
        self.write("file")
        self.rules("*")
        with self.assertRaises(EmptyFolder):
            self.names()

    def test_rules_that_cannot_be_read(self) -> None:
        """What may hold back something is never passed over: it is an error that names the file."""
        self.write("file")
        path = self.rules("!")
        self.refused(path)
        os.unlink(path)
        os.mkdir(path)
        self.refused(path)
        os.rmdir(path)
        os.mkfifo(path)
        self.refused(path)
        os.unlink(path)
        os.symlink("nowhere", path)
        self.refused(path)

    def refused(self, path: str) -> None:
        """Listing must fail, and name this path."""
        with self.assertRaises(BadPath) as raised:
            self.names()
        self.assertIn(path, raised.exception.message)
