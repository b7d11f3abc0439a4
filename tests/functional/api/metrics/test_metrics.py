"""``GET /metrics``: what a Prometheus reads, through the real site."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.metrics.reactor_lag import ReactorLag
from bitween.api.results.event_types import EventType
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.events import TorrentChanged
from bitween.model.torrent import InfoHash, Metainfo, Progress, TorrentState
from tests.support.api_rig import (
    OWN_JID,
    Answer,
    Connection,
    World,
    http_request,
    info_hash,
    rpc,
    site_of,
)

BOB = "bob@example.org"
A, B = info_hash("a"), info_hash("b")


class MetricsCase(SynchronousTestCase):
    """The API of a world in memory."""

    def setUp(self) -> None:
        """Serve it."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.site = site_of(self.world)

    def request(self, data: bytes) -> Answer:
        """The answer to a request."""
        connection = Connection(self.site)
        connection.send(data)
        answer = connection.only_answer()
        connection.transport.loseConnection()
        return answer

    def figure(self, name: str, **labels: str) -> float:
        """One figure."""
        answer = self.request(http_request(method="GET", path="/metrics"))
        self.assertEqual(answer.status, 200)
        for family in text_string_to_metric_families(answer.body.decode()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        raise AssertionError(f"there is no {name} {labels}")

    def change(self, torrent: InfoHash, **changes: Any) -> None:
        """Let a torrent be otherwise, and the swarm say so."""
        self.world.swarm.change(torrent, **changes)
        changed = self.world.swarm.library.get(torrent)
        self.world.swarm.events.notify(TorrentChanged(torrent=changed))


class MetricsTests(MetricsCase):
    """The figures."""

    def test_metrics_are_explained_text(self) -> None:
        """Text, in the format that is asked for; each figure is explained."""
        answer = self.request(http_request(method="GET", path="/metrics"))
        self.assertTrue(answer.headers["content-type"].startswith("text/plain; version="))
        self.assertIn(b"# HELP bitween_torrents ", answer.body)
        accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
        answer = self.request(http_request(method="GET", path="/metrics", headers=accept))
        self.assertTrue(answer.headers["content-type"].startswith("application/openmetrics-text"))
        self.assertTrue(answer.body.endswith(b"# EOF\n"))

    def test_metrics_need_a_token_and_get(self) -> None:
        """Only who has the token, and only GET."""
        for headers, method, status in (
            ({"Authorization": None}, "GET", 401),
            ({}, "POST", 405),
        ):
            request = http_request(method=method, path="/metrics", headers=headers)
            self.assertEqual(self.request(request).status, status)

    def test_torrents_are_counted_by_state(self) -> None:
        """They are counted by state; rates and connections are added up."""
        self.world.share("one", A)
        self.world.swarm.download(B, "two", "/files")
        rates = {"download_rate": 10, "upload_rate": 3, "peers": 2}
        self.world.swarm.change(B, state=TorrentState.DOWNLOADING, progress=Progress(1, 9, **rates))
        self.assertEqual(self.figure("bitween_torrents", state="seeding"), 1)
        self.assertEqual(self.figure("bitween_torrents", state="downloading"), 1)
        self.assertEqual(self.figure("bitween_torrents", state="error"), 0)
        self.assertEqual(self.figure("bitween_download_bytes_per_second"), 10)
        self.assertEqual(self.figure("bitween_upload_bytes_per_second"), 3)
        self.assertEqual(self.figure("bitween_peers"), 2)

    def test_byte_counters_never_fall(self) -> None:
        """The sums grow with what is moved, and never fall; what a check finds does not count."""
        self.world.swarm.download(A, "film.mkv", "/files")
        self.change(A, state=TorrentState.CHECKING, progress=Progress(0, 100))
        self.change(A, state=TorrentState.DOWNLOADING, progress=Progress(40, 100))
        self.change(A, progress=Progress(70, 100, uploaded=5))
        self.change(A, progress=Progress(60, 100, uploaded=9))
        self.world.swarm.remove(A, delete_data=False)
        self.assertEqual(self.figure("bitween_downloaded_bytes_total"), 30)
        self.assertEqual(self.figure("bitween_uploaded_bytes_total"), 9)

    def test_hashing_jobs_are_counted_by_state(self) -> None:
        """Jobs by state, and the bytes they have read."""
        self.world.bitween.sharing.add_path("/dev")
        self.assertEqual(self.figure("bitween_jobs", state="queued"), 1)
        report, hashing = self.world.hasher.running["/dev"]
        report(30, 100)
        report(60, 100)
        self.assertEqual(self.figure("bitween_jobs", state="running"), 1)
        self.assertEqual(self.figure("bitween_hashed_bytes_total"), 60)
        hashing.callback(Metainfo(A, "dev", 100, b""))
        self.assertEqual(self.figure("bitween_jobs", state="done"), 1)
        self.assertEqual(self.figure("bitween_hashed_bytes_total"), 100)

    def test_xmpp_connection_and_contacts_are_measured(self) -> None:
        """Where the connection stands, and who is there."""
        self.world.contact_shares(BOB, {A: "film"}, online=False)
        self.assertEqual(self.figure("bitween_xmpp_state", state="online"), 1)
        self.assertEqual(self.figure("bitween_contacts"), 1)
        self.assertEqual(self.figure("bitween_contacts_online"), 0)
        self.world.messenger.status = ConnectionStatus(OWN_JID, ConnectionState.WAITING, 1.0, "x")
        self.assertEqual(self.figure("bitween_xmpp_state", state="online"), 0)
        self.assertEqual(self.figure("bitween_xmpp_state", state="waiting"), 1)

    def test_each_method_has_its_histogram(self) -> None:
        """Each method has its own histogram; what is no method has none."""
        call = self.request
        for _ in range(3):
            call(http_request(rpc("Api.versions")))
        call(http_request(rpc("jobs.get", ["there is none"])))
        call(http_request(rpc("made.up.by.the.client")))
        waiting = Connection(self.site)
        waiting.send(http_request(rpc("events.poll", {"timeout": 2})))
        self.clock.advance(2)
        name = "bitween_rpc_seconds_count"
        self.assertEqual(self.figure(name, method="Api.versions"), 3)
        self.assertEqual(self.figure(name, method="jobs.get"), 1)
        self.assertEqual(self.figure("bitween_rpc_seconds_sum", method="events.poll"), 2)
        self.assertRaises(AssertionError, self.figure, name, method="made.up.by.the.client")

    def test_events_and_process(self) -> None:
        """Events are counted; the process has its figures."""
        self.world.log.record(EventType.WARNING, {})
        self.assertEqual(self.figure("bitween_events_total"), 1)
        self.assertGreater(self.figure("process_resident_memory_bytes"), 0)

    def test_two_daemons_in_one_process(self) -> None:
        """They do not count for each other."""
        other = World(self.clock)
        self.assertIsNot(site_of(other), self.site)
        other.share("one", A)
        self.assertEqual(self.figure("bitween_torrents", state="seeding"), 0)


class ReactorLagTests(SynchronousTestCase):
    """How late the reactor is."""

    def test_lag_is_measured_once_a_second(self) -> None:
        """Once a second, by how much that was too late; nothing once it is stopped."""
        clock = Clock()
        told: list[float] = []
        lag = ReactorLag(clock, told.append)
        lag.startService()
        for seconds in (1, 1.5, 0.5, 0.5, 3.5, 1):
            clock.advance(seconds)
        self.assertEqual(told, [0, 0.5, 0, 2.5, 0])
        lag.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])
