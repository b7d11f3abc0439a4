"""The commands that control torrents, as their own processes, against a real API on loopback."""

from __future__ import annotations

import os

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.introduction import Introduction
from bitween.model.peer import Peer
from bitween.model.torrent import FileEntry, Progress, TorrentState
from bitween.model.torrent_options import Limits
from tests.support.cli_case import BOB, A, B, C, CliCase


class ControlCommandTests(CliCase):
    """Two downloads, one of which has three files."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial takes coroutines
        """Begin both."""
        super().setUp()
        await self.serve()
        await self.world.swarm.download(A, "holiday", "/files")
        self.world.swarm.change(
            A,
            state=TorrentState.DOWNLOADING,
            files=tuple(FileEntry(f"holiday/{name}", 1000) for name in "abc"),
            progress=Progress(0, 3000, left=3000),
        )
        await self.world.swarm.download(B, "film", "/files")

    def states(self) -> list[str]:
        """Of the torrents."""
        return [torrent.state.value for torrent in self.world.bitween.torrents.all()]

    async def test_pausing_and_resuming(self) -> None:
        """Torrents are named, or all are meant; nothing happens if one name is not understood."""
        outcome = await self.run_bitween("pause", "holiday", "nothing")
        self.assertEqual((outcome.status, self.states()), (1, ["downloading", "metadata"]))
        self.assertEqual((await self.done("pause", "holiday")).out, f"paused holiday ({A})\n")
        self.assertEqual(self.states(), ["paused", "metadata"])
        await self.done("pause", "--all")
        self.assertEqual(self.states(), ["paused", "paused"])
        await self.done("resume", "--all", "--first")
        self.assertEqual(self.states(), ["downloading", "metadata"])
        self.assertEqual(
            [t.options.queue_position for t in self.world.bitween.torrents.all()], [-1, -2]
        )
        await self.done("recheck", "film")
        for wrong in (("pause",), ("resume", "--all", "film")):
            self.assertEqual((await self.run_bitween(*wrong)).status, 2)

    async def test_a_note_is_set_shown_and_removed(self) -> None:
        """It is set, shown here and in the list, and removed; what is left out stays."""
        out = (await self.done("note", "holiday", "Two", "weeks", "--tag", "summer")).out
        self.assertEqual(out, "Two weeks  #summer\n")
        await self.done("note", "holiday", "--tag", "sea", "--tag", "Köln")
        self.assertEqual((await self.done("note", "holiday")).out, "Two weeks  #sea #Köln\n")
        listed = await self.run_bitween("ls")
        self.assertIn("holiday #sea #Köln\t", listed.out)
        self.assertIn("holiday: Two weeks", listed.err)
        result = (await self.done("note", "holiday", "--clear", "--json")).json
        self.assertEqual(result, {"note": "", "tags": []})
        self.assertEqual((await self.done("note", "holiday")).out, "no note and no tags\n")
        for wrong in (("--clear", "--tag", "x"), ("text", "--clear")):
            self.assertEqual((await self.run_bitween("note", "holiday", *wrong)).status, 2)
        self.assertIn("not a valid tag", await self.refused(1, "note", "holiday", "--tag", "a,b"))

    async def test_files_are_listed_and_selected_by_number(self) -> None:
        """They are listed and chosen by their numbers."""
        out = (await self.done("files", "holiday")).out
        self.assertEqual(out.splitlines()[1], "1\t1 kB\t0%\tyes\tholiday/b")
        out = (await self.done("files", "holiday", "--only", "0,2", "--first", "2")).out
        self.assertEqual(
            [line.split("\t")[3] for line in out.splitlines()], ["yes", "no", "first (1)"]
        )
        await self.done("files", "holiday", "--skip", "0", "--also", "1", "--sequential")
        result = (await self.done("files", "holiday", "--json")).json
        self.assertEqual([file["wanted"] for file in result["files"]], [False, True, True])
        self.assertIs(result["sequential"], True)
        await self.done("files", "holiday", "--any-order")
        self.assertFalse(self.world.bitween.torrents.get(A).options.selection.sequential)

    async def test_files_that_are_not_there(self) -> None:
        """Numbers that make no sense, files that do not exist, and files not known yet."""
        self.assertEqual((await self.run_bitween("files", "holiday", "--only", "x")).status, 2)
        outcome = await self.run_bitween("files", "holiday", "--only", "3")
        self.assertEqual(outcome.status, 1)
        self.assertIn("the torrent has no file 3", outcome.err)
        self.assertIn("not known until", (await self.run_bitween("files", "film")).err)
        for option in ("--only", "--skip", "--first"):
            outcome = await self.run_bitween("files", "film", option, "0")
            self.assertEqual(outcome.status, 1)
            self.assertIn("not known yet", outcome.err)

    async def test_peers_are_listed_by_contact(self) -> None:
        """They are listed by contact; of those that are none there is only an address."""
        self.world.contact_shares(BOB, {C: "other"})
        bob = Peer("192.0.2.7", 6881, "bitween", 0.5, 1000, 0, 3000, 40, sealed=True)
        self.world.swarm.connected[A] = (bob, Peer("192.0.2.8", None))
        out = (await self.done("peers", "holiday")).out
        self.assertEqual(
            [line.split("\t") for line in out.splitlines()],
            [
                [BOB, "50%", "1 kB/s", "", "3 kB", "40 B", "sealed", "192.0.2.7", "bitween"],
                ["?", "0%", "", "", "0 B", "0 B", "in the clear", "192.0.2.8", ""],
            ],
        )
        result = (await self.done("peers", "holiday", "--json")).json
        self.assertEqual([peer["contact"] for peer in result["peers"]], [BOB, None])

    async def test_an_introduced_peer_is_shown_as_such(self) -> None:
        """With the contact that has introduced it."""
        introduction = Introduction(A, "7d2a9e4c", (Candidate(PeerAddress("192.0.2.8", 6881)),))
        self.world.bitween.connector.introduced.introduce(BOB, "laptop", introduction, 60.0)
        self.world.swarm.connected[A] = (Peer("192.0.2.8", 6881),)
        out = (await self.done("peers", "holiday")).out
        self.assertEqual(out.split("\t")[0], f"introduced by {BOB}")

    async def test_recheck_resumes_a_stopped_torrent(self) -> None:
        """What stands still goes on."""
        self.world.swarm.break_down(A, "no room is left")
        self.assertEqual((await self.done("mend", "holiday")).out, f"mending holiday ({A})\n")
        self.assertEqual(self.world.bitween.torrents.get(A).error, "")

    async def test_limits_are_set_globally_and_per_torrent(self) -> None:
        """Of all torrents and of one, with units; none lifts one."""
        self.assertEqual((await self.done("limit")).out, "up unlimited, down unlimited\n")
        out = (await self.done("limit", "--up", "500k", "--down", "1.5MB/s")).out
        self.assertEqual(out, "up 500 kB/s, down 1.5 MB/s\n")
        self.assertEqual(self.world.swarm.limits, Limits(500_000, 1_500_000))
        out = (await self.done("limit", "--up", "none")).out
        self.assertEqual(out, "up unlimited, down 1.5 MB/s\n")
        await self.done("limit", "holiday", "--down", "2000")
        self.assertEqual(self.world.bitween.torrents.get(A).options.limits, Limits(0, 2000))
        self.assertEqual((await self.done("limit", "holiday")).out, "up unlimited, down 2 kB/s\n")
        outcome = await self.run_bitween("limit", "--up", "fast")
        self.assertEqual(outcome.status, 2)
        self.assertIn("500k", outcome.err)

    async def test_export_prints_magnet_links_and_writes_torrent_files(self) -> None:
        """A magnet link is printed; a .torrent file is written, over nothing that is there."""
        self.world.share("ours.mkv", C)
        link = f"magnet:?xt=urn:btih:{C}&dn=ours.mkv\n"
        self.assertEqual((await self.done("export", "ours.mkv")).out, link)
        await self.done("export", "ours.mkv", "--to", "x.torrent")
        self.assertTrue(os.path.exists(self.path("x.torrent")))
        for wrong in (("ours.mkv", "--to", "x.torrent"), ("film", "--to", "y.torrent")):
            self.assertEqual((await self.run_bitween("export", *wrong)).status, 1)
        self.assertFalse(os.path.exists(self.path("y.torrent")))

    async def test_get_paused_fetches_only_the_file_list(self) -> None:
        """A download can be begun without fetching more than its list of files."""
        self.world.contact_shares(BOB, {C: "other"})
        await self.done("get", "other", "--paused")
        self.assertIs(self.world.bitween.torrents.get(C).state, TorrentState.PAUSED)
