"""Where downloads lie, and what they leave alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.files import naming
from bitween.bittorrent.swarm import Swarm
from bitween.errors import UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.metainfo import HashedFile, bencode, make_torrent
from bitween.model.naming import Naming
from bitween.model.torrent import FileEntry, InfoHash, Metainfo, Torrent, TorrentState
from bitween.model.torrent_error import Reason
from bitween.model.torrent_options import TorrentOptions
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from bitween.util.cooperate import at_once
from tests.support.layouts import read_layout
from tests.support.metainfo import metainfo
from tests.support.swarms import HERE, AlertTap, SwarmCase, address_of, read, tree, when, write
from tests.support.waiting import until

CONTENT = bytes(range(256)) * 300


def hostile(name: bytes, paths: Sequence[Sequence[bytes]], **extra: bytes) -> Metainfo:
    """Metadata by hand; every file holds :data:`CONTENT`."""
    files = [{"length": len(CONTENT), "path": path, **extra} for path in paths]
    return by_hand({"name": name, "files": files}, len(paths))


def link(path: Sequence[bytes], *target: bytes) -> dict[str, Any]:
    """A symbolic link, in metadata (BEP 47)."""
    return {"length": 0, "path": path, "attr": b"l", "symlink path": target}


def by_hand(info: dict[str, Any], count: int) -> Metainfo:
    """Metadata of so many files that hold :data:`CONTENT`."""
    content = CONTENT * count
    size = 16_384
    pieces = b"".join(
        hashlib.sha1(content[start : start + size], usedforsecurity=False).digest()
        for start in range(0, len(content), size)
    )
    encoded = bencode({**info, "piece length": size, "pieces": pieces})
    info_hash = InfoHash(hashlib.sha1(encoded, usedforsecurity=False).hexdigest())
    return Metainfo(info_hash, "hostile", len(content), b"d4:info%be" % encoded)


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

    async def test_two_torrents_of_one_name(self) -> None:
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

    async def test_sharing_them_goes_on(self) -> None:
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

    async def test_a_disk_that_takes_fewer_names(self) -> None:
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

    async def test_the_same_is_taken_over(self) -> None:
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

    async def test_downloads_of_before(self) -> None:
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


class HostileMetadataTests(SwarmCase):
    """Names are data."""

    @staticmethod
    def store(state: str, record: TorrentRecord) -> None:
        """Have the next start of a swarm find a torrent."""
        database = Database.open(os.path.join(state, "bitween.db"))
        database.put(record)
        database.close()

    async def _fetched(self, info: Metainfo) -> Torrent:
        """Have it seeded under harmless names, and fetched as it stands; look where it lies."""
        state, bob = self.folder("state"), await self.start()
        source = self.folder("source")
        harmless = read_layout(info.torrent_file, "root").files
        for file in harmless:
            write(os.path.join(source, file.path), CONTENT)
        record = TorrentRecord(
            info.info_hash, "x", source, "root", 0.0, False, True, info.torrent_file
        )
        self.store(state, record)
        alice = await self.start(state)
        self.assertTrue(alice.library.get(info.info_hash).complete, "the test seeds nothing")
        above = self.folder("above")
        downloads = os.path.join(above, "downloads")
        os.mkdir(downloads)
        torrent = await self.fetch(bob, info.info_hash, alice, folder=downloads)
        self.assertEqual(os.listdir(above), ["downloads"])
        self.assertEqual(list(tree(downloads).values()), [CONTENT] * len(harmless))
        assert torrent.files is not None
        self.assertEqual(sorted(tree(downloads)), sorted(file.path for file in torrent.files))
        return torrent

    async def test_names_stay_in_the_folder(self) -> None:
        """No way of writing "up" or "from the root" leads out of the download directory."""
        paths = [[b"..", b"..", b"up"], [b"/", b"etc", b"root"], [b"a/../../b"], [b"..\\..\\c"]]
        info = hostile(b"..", paths)
        await self._fetched(info)

    async def test_names_that_are_no_text(self) -> None:
        """NUL, control characters and bad UTF-8 in names are made harmless."""
        info = hostile(b"na\0me\xff\n", [[b"\xff\xfe", b"a\0b"], [b"line\nbreak"]])
        torrent = await self._fetched(info)
        self.assertTrue(torrent.name.isprintable())

    async def test_names_that_collide(self) -> None:
        """Files whose names some disk takes for one all arrive."""
        paths = [[b"same"], [b"same"], [b"SAME"], ["\u00fc".encode()], ["u\u0308".encode()]]
        await self._fetched(hostile(b"name", paths))

    async def test_a_file_where_a_folder_is(self) -> None:
        """A file does not take the place of the folder of another one."""
        await self._fetched(hostile(b"name", [[b"a"], [b"a", b"b"], [b"A", b"b", b"c"]]))

    async def test_names_of_other_systems(self) -> None:
        """Drive letters, devices and streams of other systems are names like any other here."""
        paths = [
            *([b"C:", b"x"], [b"c:\\windows\\x"], [b"\\\\server\\share"], [b"file:stream"]),
            *([b"CON"], [b"nul.txt"], [b"aux", b"COM1"], [b"dot."], [b"space "], [b'a*?<>|"']),
        ]
        for root in (b"C:", b"CON"):
            await self._fetched(hostile(root, paths))

    async def test_long_names_are_cut_and_stay_distinct(self) -> None:
        """Names longer than a disk takes are cut, between characters, and stay apart."""
        long = ["x" * 300, "\u00fc" * 200, "\U0001f600" * 100]
        paths = [[name.encode() + end] for name in long for end in (b"", b".txt", b"y")]
        torrent = await self._fetched(hostile(b"n" * 400, [*paths, [b"d" * 400, b"e" * 400]]))
        for file in torrent.files or ():
            for part in file.path.split("/"):
                self.assertLessEqual(len(part.encode()), 255)

    async def test_a_path_longer_than_any_disk_takes(self) -> None:
        """It is an error in words, and nothing is written."""
        info = hostile(b"name", [[b"d" * 200] * 20])
        state, downloads = self.folder("state"), self.folder("downloads")
        record = TorrentRecord(
            info.info_hash, "x", downloads, None, 0.0, False, False, info.torrent_file
        )
        self.store(state, record)
        bob = await self.start(state)
        self.assertIn("longer", bob.library.get(info.info_hash).error)
        self.assertEqual(os.listdir(downloads), [])

    async def test_names_that_mislead(self) -> None:
        """What turns around or hides a part of a name is not in it on the disk."""
        tricks = [
            "a\u202egpj.exe",
            "\u200bzero",
            "a\x1b[2J",
            "c1\x9b2J",
            "l\u2028s",
            "p\ue000",
            "t\U000e0041",
        ]
        torrent = await self._fetched(
            hostile("r\u202eoot".encode(), [[t.encode()] for t in tricks])
        )
        for file in torrent.files or ():
            self.assertTrue(file.path.isprintable(), ascii(file.path))

    async def test_nothing_is_executable(self) -> None:
        """A contact does not decide what may be run."""
        torrent = await self._fetched(hostile(b"name", [[b"run"], [b"deep", b"run"]], attr=b"x"))
        for file in torrent.files or ():
            mode = os.stat(os.path.join(torrent.save_path, file.path)).st_mode
            self.assertEqual(mode & 0o111, 0)

    async def test_links_are_not_made(self) -> None:
        """Symbolic links in metadata are left out, whether they lead in or out."""
        info = by_hand(
            {
                "name": b"name",
                "files": [
                    link([b"in"], b"real"),
                    link([b"out"], b"..", b"..", b"etc", b"passwd"),
                    link([b"root"], b"/", b"etc"),
                    link([b"folder"], b"sub"),
                    *(
                        {"length": len(CONTENT), "path": path}
                        for path in ([b"real"], [b"folder", b"file"], [b"sub", b"file"])
                    ),
                ],
            },
            3,
        )
        torrent = await self._fetched(info)
        for above, folders, files in os.walk(torrent.save_path):
            for name in folders + files:
                self.assertFalse(os.path.islink(os.path.join(above, name)))

    async def test_a_download_is_never_hidden_or_executable(self) -> None:
        """A download is never hidden, and never a file that a shell would run."""
        torrent = await self._fetched(hostile(b".ssh", [[b".hidden"], [b"config"]]))
        self.assertEqual(
            [file.path for file in torrent.files or ()], ["_ssh/.hidden", "_ssh/config"]
        )
        single = by_hand({"name": b".bashrc", "length": len(CONTENT)}, 1)
        torrent = await self._fetched(single)
        self.assertEqual(torrent.files, (FileEntry("_bashrc", len(CONTENT), ".bashrc"),))

    async def test_names_in_resume_data(self) -> None:
        """Nothing but the metadata says where files lie: resume data cannot lead anywhere."""
        state, outside = self.folder("state"), self.folder("outside")
        alice, bob = await self.start(), await self.start(state)
        downloads = self.folder("downloads")
        info_hash = await self.share(alice, write(os.path.join(self.folder(), "file"), CONTENT))
        await self.fetch(bob, info_hash, alice, folder=downloads)
        await self.stop(bob)
        store = Database.open(os.path.join(state, "bitween.db"))
        resume_data = store.resume_data(info_hash)
        assert resume_data is not None
        params = lt.read_resume_data(resume_data)
        params.renamed_files = {0: os.path.join(outside, "evil")}
        params.save_path = outside
        store.put_resume_data([(info_hash, lt.write_resume_data_buf(params))])
        store.close()
        bob, carol = await self.start(state), await self.start()
        await self.fetch(carol, info_hash, bob)
        self.assertEqual((os.listdir(outside), os.listdir(downloads)), ([], ["file"]))


class RemovalTests(SwarmCase):
    """What goes, and what stays."""

    async def test_removal_keeps_files_by_default(self) -> None:
        """Without asking for it no file is deleted."""
        alice = await self.start()
        path = write(os.path.join(self.folder(), "file"), CONTENT)
        info_hash = await self.share(alice, path)
        await alice.remove(info_hash, delete_data=False)
        self.assertEqual(read(path), CONTENT)
        self.assertEqual(len(alice.library), 0)

    async def test_only_its_own_files_go(self) -> None:
        """The torrent's files and the folders that are empty then are deleted, nothing else."""
        alice = await self.start()
        folder = self.folder("holiday")
        write(os.path.join(folder, "a", "one"), CONTENT)
        write(os.path.join(folder, "b", "two"), CONTENT)
        info_hash = await self.share(alice, folder)
        write(os.path.join(folder, "b", "later"), b"not part of it")
        await alice.remove(info_hash, delete_data=True)
        self.assertEqual(tree(folder), {"b/later": b"not part of it"})
        self.assertFalse(os.path.exists(os.path.join(folder, "a")))

    async def test_a_download_without_metadata_goes(self) -> None:
        """One that never began can be removed, and deletes nothing of that name."""
        bob = await self.start()
        downloads = self.folder("downloads")
        write(os.path.join(downloads, "file"), b"mine")
        info_hash = InfoHash("ab" * 20)
        await bob.download(info_hash, "file", downloads)
        await bob.remove(info_hash, delete_data=True)
        self.assertEqual(tree(downloads), {"file": b"mine"})

    async def test_it_can_come_back(self) -> None:
        """A removed torrent can be fetched again at once."""
        alice, bob = await self.start(), await self.start()
        path = write(os.path.join(self.folder(), "file"), CONTENT)
        info_hash = await self.share(alice, path)
        downloads = self.folder("downloads")
        await self.fetch(bob, info_hash, alice, folder=downloads)
        removed = bob.remove(info_hash, delete_data=True)
        again = self.fetch(bob, info_hash, alice, folder=downloads)
        await removed
        await again
        self.assertEqual(tree(downloads), {"file": CONTENT})

    async def test_an_unknown_torrent(self) -> None:
        """Removing what is not there is an error."""
        alice = await self.start()
        with self.assertRaises(UnknownTorrent):
            await alice.remove(InfoHash("ab" * 20), delete_data=False)

    async def test_sharing_twice_is_harmless(self) -> None:
        """The second time gives the same torrent."""
        alice = await self.start()
        path = write(os.path.join(self.folder(), "file"), CONTENT)
        first = await alice.share(metainfo(path), os.path.dirname(path))
        second = await alice.share(metainfo(path), os.path.dirname(path))
        self.assertEqual(first, second)


