"""Where downloads lie, and what they leave alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

from bitween.bittorrent.files import naming
from bitween.bittorrent.swarm import Swarm
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.naming import Naming
from bitween.model.torrent import InfoHash
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from bitween.util.cooperate import at_once
from tests.support.handmade_metainfo import CONTENT
from tests.support.metainfo import metainfo
from tests.support.swarms import SwarmCase, address_of, read, tree, when, write


class CollisionTests(SwarmCase):
    """Something of that name is there already."""

    async def _shared(
        self, content: bytes = CONTENT, name: str = "film.mkv"
    ) -> tuple[Swarm, InfoHash]:
        alice = await self.start()
        return alice, await self.share(alice, write(os.path.join(self.folder(), name), content))

    async def test_another_file_is_left_alone(self) -> None:
        """A different file of the same name stays as it is, and the download lies beside it."""
        (alice, info_hash), bob = await self._shared(), await self.start()
        downloads = self.folder("downloads")
        write(os.path.join(downloads, "film.mkv"), b"mine")
        write(os.path.join(downloads, "film (2).mkv"), b"mine too")
        torrent = await self.fetch(bob, info_hash, alice, folder=downloads)
        self.assertEqual(
            tree(downloads),
            {"film.mkv": b"mine", "film (2).mkv": b"mine too", "film (3).mkv": CONTENT},
        )
        self.assertEqual(torrent.name, "film.mkv")
        assert torrent.files is not None
        self.assertEqual([file.path for file in torrent.files], ["film (3).mkv"])

    async def test_the_same_file_is_taken_over(self) -> None:
        """What is there already, byte for byte, is not fetched again."""
        (alice, info_hash), bob = await self._shared(), await self.start()
        downloads = self.folder("downloads")
        path = write(os.path.join(downloads, "film.mkv"), CONTENT)
        before = os.stat(path)
        await self.fetch(bob, info_hash, alice, folder=downloads)
        self.assertEqual(tree(downloads), {"film.mkv": CONTENT})
        self.assertEqual(os.stat(path).st_mtime_ns, before.st_mtime_ns)

    async def test_a_folder_gets_another_name(self) -> None:
        """A folder of the same name is not mixed into; the choice survives a restart."""
        folder, state, downloads = self.folder("holiday"), self.folder("state"), self.folder("to")
        write(os.path.join(folder, "deep", "one"), CONTENT)
        write(os.path.join(folder, "two"), CONTENT)
        write(os.path.join(downloads, "holiday", "two"), b"x" * len(CONTENT))
        alice, bob = await self.start(), await self.start(state)
        info_hash = await self.share(alice, folder)
        await self.fetch(bob, info_hash, alice, folder=downloads)
        self.assertEqual(tree(os.path.join(downloads, "holiday (2)")), tree(folder))
        self.assertEqual(tree(os.path.join(downloads, "holiday")), {"two": b"x" * len(CONTENT)})
        await self.stop(bob)
        bob = await self.start(state)
        carol = await self.start()
        torrent = await self.fetch(carol, info_hash, bob)
        self.assertEqual(tree(os.path.join(torrent.save_path, "holiday")), tree(folder))

    async def test_a_symbolic_link_is_not_followed(self) -> None:
        """A link of that name is left alone, and so is what it leads to, the same or not."""
        (alice, info_hash), bob = await self._shared(), await self.start()
        downloads = self.folder("downloads")
        for name, content in (("same", CONTENT), ("other", b"precious")):
            outside = write(os.path.join(self.folder("outside"), name), content)
            os.symlink(outside, os.path.join(downloads, "film.mkv"))
            await self.fetch(bob, info_hash, alice, folder=downloads)
            self.assertTrue(os.path.islink(os.path.join(downloads, "film.mkv")))
            self.assertEqual(read(outside), content)
            self.assertEqual(read(os.path.join(downloads, "film (2).mkv")), CONTENT)
            await bob.remove(info_hash, delete_data=True)
            os.unlink(os.path.join(downloads, "film.mkv"))

    async def test_a_dangling_link_is_not_followed(self) -> None:
        """A link to nothing is a name that is taken: nothing appears where it leads."""
        (alice, info_hash), bob = await self._shared(), await self.start()
        downloads, outside = self.folder("downloads"), self.folder("outside")
        os.symlink(os.path.join(outside, "new"), os.path.join(downloads, "film.mkv"))
        await self.fetch(bob, info_hash, alice, folder=downloads)
        self.assertEqual(os.listdir(outside), [])

    async def test_two_torrents_of_one_name_get_files_of_their_own(self) -> None:
        """Two downloads of one name do not write into each other's file."""
        (alice, one), (carol, two) = await self._shared(), await self._shared(CONTENT[::-1])
        bob = await self.start()
        downloads = self.folder("downloads")
        for info_hash, source in ((one, alice), (two, carol)):
            await bob.download(info_hash, "", downloads)
            bob.offer_peers(info_hash, [address_of(source)])
        await when(bob, lambda: all(torrent.complete for torrent in bob.library))
        self.assertEqual(sorted(tree(downloads)), ["film (2).mkv", "film.mkv"])
        self.assertEqual(sorted(tree(downloads).values()), sorted([CONTENT, CONTENT[::-1]]))


