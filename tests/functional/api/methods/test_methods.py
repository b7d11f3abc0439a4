"""Every method of the API, called through HTTP, on the use cases with memory below them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import segno

import bitween
from bitween.api.events.recent_warnings import KEPT
from bitween.api.results.event_types import EventType
from bitween.errors import HashingFailed, NotConnected
from bitween.model.address import PeerAddress
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.events import ConnectionChanged, PeerMoved, TorrentChanged
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.nat import Nat
from bitween.model.peer import Peer
from bitween.model.setting import Origin, Setting
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import Metainfo, Progress, TorrentState
from tests.support.api_rig import EPOCH, Connection, World, http_request, rpc, site_of
from tests.support.method_case import BOB, A, B, C, MethodCase

CAROL = "carol@example.org"


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


class TorrentTests(MethodCase):
    """``bt.``."""

    def test_get_torrents_has_every_documented_key(self) -> None:
        """Every key of a torrent, as documented."""
        self.world.share("film.mkv", A, 1000)
        self.world.swarm.change(
            A,
            complete=False,
            progress=Progress(250, 1000, 50, 7, 3, 9, 750),
            state=TorrentState.DOWNLOADING,
        )
        self.assertEqual(
            self.call("bt.get_torrents"),
            {
                "torrents": [
                    {
                        "hash": A,
                        "name": "film.mkv",
                        "total_size": 1000,
                        "done": 250,
                        "files": [{"path": "film.mkv", "size": 1000}],
                        "state": "downloading",
                        "complete": False,
                        "progress": 0.25,
                        "download_rate": 50,
                        "upload_rate": 7,
                        "uploaded": 9,
                        "left": 750,
                        "wanted_size": 1000,
                        "peers": 3,
                        "eta": 15.0,
                        "save_path": "/files",
                        "error": None,
                        "trouble": None,
                        "added": 1.0,
                        "completed": 0.0,
                        "shared": True,
                        "origin": "shared",
                        "limits": {"upload": 0, "download": 0},
                        "sequential": False,
                        "note": "",
                        "tags": [],
                        "waiting_for": [],
                    }
                ]
            },
        )

    def test_a_waiting_download_names_its_sources(self) -> None:
        """Who could give what a download waits for is told, online or not, and no time then."""
        self.world.contact_shares(BOB, {B: "film"}, online=False)
        self.call("bt.add_torrent_by_hash", B)
        progress = Progress(250, 1000, 50, 7, 0, 9, 750)
        fields = ["waiting_for", "eta"]
        for state, peers, waiting in (
            (TorrentState.METADATA, 0, [BOB]),
            (TorrentState.DOWNLOADING, 0, [BOB]),
            (TorrentState.DOWNLOADING, 1, []),
            (TorrentState.PAUSED, 0, []),
            (TorrentState.FINISHED, 0, []),
        ):
            self.world.swarm.change(B, state=state, progress=replace(progress, peers=peers))
            (torrent,) = self.call("bt.get_torrents", fields)["torrents"]
            self.assertEqual(torrent, {"waiting_for": waiting, "eta": 15.0 if peers else None})

    def test_unknown_values_are_null(self) -> None:
        """Before the metadata is there, neither files nor size nor time left are known."""
        self.call("bt.add_torrent_by_hash", A)
        (torrent,) = self.call("bt.get_torrents")["torrents"]
        self.assertEqual(
            [torrent[key] for key in ("files", "total_size", "eta", "error")], [None] * 4
        )

    def test_pause_resume_and_prefer_take_effect(self) -> None:
        """Pausing, resuming and preferring answer true, and take effect."""
        self.call("bt.add_torrent_by_hash", hash=A, paused=True)
        state = lambda: self.call("bt.get_torrents", ["state"])["torrents"][0]["state"]  # noqa: E731  # asked thrice
        self.assertEqual(state(), "paused")
        self.assertIs(self.call("bt.resume", A), True)
        self.assertEqual(state(), "metadata")
        self.assertIs(self.call("bt.pause", A), True)
        self.assertEqual(state(), "paused")
        self.assertIs(self.call("bt.prefer", A), True)
        for method in (
            "pause",
            "resume",
            "prefer",
            "get_files",
            "export",
            "set_limits",
            "set_note",
        ):
            self.assertEqual(self.reason(f"bt.{method}", hash=B), "unknown_torrent")

    def test_files_can_be_listed_and_selected(self) -> None:
        """They are told with what is wanted of them, and can be chosen."""
        self.call("bt.add_torrent_by_hash", A)
        self.assertEqual(
            self.call("bt.get_files", A), {"files": None, "first": [], "sequential": False}
        )
        self.assertEqual(self.reason("bt.set_files", hash=A, wanted=[0]), "no_metadata")
        self.world.swarm.arrive(A, 10, done=0)
        told = {
            "index": 0,
            "path": "arrived",
            "original": None,
            "size": 10,
            "done": 0,
            "wanted": True,
            "preview": None,
        }
        self.assertEqual(
            self.call("bt.set_files", hash=A, first=[0], sequential=True),
            {"files": [told], "first": [0], "sequential": True},
        )
        wrong: list[dict[str, object]] = [
            {"wanted": [1]},
            {"wanted": []},
            {"first": ["a"]},
            {"sequential": 1},
        ]
        for params in wrong:
            answer = self.answer("bt.set_files", {"hash": A, **params})
            self.assertEqual(answer["error"]["code"], -32602)

    def test_a_note_is_normalised_and_stays(self) -> None:
        """It is normalised, told with the torrent, and left as it is where it is left out."""
        self.call("bt.add_torrent_by_hash", A)
        said = {"note": "Café", "tags": ["summer", "Köln"]}
        self.assertEqual(self.call("bt.set_note", A, " Cafe\u0301", ["summer", " Köln"]), said)
        self.assertEqual(self.call("bt.set_note", A), said)
        told = self.call("bt.get_torrents", ["note", "tags"])["torrents"]
        self.assertEqual(told, [said])
        self.assertEqual(self.call("bt.set_note", hash=A, tags=[]), {**said, "tags": []})
        for wrong in ({"note": "a\nb"}, {"note": "x" * 1001}, {"tags": ["a,b"]}, {"tags": "a"}):
            answer = self.answer("bt.set_note", {"hash": A, **wrong})
            self.assertEqual(answer["error"]["code"], -32602)

    def test_global_limits_have_the_values_of_now(self) -> None:
        """Those of all torrents together are told with those of this hour."""
        limits = {"upload": 5, "download": 0}
        self.assertEqual(
            self.call("bt.set_limits", upload=5), {**limits, "now": limits, "scheduled": False}
        )
        self.call("bt.add_torrent_by_hash", A)
        self.assertEqual(self.call("bt.set_limits", A, 7), {"upload": 7, "download": 0})
        for wrong in (-1, 2**31, 1.5, "1"):
            self.assertEqual(
                self.answer("bt.set_limits", {"download": wrong})["error"]["code"], -32602
            )

    def test_the_torrent_file_is_base64_or_null(self) -> None:
        """The .torrent file is base64, and null until it is there."""
        self.world.share("film", A)
        self.call("bt.add_torrent_by_hash", B)
        self.assertEqual(
            self.call("bt.export", A), {"torrent": "", "magnet": f"magnet:?xt=urn:btih:{A}&dn=film"}
        )
        self.assertEqual(
            self.call("bt.export", B), {"torrent": None, "magnet": f"magnet:?xt=urn:btih:{B}"}
        )

    def test_only_requested_keys_are_returned(self) -> None:
        """Only the keys that were asked for, an unknown one being named."""
        self.world.share("x", A)
        self.assertEqual(
            self.call("bt.get_torrents", ["hash", "name"]), {"torrents": [{"hash": A, "name": "x"}]}
        )
        self.assertEqual(self.call("bt.get_torrents", fields=[]), {"torrents": [{}]})
        error = self.answer("bt.get_torrents", [["colour"]])["error"]
        self.assertEqual(error["code"], -32602)
        self.assertIn("'colour'", error["message"])

    def test_only_requested_torrents_are_returned(self) -> None:
        """Only those torrents, as far as they are there."""
        self.world.share("a", A)
        self.world.share("b", B)
        self.assertEqual(
            self.call("bt.get_torrents", fields=["name"], hashes=[B.upper(), C]),
            {"torrents": [{"name": "b"}]},
        )

    def test_add_path_returns_the_job_at_once(self) -> None:
        """The job is told at once."""
        path = self.file()
        self.assertEqual(self.call("bt.add_path", path), {"job": "1"})
        _, hashing = self.world.hasher.running[path]
        hashing.callback(Metainfo(A, "file", 1, b""))
        job = self.call("jobs.get", "1")
        self.assertEqual(
            job["result"],
            {"hash": A, "name": "file", "total_size": 1, "left_out": [], "left_out_total": 0},
        )

    def test_add_what_is_rarely_meant(self) -> None:
        """A home, the whole machine, keys and .torrent files need a confirmation."""
        home = os.path.realpath(self.mktemp())
        torrent = make_torrent("film", [HashedFile((), 5)], 2**14, b"x" * 20)
        for name, content in (
            ("pictures/one", b"1"),
            ("dotfiles/deep/.ssh/config", b"key"),
            ("backup/2020/id_rsa", b"key"),
            ("passwords.kdbx", b"key"),
            ("etc/shadow", b"root:x"),
            (".config/google-chrome/Default/Cookies", b"key"),
            ("film.torrent", torrent[1]),
            ("no.torrent", b"text"),
        ):
            path = os.path.join(home, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        before = os.environ["HOME"]
        os.environ["HOME"] = home
        self.addCleanup(os.environ.__setitem__, "HOME", before)
        os.symlink(home, os.path.join(home, "pictures", "up"))
        for path, detail in (
            ("/", "root"),
            (home, "home"),
            ("~", "home"),
            ("~/pictures/up/", "home"),
            (os.path.dirname(home), "homes"),
            ("~/dotfiles", "keys"),
            ("~/dotfiles/deep/.ssh", "keys"),
            ("~/dotfiles/deep/.ssh/config", "keys"),
            ("~/backup", "keys"),
            ("~/passwords.kdbx", "keys"),
            ("~/etc", "keys"),
            ("~/etc/shadow", "keys"),
            ("~/.config", "keys"),
            ("~/film.torrent", "torrent_file"),
        ):
            error = self.answer("bt.add_path", [path])["error"]
            told = (error["data"]["reason"], error["data"].get("detail"))
            self.assertEqual(told, ("confirmation_needed", detail), path)
        self.assertIn(torrent[0], error["data"]["hint"])
        self.assertEqual(self.call("jobs.list"), {"jobs": []})
        self.assertIn("job", self.call("bt.add_path", path=home, confirm=True))
        for harmless in ("~/pictures", "~/no.torrent"):
            self.assertIn("job", self.call("bt.add_path", harmless))

    def test_add_the_daemons_own(self) -> None:
        """What holds the API's and the account's secrets is never shared, nor downloaded to."""
        state = os.path.join(os.path.realpath(self.mktemp()), "state", "alice")
        os.makedirs(os.path.join(state, "deep"))
        for folder in ("", "deep", "..", "../.."):
            with open(os.path.join(state, folder, "file"), "w"):
                pass
        self.world = World(self.clock, os.path.abspath(self.downloads), private=[state])
        self.site = site_of(self.world)
        os.symlink(state, os.path.join(state, "../link"))
        for below in ("", "deep/file", "deep/..", "../link", "../link/deep"):
            params = {"path": os.path.join(state, below), "confirm": True}
            error = self.answer("bt.add_path", params)["error"]["data"]
            self.assertEqual((error["reason"], error["detail"]), ("forbidden_path", "own"))
        for below in ("", "deep", "new", "../link/deep"):
            params = {"hash": "0" * 40, "save_path": os.path.join(state, below)}
            error = self.answer("bt.add_torrent_by_hash", params)["error"]["data"]
            self.assertEqual((error["reason"], error["detail"]), ("forbidden_path", "own"))
        # What holds it is shared without it, as the hasher sees to.
        for harmless in ("../file", ".."):
            self.assertIn("job", self.call("bt.add_path", os.path.join(state, harmless)))

    def test_upload_a_torrent_file(self) -> None:
        """Its content is not in it, which is told before it is sent."""
        for params in ({"name": "film.torrent", "folder": False}, ["film.torrent", 5, False]):
            error = self.answer("upload.begin", params)["error"]
            self.assertEqual(error["data"]["reason"], "confirmation_needed")
            self.assertIn("bitween get", error["data"]["hint"])
        connection = Connection(self.site)
        connection.send(http_request(b"x", "PUT", "/upload/film.torrent"))
        answer = connection.only_answer()
        self.assertEqual(answer.status, 409)
        self.assertIn(b"bitween get", answer.body)

    def test_empty_texts_are_refused(self) -> None:
        """An empty path, name, hash or JID is a mistake of the caller's, never a default."""
        for method, params in (
            ("bt.add_path", {"path": ""}),
            ("bt.add_torrent_by_hash", {"hash": ""}),
            ("bt.add_torrent_by_hash", {"hash": A, "save_path": ""}),
            ("bt.browse", {"path": ""}),
            *((f"bt.{verb}", {"hash": ""}) for verb in ("del_torrent", "pause", "recheck", "mend")),
            *((f"bt.{verb}", {"hash": ""}) for verb in ("set_limits", "export", "get_deletion")),
            ("xmpp.find", {"contact": ""}),
            *((f"xmpp.{verb}_contact", {"jid": ""}) for verb in ("add", "accept", "remove")),
            ("xmpp.add_contact", {"jid": BOB, "nick": ""}),
            ("xmpp.forget_resource", {"jid": BOB, "resource": ""}),
            ("xmpp.forget_resource", {"jid": "", "resource": "x"}),
            ("xmpp.block", {"jid": ""}),
            ("xmpp.unblock", {"jid": ""}),
            ("jobs.get", {"job": ""}),
            ("jobs.cancel", {"job": ""}),
            ("token.new", {"name": ""}),
            ("token.revoke", {"name": ""}),
            ("upload.begin", {"name": ""}),
            ("upload.finish", {"upload": ""}),
            ("upload.cancel", {"upload": ""}),
        ):
            error = self.answer(method, params)["error"]
            self.assertEqual(error["code"], -32602, (method, params))

    def test_paths_that_are_not_utf8(self) -> None:
        """They are refused at once in the words of the daemon's options, which are clean text."""
        folder = os.path.join(os.path.abspath(self.mktemp()), "d\udcff")
        os.makedirs(folder)
        for method, params in (
            ("bt.add_path", {"path": folder}),
            ("bt.add_torrent_by_hash", {"hash": A, "save_path": folder}),
            ("bt.add_torrent_by_hash", {"hash": A, "save_path": f"{folder}/new"}),
        ):
            error = self.answer(method, params)["error"]
            said = f"{error['message']} {error['data']}"
            self.assertEqual(
                (error["data"]["reason"], error["data"]["detail"]), ("bad_path", "encoding")
            )
            self.assertIn("is not UTF-8", error["message"])
            self.assertIn("d\\xff", said)
            self.assertNotRegex(said, "[\ud800-\udfff]")
        self.assertEqual(self.call("bt.get_torrents")["torrents"], [])

    def test_add_path_and_wait(self) -> None:
        """The answer comes when the path is hashed."""
        path = self.file()
        connection = Connection(self.site)
        connection.send(http_request(rpc("bt.add_path", {"path": path, "wait": True})))
        self.assertEqual(connection.answers(), [])
        left_out = LeftOut((LeftOutEntry("pipe", Why.SPECIAL),), 1)
        self.world.hasher.running[path][1].callback(Metainfo(A, "file", 1, b"", left_out))
        self.assertEqual(
            connection.only_answer().json["result"],
            {
                "hash": A,
                "name": "file",
                "total_size": 1,
                "left_out": [{"path": "pipe", "why": "special"}],
                "left_out_total": 1,
            },
        )

    def test_add_path_and_wait_in_vain(self) -> None:
        """What the job fails with is the answer."""
        path = self.file()
        connection = Connection(self.site)
        connection.send(http_request(rpc("bt.add_path", {"path": path, "wait": True})))
        self.world.hasher.running[path][1].errback(HashingFailed("it changed meanwhile"))
        error = connection.only_answer().json["error"]
        self.assertEqual(
            (error["message"], error["data"]["reason"]), ("it changed meanwhile", "hashing_failed")
        )

    def test_client_that_goes_away_leaves_the_job(self) -> None:
        """Only the waiting ends."""
        path = self.file()
        connection = Connection(self.site)
        connection.send(http_request(rpc("bt.add_path", {"path": path, "wait": True})))
        connection.transport.loseConnection()
        self.world.hasher.running[path][1].callback(Metainfo(A, "file", 1, b""))
        self.assertEqual(self.call("jobs.get", "1")["state"], "done")

    def test_bad_paths_are_refused_with_the_path(self) -> None:
        """Each says what is wrong, and names the path."""
        folder = self.mktemp()
        os.makedirs(folder)
        for path, reason in (
            ("/nowhere/at/all", "no_such_path"),
            ("relative", "bad_path"),
            (os.path.abspath(folder), "empty_folder"),
            (os.devnull, "bad_path"),
            ("https://host.example/a.torrent", "bad_path"),
        ):
            error = self.answer("bt.add_path", [path])["error"]
            self.assertEqual(error["data"]["reason"], reason)
            self.assertIn(path, error["message"])

    def test_web_links_are_refused_with_advice(self) -> None:
        """Who gives one is told what bitween shares and downloads, and what to do instead."""
        link = "HTTP://host.example/a.torrent"
        for method in ("bt.add_path", "bt.add_torrent_by_hash"):
            error = self.answer(method, [link])["error"]
            self.assertIn("is a web link", error["message"])
            self.assertIn("downloads only what contacts share", error["message"])
            self.assertIn("save what it leads to first", str(error))

    def test_a_download_counts_its_sources(self) -> None:
        """The sources that can be dialled are counted; asking twice is harmless."""
        self.world.contact_shares(BOB, {A: "film"})
        self.assertEqual(self.call("bt.add_torrent_by_hash", A), {"hash": A, "sources": 1})
        self.assertEqual(self.call("bt.add_torrent_by_hash", A), {"hash": A, "sources": 1})
        (torrent,) = self.call("bt.get_torrents")["torrents"]
        self.assertEqual((torrent["name"], torrent["save_path"]), ("film", self.world.download_dir))

    def test_download_by_a_magnet_link(self) -> None:
        """What counts of it is the info-hash."""
        link = f"magnet:?dn=film&xt=urn:btih:{A.upper()}&tr=http%3A%2F%2Fexample.org"
        self.assertEqual(self.call("bt.add_torrent_by_hash", link), {"hash": A, "sources": 0})
        error = self.answer("bt.add_torrent_by_hash", ["magnet:?dn=x"])["error"]
        self.assertEqual(error["code"], -32602)
        self.assertIn("magnet link", error["message"])

    def test_download_without_a_source(self) -> None:
        """That is no error."""
        folder = os.path.abspath(self.mktemp())
        result = self.call("bt.add_torrent_by_hash", hash=A, save_path=folder)
        self.assertEqual(result, {"hash": A, "sources": 0})
        self.assertEqual(self.call("bt.get_torrents")["torrents"][0]["save_path"], folder)

    def test_download_to_a_bad_place(self) -> None:
        """A folder that cannot be made is refused."""
        self.assertEqual(self.reason("bt.add_torrent_by_hash", A, "relative"), "bad_path")
        self.assertEqual(self.reason("bt.add_torrent_by_hash", A, self.file() + "/x"), "bad_path")

    def test_removal_deletes_data_only_on_request(self) -> None:
        """The torrent goes, with its data where that is asked for, which is told."""
        gone = {"files": 1, "size": 1000, "trash": False, "kept": 0}
        self.world.share("x", A, 1000)
        self.assertIs(self.call("bt.del_torrent", A), True)
        self.call("bt.add_torrent_by_hash", A)
        self.world.swarm.arrive(A, 1000)
        self.assertEqual(self.call("bt.get_deletion", A), gone)
        self.assertEqual(self.call("bt.del_torrent", A, True), gone)
        self.assertEqual(self.call("bt.get_torrents"), {"torrents": []})
        self.assertEqual(self.world.swarm.deleted, [A])

    def test_shared_originals_are_deleted_only_explicitly(self) -> None:
        """What was shared in place is deleted only if that is said; else nothing happens at all."""
        self.world.share("x", A, 1000)
        (torrent,) = self.call("bt.get_torrents", ["origin"])["torrents"]
        self.assertEqual(torrent, {"origin": "shared"})
        self.assertEqual(self.reason("bt.del_torrent", A, True), "original_files")
        self.assertEqual(len(self.call("bt.get_torrents")["torrents"]), 1)
        self.assertEqual(self.world.swarm.deleted, [])
        deleted = self.call("bt.del_torrent", hash=A, delete_data=True, originals=True)
        self.assertEqual(deleted["files"], 1)
        self.assertEqual(self.world.swarm.deleted, [A])

    def test_delete_what_is_not_there(self) -> None:
        """An unknown hash is told apart from a malformed one."""
        self.assertEqual(self.reason("bt.del_torrent", A), "unknown_torrent")
        self.assertEqual(self.answer("bt.del_torrent", ["x"])["error"]["code"], -32602)

    def test_a_recheck_resumes_a_stopped_torrent(self) -> None:
        """What stood still goes on when its files are found to be right."""
        self.world.share("film.mkv", A, 1000)
        self.world.swarm.break_down(A, "film.mkv is missing")
        self.assertIs(self.call("bt.recheck", A), True)
        (torrent,) = self.call("bt.get_torrents", ["state", "error"])["torrents"]
        self.assertEqual(torrent, {"state": "seeding", "error": None})
        self.assertEqual(self.reason("bt.recheck", B), "unknown_torrent")


