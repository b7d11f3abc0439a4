"""Which files of a path are shared."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile

from bitween.errors import BadPath, EmptyFolder, UnreadablePath
from bitween.files.hashing.folder_walk import IGNORE_FILE, list_files
from bitween.model.metainfo import MAX_DEPTH
from bitween.model.skipped_files import MOST_NAMED, Why
from tests.support.folder_case import FolderCase, as_nobody


class ListingTests(FolderCase):
    """Which files are shared."""

    def names(self, hidden: bool = True) -> list[str]:
        """What is listed, by name."""
        return ["/".join(file.parts) for file in list_files(self.folder, hidden).files]

    def test_the_order_depends_on_names_only(self) -> None:
        """Files come sorted by their names, folder by folder."""
        for name in ("b", "a/z", "a/a", "a.b", "ä"):
            self.write(name)
        self.assertEqual(self.names(), ["a/a", "a/z", "a.b", "b", "ä"])

    def test_links_out_of_the_folder_are_left_out(self) -> None:
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

    def left_out(self) -> dict[str, Why]:
        """What is left out, and why."""
        left_out = list_files(self.folder).left_out
        self.assertEqual(left_out.total, len(left_out.entries))
        return {entry.path: entry.why for entry in left_out.entries}

    def test_what_is_left_out_is_told(self) -> None:
        """Everything that the listing leaves out, though nobody said so, is named with a reason."""
        self.write("fine")
        self.write("deep/fine")
        self.write("_____padding_file_7")
        os.makedirs(os.path.join(self.folder, "empty", "inside"))
        os.mkfifo(os.path.join(self.folder, "pipe"))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.path.relpath(os.path.join(self.folder, "socket")))
        for name, target in (
            ("outside", "/etc/hostname"),
            ("loop", "loop"),
            ("dangling", "nowhere"),
            ("folder", "deep"),
            ("inside", "fine"),
        ):
            os.symlink(target, os.path.join(self.folder, name))
        self.write_bytes(b"deep/bad\xff\n")
        self.write_bytes(b"d\xe9/below")
        self.assertEqual(self.names(), ["deep/fine", "fine", "inside"])
        self.assertEqual(
            self.left_out(),
            {
                "_____padding_file_7": Why.PADDING,
                "empty/inside": Why.EMPTY_FOLDER,
                "pipe": Why.SPECIAL,
                "socket": Why.SPECIAL,
                "outside": Why.LINK_OUTSIDE,
                "loop": Why.BROKEN_LINK,
                "dangling": Why.BROKEN_LINK,
                "folder": Why.LINK_TO_FOLDER,
                "deep/bad\\xff\\n": Why.NOT_UTF8,
                "d\\xe9": Why.NOT_UTF8,
            },
        )

    def test_strict_refuses_incomplete_folders(self) -> None:
        """A folder of which something is left out is refused, and the error names it."""
        self.write("fine")
        self.assertEqual(len(list_files(self.folder, strict=True).files), 1)
        for number in range(7):
            self.write_bytes(b"bad%d\xff" % number)
        with self.assertRaises(BadPath) as raised:
            list_files(self.folder, strict=True)
        self.assertIn("\\xff' (its name is not UTF-8)", str(raised.exception))
        self.assertIn("and 2 more", str(raised.exception))
        self.assertNotIn("\\ud", str(raised.exception))

    def test_strict_accepts_ignored_and_hidden_files(self) -> None:
        """What is ignored or hidden is left out on purpose: strict takes no offence."""
        self.write("fine")
        self.write_bytes(b"bad\xff")
        self.write_bytes(b".bad\xff")
        self.write(IGNORE_FILE, b"bad*")
        listing = list_files(self.folder, hidden=False, strict=True)
        self.assertEqual((len(listing.files), listing.left_out.total), (1, 0))

    def test_much_is_left_out(self) -> None:
        """Some are named, all are counted."""
        self.write("fine")
        for number in range(MOST_NAMED + 10):
            os.mkdir(os.path.join(self.folder, str(number)))
        left_out = list_files(self.folder).left_out
        self.assertEqual((len(left_out.entries), left_out.total), (MOST_NAMED, MOST_NAMED + 10))

    def test_nothing_is_left(self) -> None:
        """The error says what was left out."""
        self.write_bytes(b"bad\xff")
        with self.assertRaises(EmptyFolder) as raised:
            list_files(self.folder)
        self.assertIn("'bad\\xff' (its name is not UTF-8)", raised.exception.message)

    def test_a_path_that_is_not_utf8(self) -> None:
        """What is named itself, or lies in such a folder, is refused in words that can be shown."""
        self.write_bytes(b"d\xe9/below")
        for path in ("d\udce9", "d\udce9/below"):
            with self.assertRaises(BadPath) as raised:
                list_files(os.path.join(self.folder, path))
            self.assertIn("d\\xe9", raised.exception.message)
            self.assertIn("not UTF-8", raised.exception.message)

    def test_names_like_padding_files_are_refused(self) -> None:
        """A file or folder that others would take for padding is refused."""
        for path in (
            self.write("x_____padding_file_1"),
            os.path.dirname(self.write("_____padding_file_/a")),
        ):
            with self.assertRaises(BadPath):
                list_files(path)

    def test_too_long_paths_are_left_out(self) -> None:
        """What lies too deep for a system call, or for others, is left out; the rest is shared."""
        self.write("fine")
        # A tool that goes by paths cannot remove it.
        self.addCleanup(shutil.rmtree, self.folder)
        name, depth = "d" * 250, 17
        folder = os.open(self.folder, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=folder)
            below = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
        os.close(folder)
        files = list_files(self.folder).files
        self.assertEqual(len(files), 12)
        self.assertEqual(set(self.left_out().values()), {Why.TOO_LONG})

    def test_too_deep_folders_are_left_out(self) -> None:
        """What lies deeper than others take is left out; the rest is shared."""
        self.write("d/" * MAX_DEPTH + "file")
        self.write("d/" * (MAX_DEPTH + 1) + "file")
        files = list_files(self.folder).files
        self.assertEqual([len(file.parts) - 1 for file in files], [MAX_DEPTH])
        self.assertEqual(set(self.left_out().values()), {Why.TOO_LONG})

    def test_what_may_not_be_read(self) -> None:
        """Files and folders deep inside that may not be read are left out."""
        # Below the trial's own folder nobody else may look.
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.write("fine")
        folder = os.path.dirname(self.write("closed/file"))
        os.chmod(self.write("secret"), 0)
        os.chmod(folder, 0)
        self.addCleanup(os.chmod, folder, 0o700)
        with as_nobody():
            self.assertEqual(self.names(), ["fine"])
            self.assertEqual(self.left_out(), {"closed": Why.UNREADABLE, "secret": Why.UNREADABLE})
            with self.assertRaises(UnreadablePath) as raised:
                list_files(folder)
        self.assertIn(folder, raised.exception.message)

    def test_hidden_files_count_unless_skipped(self) -> None:
        """They count unless they are to be skipped; a path that is named is never hidden."""
        for name in (".top", "a/.deep", ".folder/x", "plain"):
            self.write(name)
        self.assertEqual(self.names(), [".folder/x", ".top", "a/.deep", "plain"])
        self.assertEqual(self.names(hidden=False), ["plain"])
        for path in (".top", ".folder"):
            self.assertEqual(
                len(list_files(os.path.join(self.folder, path), hidden=False).files), 1
            )


class IgnoreTests(FolderCase):
    """What ``.bitweenignore`` leaves out."""

    def names(self) -> list[str]:
        """What is listed, by name."""
        return ["/".join(file.parts) for file in list_files(self.folder).files]

    def rules(self, *lines: str, folder: str = "") -> str:
        """Write an ignore file."""
        return self.write(os.path.join(folder, IGNORE_FILE), "\n".join(lines).encode())

    def test_ignore_patterns_work_as_in_git(self) -> None:
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

    def test_a_wholly_ignored_folder_is_refused(self) -> None:
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
