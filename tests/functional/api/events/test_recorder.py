"""What happens in the application, as events."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.events.recorder import Recorder
from bitween.api.results.event_data import MAX_SHARES
from bitween.api.results.event_types import EventType
from bitween.errors import HashingFailed, RequestRefused
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.contact import Contact, Pending
from bitween.model.events import ConnectionChanged, ContactChanged, RouteFound, TorrentChanged
from bitween.model.route import Route, RouteKind
from bitween.model.torrent import InfoHash, Metainfo, Progress, TorrentState, parse_info_hash
from tests.support.api_rig import EPOCH, OWN_JID, World, info_hash

BOB, CAROL = "bob@example.org", "carol@example.org"
A, B = info_hash("a"), info_hash("b")


class RecorderCase(SynchronousTestCase):
    """A world whose events are recorded."""

    def setUp(self) -> None:
        """Begin to record."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.publisher = LogPublisher()
        self.recorder = Recorder(self.world.bitween, self.world.log, self.clock, self.publisher)
        self.recorder.startService()
        self.addCleanup(self.stop)
        self.position = self.world.log.last

    def stop(self) -> None:
        """End it, if that has not been done."""
        if self.recorder.running:
            self.recorder.stopService()

    def events(self, *types: EventType) -> list[dict[str, Any]]:
        """What was recorded since the last look, of some types or of all."""
        page = self.world.log.after(self.position, frozenset(types or EventType), 2**30)
        self.assertFalse(page.gap)
        self.position = page.last
        return [json.loads(event.text) for event in page.events]

    def data(self, *types: EventType) -> list[Any]:
        """What the events since the last look carry."""
        return [event["data"] for event in self.events(*types)]

    def change(self, torrent: InfoHash, **changes: Any) -> None:
        """Let a torrent be otherwise, and the swarm say so."""
        self.world.swarm.change(torrent, **changes)
        changed = self.world.swarm.library.get(torrent)
        self.world.swarm.events.notify(TorrentChanged(torrent=changed))


class TorrentEventTests(RecorderCase):
    """Our own torrents."""

    def test_a_new_torrent_is_reported_without_its_files(self) -> None:
        """It is told whole, but for its files."""
        self.world.share("film.mkv", A)
        (event,) = self.events()
        self.assertEqual((event["type"], event["time"]), ("torrent_added", EPOCH))
        data = event["data"]
        self.assertEqual(
            (data["hash"], data["name"], data["total_size"], data["state"], data["progress"]),
            (A, "film.mkv", 1000, "seeding", 1.0),
        )
        self.assertNotIn("files", data)

    def test_progress_is_reported_once_a_second_at_most(self) -> None:
        """Only what changed is told, and at most once a second."""
        self.world.swarm.download(A, "film.mkv", "/files")
        nothing = Progress(0, 100, left=100, peers=1)
        self.change(A, state=TorrentState.DOWNLOADING, progress=nothing)
        self.clock.advance(0)
        self.events()
        for done in range(1, 9):
            self.change(A, progress=Progress(done, 100, download_rate=5, left=100 - done, peers=1))
        self.clock.advance(0.5)
        self.assertEqual(self.events(), [])
        self.clock.advance(0.5)
        (event,) = self.events()
        self.assertEqual(event["type"], "torrent_changed")
        self.assertEqual(
            event["data"]["torrents"],
            [
                {
                    "hash": A,
                    "done": 8,
                    "progress": 0.08,
                    "download_rate": 5,
                    "left": 92,
                    "eta": 92 / 5,
                }
            ],
        )

    def test_many_in_progress(self) -> None:
        """A thousand torrents in progress are a few events a second."""
        hashes = [parse_info_hash(f"{number:040x}") for number in range(1000)]
        for torrent in hashes:
            self.world.swarm.download(torrent, "film.mkv", "/files")
        self.events()
        for torrent in hashes:
            self.change(torrent, progress=Progress(1, 100))
        self.clock.advance(0)
        told = [torrent["hash"] for data in self.data() for torrent in data["torrents"]]
        self.assertEqual(told, hashes)
        self.assertLess(self.world.log.count, 1000 + 5)

    def test_completion_is_reported_at_once_with_the_path(self) -> None:
        """It is told at once, with where it lies."""
        self.world.swarm.download(A, "film.mkv", "/files")
        self.world.swarm.arrive(A, 100)
        self.assertEqual(
            self.data(EventType.TORRENT_FINISHED),
            [
                {
                    "hash": A,
                    "name": "film.mkv",
                    "total_size": 100,
                    "complete": True,
                    "save_path": "/files",
                }
            ],
        )

    def test_a_removed_torrent_has_no_later_events(self) -> None:
        """Nothing of it is told afterwards."""
        self.world.share("film.mkv", A)
        self.change(A, progress=Progress(1, 2))
        self.world.swarm.remove(A, delete_data=False)
        self.clock.advance(5)
        self.assertEqual(
            [(event["type"], event["data"].get("hash")) for event in self.events()],
            [("torrent_added", A), ("torrent_removed", A)],
        )

    def test_each_error_is_reported_once(self) -> None:
        """It is told once for each error, and again after it was mended."""
        self.world.share("film.mkv", A)
        for error in ("no space left", "no space left", "", "no space left", "gone"):
            self.change(A, state=TorrentState.ERROR, error=error)
        self.assertEqual(
            self.data(EventType.TORRENT_ERROR),
            [
                {"hash": A, "name": "film.mkv", "error": error, "trouble": None}
                for error in ("no space left", "no space left", "gone")
            ],
        )
        self.clock.advance(0)
        (changed,) = self.data(EventType.TORRENT_CHANGED)
        self.assertEqual(changed["torrents"][0]["error"], "gone")


