"""What every ``Swarm`` has to do: the real one with libtorrent, and the fake one."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from bitween.app import ports
from bitween.app.ports import OpenFilePort
from bitween.bittorrent.swarm import Swarm
from bitween.errors import InvalidValue, NoMetadata, SwarmError, UnknownTorrent
from bitween.model.access import OPEN, PRIVATE
from bitween.model.address import PeerAddress
from bitween.model.annotation import Annotation
from bitween.model.deletion import Deletion
from bitween.model.events import (
    SharesChanged,
    SwarmEvent,
    TorrentAdded,
    TorrentChanged,
    TorrentRemoved,
)
from bitween.model.metainfo import info_section
from bitween.model.seal import Seal, info_hash_of, pack, salted, seal_of
from bitween.model.torrent import FileOrigin, InfoHash, Metainfo, TorrentState
from bitween.model.torrent_error import Reason
from bitween.model.torrent_options import Limits, TorrentOptions
from bitween.storage.database import Database
from tests.support.fakes.swarm import FakeSwarm
from tests.support.metainfo import metainfo
from tests.support.swarms import LOOPBACK, read, when, write
from tests.support.waiting import reactor_turn

ABSENT = InfoHash("ab" * 20)
SECRET = bytes(range(32))
SEAL = Seal(SECRET, InfoHash("cd" * 20))
# Nobody listens there.
PEER = PeerAddress("127.0.0.1", 9)


class Contract:
    """Keeps the suite itself from being run."""

    class SwarmTests(TestCase):
        """The suite; ``make`` gives a swarm that is ready."""

        swarm: ports.SwarmPort
        told: list[SwarmEvent]

        async def make(self) -> ports.SwarmPort:
            """A swarm that is ready, and is stopped when the test is over."""
            raise NotImplementedError

        async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
            """Make a swarm and watch it."""
            self.swarm = await self.make()
            self.told = []
            self.swarm.events.subscribe(self.told.append)
            self.folder = os.path.abspath(self.mktemp())
            os.mkdir(self.folder)

        def file(self, name: str = "file") -> Metainfo:
            """The metainfo of a file that lies there."""
            return metainfo(write(os.path.join(self.folder, name), os.urandom(1000)))

        async def test_a_share(self) -> None:
            """What is shared is complete, and in the library and the share list by the answer."""
            info = self.file("film.mkv")
            torrent = await self.swarm.share(info, self.folder)
            self.assertEqual(torrent, self.swarm.library.get(info.info_hash))
            self.assertEqual(
                (torrent.name, torrent.save_path, torrent.state, torrent.complete),
                ("film.mkv", self.folder, TorrentState.SEEDING, True),
            )
            self.assertEqual((torrent.progress.done, torrent.progress.total), (1000, 1000))
            self.assertEqual([file.size for file in torrent.files or ()], [1000])
            self.assertEqual(self.swarm.library.shares[info.info_hash].size, 1000)
            self.assertEqual(self.told[:2], [TorrentAdded(torrent=torrent), SharesChanged()])

        async def test_a_share_again(self) -> None:
            """Sharing the same again gives the same, and tells nothing."""
            info = self.file()
            first = await self.swarm.share(info, self.folder)
            told = [event for event in self.told if isinstance(event, TorrentAdded | SharesChanged)]
            self.assertEqual(await self.swarm.share(info, self.folder), first)
            again = [
                event for event in self.told if isinstance(event, TorrentAdded | SharesChanged)
            ]
            self.assertEqual(again, told)

        async def test_names_are_safe(self) -> None:
            """A name is printable and no path, whatever it was."""
            info = self.file("line\nbreak")
            self.assertEqual((await self.swarm.share(info, self.folder)).name, "line\ufffdbreak")
            torrent = await self.swarm.download(ABSENT, "../\x1b[2Jup", self.folder)
            self.assertTrue(torrent.name.isprintable())
            self.assertNotIn("/", torrent.name)

        async def test_nobody_is_connected(self) -> None:
            """For what nobody else has there are no peers; of an unknown torrent it is an error."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            self.assertEqual(list(self.swarm.peers(info.info_hash)), [])
            with self.assertRaises(UnknownTorrent):
                self.swarm.peers(ABSENT)

        async def test_a_download(self) -> None:
            """A download is in the library, and told, before the call returns; it is no share."""
            answer = self.swarm.download(ABSENT, "holiday", self.folder)
            torrent = self.swarm.library.get(ABSENT)
            self.assertEqual(self.told, [TorrentAdded(torrent=torrent)])
            self.assertEqual(
                (torrent.name, torrent.state, torrent.complete, torrent.files),
                ("holiday", TorrentState.METADATA, False, None),
            )
            self.assertEqual((await answer).info_hash, ABSENT)
            self.assertEqual(dict(self.swarm.library.shares), {})

        async def test_a_download_again(self) -> None:
            """Asking again for a download, or for what is complete, gives what there is."""
            first = await self.swarm.download(ABSENT, "holiday", self.folder)
            self.assertEqual(
                (await self.swarm.download(ABSENT, "other", "/other")).name, first.name
            )
            info = self.file()
            await self.swarm.share(info, self.folder)
            again = await self.swarm.download(info.info_hash, "other", "/other")
            self.assertTrue(again.complete)
            self.assertEqual(len(self.swarm.library), 2)

        async def test_a_download_that_is_shared(self) -> None:
            """A download ends when the same is shared from here; it was added when it was begun."""
            info = self.file()
            begun = await self.swarm.download(info.info_hash, "", "/elsewhere")
            torrent = await self.swarm.share(info, self.folder)
            self.assertEqual((torrent.save_path, torrent.complete), (self.folder, True))
            self.assertEqual(torrent.added, begun.added)
            self.assertIn(info.info_hash, self.swarm.library.shares)

        async def test_a_sealed_share(self) -> None:
            """It has the seal of its secret, and the share list announces that."""
            info = self.file()
            torrent = await self.swarm.share(info, self.folder, secret=SECRET)
            seal = seal_of(info_section(info.torrent_file), SECRET)
            self.assertEqual((torrent.info_hash, torrent.seal), (info.info_hash, seal))
            self.assertEqual(self.swarm.library.shares[info.info_hash].seal, pack(seal))
            self.assertEqual(self.swarm.torrent_file(info.info_hash), info.torrent_file)

        async def test_a_share_that_is_for_some(self) -> None:
            """It never is in the list for everybody; one that is complete keeps its access."""
            info = self.file()
            library = self.swarm.library
            seen: list[int] = []
            self.swarm.events.subscribe(lambda _: seen.append(len(library.shares)))
            await self.swarm.share(info, self.folder, secret=SECRET, access=PRIVATE)
            self.assertEqual(list(library.restricted), [info.info_hash])
            torrent = await self.swarm.share(info, self.folder, access=OPEN)
            self.assertEqual(torrent.options.access, PRIVATE)
            self.assertEqual(set(seen), {0})

        async def test_a_sealed_download(self) -> None:
            """It has the seal that was announced, until it is given another one."""
            torrent = await self.swarm.download(ABSENT, "", self.folder, seal=SEAL)
            self.assertEqual(torrent.seal, SEAL)
            other = Seal(bytes(32), ABSENT)
            changed = await self.swarm.set_seal(ABSENT, other)
            self.assertEqual((changed.seal, changed), (other, self.swarm.library.get(ABSENT)))
            self.assertIsNone((await self.swarm.set_seal(ABSENT, None)).seal)
            await self.assertFailure(self.swarm.seal(ABSENT, SECRET), NoMetadata)
            salt = bytes(16)
            replacing = self.swarm.replace_secret(ABSENT, SECRET, salt, PRIVATE)
            await self.assertFailure(replacing, NoMetadata)

        async def test_sealing_a_plain_share(self) -> None:
            """It keeps its hash and stays a share, which is announced with its seal."""
            info = self.file()
            before = await self.swarm.share(info, self.folder)
            self.told.clear()
            torrent = await self.swarm.seal(info.info_hash, SECRET)
            seal = seal_of(info_section(info.torrent_file), SECRET)
            self.assertEqual(torrent, replace(before, seal=seal))
            self.assertEqual(self.told, [TorrentChanged(torrent=torrent), SharesChanged()])
            self.assertEqual(await self.swarm.set_seal(info.info_hash, seal), torrent)
            await self.assertFailure(self.swarm.set_seal(info.info_hash, SEAL), InvalidValue)

        async def test_replacing_the_secret(self) -> None:
            """The same files are shared under another hash, with the same options but access."""
            info, salt = self.file(), bytes(16)
            options = TorrentOptions(annotation=Annotation("a note"), limits=Limits(upload=5))
            await self.swarm.share(info, self.folder, secret=SECRET)
            before = await self.swarm.set_options(info.info_hash, options)
            self.told.clear()
            torrent = await self.swarm.replace_secret(info.info_hash, bytes(32), salt, PRIVATE)
            salted_info = salted(info_section(info.torrent_file), salt)
            new = info_hash_of(salted_info)
            seal = seal_of(salted_info, bytes(32))
            options = replace(options, access=PRIVATE)
            self.assertEqual(torrent, replace(before, info_hash=new, seal=seal, options=options))
            self.assertEqual(list(self.swarm.library), [torrent])
            library = self.swarm.library
            self.assertEqual((list(library.shares), list(library.restricted)), ([], [new]))
            self.assertEqual(
                self.told,
                [
                    TorrentAdded(torrent=torrent),
                    TorrentRemoved(info_hash=info.info_hash, name="file"),
                    SharesChanged(),
                ],
            )
            again = self.swarm.replace_secret(new, bytes(32), salt, PRIVATE)
            await self.assertFailure(again, InvalidValue)

        async def test_seals_of_what_is_unknown(self) -> None:
            """That is an error, as the answer."""
            for answer in (
                self.swarm.seal(ABSENT, SECRET),
                self.swarm.set_seal(ABSENT, None),
                self.swarm.replace_secret(ABSENT, SECRET, bytes(16), PRIVATE),
            ):
                await self.assertFailure(answer, UnknownTorrent)

        async def test_removing(self) -> None:
            """What is removed is in neither list by the answer, and that is told."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            self.told.clear()
            await self.swarm.remove(info.info_hash, False)
            self.assertNotIn(info.info_hash, self.swarm.library)
            self.assertEqual(dict(self.swarm.library.shares), {})
            self.assertEqual(
                [event for event in self.told if isinstance(event, TorrentRemoved | SharesChanged)],
                [TorrentRemoved(info_hash=info.info_hash, name="file"), SharesChanged()],
            )

        async def test_removing_a_download(self) -> None:
            """A download that never was a share can be removed without a word to contacts."""
            await self.swarm.download(ABSENT, "holiday", self.folder)
            await self.swarm.remove(ABSENT, True)
            self.assertEqual(len(self.swarm.library), 0)
            self.assertNotIn(SharesChanged(), self.told)

        async def test_removing_what_is_unknown(self) -> None:
            """That is an error, as the answer."""
            with self.assertRaises(UnknownTorrent):
                await self.swarm.remove(ABSENT, False)

        async def test_options_are_stored(self) -> None:
            """What is wanted is taken over, told and shown; what is paused is no share."""
            info = self.file()
            torrent = await self.swarm.share(info, self.folder)
            self.told.clear()
            options = TorrentOptions(paused=True, queue_position=3, limits=Limits(upload=5))
            paused = await self.swarm.set_options(info.info_hash, options)
            self.assertEqual((paused.options, paused.state), (options, TorrentState.PAUSED))
            self.assertEqual(self.swarm.library.get(info.info_hash), paused)
            self.assertEqual(self.told, [TorrentChanged(torrent=paused), SharesChanged()])
            self.assertEqual(await self.swarm.set_options(info.info_hash, options), paused)
            self.assertEqual(len(self.told), 2)
            resumed = await self.swarm.share(info, self.folder)
            self.assertEqual(resumed.state, TorrentState.SEEDING)
            self.assertIn(info.info_hash, self.swarm.library.shares)
            self.assertTrue(torrent.shared)

        async def test_an_annotation_is_announced(self) -> None:
            """The share has it from then on, and contacts are told."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            self.told.clear()
            said = Annotation("a note", ("a tag",))
            noted = await self.swarm.set_options(info.info_hash, TorrentOptions(annotation=said))
            self.assertEqual(self.swarm.library.shares[info.info_hash].annotation, said)
            self.assertEqual(self.told, [TorrentChanged(torrent=noted), SharesChanged()])

        async def test_a_download_begun_paused(self) -> None:
            """It is paused from the first moment on."""
            torrent = await self.swarm.download(
                ABSENT, "", self.folder, TorrentOptions(paused=True)
            )
            self.assertIs(torrent.state, TorrentState.PAUSED)
            resumed = await self.swarm.set_options(ABSENT, TorrentOptions())
            self.assertIs(resumed.state, TorrentState.METADATA)

        async def test_what_there_is_of_a_torrent(self) -> None:
            """The .torrent file and the bytes of each file, none of which a new download has."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            self.assertEqual(list(self.swarm.file_progress(info.info_hash)), [1000])
            self.assertEqual(list(await self.swarm.files_written(info.info_hash)), [1000])
            self.assertEqual(self.swarm.torrent_file(info.info_hash), info.torrent_file)
            await self.swarm.download(ABSENT, "", self.folder)
            self.assertEqual(list(self.swarm.file_progress(ABSENT)), [])
            self.assertEqual(list(await self.swarm.files_written(ABSENT)), [])
            self.assertIsNone(self.swarm.torrent_file(ABSENT))

        async def test_reading(self) -> None:
            """A file is given piece by piece, as often as it is asked for, until it is closed."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            content = read(os.path.join(self.folder, "file"))
            self.know(info.info_hash, content)
            file = await self.open(info.info_hash)
            span = file.span
            self.assertEqual((span.offset, span.size), (0, 1000))
            for _ in range(2):
                pieces = [
                    (await file.piece(part.piece, span.last_piece(1000)))[part.start : part.end]
                    for part in span.piece_ranges(0, 1000)
                ]
                self.assertEqual(b"".join(pieces), content)
            file.close()
            file.close()

        def know(self, info_hash: InfoHash, content: bytes) -> None:
            """Tell a fake swarm what is in a file."""

        async def open(self, info_hash: InfoHash) -> OpenFilePort:
            """Open the first file of a torrent."""
            return self.swarm.open_file(info_hash, 0)

        async def test_controlling_what_is_unknown(self) -> None:
            """That is an error."""
            with self.assertRaises(UnknownTorrent):
                await self.swarm.set_options(ABSENT, TorrentOptions())
            with self.assertRaises(UnknownTorrent):
                self.swarm.file_progress(ABSENT)
            with self.assertRaises(UnknownTorrent):
                await self.swarm.files_written(ABSENT)
            with self.assertRaises(UnknownTorrent):
                self.swarm.torrent_file(ABSENT)
            with self.assertRaises(UnknownTorrent):
                self.swarm.open_file(ABSENT, 0)
            self.swarm.limit(Limits(1, 2))

        async def test_rechecking(self) -> None:
            """What is rechecked is shared as before, at the latest when that is done."""
            info = self.file()
            torrent = await self.swarm.share(info, self.folder)
            await self.swarm.recheck(info.info_hash)
            await when(
                cast(Any, self.swarm), lambda: self.swarm.library.get(info.info_hash).complete
            )
            self.assertEqual(self.swarm.library.get(info.info_hash), torrent)
            self.assertIn(info.info_hash, self.swarm.library.shares)

        async def test_rechecking_what_is_not_here(self) -> None:
            """A download without metadata has nothing to check; what is unknown is an error."""
            torrent = await self.swarm.download(ABSENT, "holiday", self.folder)
            await self.swarm.recheck(ABSENT)
            self.assertEqual(self.swarm.library.get(ABSENT), torrent)
            with self.assertRaises(UnknownTorrent):
                await self.swarm.recheck(InfoHash("cd" * 20))

        async def test_looking(self) -> None:
            """What is as it was is as before; what was changed is told by the answer."""
            info = self.file()
            torrent = await self.swarm.share(info, self.folder)
            self.assertEqual(await self.swarm.check_files(info.info_hash), torrent)
            write(os.path.join(self.folder, "file"), os.urandom(1000))
            self.change(info.info_hash)
            looked = await self.swarm.check_files(info.info_hash)
            self.assertIs(looked.trouble and looked.trouble.reason, Reason.CHANGED)
            self.assertEqual(looked, self.swarm.library.get(info.info_hash))
            begun = await self.swarm.download(ABSENT, "holiday", self.folder)
            self.assertEqual(await self.swarm.check_files(ABSENT), begun)
            await self.swarm.remove(ABSENT, False)
            await self.assertFailure(self.swarm.check_files(ABSENT), UnknownTorrent)

        def change(self, info_hash: InfoHash) -> None:
            """Tell a fake swarm that files were changed."""

        async def test_offering_peers_is_always_accepted(self) -> None:
            """Peers can be offered for anything, at any time, any number of times."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            await self.swarm.download(ABSENT, "", self.folder)
            for info_hash in (info.info_hash, ABSENT, InfoHash("cd" * 20)):
                self.swarm.offer_peers(info_hash, [PEER, PEER])
                self.swarm.offer_peers(info_hash, [])

        async def test_dialling_at_once_is_always_accepted(self) -> None:
            """A peer can be dialled for any torrent, over TCP and uTP; denied ones stay away."""
            info = self.file()
            await self.swarm.share(info, self.folder)
            for info_hash in (info.info_hash, ABSENT):
                self.swarm.dial_simultaneously(info_hash, tcp=[PEER], utp=[PEER])
                self.swarm.dial_simultaneously(info_hash, tcp=[], utp=[])
            self.assertEqual(list(self.swarm.peers(info.info_hash)), [])

        async def test_deleting(self) -> None:
            """What would be deleted is told before, and the same again when it is done."""
            info = self.file()
            torrent = await self.swarm.share(info, self.folder)
            self.assertIs(torrent.origin, FileOrigin.SHARED)
            planned = await self.swarm.deletion(info.info_hash)
            self.assertEqual(planned, Deletion(1, info.total_size, trash=False, kept=0))
            self.assertEqual(await self.swarm.remove(info.info_hash, True), planned)
            await self.swarm.download(ABSENT, "", self.folder)
            self.assertIs(self.swarm.library.get(ABSENT).origin, FileOrigin.FETCHED)
            nothing = Deletion(0, 0, trash=False, kept=0)
            self.assertEqual(await self.swarm.deletion(ABSENT), nothing)
            self.assertIsNone(await self.swarm.remove(ABSENT, False))
            await self.assertFailure(self.swarm.deletion(ABSENT), UnknownTorrent)
            await self.assertFailure(self.swarm.remove(ABSENT, True), UnknownTorrent)

        async def test_a_subscriber_may_do_anything(self) -> None:
            """Who hears of a torrent may offer peers for it, or remove it, there and then."""

            def meddle(event: SwarmEvent) -> None:
                if isinstance(event, TorrentAdded):
                    self.swarm.offer_peers(event.torrent.info_hash, [PEER])
                    removing.append(self.swarm.remove(event.torrent.info_hash, False))

            removing: list[Deferred[Any]] = []
            self.swarm.events.subscribe(meddle)
            await self.swarm.download(ABSENT, "", self.folder)
            await self.swarm.share(self.file(), self.folder)
            for each in removing:
                await each
            self.assertEqual(len(self.swarm.library), 0)
            self.assertEqual(dict(self.swarm.library.shares), {})

        async def test_listening(self) -> None:
            """There is a socket, and no mapping that nobody asked for."""
            ((address, port),) = self.swarm.listening
            self.assertEqual(address, "127.0.0.1")
            self.assertIn(port, range(1, 65536))
            self.assertEqual(tuple(self.swarm.mapped), ())
            self.assertEqual(tuple(self.swarm.external), ())


class FakeSwarmTests(Contract.SwarmTests):
    """The fake."""

    async def make(self) -> ports.SwarmPort:
        """One is ready at once."""
        self.fake = FakeSwarm()
        return self.fake

    def change(self, info_hash: InfoHash) -> None:
        """Have it find that."""
        self.fake.changed.add(info_hash)

    def know(self, info_hash: InfoHash, content: bytes) -> None:
        """Have it give that."""
        self.fake.contents[info_hash] = content


class RealSwarmTests(Contract.SwarmTests):
    """The real one, on loopback."""

    async def make(self) -> ports.SwarmPort:
        """Start one."""
        swarm = Swarm(cast(Any, reactor), Database.open(self.mktemp()), LOOPBACK)
        swarm.startService()
        self.addCleanup(swarm.stopService)
        await swarm.ready
        return swarm

    async def open(self, info_hash: InfoHash) -> OpenFilePort:
        """Open it as soon as libtorrent has the torrent, of which nothing is told."""
        while True:
            try:
                return await super().open(info_hash)
            except SwarmError:
                await reactor_turn()