class TooMuchTests(SwarmCase):
    """Metadata of a contact that would cost memory, time and disk beyond what it holds."""

    async def asked(self, info: Metainfo, announced: int = 0) -> tuple[Swarm, str]:
        """Let Bob fetch what Alice shares; where to."""
        alice, bob = await self.start(), await self.start()
        source = self.folder("source")
        layout = read_layout(info.torrent_file)
        for file in layout.files:
            write(os.path.join(source, file.path), CONTENT)
        await alice.share(replace(info, name=layout.root), source)
        bob.check_metadata_against(lambda _: [announced] if announced else [])
        downloads = self.folder("downloads")
        await bob.download(info.info_hash, "", downloads)
        bob.offer_peers(info.info_hash, [address_of(alice)])
        return bob, downloads

    async def refused(self, bob: Swarm, info: Metainfo, downloads: str) -> str:
        """Wait until it is refused, see that nothing came of it, and remove it; why it was."""
        await when(bob, lambda: bob.library.get(info.info_hash).error != "")
        torrent = bob.library.get(info.info_hash)
        assert torrent.trouble is not None
        self.assertEqual((torrent.trouble.reason, torrent.trouble.remedy), (Reason.SENSELESS, None))
        self.assertIsNone(torrent.files)
        self.assertEqual(os.listdir(downloads), [])
        self.assertIsNone(bob.torrent_file(info.info_hash))
        await bob.remove(info.info_hash, delete_data=True)
        return torrent.error

    async def test_too_deep_folders_are_refused_before_paths_are_built(self) -> None:
        """Folders far one in another are refused before a path of them is built."""
        paths = [[b"d%d" % depth for depth in range(90)] + [b"%d" % n] for n in range(50)]
        info = hostile(b"deep", paths)
        bob, downloads = await self.asked(info)
        error = await self.refused(bob, info, downloads)
        self.assertIn("more than 64 folders one in another", error)

    async def test_another_size_than_announced(self) -> None:
        """What holds a thousand times what a contact announces is refused, and says both."""
        info = hostile(b"more", [[b"%d" % number] for number in range(20)])
        bob, downloads = await self.asked(info, announced=5)
        error = await self.refused(bob, info, downloads)
        self.assertIn("1,536,000 bytes in 20 files, where 5 bytes were", error)

    async def test_about_what_was_announced(self) -> None:
        """What others count with padding, or without, is taken."""
        info = hostile(b"about", [[b"%d" % number] for number in range(20)])
        bob, _ = await self.asked(info, announced=info.total_size * 100 // 98)
        await when(bob, lambda: bob.library.get(info.info_hash).files is not None)

    async def test_a_torrent_of_many_files_dials_again_at_once(self) -> None:
        """What is loaded again for its many files does not wait for its peer once more."""
        tap = AlertTap()
        alice, bob = await self.start(), await self.start(tap=tap)
        source = self.folder("many")
        for number in range(250):
            write(os.path.join(source, f"{number}"), b"%d" % number * 100)
        info_hash = await self.share(alice, source)
        dial, with_files = tap.session.dial, 0

        def note(which: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
            nonlocal with_files
            # Otherwise libtorrent dials when it next looks at its peers, up to a second later.
            with_files += at_once and bob.library.get(which).files is not None
            dial(which, peers, at_once)

        self.patch(tap.session, "dial", note)
        for number in range(2):
            await bob.download(info_hash, "", self.folder(f"downloads {number}"))
            bob.offer_peers(info_hash, [address_of(alice)])
            await when(bob, lambda: bob.library.get(info_hash).complete)
            self.assertEqual(with_files, number + 1)
            await bob.remove(info_hash, delete_data=True)

    async def test_folders_come_with_content(self) -> None:
        """Of many files and folders none is made before something of it is here."""
        alice, bob = await self.start(), await self.start()
        source = self.folder("many")
        for number in range(150):
            write(os.path.join(source, f"{number}", "deeper", "file"), b"%d" % number * 1000)
        info_hash = await self.share(alice, source)
        downloads = self.folder("downloads")
        await bob.download(info_hash, "", downloads, TorrentOptions(paused=True))
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).files is not None)
        await until(lambda: not bob.peers(info_hash), "the last peer is gone")
        address = address_of(alice)
        bob.deny_peers_from([HERE])
        bob.flush_ip_filter()
        await bob.set_options(info_hash, TorrentOptions())
        await when(bob, lambda: bob.library.get(info_hash).state is TorrentState.DOWNLOADING)
        # What libtorrent does with files it does one after the other.
        await bob.recheck(info_hash)
        await when(bob, lambda: bob.library.get(info_hash).state is TorrentState.CHECKING)
        await when(bob, lambda: bob.library.get(info_hash).state is TorrentState.DOWNLOADING)
        self.assertEqual(os.listdir(downloads), [])
        bob.allow_peers_from([HERE])
        bob.flush_ip_filter()
        bob.offer_peers(info_hash, [address])
        await when(bob, lambda: bob.library.get(info_hash).complete)
        self.assertEqual(tree(os.path.join(downloads, "many")), tree(source))