#: What a Linux disk tells apart, or takes though others do not.
ODD_NAMES = (
    *("README.txt", "readme.txt", "README.1.txt", "Docs/a", "docs/A", "docs/a"),
    *("\u00fc", "u\u0308", "\u212b", "\u00c5", "dot.", "dot", "space ", "space", " space", "..."),
    *("back\\slash", "\\", "..\\..\\up", "back/slash", "CON", "nul.txt", "aux/COM1", 'a*?<>|"'),
    *(
        "n" * 255,
        "\u00fc" * 127 + "x",
        "." + "y" * 254,
        "x." + "z" * 253,
        "d" * 255 + "/" + "e" * 255,
    ),
    *(".hidden", "..x", "-rf", "~", "a:b", "%2e%2e", "\ufffd", "empty"),
)


def naming_for(folder: str, torrent_file: bytes) -> Naming:
    """How the files of a torrent are named in a folder."""
    given = at_once(naming.reading_paths(torrent_file))
    return at_once(naming.choosing_names(folder, given)).naming


class OddNamesTests(SwarmCase):
    """Names are kept as the disk takes them, at both ends."""

    def odd_folder(self) -> str:
        """A folder of files with odd names."""
        folder = self.folder("Odd. ")
        for number, name in enumerate(ODD_NAMES):
            write(os.path.join(folder, name), b"%d" % number * (name != "empty"))
        return folder

    async def test_they_arrive_as_they_are(self) -> None:
        """What a folder holds has the same names at the contact, and at the contact's contact."""
        folder = self.odd_folder()
        alice, bob, carol = await self.start(), await self.start(), await self.start()
        info_hash = await self.share(alice, folder)
        for taker, giver in ((bob, alice), (carol, bob)):
            torrent = await self.fetch(taker, info_hash, giver)
            self.assertEqual(tree(os.path.join(torrent.save_path, "Odd. ")), tree(folder))
            self.assertEqual([file.original for file in torrent.files or () if file.original], [])

    async def test_shares_with_odd_names_survive_restarts_and_checks(self) -> None:
        """A share of them is sound after a restart, a check, a crash, and when shared again."""
        folder, state = self.odd_folder(), self.folder("state")
        alice = await self.start(state)
        info_hash = await self.share(alice, folder)
        await self.stop(alice)
        alice = await self.start(state)
        await self.assert_sound(alice, info_hash)
        await alice.recheck(info_hash)
        await when(alice, lambda: alice.library.get(info_hash).complete)
        await self.assert_sound(alice, info_hash)
        self.assertEqual(await self.share(alice, folder), info_hash)
        await self.assert_sound(alice, info_hash)
        await self.stop(alice)
        store = Database.open(os.path.join(state, "bitween.db"))
        store.close(clean=False)
        alice = await self.start(state)
        await self.assert_sound(alice, info_hash)
        await alice.remove(info_hash, delete_data=True)
        self.assertFalse(os.path.exists(folder))

    async def assert_sound(self, swarm: Swarm, info_hash: InfoHash) -> None:
        """A stranger to it must get everything."""
        self.assertTrue(swarm.library.get(info_hash).complete)
        taker = await self.start()
        torrent = await self.fetch(taker, info_hash, swarm)
        self.assertEqual(len(tree(torrent.save_path)), len(ODD_NAMES))
        await self.stop(taker)
        self.assertEqual(swarm.library.get(info_hash).error, "")

    async def test_each_file_gets_a_name_that_the_disk_takes(self) -> None:
        """Every file arrives under a name of its own; others get the original names from there."""
        self.patch(naming, "_holds", lambda *_: False)
        folder = self.odd_folder()
        alice, bob, carol = await self.start(), await self.start(), await self.start()
        info_hash = await self.share(alice, folder)
        torrent = await self.fetch(bob, info_hash, alice)
        (root,) = os.listdir(torrent.save_path)
        arrived = tree(os.path.join(torrent.save_path, root))
        self.assertEqual(len({path.casefold() for path in arrived}), len(ODD_NAMES))
        self.assertFalse({*"".join(arrived)} & {*'\\:*?"<>|'})
        originals = {f.path.partition("/")[2]: f.original for f in torrent.files or ()}
        self.assertEqual(
            {originals[path] or path: content for path, content in arrived.items()}, tree(folder)
        )
        self.patch(naming, "_holds", lambda *_: True)
        torrent = await self.fetch(carol, info_hash, bob)
        self.assertEqual(tree(os.path.join(torrent.save_path, "Odd. ")), tree(folder))

    async def test_what_the_disk_takes_is_tried_out(self) -> None:
        """A disk is asked only where it matters, and nothing is left of that."""
        folder = self.folder()
        for names, expected in (
            (["README", "readme"], Naming.EXACT),
            (["plain", "n" * 300], Naming.EXACT),
            (["a\\b", "x?"], Naming.EXACT),
        ):
            files = [HashedFile((name,), 1) for name in names]
            made = make_torrent("odd", files, 2**16, b"\0" * 20)[1]
            self.assertEqual(naming_for(folder, made), expected)
            self.assertEqual(naming_for(os.path.join(folder, "gone"), made), expected)
            self.assertEqual(os.listdir(folder), [])
        self.patch(naming, "_MOST_TRIED", 1)
        self.patch(naming, "_ALIKE", ("x", "y" * 256))
        made = make_torrent("odd", [HashedFile((n,), 1) for n in ("A", "a")], 2**16, b"\0" * 20)[1]
        self.assertEqual(naming_for(folder, made), Naming.PORTABLE)

    async def test_the_same_folder_is_not_fetched_again(self) -> None:
        """A folder that is there already, odd names and all, is not fetched again."""
        folder = self.odd_folder()
        alice, bob = await self.start(), await self.start()
        info_hash = await self.share(alice, folder)
        downloads = self.folder("downloads")
        shutil.copytree(folder, os.path.join(downloads, "Odd. "))
        torrent = await self.fetch(bob, info_hash, alice, folder=downloads)
        self.assertEqual(os.listdir(downloads), ["Odd. "])
        self.assertEqual(torrent.progress.done, torrent.progress.total)

    async def test_odd_names_beside_others(self) -> None:
        """Where another folder of that name is, odd names are kept in the one that is numbered."""
        folder = self.odd_folder()
        alice, bob = await self.start(), await self.start()
        info_hash = await self.share(alice, folder)
        downloads = self.folder("downloads")
        write(os.path.join(downloads, "Odd. ", "readme.txt"), b"mine")
        await self.fetch(bob, info_hash, alice, folder=downloads)
        (numbered,) = set(os.listdir(downloads)) - {"Odd. "}
        self.assertEqual(tree(os.path.join(downloads, numbered)), tree(folder))
        self.assertEqual(tree(os.path.join(downloads, "Odd. ")), {"readme.txt": b"mine"})

    async def test_a_single_file_keeps_its_odd_name(self) -> None:
        """A single file keeps an odd name, too, and one of 255 bytes is numbered within them."""
        alice, bob = await self.start(), await self.start()
        for name in ("back\\slash", "dot. ", "n" * 255, "." * 3 + "x" * 252, "x." + "z" * 253):
            info_hash = await self.share(alice, write(os.path.join(self.folder(), name), CONTENT))
            downloads = self.folder("downloads")
            kept = name if not name.startswith(".") else f"_{name[1:]}"
            await self.fetch(bob, info_hash, alice, folder=downloads)
            self.assertEqual(tree(downloads), {kept: CONTENT})
            await bob.remove(info_hash, delete_data=True)
            write(os.path.join(downloads, kept), b"mine")
            await self.fetch(bob, info_hash, alice, folder=downloads)
            self.assertEqual(len(os.listdir(downloads)), 2)
            await bob.remove(info_hash, delete_data=False)
            await alice.remove(info_hash, delete_data=False)

    async def test_what_is_changed_is_told(self) -> None:
        """Names that could mislead get others at the contact, which tells what they were."""
        folder = self.folder("odd")
        for name in ("line\nbreak", "line_break", "\u202egpj.exe", "deep\x1b/down", "fine"):
            write(os.path.join(folder, name), name.encode())
        alice, bob = await self.start(), await self.start()
        torrent = await self.fetch(bob, await self.share(alice, folder), alice)
        arrived = tree(os.path.join(torrent.save_path, "odd"))
        self.assertTrue(all(name.isprintable() for name in arrived))
        originals = {file.path.partition("/")[2]: file.original for file in torrent.files or ()}
        self.assertEqual(
            {originals[name] or name: content for name, content in arrived.items()}, tree(folder)
        )

    async def test_downloads_of_bitween_0_1_keep_their_names(self) -> None:
        """What bitween 0.1 fetched stays where it is, under the names that it got then."""
        folder, state = self.folder("odd"), self.folder("state")
        names = ["README", "readme", "a\\b", "\u00fc" * 127]
        for name in names:
            write(os.path.join(folder, name), name.encode())
        info, downloads = metainfo(folder), self.folder("downloads")
        before = ["README", "readme.1", "ab", "\u00fc" * 120]
        for name, now in zip(names, before, strict=True):
            write(os.path.join(downloads, "odd", now), name.encode())
        store = Database.open(os.path.join(state, "bitween.db"))
        store.put(
            TorrentRecord(
                info.info_hash, "odd", downloads, "odd", 0.0, False, True, info.torrent_file
            )
        )
        store.close(clean=False)
        with closing(sqlite3.connect(os.path.join(state, "bitween.db"))) as database, database:
            database.execute("UPDATE torrents SET naming = NULL")
        alice, bob = await self.start(state), await self.start()
        torrent = await self.fetch(bob, info.info_hash, alice)
        self.assertEqual(tree(os.path.join(torrent.save_path, "odd")), tree(folder))
        self.assertEqual(sorted(os.listdir(os.path.join(downloads, "odd"))), sorted(before))
