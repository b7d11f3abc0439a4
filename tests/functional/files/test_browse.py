"""Looking around on the daemon's machine, and not further than is allowed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import BadPath, BitweenError, NoSuchPath, UnreadablePath
from bitween.files import browse
from bitween.files.browse import FolderPage, Folders
from bitween.model.torrent import FileEntry
from tests.support.api_rig import Connection, World, http_request, info_hash, rpc, site_of


class FoldersTests(SynchronousTestCase):
    """A root with a neighbour that is none."""

    def setUp(self) -> None:
        """Make them."""
        self.top = os.path.realpath(self.mktemp())
        self.root = os.path.join(self.top, "home")
        for path in ("home/b/deep", "home/A", "home/.ssh", "home2"):
            os.makedirs(os.path.join(self.top, path))
        for path in ("home/song", "home/b/deep/one", "home/.ssh/key", "home2/secret"):
            with open(os.path.join(self.top, path), "wb") as file:
                file.write(b"12345")
        self.clock = Clock()

    def page(
        self, path: str | None, offset: int = 0, limit: int = 100, *, hidden: bool = True
    ) -> FolderPage:
        """What is listed."""
        listing = Folders(self.clock, [self.root], hidden).page(path, offset, limit)
        return self.successResultOf(Deferred.fromCoroutine(listing))

    def refused(self, path: str, kind: type[BitweenError] = BadPath, *, hidden: bool = True) -> str:
        """Why nothing is listed."""
        listing = Folders(self.clock, [self.root], hidden).page(path, 0, 100)
        failure = self.failureResultOf(Deferred.fromCoroutine(listing), kind)
        return str(failure.value)

    def names(self, page: FolderPage) -> Sequence[str]:
        """The names on a page."""
        return [entry.name for entry in page.entries]

    def test_order_and_kinds(self) -> None:
        """Folders come first, then by name whatever the case; files have a size."""
        page = self.page(self.root)
        self.assertEqual(self.names(page), [".ssh", "A", "b", "song"])
        self.assertEqual([entry.size for entry in page.entries], [None, None, None, 5])
        self.assertEqual([entry.is_folder for entry in page.entries], [True, True, True, False])
        self.assertEqual((page.path, page.root, page.complete), (self.root, self.root, True))
        below = self.page(os.path.join(self.root, "b"))
        self.assertEqual((below.root, self.names(below)), (self.root, ["deep"]))

    def test_names_that_are_not_utf8(self) -> None:
        """They are shown, but lead nowhere; a folder of such a name is not listed."""
        below = os.path.join(self.root, "b")
        for name in ("d\udce9", "file\udcff"):
            os.mkdir(os.path.join(below, name))
        os.symlink("d\udce9", os.path.join(below, "link"))
        entries = {entry.name: entry.path for entry in self.page(below).entries}
        self.assertEqual((entries["d\\xe9"], entries["file\\xff"]), (None, None))
        for name in ("link", "d\udce9"):
            self.assertIn("d\\xe9' is not UTF-8", self.refused(os.path.join(below, name)))

    def test_without_a_path_the_roots_are_listed(self) -> None:
        """Without a path the roots are listed."""
        page = self.page(None)
        self.assertEqual([entry.path for entry in page.entries], [self.root])
        self.assertEqual((page.path, page.total), (None, 1))

    def test_a_page_has_the_total(self) -> None:
        """A part of them, and how many there are in all."""
        page = self.page(self.root, 1, 2)
        self.assertEqual((self.names(page), page.total), (["A", "b"], 4))
        self.assertEqual(self.names(self.page(self.root, 9, 2)), [])

    def test_paths_outside_the_roots_are_refused(self) -> None:
        """Nothing else is listed, and whether it is there is not told."""
        os.symlink(os.path.join(self.top, "home2"), os.path.join(self.root, "link"))
        os.symlink("/", os.path.join(self.root, "b", "link"))
        for path in (
            "/", self.top, self.top + "/home2", self.root + "/../home2", self.root + "/link",
            self.root + "/b/link/etc", self.root + "2", "home", ".", "/proc/self/root",
            self.top + "/nowhere", "/proc/self/cwd",
        ):  # fmt: skip
            self.assertIn("not within the folders", self.refused(path))
        self.assertNotIn("link", self.names(self.page(self.root)))

    @given(st.lists(st.sampled_from(["..", ".", "", "b", "deep", "home", "home2", "link"])))
    def test_no_way_out(self, parts: list[str]) -> None:
        """However a path is written, what is listed is the root or lies below it."""
        link = os.path.join(self.root, "b", "link")
        if not os.path.lexists(link):
            os.symlink("../../home2", link)
        listing = Folders(self.clock, [self.root]).page("/".join([self.root, *parts]), 0, 100)
        outcome: list[object] = []
        Deferred.fromCoroutine(listing).addBoth(outcome.append)
        if isinstance(outcome[0], FolderPage):
            self.assertIn(self.root + "/", f"{outcome[0].path}/")
            self.assertNotIn("secret", self.names(outcome[0]))

    def test_links_within_the_root_count_as_their_targets(self) -> None:
        """A link counts as what it leads to, as long as that is within the root."""
        os.symlink("song", os.path.join(self.root, "also"))
        os.symlink("b", os.path.join(self.root, "c"))
        os.symlink("round", os.path.join(self.root, "round"))
        page = self.page(self.root)
        self.assertEqual(self.names(page), [".ssh", "A", "b", "c", "also", "song"])
        self.assertEqual(self.page(self.root + "/c").path, self.root + "/b")

    def test_hidden_folders_are_not_listed(self) -> None:
        """If hidden files are not shared, they are not listed, nor what lies below them."""
        self.assertEqual(self.names(self.page(self.root, hidden=False)), ["A", "b", "song"])
        self.refused(self.root + "/.ssh", hidden=False)
        self.assertEqual(self.names(self.page(self.root + "/.ssh")), ["key"])

    def test_missing_folders_and_files_are_errors(self) -> None:
        """In words: it is not there, or is a file."""
        self.assertIn("does not exist", self.refused(self.root + "/gone", NoSuchPath))
        self.assertIn("is not a folder", self.refused(self.root + "/song"))

    def test_pipes_are_left_out_without_waiting(self) -> None:
        """What is neither file nor folder is left out, and opening it does not wait."""
        os.mkfifo(os.path.join(self.root, "pipe"))
        self.assertNotIn("pipe", self.names(self.page(self.root)))
        self.refused(self.root + "/pipe")

    def test_an_unreadable_folder_is_an_error(self) -> None:
        """It says so; a superuser may read everything."""
        path = self.root + "/A"
        os.chmod(path, 0)
        self.addCleanup(os.chmod, path, 0o700)
        if os.access(path, os.R_OK):
            self.assertEqual(self.names(self.page(path)), [])
        else:
            self.assertIn("may not be read", self.refused(path, UnreadablePath))

    def test_a_huge_folder_is_listed_in_part(self) -> None:
        """Only so many are listed, and that is told."""
        self.patch(browse, "MOST", 2)
        page = self.page(self.root)
        self.assertEqual((page.total, page.complete), (2, False))
        self.patch(browse, "MOST", 4)
        self.assertTrue(self.page(self.root).complete)

    def test_over_the_api(self) -> None:
        """``bt.browse`` tells what is shared already."""
        world = World(self.clock, share_roots=[self.root])
        world.swarm.download(info_hash("1"), "song", self.root)
        world.swarm.change(info_hash("1"), files=(FileEntry("song", 5),))
        connection = Connection(site_of(world))
        connection.send(http_request(rpc("bt.browse", {"path": self.root, "offset": 2})))
        result = connection.only_answer().json["result"]
        self.assertEqual(
            result,
            {
                "path": self.root,
                "root": self.root,
                "total": 4,
                "complete": True,
                "entries": [
                    {
                        "name": "b",
                        "path": f"{self.root}/b",
                        "kind": "folder",
                        "size": None,
                        "shared": False,
                    },
                    {
                        "name": "song",
                        "path": f"{self.root}/song",
                        "kind": "file",
                        "size": 5,
                        "shared": True,
                    },
                ],
            },
        )

    def test_not_for_those_who_may_only_look(self) -> None:
        """They see what is shared, not what else there is."""
        site = site_of(World(self.clock, share_roots=[self.root]), tokens_file=self.mktemp())
        connection = Connection(site)
        connection.send(http_request(rpc("token.new", {"read_only": True})))
        token = connection.answers()[0].json["result"]["token"]
        looking = {"Authorization": f"Bearer {token}"}
        connection.send(http_request(rpc("bt.browse"), headers=looking))
        error = connection.answers()[1].json["error"]
        self.assertEqual(error["data"]["reason"], "read_only")
