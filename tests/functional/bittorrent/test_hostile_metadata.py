"""Metadata of contacts that misleads, or costs too much."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.torrent import FileEntry, InfoHash, Metainfo, Torrent, TorrentState
from bitween.model.torrent_error import Reason
from bitween.model.torrent_options import TorrentOptions
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from tests.support.handmade_metainfo import CONTENT, by_hand, hostile, link
from tests.support.layouts import read_layout
from tests.support.swarms import HERE, AlertTap, SwarmCase, address_of, tree, when, write
from tests.support.waiting import until


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

    async def test_names_that_are_no_text_become_harmless(self) -> None:
        """NUL, control characters and bad UTF-8 in names are made harmless."""
        info = hostile(b"na\0me\xff\n", [[b"\xff\xfe", b"a\0b"], [b"line\nbreak"]])
        torrent = await self._fetched(info)
        self.assertTrue(torrent.name.isprintable())

    async def test_names_that_collide_all_arrive(self) -> None:
        """Files whose names some disk takes for one all arrive."""
        paths = [[b"same"], [b"same"], [b"SAME"], ["\u00fc".encode()], ["u\u0308".encode()]]
        await self._fetched(hostile(b"name", paths))

    async def test_a_file_does_not_take_the_place_of_a_folder(self) -> None:
        """A file does not take the place of the folder of another one."""
        await self._fetched(hostile(b"name", [[b"a"], [b"a", b"b"], [b"A", b"b", b"c"]]))

    async def test_names_of_other_systems_are_like_any_other(self) -> None:
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

    async def test_a_path_longer_than_any_disk_takes_is_an_error(self) -> None:
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

    async def test_names_that_mislead_become_printable(self) -> None:
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

    async def test_names_in_resume_data_lead_nowhere(self) -> None:
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

    async def test_a_size_far_from_the_announced_one_is_refused(self) -> None:
        """What holds a thousand times what a contact announces is refused, and says both."""
        info = hostile(b"more", [[b"%d" % number] for number in range(20)])
        bob, downloads = await self.asked(info, announced=5)
        error = await self.refused(bob, info, downloads)
        self.assertIn("1,536,000 bytes in 20 files, where 5 bytes were", error)

    async def test_a_size_near_the_announced_one_is_taken(self) -> None:
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