class ContactTests(MethodCase):
    """``xmpp.``."""

    def test_get_hashes_lists_online_shares_and_addresses(self) -> None:
        """What those who are online have, and where to dial them."""
        self.world.contact_shares(BOB, {A: "a"}, [("2001:db8::1", 1), ("192.168.0.2", 2)])
        self.world.contact_shares("carol@example.org", {A: "a", B: "b"}, online=False)
        self.assertEqual(
            self.call("xmpp.get_hashes"), {"hashes": {A: [["192.168.0.2", 2], ["2001:db8::1", 1]]}}
        )

    def test_get_shares_lists_each_devices_announcement(self) -> None:
        """What every device announces, by bare JID and resource."""
        self.world.contact_shares(BOB, {A: "a"}, [("2001:db8::1", 1), ("192.0.2.7", 2)])
        self.assertEqual(
            self.call("xmpp.get_shares"),
            {
                "shares": {
                    BOB: {
                        "desk": {
                            "ip_v4": [["192.0.2.7", 2]],
                            "ip_v6": [["2001:db8::1", 1]],
                            "online": True,
                            "shares": {
                                A: {"hash": A, "name": "a", "size": 123, "note": "", "tags": []}
                            },
                        }
                    }
                }
            },
        )

    def test_find_where_contacts_disagree(self) -> None:
        """Each name is told with who says it; that of our own copy comes first."""
        self.world.contact_shares(BOB, {A: "forged"})
        self.world.contact_shares(CAROL, {A: "holiday"})
        (item,) = self.call("xmpp.find")["items"]
        self.assertEqual(item["name"], "forged")
        self.world.share("holiday", A, 123)
        (item,) = self.call("xmpp.find")["items"]
        self.assertEqual((item["name"], item["contacts"]), ("holiday", [BOB, CAROL]))
        self.assertEqual(
            item["names"],
            [
                {"name": "holiday", "size": 123, "contacts": [CAROL]},
                {"name": "forged", "size": 123, "contacts": [BOB]},
            ],
        )
        shares = self.call("xmpp.get_shares")["shares"]
        self.assertEqual(shares[BOB]["desk"]["shares"][A]["name"], "forged")

    def test_find_returns_a_page_and_the_total(self) -> None:
        """A page, and how much there is in all."""
        self.world.contact_shares(BOB, {A: "Holiday 1", B: "holiday 2", C: "work"})
        self.assertEqual(
            self.call("xmpp.find", query="HOLIDAY", limit=1),
            {
                "total": 2,
                "items": [
                    {
                        "hash": A,
                        "name": "Holiday 1",
                        "size": 123,
                        "note": "",
                        "tags": [],
                        "contacts": [BOB],
                        "names": [],
                        "online": True,
                        "answering": None,
                        "reach": None,
                        "reach_text": None,
                    }
                ],
            },
        )
        self.assertEqual(self.call("xmpp.find", query=C)["items"][0]["name"], "work")
        self.assertEqual(self.call("xmpp.find", query=C[:6])["items"][0]["name"], "work")
        self.assertEqual(self.call("xmpp.find", query=C[:5])["items"], [])

    def test_peers_are_named_where_they_are_known(self) -> None:
        """Whom we dialled, or who is alone at an address, is named; else it is an address."""
        self.world.contact_shares(BOB, {A: "a"})
        self.world.share("holiday", B)
        self.world.swarm.connected[B] = (
            Peer("192.0.2.7", 6881, "bitween", 0.5, 1000, 20, 3000, 40),
            Peer("203.0.113.9", None),
        )
        bob, stranger = self.call("bt.get_peers", B)["peers"]
        self.assertEqual(
            bob,
            {
                "contact": BOB,
                "address": "192.0.2.7",
                "port": 6881,
                "client": "bitween",
                "progress": 0.5,
                "download_rate": 1000,
                "upload_rate": 20,
                "downloaded": 3000,
                "uploaded": 40,
                "how": "lan",
            },
        )
        self.assertEqual((stranger["contact"], stranger["port"]), (None, None))
        self.assertEqual(self.reason("bt.get_peers", A), "unknown_torrent")

    def test_traffic_has_sums_and_rates(self) -> None:
        """Sums and rates, the latest last; those of what was removed are over."""
        self.world.contact_shares(BOB, {A: "a"})
        swarm, rates = self.world.swarm, self.world.bitween.rates
        for key, rate in ((B, 100), (C, 10)):
            self.world.share("holiday", key)
            swarm.change(key, progress=Progress(download_rate=rate, upload_rate=1))
            swarm.events.notify(TorrentChanged(torrent=swarm.library.get(key)))
        rates.sample()
        swarm.remove(B, delete_data=False)
        rates.sample()
        swarm.events.notify(PeerMoved(address="192.0.2.7", port=None, downloaded=5, uploaded=6))
        self.assertEqual(
            self.call("Api.traffic"),
            {
                "interval": 1.0,
                "download_rates": [110, 10],
                "upload_rates": [2, 1],
                "session": {"downloaded": 5, "uploaded": 6},
                "ever": {"downloaded": 5, "uploaded": 6},
            },
        )

    def test_find_can_leave_out_offline_shares(self) -> None:
        """What nobody has who is there can be left out."""
        self.world.contact_shares(BOB, {A: "a"}, online=False)
        self.world.contact_shares("carol@example.org", {B: "b"})
        found = self.call("xmpp.find", online=True)
        self.assertEqual((found["total"], found["items"][0]["name"]), (1, "b"))

    def test_find_by_size(self) -> None:
        """The largest first, and only those of some size."""
        self.world.contact_shares(BOB, {A: "a", B: "b"})
        found = self.call("xmpp.find", sort="largest", min_size=123, max_size=123)
        self.assertEqual((found["total"], [i["name"] for i in found["items"]]), (2, ["a", "b"]))
        self.assertEqual(self.call("xmpp.find", min_size=124)["total"], 0)
        self.assertEqual(self.call("xmpp.find", max_size=122)["total"], 0)

    def test_reachability_shows_after_a_download_was_tried(self) -> None:
        """The route to a contact is known once a download tried it, not while they are offline."""
        self.world.contact_shares(BOB, {A: "a"}, online=False)
        self.world.contact_shares("carol@example.org", {B: "b"}, [])
        items = self.call("xmpp.find")["items"]
        self.assertEqual([item["reach"] for item in items], [None, None])

    def test_while_we_are_offline(self) -> None:
        """Nobody counts as online whose presence is not known, also while only the link is gone."""
        self.world.contact_shares(BOB, {A: "a"})
        messenger = self.world.messenger
        for status in (
            replace(messenger.status, state=ConnectionState.CONNECTING, resuming=True),
            replace(messenger.status, state=ConnectionState.WAITING, resuming=True),
        ):
            messenger.status = status
            messenger.events.notify(ConnectionChanged(status=status))
            (contact,) = self.call("xmpp.get_contacts")["contacts"]
            self.assertFalse(contact["online"])
            self.assertEqual([r["online"] for r in contact["resources"]], [False])
            (item,) = self.call("xmpp.find")["items"]
            self.assertEqual((item["online"], item["reach"]), (False, None))
            self.assertEqual(self.call("xmpp.find", online=True), {"total": 0, "items": []})
            self.assertFalse(self.call("xmpp.get_shares")["shares"][BOB]["desk"]["online"])
            self.assertEqual(self.call("Api.status")["totals"]["contacts_online"], 0)
        self.call("Api.reconnect")
        (contact,) = self.call("xmpp.get_contacts")["contacts"]
        self.assertTrue(contact["online"])

    def test_add_a_contact(self) -> None:
        """Who is a contact already is not asked again, but may be given another name."""
        self.world.contact_shares(BOB, {A: "a"})
        self.assertEqual(self.reason("xmpp.add_contact", jid=BOB), "already_contact")
        self.assertIs(self.call("xmpp.add_contact", BOB, "Bob"), True)
        self.assertEqual(self.reason("xmpp.add_contact", jid=BOB, nick="Bob"), "already_contact")

    def test_find_refuses_bad_parameters(self) -> None:
        """An unknown contact or order, and pages out of bounds."""
        self.assertEqual(self.reason("xmpp.find", contact="eve@example.org"), "unknown_contact")
        for params in ({"sort": "colour"}, {"offset": -1}, {"limit": 1001}, {"min_size": -1}):
            error = self.answer("xmpp.find", params)["error"]
            self.assertEqual(error["code"], -32602)
            self.assertIn(f"'{next(iter(params))}'", error["message"])

    def test_the_qr_code_holds_the_invitation_link(self) -> None:
        """The code holds what the link says: it is what segno makes of it."""
        invitation = self.call("xmpp.invitation")
        self.assertEqual(invitation["uri"], "xmpp:alice@example.org?subscribe")
        code = segno.make_qr(invitation["uri"], error="m")
        self.assertEqual(invitation["qr"], ["".join(map(str, row)) for row in code.matrix])

    def test_add_by_link(self) -> None:
        """The JID in an xmpp: link gets the contact request."""
        self.call("xmpp.add_contact", "xmpp:zoe@example.org?subscribe")
        (contact,) = self.call("xmpp.get_contacts")["contacts"]
        self.assertEqual((contact["jid"], contact["pending"]), ("zoe@example.org", "out"))

    def test_get_contacts_lists_the_roster_with_devices(self) -> None:
        """Everybody in the roster, with the devices that are known."""
        self.world.contact_shares(BOB, {A: "a", B: "b"})
        self.world.contact(BOB, "phone")
        self.world.contact("eve@example.org", "x").add_contact("alice@example.org", "")
        self.call("xmpp.add_contact", "zoe@example.org", "Zoe")
        self.world.swarm.events.notify(
            PeerMoved(address="192.0.2.7", port=None, downloaded=10, uploaded=20)
        )
        self.assertEqual(
            self.call("xmpp.get_contacts"),
            {
                "contacts": [
                    {
                        "jid": BOB,
                        "nick": None,
                        "subscription": "both",
                        "pending": None,
                        "groups": [],
                        "blocked": False,
                        "service": False,
                        "online": True,
                        "error": None,
                        "resources": [
                            {
                                "resource": "desk",
                                "bitween": True,
                                "shares": 2,
                                "size": 246,
                                "online": True,
                                "answering": None,
                                "way": {
                                    "reach": None,
                                    "text": None,
                                    "reason": None,
                                    "fix": None,
                                    "because": [],
                                },
                            },
                            {
                                "resource": "phone",
                                "bitween": False,
                                "shares": 0,
                                "size": 0,
                                "online": True,
                                "answering": None,
                                "way": None,
                            },
                        ],
                        "downloaded": 10,
                        "uploaded": 20,
                    },
                    {
                        "jid": "eve@example.org",
                        "nick": None,
                        "subscription": "none",
                        "pending": "in",
                        "groups": [],
                        "blocked": False,
                        "service": False,
                        "online": False,
                        "error": None,
                        "resources": [],
                        "downloaded": 0,
                        "uploaded": 0,
                    },
                    {
                        "jid": "zoe@example.org",
                        "nick": "Zoe",
                        "subscription": "none",
                        "pending": "out",
                        "groups": [],
                        "blocked": False,
                        "service": False,
                        "online": False,
                        "error": None,
                        "resources": [],
                        "downloaded": 0,
                        "uploaded": 0,
                    },
                ]
            },
        )

    def test_asking_accepting_and_removing_take_effect(self) -> None:
        """Asking, accepting and removing answer true, and take effect."""
        bob = self.world.contact(BOB, "desk")
        self.assertIs(self.call("xmpp.add_contact", jid=BOB, nick="Bob"), True)
        self.successResultOf(bob.accept_contact("alice@example.org"))
        (contact,) = self.call("xmpp.get_contacts")["contacts"]
        self.assertEqual((contact["nick"], contact["subscription"]), ("Bob", "both"))
        self.assertIs(self.call("xmpp.remove_contact", BOB), True)
        bob.add_contact("alice@example.org", "")
        self.assertIs(self.call("xmpp.accept_contact", BOB), True)
        self.assertEqual(self.reason("xmpp.accept_contact", BOB), "unknown_contact")
        self.assertEqual(self.reason("xmpp.remove_contact", "eve@x"), "unknown_contact")

    def test_forget_resource_drops_only_offline_devices(self) -> None:
        """A device that is away can be dropped, with an error for each other case."""
        self.world.contact_shares(BOB, {A: "a"})
        forget = "xmpp.forget_resource"
        self.assertEqual(self.reason(forget, BOB, "desk"), "resource_online")
        self.world.server.account(BOB).online["desk"].stop()
        self.assertEqual(self.reason(forget, BOB, "fridge"), "unknown_resource")
        self.assertEqual(self.reason(forget, "eve@x", "desk"), "unknown_contact")
        self.assertIs(self.call(forget, jid=BOB, resource="desk"), True)
        self.assertEqual(self.call("xmpp.get_shares"), {"shares": {}})

    def test_find_the_best_match(self) -> None:
        """Sorted so, the name itself comes before others that hold it."""
        self.world.contact_shares(BOB, {A: "a film", B: "film"})
        items = self.call("xmpp.find", query="film", sort="match")["items"]
        self.assertEqual([item["name"] for item in items], ["film", "a film"])
        self.assertEqual(self.answer("xmpp.add_contact", ["no jid"])["error"]["code"], -32602)

    def test_blocked_users_are_listed(self) -> None:
        """Who is blocked is listed, contact or not."""
        self.assertIs(self.call("xmpp.block", BOB), True)
        self.assertEqual(self.call("xmpp.get_blocked"), {"blocked": [BOB]})
        self.assertIs(self.call("xmpp.unblock", BOB), True)
        self.assertEqual(self.call("xmpp.get_blocked"), {"blocked": []})

    def test_contact_methods_fail_while_offline(self) -> None:
        """What needs the server says that it is not there."""
        self.world.messenger.stop()
        self.assertEqual(self.reason("xmpp.add_contact", BOB), "not_connected")


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
