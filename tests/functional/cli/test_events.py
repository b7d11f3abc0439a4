"""The command that lists and follows events, as its own process, against a real API."""

from __future__ import annotations

import json
import time

from bitween.api.results.event_types import EventType
from tests.support.cli_case import A, B, CliCase


class EventTests(CliCase):
    """``bitween events``."""

    async def serve_events(self) -> None:
        """Serve an API with two events."""
        await self.serve()
        self.world.log.record(EventType.TORRENT_REMOVED, {"hash": A, "name": "\x1b[31mholiday"})
        self.world.log.record(EventType.WARNING, {"level": "warn", "text": "late", "more": 0})

    async def test_events_lists_recent_events(self) -> None:
        """A line each, harmless on a terminal; or of some types only."""
        await self.serve_events()
        lines = (await self.done("events")).out.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(lines[0].endswith(f"  torrent_removed  hash: {A}  name: \ufffd[31mholiday"))
        self.assertRegex(lines[1], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  warning  level: warn")
        self.assertEqual((await self.done("events", "warning")).out.splitlines(), lines[1:])
        self.assertIn("'sunrise'", await self.refused(1, "events", "sunrise"))

    async def test_events_prints_a_line_for_each_change(self) -> None:
        """Each torrent that changed has its line, with its name; what is unknown is left out."""
        await self.serve()
        self.world.share("film", A)
        torrents = [{"hash": A, "done": 5, "progress": 0.5}, {"hash": B, "eta": None}]
        self.world.log.record(EventType.TORRENT_CHANGED, {"torrents": torrents})
        lines = (await self.done("events")).out.splitlines()
        self.assertEqual(
            [line.partition("  ")[2] for line in lines],
            [
                f"torrent_changed  name: film  hash: {A}  done: 5 B  progress: 50%",
                f"torrent_changed  hash: {B}",
            ],
        )

    async def test_rates_and_limits(self) -> None:
        """Rates and limits are told as on the rest of the command line, and no more than is."""
        await self.serve()
        limits = {"upload": 0, "download": 1_000_000}
        self.world.log.record(EventType.WARNING, {"download_rate": 0, "limits": limits, "more": 0})
        said = (await self.done("events")).out
        self.assertTrue(
            said.endswith("  download_rate: 0 B/s  limits: up unlimited, down 1 MB/s\n"), said
        )

    async def test_times_and_errors(self) -> None:
        """Times are local times, and no error is not told."""
        await self.serve()
        data = {"state": "online", "since": 1796021455.3, "error": None, "next_try": None}
        self.world.log.record(EventType.CONNECTION, data)
        said = (await self.done("events")).out
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1796021455))
        self.assertTrue(said.endswith(f"  connection  state: online  since: {since}\n"), said)

    async def test_nothing_to_list(self) -> None:
        """A list without anything in it is told in a sentence, beside the output."""
        await self.serve()
        await self.world.swarm.download(A, "film", "/files")
        for args, said in (
            (("shares",), "no contact shares anything"),
            (("shares", "x"), "no contact shares anything called 'x'"),
            (("contacts",), "contacts add"),
            (("jobs",), "nothing is running"),
            (("events",), "nothing has happened"),
            (("peers", "film"), f"nobody is connected for film ({A})"),
        ):
            outcome = await self.run_bitween(*args)
            self.assertEqual((outcome.status, outcome.out), (0, ""), args)
            self.assertIn(said, outcome.err)
        await self.done("rm", "film")
        self.assertIn("bitween add", (await self.run_bitween("ls")).err)

    async def test_events_json_prints_one_event_a_line(self) -> None:
        """An event a line, as the API gives it."""
        await self.serve_events()
        lines = (await self.done("events", "--json")).out.splitlines()
        events = [json.loads(line) for line in lines]
        self.assertEqual([event["type"] for event in events], ["torrent_removed", "warning"])
        self.assertEqual(set(events[0]), {"id", "type", "time", "data"})

    async def test_events_follow_prints_each_event_at_once(self) -> None:
        """What is kept, then each event as it happens, at once also into a pipe."""
        await self.serve_events()
        watcher = self.on_terminal("events", "--follow", "--json", terminal=False)
        await watcher.until('"late"')
        for number in range(3):
            self.world.log.record(EventType.WARNING, {"text": f"number {number}"})
            await watcher.until(f'"number {number}"')
        self.assertEqual(len(watcher.seen.splitlines()), 5)