class ContactEventTests(RecorderCase):
    """Contacts, and what they share."""

    def test_added_and_removed_shares_name_their_owner(self) -> None:
        """What a device shares newly or no longer is told, with whose it is."""
        self.world.contact_shares(BOB, {A: "a film"})
        shown = {"hash": A, "name": "a film", "size": 123, "resource": "desk"}
        self.assertEqual(
            self.data(EventType.SHARE_APPEARED), [{"contact": BOB, "shares": [shown], "more": 0}]
        )
        self.world.contact(BOB, "desk").announce([], [])
        self.assertEqual(
            self.data(EventType.SHARE_GONE), [{"contact": BOB, "shares": [shown], "more": 0}]
        )

    def test_many_shares_are_one_bounded_event(self) -> None:
        """However many appear, that is one event of bounded size."""
        names = {parse_info_hash(f"{number:040x}"): "x" * 400 for number in range(5000)}
        self.world.contact_shares(BOB, names)
        (event,) = self.events(EventType.SHARE_APPEARED)
        shares = event["data"]["shares"]
        self.assertEqual((len(shares), event["data"]["more"]), (MAX_SHARES, 5000 - MAX_SHARES))
        self.assertEqual({len(share["name"]) for share in shares}, {255})

    def test_hostile_names_are_made_harmless(self) -> None:
        """A name that would disturb a terminal is made harmless."""
        self.world.contact_shares(BOB, {A: "\x1b[2J\u202efdp.exe\n"})
        (data,) = self.data(EventType.SHARE_APPEARED)
        self.assertEqual(data["shares"][0]["name"], "\ufffd[2J\ufffdfdp.exe\ufffd")

    def test_each_device_that_comes_or_goes_is_reported(self) -> None:
        """Each device that comes or goes is told."""
        bob = self.world.contact(BOB, "desk")
        bob.befriend([OWN_JID])
        bob.stop()
        self.assertEqual(
            [
                (event["type"], event["data"])
                for event in self.events(EventType.CONTACT_ONLINE, EventType.CONTACT_OFFLINE)
            ],
            [
                ("contact_online", {"contact": BOB, "resource": "desk"}),
                ("contact_offline", {"contact": BOB, "resource": "desk"}),
            ],
        )

    def test_a_contact_request_is_reported_once(self) -> None:
        """A contact request is recorded once, until it is answered."""
        bob = self.world.contact(BOB, "desk")
        bob.add_contact(OWN_JID, "")
        bob.add_contact(OWN_JID, "")
        self.assertEqual(self.data(EventType.CONTACT_REQUEST), [{"contact": BOB, "nick": None}])
        self.world.messenger.remove_contact(BOB)
        bob.add_contact(OWN_JID, "")
        self.assertEqual(len(self.data(EventType.CONTACT_REQUEST)), 1)

    def test_an_error_of_their_server(self) -> None:
        """It is told once, and again if it is another one or was over in between."""
        error = RequestRefused("the server x cannot be found", "check the address")
        for told in (error, error, None, error, RequestRefused("another")):
            contact = Contact(BOB, pending=Pending.OUT, error=told)
            self.world.messenger.events.notify(ContactChanged(contact=contact))
        said = self.data(EventType.CONTACT_ERROR)
        self.assertEqual([data["contact"] for data in said], [BOB] * 3)
        self.assertEqual(said[0]["error"]["message"], error.message)
        self.assertEqual(said[0]["error"]["data"]["reason"], "request_refused")

    def test_a_way_that_is_found(self) -> None:
        """How a device is reached is told when that is known."""
        found = RouteFound(jid=BOB, resource="desk", route=Route(RouteKind.LAN))
        self.world.bitween.connector.routes.changes.notify(found)
        self.assertEqual(
            self.data(EventType.CONTACT_REACH),
            [{"contact": BOB, "resource": "desk", "reach": "lan", "text": "direct (LAN)"}],
        )

    def test_whom_a_download_waits_for(self) -> None:
        """It is told with the peer that goes, and when others have it, or have it no longer."""
        self.world.contact_shares(BOB, {A: "film"})
        self.world.swarm.download(A, "film", "/files")
        self.change(A, state=TorrentState.DOWNLOADING, progress=Progress(1, 9, left=8, peers=1))
        self.clock.advance(0)
        self.events()
        self.change(A, progress=Progress(1, 9, left=8))
        self.clock.advance(1)
        (data,) = self.data(EventType.TORRENT_CHANGED)
        self.assertEqual(data, {"torrents": [{"hash": A, "peers": 0, "waiting_for": [BOB]}]})
        self.world.contact_shares(CAROL, {A: "film"})
        (data,) = self.data(EventType.TORRENT_CHANGED)
        self.assertEqual(data, {"torrents": [{"hash": A, "waiting_for": [BOB, CAROL]}]})

    def test_contact_is_no_request(self) -> None:
        """Neither a contact nor our own request is recorded as a contact request."""
        self.world.messenger.add_contact(CAROL, "")
        self.world.contact(BOB, "desk").befriend([OWN_JID])
        self.assertEqual(self.data(EventType.CONTACT_REQUEST), [])

    def test_connection_changes_are_reported_with_the_reason(self) -> None:
        """Where it stands now, and why."""
        status = ConnectionStatus(OWN_JID, ConnectionState.WAITING, 5.0, "no route", next_try=9.0)
        self.world.messenger.events.notify(ConnectionChanged(status=status))
        (told,) = self.data(EventType.CONNECTION)
        self.assertEqual(
            (told["state"], told["since"], told["error"], told["next_try"]),
            ("waiting", 5.0, "no route", 9.0),
        )


