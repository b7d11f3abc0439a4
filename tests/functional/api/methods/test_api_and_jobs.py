"""The methods of ``Api.``, ``net.`` and ``jobs.``, on the use cases with memory below them."""

from __future__ import annotations

import os
from typing import Any

import bitween
from bitween.api.events.recent_warnings import KEPT
from bitween.api.results.event_types import EventType
from bitween.errors import HashingFailed, NotConnected
from bitween.model.address import PeerAddress
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.nat import Nat
from bitween.model.setting import Origin, Setting
from tests.support.api_rig import EPOCH, site_of
from tests.support.method_case import BOB, A, B, MethodCase


class ApiTests(MethodCase):
    """``Api.``."""

    def test_versions_are_right(self) -> None:
        """Each version is returned; our own are right."""
        versions = self.call("Api.versions")
        self.assertEqual(
            set(versions), {"bitween", "api", "libtorrent", "twisted", "wokkel", "python"}
        )
        self.assertEqual(versions["bitween"], bitween.__version__)
        self.assertNotIn(None, versions.values())

    def test_exit_answers_before_it_stops(self) -> None:
        """The answer comes first, then the stop."""
        self.assertIs(self.call("Api.exit"), True)
        self.assertEqual(self.world.stopped, [])
        self.clock.advance(0)
        self.assertEqual(self.world.stopped, [True])

    def test_status_has_connection_addresses_and_totals(self) -> None:
        """Connection, addresses and totals are told."""
        self.world.share("ours", A, 50)
        self.world.contact_shares(BOB, {B: "theirs"})
        self.assertEqual(
            self.call("Api.status"),
            {
                "jid": "alice@example.org/den",
                "connection": {
                    "state": "online",
                    "since": 0.0,
                    "error": None,
                    "reason": None,
                    "id": None,
                    "detail": None,
                    "values": None,
                    "next_try": None,
                },
                "listen": [["127.0.0.1", 6881]],
                "addresses": [["192.0.2.1", 6881]],
                "totals": {
                    "torrents": 1,
                    "complete": 1,
                    "size": 50,
                    "done": 50,
                    "download_rate": 0,
                    "upload_rate": 0,
                    "peers": 0,
                    "contacts": 1,
                    "contacts_online": 1,
                },
                "limits": {
                    "upload": 0,
                    "download": 0,
                    "now": {"upload": 0, "download": 0},
                    "scheduled": False,
                },
                "download_dir": os.path.abspath(self.downloads),
                "free": None,
                "uptime": 0.0,
            },
        )

    def test_status_while_waiting(self) -> None:
        """The reason for not being online is told, and when that is tried again."""
        cause = NotConnected.of("not_connected.refused", host="x\u202e")
        self.world.messenger.status = ConnectionStatus(
            "alice@example.org",
            ConnectionState.WAITING,
            1.0,
            "x refuses",
            cause=cause,
            next_try=9.0,
        )
        self.assertEqual(
            self.call("Api.status")["connection"],
            {
                "state": "waiting",
                "since": 1.0,
                "error": "x refuses",
                "reason": "not_connected",
                "id": "not_connected.refused",
                "detail": "refused",
                "values": {"host": "x\ufffd"},
                "next_try": 9.0,
            },
        )

    def test_free_space_is_that_of_the_download_directory(self) -> None:
        """It is told of the download directory, if that is there."""
        os.makedirs(self.downloads)
        self.assertGreater(self.call("Api.status")["free"], 0)

    def test_settings_have_value_and_origin(self) -> None:
        """What was set, and where."""
        settings = [
            Setting("announce", ("192.0.2.1", "::1"), Origin.FILE),
            Setting("upload-limit", "5", Origin.COMMAND_LINE, changeable=True),
        ]
        self.site = site_of(self.world, settings=settings)
        self.assertEqual(
            self.call("Api.settings"),
            {
                "settings": [
                    {
                        "name": "announce",
                        "value": ["192.0.2.1", "::1"],
                        "origin": "file",
                        "changeable": False,
                    },
                    {
                        "name": "upload-limit",
                        "value": "5",
                        "origin": "command line",
                        "changeable": True,
                    },
                ]
            },
        )

    def test_recent_warnings_are_kept_apart_from_other_events(self) -> None:
        """The last ones are there, also when the event log is full of other things."""
        self.assertEqual(self.call("Api.warnings"), {"warnings": []})
        for number in range(KEPT + 1):
            data = {"level": "warn", "text": str(number), "more": 0}
            self.world.log.record(EventType.WARNING, data)
            self.world.log.record(EventType.JOB_PROGRESS, {})
        warnings = self.call("Api.warnings")["warnings"]
        self.assertEqual(
            [warning["text"] for warning in warnings], list(map(str, range(1, KEPT + 1)))
        )
        self.assertEqual(warnings[0], {"time": EPOCH, "level": "warn", "text": "1", "more": 0})


