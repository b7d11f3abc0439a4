"""The methods of ``bt.``, called through HTTP, on the use cases with memory below them."""

from __future__ import annotations

import os
from dataclasses import replace

from bitween.errors import HashingFailed
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import Metainfo, Progress, TorrentState
from tests.support.api_rig import Connection, World, http_request, rpc, site_of
from tests.support.method_case import BOB, A, B, C, MethodCase


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
                        "access": ["contacts"],
                        "expires": None,
                        "listed": False,
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