class JobEventTests(RecorderCase):
    """What takes a while."""

    def hash(self, path: str = "/dev") -> str:
        """Begin to hash something."""
        return self.world.bitween.sharing.add_path(path).id

    def test_a_job_is_reported_from_start_to_end(self) -> None:
        """It is told as it begins, goes on and ends."""
        job = self.hash()
        self.clock.advance(0)
        (begun,) = self.data()
        self.assertEqual((begun["job"], begun["state"], begun["done"]), (job, "queued", 0))
        report, hashing = self.world.hasher.running["/dev"]
        report(0, 100)
        self.clock.advance(1)
        self.assertEqual(self.data(), [{"job": job, "state": "running", "total": 100}])
        for done in (10, 20, 50):
            report(done, 100)
        self.clock.advance(1)
        (progress,) = self.data()
        self.assertEqual((progress["job"], progress["done"]), (job, 50))
        self.assertNotIn("subject", progress)
        report(90, 100)
        hashing.callback(Metainfo(A, "dev", 100, b""))
        self.clock.advance(5)
        (done_,) = self.data(EventType.JOB_DONE, EventType.JOB_PROGRESS)
        self.assertEqual(
            done_["result"],
            {"hash": A, "name": "dev", "total_size": 100, "left_out": [], "left_out_total": 0},
        )

    def test_a_failed_job_carries_its_error(self) -> None:
        """The error is told."""
        self.hash()
        self.world.hasher.running["/dev"][1].errback(HashingFailed("it went away"))
        (data,) = self.data(EventType.JOB_FAILED)
        self.assertEqual((data["state"], data["error"]["message"]), ("failed", "it went away"))

    def test_a_cancelled_job_fails_without_an_error(self) -> None:
        """That is a failure without an error."""
        self.world.bitween.jobs.cancel(self.hash())
        (data,) = self.data(EventType.JOB_FAILED)
        self.assertEqual((data["state"], data["error"]), ("cancelled", None))


class RecordingTests(RecorderCase):
    """Beginning and ending."""

    def test_log_warnings_are_recorded(self) -> None:
        """What the log warns of is told."""
        Logger("test", observer=self.publisher).warn("watch {what}", what="out")
        self.assertEqual(
            self.data(EventType.WARNING), [{"level": "warn", "text": "watch out", "more": 0}]
        )

    def test_nothing_is_recorded_after_a_stop(self) -> None:
        """Nothing is recorded any more, and nothing waits."""
        self.world.share("film.mkv", A)
        self.change(A, progress=Progress(1, 2))
        self.stop()
        self.events()
        self.world.share("another", B)
        self.world.contact_shares(BOB, {B: "another"})
        Logger("test", observer=self.publisher).warn("watch out")
        self.clock.advance(0)
        self.assertEqual((self.events(), self.clock.getDelayedCalls()), ([], []))