class NetTests(MethodCase):
    """``net.``."""

    def test_diagnose_runs_every_check(self) -> None:
        """Every check says how it stands; without a session the server cannot be looked at."""
        self.world.contact_shares(BOB, {A: "a"})
        self.world.contact_shares("carol@example.org", {A: "a"}, [])
        findings = {f["check"]: f for f in self.call("net.diagnose")["findings"]}
        self.assertEqual(
            {check: finding["verdict"] for check, finding in findings.items()},
            {
                "log-in": "good",
                **dict.fromkeys(("certificate", "pep", "clock", "proxy", "stun"), "good"),
                "address": "good",
                "listening": "good",
                "mapping": "warning",
                "nat": "unknown",
                "addresses": "good",
                "contacts": "warning",
                "way": "warning",
                "disk": "bad",
            },
        )
        self.assertIn("1 of 2", findings["contacts"]["text"])
        self.assertIn("carol@example.org/desk: not reachable", findings["way"]["text"])
        self.assertIn("--download-dir", findings["disk"]["fix"])
        self.assertIsNone(findings["log-in"]["fix"])
        self.world.messenger.status = ConnectionStatus(
            "alice@example.org", ConnectionState.WAITING, 1.0, "connection refused"
        )
        findings = {f["check"]: f for f in self.call("net.diagnose")["findings"]}
        self.assertEqual(findings["log-in"]["text"], "waiting: connection refused")
        self.assertNotIn("pep", findings)

    def test_routers_have_findings_and_advice(self) -> None:
        """What is known of the router is told, and what would help."""
        for nat, verdict, words in (
            (None, "unknown", "cannot tell"),
            (Nat(True), "unknown", "cannot tell"),
            (Nat(False, endpoint_independent=True), "good", "no router translates"),
            (Nat(True, endpoint_independent=True), "good", "the same port"),
            (Nat(True, endpoint_independent=False), "warning", "symmetric NAT"),
        ):
            self.world.addresses.nat = nat
            finding = self.nat_finding()
            self.assertEqual(finding["verdict"], verdict, nat)
            self.assertIn(words, finding["text"])
            self.assertEqual(finding["fix"] is None, verdict == "good")
        self.world.swarm.mapped = (PeerAddress("9.9.9.9", 6881),)
        self.assertEqual(self.nat_finding()["verdict"], "good")

    def nat_finding(self) -> Any:
        """What is found about it."""
        findings = self.call("net.diagnose")["findings"]
        return next(finding for finding in findings if finding["check"] == "nat")


class JobTests(MethodCase):
    """``jobs.``."""

    def test_a_running_job_has_progress_rate_and_time_left(self) -> None:
        """A job that runs tells how far it is, how fast, and how long it still takes."""
        path = self.file()
        self.call("bt.add_path", path)
        report, _ = self.world.hasher.running[path]
        report(0, 1000)
        self.clock.advance(2)
        report(500, 1000)
        self.assertEqual(
            self.call("jobs.get", "1"),
            {
                "job": "1",
                "kind": "add",
                "subject": path,
                "state": "running",
                "done": 500,
                "total": 1000,
                "rate": 250.0,
                "eta": 2.0,
                "result": None,
                "error": None,
            },
        )

    def test_a_failed_job_has_an_error_object(self) -> None:
        """The error is an error object."""
        path = self.file()
        self.call("bt.add_path", path)
        self.world.hasher.running[path][1].errback(HashingFailed("it changed", "again"))
        job = self.call("jobs.get", "1")
        self.assertEqual((job["state"], job["error"]["message"]), ("failed", "it changed"))
        self.assertEqual(job["error"]["data"], {"reason": "hashing_failed", "hint": "again"})

    def test_list_and_cancel(self) -> None:
        """Every job is listed; a cancelled one says so."""
        for _ in range(2):
            self.call("bt.add_path", self.file())
        self.assertEqual(self.call("jobs.cancel", "2")["state"], "cancelled")
        jobs = self.call("jobs.list")["jobs"]
        self.assertEqual(
            [(j["job"], j["state"]) for j in jobs], [("1", "queued"), ("2", "cancelled")]
        )

    def test_unknown_job_ids_are_errors(self) -> None:
        """A job that there is not, and what is no job's id."""
        self.assertEqual(self.reason("jobs.get", "7"), "unknown_job")
        self.assertEqual(self.reason("jobs.cancel", "7"), "unknown_job")
        self.assertEqual(self.answer("jobs.get", [1])["error"]["code"], -32602)
