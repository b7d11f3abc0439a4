"""The command line as its own process, against a real API on loopback."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import sys
import time
import unicodedata
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from twisted.internet import reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

import bitween
from bitween.api.results.event_types import EventType
from bitween.errors import HashingFailed
from bitween.model.connection import ConnectionState
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import FileEntry, Metainfo, Progress, TorrentState, parse_info_hash
from bitween.storage import api_location
from bitween.storage.api_location import ApiLocation
from bitween.testing.certificates import ThrowAwayAuthority
from tests.support.api_rig import TOKEN
from tests.support.cli_case import BOB, JID, RUN, A, B, C, CliCase, Outcome, Watcher
from tests.support.fakes.impostor import Impostor


class FindingTests(CliCase):
    """Which daemon is meant."""

    async def test_without_a_daemon_the_exit_status_is_3(self) -> None:
        """Exit status 3, and what to do."""
        said = await self.refused(3, "ls")
        self.assertIn("no daemon runs here", said)
        self.assertIn("bitween daemon", said)
        self.assertIn("--state-dir", said)

    async def test_the_only_one(self) -> None:
        """It is found without a word, over TCP and over a Unix socket."""
        await self.serve()
        self.assertEqual((await self.done("--json", "status")).json["jid"], f"{JID}/den")

    async def test_a_daemon_at_a_unix_socket_is_found(self) -> None:
        """A daemon at a Unix socket is found likewise."""
        await self.serve(f"unix:{self.path('api socket')}")
        self.assertEqual((await self.done("status", "--json")).json["jid"], f"{JID}/den")

    async def test_several_daemons_are_told_apart_by_jid(self) -> None:
        """They are listed, and told apart by JID."""
        await self.serve()
        await self.serve(jid=BOB)
        said = await self.refused(2, "ls")
        self.assertIn(JID, said)
        self.assertIn(BOB, said)
        await self.done("status", "--jid", BOB)
        await self.done("--jid", f"{BOB}/resource", "status")
        self.assertIn("carol", await self.refused(3, "ls", "--jid", "carol@example.org"))

    async def test_a_daemon_is_found_by_url_and_token(self) -> None:
        """With its token file, or a token that is known here."""
        url = await self.serve()
        Path(self.file("token", TOKEN)).chmod(0o600)
        base = url.removesuffix("/api")
        for given in (url, base, f"{base}/", base.removeprefix("http://")):
            await self.done("status", "--url", given, "--token-file", "token")
        await self.done("status", "--url", base)
        other = await self.refused(2, "ls", "--url", "http://127.0.0.1:1")
        self.assertIn("--token-file", other)
        self.assertIn("--state-dir", other)

    async def test_by_state_dir(self) -> None:
        """A daemon that keeps its state elsewhere."""
        await self.serve()
        await self.done("status", "--state-dir", f"state/bitween/{JID}")
        said = await self.refused(3, "ls", "--state-dir", "nowhere")
        self.assertIn("'nowhere'", said)
        self.assertIn("bitween daemon", said)

    async def test_a_wrong_token_is_refused_with_advice(self) -> None:
        """The daemon says no, and the command says what to do."""
        await self.serve()
        Path(self.file("token", "some-other-token-of-yore")).chmod(0o600)
        said = await self.refused(1, "ls", "--token-file", "token")
        self.assertIn("rejected the token", said)
        self.assertIn("--token-file", said)

    async def test_bad_token_files(self) -> None:
        """One that is not there, and one that others can read."""
        url = await self.serve()
        self.assertIn(
            "no token file", await self.refused(2, "ls", "--url", url, "--token-file", "x")
        )
        Path(self.file("token", TOKEN)).chmod(0o644)
        self.assertIn("chmod 600", await self.refused(1, "ls", "--token-file", "token"))

    async def test_file_that_others_could_have_written(self) -> None:
        """It is refused, not used."""
        await self.serve()
        Path(self.path("run"), "bitween", f"{JID}.json").chmod(0o666)
        self.assertIn("open to others", await self.refused(3, "ls"))

    async def test_daemon_that_died(self) -> None:
        """A file of a process that lives but does not listen: the hint names where else to look."""
        gone = ApiLocation("http://127.0.0.1:1/api", TOKEN, os.getpid(), JID)
        api_location.write(os.path.join(self.path("run"), "bitween", f"{JID}.json"), gone)
        said = await self.refused(3, "ls")
        self.assertIn("no daemon answers", said)
        self.assertIn("--state-dir", said)

    def impostor(
        self, relay_to: int | None = None, *, beside: bool = False
    ) -> tuple[str, list[bytes]]:
        """Listen where no daemon is any more; returns the URL, and what arrives."""
        listening = Impostor(reactor, relay_to, beside=beside)
        self.addCleanup(listening.stop)
        return listening.url, listening.heard

    async def test_who_listens_at_a_stale_port(self) -> None:
        """A program that listens in place of a daemon that died does not get the token."""
        url, heard = self.impostor()
        gone = ApiLocation(url, TOKEN, os.getpid(), JID)
        api_location.write(os.path.join(self.path("state"), "bitween", JID, "api.json"), gone)
        Path(self.file("token", TOKEN)).chmod(0o600)
        for args in (
            ("status",),
            ("open", "--print"),
            ("ls", "--state-dir", f"state/bitween/{JID}"),
            ("ls", "--url", url, "--token-file", "token"),
            ("ls", "--url", url),
        ):
            self.assertIn("did not get the token", await self.refused(1, *args))
        self.environ |= {"_ARGCOMPLETE": "1", "COMP_LINE": "bitween rm x", "COMP_POINT": "12"}
        self.environ |= {"_ARGCOMPLETE_STDOUT_FILENAME": self.path("out")}
        await self.run_bitween()
        self.assertGreater(len(heard), 5)
        self.assertNotIn(TOKEN.encode(), b"".join(heard))

    async def test_who_relays_from_a_stale_port(self) -> None:
        """Who asks the daemon itself, elsewhere, for the proof gets none that holds here."""
        real = urlsplit(await self.serve()).port
        Path(self.file("token", TOKEN)).chmod(0o600)
        for name in ("127.0.0.1", "localhost"):
            url, heard = self.impostor(relay_to=real)
            url = url.replace("127.0.0.1", name)
            said = await self.refused(3, "ls", "--url", url, "--token-file", "token")
            self.assertIn("did not get the token", said)
            self.assertIn(b"GET /proof?", b"".join(heard))
            self.assertNotIn(TOKEN.encode(), b"".join(heard))

    async def test_who_relays_from_the_other_loopback_address(self) -> None:
        """The same port of [::1], where localhost may lead as well, is not the daemon's."""
        real = urlsplit(await self.serve()).port
        Path(self.file("token", TOKEN)).chmod(0o600)
        await self.done("status", "--url", f"http://localhost:{real}", "--token-file", "token")
        url, heard = self.impostor(relay_to=real, beside=True)
        said = await self.refused(1, "ls", "--url", url, "--token-file", "token")
        self.assertIn("did not get the token", said)
        self.assertIn(b"GET /proof?", b"".join(heard))
        self.assertNotIn(TOKEN.encode(), b"".join(heard))

    async def test_malformed_urls_are_wrong_usage(self) -> None:
        """They are wrong usage."""
        Path(self.file("token", TOKEN)).chmod(0o600)
        for url in ("ftp://x", "http://", "http://[::1", "http://x:99999"):
            said = await self.refused(2, "ls", "--url", url, "--token-file", "token")
            self.assertIn("not the URL", said)


class UsageTests(CliCase):
    """The grammar."""

    async def test_help_and_version(self) -> None:
        """Both need no daemon."""
        said = (await self.done("--help")).out
        self.assertIn("add", said)
        self.assertEqual((await self.done()).out, said)
        self.assertIn("--download-dir", (await self.done("daemon", "--help")).out)
        version = (await self.done("--version")).out
        self.assertEqual((await self.done("daemon", "--version")).out, version)
        self.assertEqual((await self.done("--version")).out, f"bitween {bitween.__version__}\n")
        for command in ("add", "ls", "shares", "get", "rm", "contacts", "status", "stop", "jobs"):
            self.assertIn("--json", (await self.done(command, "--help")).out)

    async def test_wrong_usage_has_exit_status_2(self) -> None:
        """Exit status 2."""
        await self.serve()
        for args in (
            ("dance",),
            ("--json",),
            ("--jid", JID, "daemon"),
            ("add",),
            ("get",),
            ("ls", "--colour"),
            ("contacts", "add"),
            ("contacts", "forget", BOB),
            ("contacts", "hug", BOB),
            ("contacts", "remove", BOB, "--nick", "Bob"),
            ("jobs", "cancel"),
            ("call", "Api.status", "{"),
            ("call", "Api.status", "1"),
        ):
            await self.refused(2, *args)

    async def test_bitween_daemon_runs_the_daemon(self) -> None:
        """It is the daemon that runs, with its own options, also where the program has no path."""
        environ = {**self.environ, "PATH": "/usr/bin:/bin"}
        for args, said in (
            ((), "no account is given"),
            (("--jid", JID), "there is no password"),
            (("--colour",), "bitween daemon --help"),
        ):
            out, err, status = await getProcessOutputAndValue(
                sys.executable, (*RUN, "daemon", *args), env=environ, path=self.home
            )
            self.assertEqual((out, status), (b"", 1), err)
            self.assertIn(said, err.decode())
            self.assertEqual(err.count(b"\n"), 1, err)

    async def test_help_imports_nothing_heavy(self) -> None:
        """Help is quick because it loads next to nothing."""
        code = (
            "import sys; from bitween.cli.parser import make_parser; import bitween.cli.main; "
            "make_parser().format_help(); print(*sys.modules)"
        )
        out, err, status = await getProcessOutputAndValue(
            sys.executable, ("-c", code), env=self.environ
        )
        self.assertEqual((err, status), (b"", 0))
        heavy = {"twisted", "rich", "http.client", "importlib.metadata", "libtorrent", "email"}
        self.assertEqual(heavy & set(out.decode().split()), set())


class EmptyArgumentTests(CliCase):
    """What an unset variable of the shell leaves of a command."""

    async def test_every_command_refuses_empty_arguments(self) -> None:
        """An empty argument is wrong usage, and nothing is done."""
        await self.serve()
        self.world.share("film", A)
        before = self.world.bitween.torrents.all()
        for args in (
            *((command, "") for command in ("add", "get", "rm", "pause", "resume", "recheck")),
            *((command, "") for command in ("mend", "files", "peers", "limit", "export", "shares")),
            ("rm", "", "--data", "--yes"),
            ("pause", "film", ""),
            ("add", "--yes", "film", ""),
            ("get", A, "--to", ""),
            ("export", A, "--to", ""),
            ("files", A, "--only", ""),
            ("limit", A, "--up", ""),
            ("shares", "--contact", ""),
            ("contacts", "remove", ""),
            ("contacts", "add", BOB, "--nick", ""),
            ("jobs", "cancel", ""),
            ("token", "revoke", ""),
            ("token", "new", "--name", ""),
            ("events", ""),
            ("call", ""),
            ("ls", "--state-dir", ""),
            ("--jid", "", "ls"),
            ("ls", "--url", ""),
            ("ls", "--token-file", ""),
            ("ls", "--ca-file", ""),
        ):
            self.assertIn("empty", await self.refused(2, *args))
        for option in (("--to", ""), ("--to=",)):
            self.assertIn("--to is empty", await self.refused(2, "get", A, *option))
        self.assertEqual(self.world.bitween.torrents.all(), before)
        self.assertEqual((await self.done("jobs", "--json")).json, {"jobs": []})


class AddTests(CliCase):
    """``add`` and ``jobs``."""

    async def test_add_what_is_rarely_meant(self) -> None:
        """The whole machine is shared only if the user says so once more; a terminal is asked."""
        await self.serve()
        said = await self.refused(2, "add", "/")
        self.assertIn("whole machine", said)
        self.assertIn("--yes", said)
        watcher = self.on_terminal("add", "/")
        await watcher.until("Share it? [y/N]")
        assert watcher.transport is not None
        watcher.transport.write(b"\n")
        self.assertEqual((await watcher.ended).status, 1)
        self.assertEqual(self.world.hasher.running, {})

    async def test_add_shows_the_job(self) -> None:
        """The job is told; a relative path is the caller's."""
        await self.serve()
        path = self.file("film")
        self.assertEqual((await self.done("add", "film")).out, f"adding {path} (job 1)\n")
        self.assertEqual((await self.done("add", "./film", "--json")).json, {"job": "2"})

    async def test_names_that_are_not_utf8_are_refused_readably(self) -> None:
        """A name that is not UTF-8 is refused in words that a terminal can show."""
        await self.serve()
        name = os.fsdecode(b"\xff\xfe")
        with open(os.path.join(self.home, name), "wb"):  # an empty file
            pass
        told = await self.refused(1, "add", name)
        self.assertIn("/\\xff\\xfe' is not UTF-8", told)
        self.assertNotIn("\\ud", told)

    async def test_add_and_wait(self) -> None:
        """The command ends when the file is hashed, and says what came of it."""
        await self.serve()
        self.file("film")
        self.world.hasher.hash_at_once = Metainfo(A, "film", 2_500_000, b"")
        out = (await self.done("add", "film", "--wait")).out
        self.assertEqual(out, f"sharing film (2.5 MB) as {A}\n")

    async def test_add_and_wait_as_json(self) -> None:
        """The result is the API's."""
        await self.serve()
        self.file("film")
        self.world.hasher.hash_at_once = Metainfo(A, "film", 1, b"")
        result = (await self.done("add", "film", "--wait", "--json")).json
        self.assertEqual(
            result,
            {"hash": A, "name": "film", "total_size": 1, "left_out": [], "left_out_total": 0},
        )

    async def test_what_is_left_out(self) -> None:
        """It is named, with the reason, after the share and with the job; strict is passed on."""
        await self.serve()
        path = self.file("film")
        left_out = LeftOut((LeftOutEntry("sub/b\\xff", Why.NOT_UTF8),), 2)
        self.world.hasher.hash_at_once = Metainfo(A, "film", 1, b"", left_out)
        told = f"{path}: 2 left out:\n  sub/b\\xff (its name is not UTF-8)\n  and 1 more\n"
        outcome = await self.run_bitween("add", "film", "--wait")
        self.assertEqual((outcome.status, outcome.err), (0, told))
        self.assertEqual((await self.run_bitween("jobs")).err, told)
        await self.run_bitween("add", "film", "--strict")
        self.assertEqual(self.world.hasher.strict, [False, True])

    async def test_one_bad_path_does_not_stop_the_others(self) -> None:
        """One that cannot be shared does not keep the others."""
        await self.serve()
        self.file("one")
        self.file("two")
        outcome = await self.run_bitween("add", "one", "missing", "two")
        self.assertEqual(outcome.status, 1)
        self.assertEqual(len(outcome.out.splitlines()), 2)
        self.assertIn("missing", outcome.err)

    async def test_a_refused_path_has_exit_status_1(self) -> None:
        """The daemon says no: exit status 1, message and hint."""
        await self.serve()
        os.mkdir(self.path("empty"))
        said = await self.refused(1, "add", "empty")
        self.assertIn("is empty", said)
        self.assertIn("a folder needs a file", said)

    async def test_hashing_that_fails(self) -> None:
        """The job's error is the command's."""
        await self.serve()
        self.file("film")
        self.world.hasher.hash_at_once = HashingFailed("it changed", "try again")
        self.assertEqual(
            await self.refused(1, "add", "film", "--wait"), "bitween: it changed (try again)\n"
        )

    async def test_jobs_are_listed_and_cancelled(self) -> None:
        """They are listed, and cancelled by number."""
        await self.serve()
        path = self.file("film")
        await self.done("add", "film")
        self.assertEqual(
            (await self.done("jobs", "cancel", "1")).out,
            f"job 1 ({self.path('film')}) is cancelled\n",
        )
        row = (await self.done("jobs")).out.rstrip("\n").split("\t")
        self.assertEqual((row[0], row[2], row[-1]), ("1", "cancelled", path))
        self.assertIn("no job '7'", await self.refused(1, "jobs", "cancel", "7"))


class GetTests(CliCase):
    """``shares``, ``get``, ``ls`` and ``rm``."""

    async def test_shares_lists_what_contacts_have(self) -> None:
        """What contacts have, a row each, with whole hashes for programs."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday", B: "work"})
        out = (await self.done("shares")).out
        self.assertEqual(
            [line.split("\t") for line in out.splitlines()],
            [
                ["holiday", "123 B", BOB, "online", "", A],
                ["work", "123 B", BOB, "online", "", B],
            ],
        )
        self.assertEqual((await self.done("shares", "HOLI")).out.count("\n"), 1)
        self.assertEqual((await self.done("shares", "--contact", BOB, "--json")).json["total"], 2)
        await self.refused(1, "shares", "--contact", "eve@example.org")

    async def test_more_shares_than_a_page(self) -> None:
        """All pages are fetched."""
        await self.serve()
        names = {parse_info_hash(f"{n:040x}"): f"n{n}" for n in range(1234)}
        self.world.contact_shares(BOB, names)
        self.assertEqual((await self.done("shares")).out.count("\n"), 1234)

    async def test_get_by_name(self) -> None:
        """A whole name or the beginning of a hash is completed; a part of a name is not."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday", B: "holiday 2", C: "work"})
        self.assertIn(f"{C}  work", await self.refused(1, "get", "wor"))
        self.assertIn("give six digits or more", await self.refused(1, "get", "1a2b3"))
        said = (await self.done("get", "Work")).out
        self.assertEqual(said, f"downloading work ({C}) from 1 source\n")
        await self.done("get", "holiday")
        await self.done("get", B[:10])
        self.assertEqual(
            {torrent.name for torrent in self.world.swarm.library}, {"work", "holiday", "holiday 2"}
        )

    async def test_names_in_another_form(self) -> None:
        """However accents are composed, here and there, a name is found; exact ones win."""
        await self.serve()
        composed, decomposed = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))
        self.world.contact_shares(BOB, {A: decomposed, B: "cafeteria"})
        for typed in (composed, decomposed, composed.upper(), "café"):
            self.assertIn(A, (await self.done("get", typed)).out)
            self.assertIn(A, (await self.done("shares", typed)).out)
            self.assertIn(A, (await self.done("pause", typed)).out)
        self.world.share("CAFÉ", C)
        self.assertIn(C, (await self.done("pause", "CAFÉ")).out)
        self.assertIn(A, (await self.done("pause", composed)).out)
        self.assertIn("may be any of 2", await self.refused(1, "pause", "café"))

    async def test_names_that_look_like_hashes(self) -> None:
        """A name of 40 digits is a name where no such hash is known; else the hash counts."""
        await self.serve()
        self.world.contact_shares(BOB, {A: B, C: "x"})
        self.assertIn(f"{B} ({A})", (await self.done("get", B)).out)
        self.assertIn(A, (await self.done("pause", B)).out)
        self.world.share("its hash", B)
        self.assertIn(f"its hash ({B})", (await self.done("pause", B)).out)

    async def test_magnet_links_and_torrent_files(self) -> None:
        """What other programs give for a torrent is taken for its hash."""
        await self.serve()
        info_hash, content = make_torrent("film", [HashedFile((), 5)], 2**14, b"x" * 20)
        Path(self.path("film.torrent")).write_bytes(content)
        self.file("no.torrent")
        for given in (f"magnet:?dn=film&xt=urn:btih:{info_hash.upper()}", "film.torrent"):
            self.assertIn(info_hash, (await self.run_bitween("get", given)).out)
        for wrong in ("magnet:?dn=film", "no.torrent"):
            await self.refused(2, "get", wrong)
        self.assertIn("bitween get", await self.refused(2, "add", "film.torrent"))
        magnet = f"magnet:?xt=urn:btih:{info_hash}"
        self.assertIn("bitween get", await self.refused(2, "add", magnet))
        for command in ("add", "get"):
            said = await self.refused(2, command, "https://host.example/film.torrent")
            self.assertIn("is a web link", said)
            self.assertIn("save what it leads to first", said)

    async def test_a_tilde_that_the_shell_left(self) -> None:
        """A quoted ``~`` means the home directory where nothing here is called so."""
        await self.serve()
        self.file("film")
        self.environ["HOME"] = self.home
        said = (await self.done("add", "~/film")).out
        self.assertIn(f"adding {self.path('film')} ", said)
        os.mkdir(self.path("~"))
        self.file("~/film")
        self.assertIn(f"adding {self.path('~/film')} ", (await self.done("add", "~/film")).out)

    async def test_get_what_is_here(self) -> None:
        """Nothing is said to be downloaded that is complete already."""
        await self.serve()
        self.world.share("film", A)
        said = await self.run_bitween("get", A)
        self.assertIn(f"you have film ({A}) already", said.out)
        self.assertNotIn("source", said.out + said.err)

    async def test_an_ambiguous_name_lists_candidates_and_fetches_nothing(self) -> None:
        """The candidates are listed with their hashes, and nothing is fetched."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "Holiday", B: "HOLIDAY", C: "work"})
        said = await self.refused(1, "get", "holiday")
        self.assertIn(f"{A}  Holiday", said)
        self.assertIn(f"{B}  HOLIDAY", said)
        self.assertNotIn("work", said)
        self.assertEqual(len(self.world.swarm.library), 0)

    async def test_an_unknown_name_is_an_error(self) -> None:
        """Nobody shares that."""
        await self.serve()
        self.assertIn("no contact shares 'x'", await self.refused(1, "get", "x"))

    async def test_get_to_a_folder(self) -> None:
        """A relative folder is the caller's."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        result = (await self.done("get", A, "--to", "here", "--json")).json
        self.assertEqual(result, {"hash": A, "sources": 1})
        self.assertEqual(self.world.swarm.library.get(A).save_path, self.path("here"))

    async def test_get_without_a_source(self) -> None:
        """That is said, and is no error."""
        await self.serve()
        outcome = await self.run_bitween("get", A)
        self.assertEqual(outcome.status, 0)
        self.assertIn("no source is online", outcome.err)

    async def test_get_and_wait(self) -> None:
        """The command ends when everything is there; without a terminal there is no bar."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        files = (FileEntry("holiday", 123),)
        self.world.swarm.download_at_once = {
            "complete": True,
            "progress": Progress(123, 123),
            "files": files,
        }
        out = (await self.done("get", "holiday", "--wait")).out
        self.assertEqual(out, f"holiday (123 B) is in {self.path('downloads')}\n")

    async def test_get_and_wait_for_a_torrent_that_fails(self) -> None:
        """Its error ends the command."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        self.world.swarm.download_at_once = {"state": TorrentState.ERROR, "error": "disk full"}
        said = await self.refused(1, "get", "holiday", "--wait")
        self.assertIn("holiday: disk full", said)

    async def test_shares_where_contacts_disagree(self) -> None:
        """Each name stands beside those who say it only, and it is said that they differ."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        self.world.contact_shares("carol@example.org", {A: "holiday"})
        self.world.contact_shares("eve@example.org", {A: "forged", B: "hers"})
        ended = await self.run_bitween("shares")
        self.assertEqual(ended.status, 0)
        rows = [line.split("\t") for line in ended.out.splitlines()]
        self.assertEqual(
            [(row[0], row[2], row[5]) for row in rows],
            [
                ("hers", "eve@example.org", B),
                ("holiday", f"{BOB}, carol@example.org", A),
                ("forged", "eve@example.org", A),
            ],
        )
        self.assertIn("disagree on the name or size of 1 share", ended.err)

    async def test_ls_lists_torrents_and_their_errors(self) -> None:
        """A row each; what is wrong with one is said as well."""
        await self.serve()
        self.world.share("film", A, 1_234_567)
        out = (await self.done("ls")).out
        self.assertEqual(
            out.rstrip("\n").split("\t"), ["film", "1.23 MB", "100%", "seeding", "", "", "0", A]
        )
        self.world.swarm.change(A, state=TorrentState.ERROR, error="gone")
        self.assertIn("film: gone", (await self.run_bitween("ls")).err)
        self.assertEqual((await self.done("ls", "--json")).json["torrents"][0]["hash"], A)

    async def test_ls_tells_what_is_here(self) -> None:
        """A part that was chosen is not all of it, nor is what is gone; who is missing is named."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "film"}, online=False)
        self.world.share("film", A, 64_000_000)

        async def row(**changes: object) -> list[str]:
            self.world.swarm.change(A, **changes)
            return (await self.run_bitween("ls")).out.rstrip("\n").split("\t")[2:4]

        part = Progress(done=1_000_000, total=64_000_000)
        finished = await row(state=TorrentState.FINISHED, complete=False, progress=part)
        self.assertEqual(finished, ["1%", "finished"])
        waiting = await row(state=TorrentState.DOWNLOADING, progress=replace(part, left=63_000_000))
        self.assertEqual(waiting, ["1%", f"waiting for {BOB}"])
        gone = await row(state=TorrentState.ERROR, complete=True, error="'film' is missing")
        self.assertEqual(gone, ["", "error"])

    async def test_rm_takes_a_whole_name_or_hash(self) -> None:
        """By the whole name or a hash, among our own torrents; what is near is listed."""
        await self.serve()
        self.world.share("film one", A)
        self.world.share("film two", B)
        self.assertIn(A, await self.refused(1, "rm", "film"))
        self.assertIn(f"{B}  film two", await self.refused(1, "rm", "two"))
        await self.refused(1, "rm", B[:5])
        said = (await self.done("rm", "Film One")).out
        self.assertEqual(said, f"removed film one ({A}); its files stay in /files\n")
        await self.done("rm", B[:6])
        self.assertEqual(len(self.world.swarm.library), 0)
        self.assertEqual(self.world.swarm.deleted, [])
        self.assertIn("no torrent", await self.refused(1, "rm", "book"))
        await self.refused(1, "rm", A)

    async def downloaded(self, name: str = "film") -> None:
        """Have a download be complete."""
        self.world.contact_shares(BOB, {A: name})
        await self.world.swarm.download(A, name, "/files")
        self.world.swarm.arrive(A, 1000)

    async def test_rm_with_data(self) -> None:
        """Without a terminal it has to be confirmed; what was done is told."""
        await self.serve()
        await self.downloaded()
        said = await self.refused(2, "rm", "film", "--data")
        self.assertIn(f"1 file (1 kB) of film ({A}) in /files", said)
        self.assertIn("--yes", said)
        self.assertEqual(len(self.world.swarm.library), 1)
        said = (await self.done("rm", "film", "--data", "--yes")).out
        self.assertEqual(said, f"removed film ({A}): 1 file (1 kB) deleted\n")
        self.assertEqual(self.world.swarm.deleted, [A])
        await self.refused(2, "rm", "film", "--originals")

    async def test_rm_asks_before_it_deletes(self) -> None:
        """On a terminal the user is asked; nothing but yes deletes."""
        await self.serve()
        await self.downloaded()
        for answer, left in (("", 1), ("n", 1), ("yes", 0)):
            watcher = self.on_terminal("rm", "film", "--data")
            await watcher.until("Delete? [y/N]")
            assert watcher.transport is not None
            watcher.transport.write(answer.encode() + b"\n")
            self.assertEqual((await watcher.ended).status, left)
            self.assertEqual(len(self.world.swarm.library), left)
        self.assertEqual(self.world.swarm.deleted, [A])

    async def test_rm_leaves_originals(self) -> None:
        """What was shared in place is deleted only with a further option."""
        await self.serve()
        self.world.share("film", A)
        said = await self.refused(1, "rm", "film", "--data", "--yes")
        self.assertIn("--originals", said)
        self.assertEqual(len(self.world.swarm.library), 1)
        await self.done("rm", "film", "--data", "--originals", "--yes")
        self.assertEqual(self.world.swarm.deleted, [A])


class DaemonTests(CliCase):
    """``contacts``, ``status``, ``stop`` and ``call``."""

    async def test_contacts_are_listed_added_accepted_and_removed(self) -> None:
        """They are listed, asked, accepted and removed."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "a"})
        await self.world.contact("eve@example.org", "x").add_contact(JID, "")
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(rows[0], [BOB, "", "both", "online", "", "1", "", "", ""])
        phone = self.world.contact("carol@example.org", "phone")
        phone.befriend([JID])
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        there = {row[0]: row[3] for row in rows}
        self.assertEqual(there["carol@example.org"], "without bitween")
        await self.done("contacts", "remove", "carol@example.org")
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(rows[1][-1], "asks you: contacts accept")
        await self.done("contacts", "accept", "eve@example.org")
        await self.done("contacts", "remove", BOB)
        await self.done("contacts", "add", "carol@example.org", "--nick", "Carol")
        nicks = {contact.jid: contact.nick for contact in self.world.messenger.contacts}
        self.assertEqual(nicks["carol@example.org"], "Carol")
        self.assertIn("not among", await self.refused(1, "contacts", "remove", BOB))

    async def test_invitation_links_are_printed_and_accepted(self) -> None:
        """It is printed; a contact's link is accepted in place of a JID."""
        await self.serve()
        outcome = await self.done("contacts", "link")
        self.assertEqual(outcome.out.strip(), f"xmpp:{JID}?subscribe")
        await self.done("contacts", "add", "xmpp:carol@example.org?roster;name=Carol")
        (contact,) = self.world.messenger.contacts
        self.assertEqual(contact.jid, "carol@example.org")

    async def test_doctor_has_status_1_if_there_is_a_problem(self) -> None:
        """A table, what would help beside it, and status 1 if something is in the way."""
        await self.serve()
        outcome = await self.run_bitween("doctor")
        self.assertEqual(outcome.status, 1)
        self.assertIn("log-in\tgood\tconnected as", outcome.out)
        self.assertIn("disk: see --download-dir", outcome.err)
        self.assertIn("keeps transfers from working: disk", outcome.err)
        os.mkdir(self.path("downloads"))
        outcome = await self.run_bitween("doctor", "--json")
        self.assertEqual(outcome.status, 0)
        self.assertEqual(outcome.json["findings"][-1]["check"], "disk")

    async def test_forget_a_device(self) -> None:
        """A device that is gone for good is dropped; one that is there is not."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "a"})
        self.assertIn("online", await self.refused(1, "contacts", "forget", f"{BOB}/desk"))
        self.world.server.account(BOB).online["desk"].stop()
        self.assertIn("forgotten", (await self.done("contacts", "forget", f"{BOB}/desk")).out)
        self.assertEqual(self.world.bitween.shares.listings(), {})

    async def test_blocked_users_are_shown_until_unblocked(self) -> None:
        """Who is blocked is shown as such, contact or not, until it is undone."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "a"})
        for jid in (BOB, "mallory@example.org"):
            await self.done("contacts", "block", jid)
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(
            [(row[0], row[-1]) for row in rows],
            [(BOB, "blocked"), ("mallory@example.org", "blocked")],
        )
        await self.done("contacts", "unblock", BOB)
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(rows[0][-1], "")

    async def test_status_as_text_and_as_json(self) -> None:
        """For a person, and as the API has it."""
        url = await self.serve()
        out = (await self.done("status")).out
        for part in (f"{JID}/den", "online", "127.0.0.1:6881", url):
            self.assertIn(part, out)
        status = replace(
            self.world.messenger.status, state=ConnectionState.WAITING, next_try=time.time() + 90
        )
        self.world.messenger.status = status
        self.assertIn("waiting, next try in 1:", (await self.done("status")).out)

    async def test_stop_waits_for_the_daemons_end(self) -> None:
        """The command ends when the daemon has."""
        await self.serve()
        daemon = Watcher()
        process = reactor.spawnProcess(
            daemon, "/bin/sh", ["sh", "-c", "read x"], env={}, usePTY=False
        )
        place = os.path.join(self.path("run"), "bitween", f"{JID}.json")
        published = api_location.read(place)
        assert process.pid is not None
        api_location.write(
            os.path.join(self.path("d"), "api.json"),
            ApiLocation(published.url, published.token, process.pid, JID),
        )
        self.world.on_stop = process.loseConnection
        self.assertEqual((await self.done("stop", "--state-dir", "d")).out, "stopped\n")
        await daemon.ended
        self.assertEqual(self.world.stopped, [True])

    async def test_call_takes_any_method(self) -> None:
        """Any method, with parameters by position or by name."""
        await self.serve()
        self.assertIn("bitween", (await self.done("call", "Api.versions")).json)
        for params in ('["x"]', '{"query": "x"}'):
            result = (await self.done("call", "xmpp.find", params)).json
            self.assertEqual(result, {"total": 0, "items": []})
        self.assertIn("no method 'no.such'", await self.refused(1, "call", "no.such"))
        said = await self.refused(1, "call", "xmpp.find", '{"query": 5}')
        self.assertTrue(said.startswith("bitween: parameter 'query': "), said)
        self.assertIn("'job' is missing", await self.refused(1, "call", "jobs.get"))


class EventTests(CliCase):
    """``bitween events``."""

    async def serve_events(self) -> None:
        """Serve an API with two events."""
        await self.serve()
        self.world.log.record(EventType.TORRENT_REMOVED, {"hash": A, "name": "\x1b[31mholiday"})
        self.world.log.record(EventType.WARNING, {"level": "warn", "text": "late", "more": 0})

    async def test_what_is_kept(self) -> None:
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


class StreamTests(CliCase):
    """Standard streams that are closed or full."""

    async def shell(self, redirection: str, *args: str) -> Outcome:
        """Run a command as a shell with some redirection does."""
        command = [shlex.quote(sys.executable), *map(shlex.quote, (*RUN, *args))]
        out, err, status = await getProcessOutputAndValue(
            "/bin/sh",
            ("-c", f"{' '.join(command)} {redirection}"),
            env=self.environ,
            path=self.home,
        )
        return Outcome(out.decode(), err.decode(), status)

    async def test_output_that_cannot_be_written(self) -> None:
        """One line says so, and the exit status is 1; nothing goes astray."""
        await self.serve()
        self.world.share("film", A)
        cases = itertools.product(
            ((">&-", "Bad file descriptor"), (">/dev/full", "No space left")),
            (("ls",), ("status", "--json"), ("--help",), ("--version",), ("ls", "--help")),
            ("", "1"),
        )
        for (redirection, why), args, unbuffered in cases:
            self.environ |= {"PYTHONUNBUFFERED": unbuffered}
            outcome = await self.shell(redirection, *args)
            self.assertEqual((outcome.status, outcome.out), (1, ""), (redirection, args))
            self.assertIn(f"bitween: the output cannot be written: {why}", outcome.err)
            self.assertEqual(outcome.err.count("\n"), 1, outcome.err)

    async def test_errors_that_cannot_be_written(self) -> None:
        """The exit status tells what is left to tell, and nothing appears in the output."""
        await self.serve()
        for redirection in ("2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"):
            outcome = await self.shell(redirection, "rm", "nothing")
            self.assertEqual((outcome.out, outcome.err, outcome.status), ("", "", 1), redirection)
            self.assertEqual((await self.shell(redirection, "dance")).status, 2, redirection)
        outcome = await self.shell("<&-", "status")
        self.assertEqual((outcome.err, outcome.status), ("", 0))
        self.world.contact_shares(BOB, {A: "film"})
        await self.world.swarm.download(A, "film", "/files")
        self.world.swarm.arrive(A, 1000)
        self.assertEqual((await self.shell("<&-", "rm", "film", "--data")).status, 2)

    async def test_a_reader_that_leaves(self) -> None:
        """What only looks at the first lines makes no complaint."""
        await self.serve()
        names = {parse_info_hash(f"{n:040x}"): f"n{n}" for n in range(5000)}
        self.world.contact_shares(BOB, names)
        outcome = await self.shell("| head -n 1", "shares")
        self.assertEqual((outcome.out.count("\n"), outcome.err), (1, ""))


class TerminalTests(CliCase):
    """What a person sees."""

    async def test_tables_fit_the_terminal(self) -> None:
        """No line is wider than the terminal, however long the names."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "x" * 300, B: "宽" * 100})
        out = re.sub(r"\x1b\[[\d;]*m", "", (await self.on_terminal("shares").ended).out)
        for part in ("size", "hash", "…", "123 B", BOB[:5], A[:12]):
            self.assertIn(part, out)
        for line in out.splitlines():
            width = sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line)
            self.assertLessEqual(width, 70)

    async def test_hostile_names_cannot_steer_the_terminal(self) -> None:
        """Neither control characters nor markup of a name take effect."""
        await self.serve()
        self.world.share("x", A)
        self.world.swarm.change(A, name="\x1b]0;owned\x07 [red]x[/red] \u202eback")
        for out in ((await self.on_terminal("ls").ended).out, (await self.done("ls")).out):
            self.assertNotIn("\x1b]0", out)
            self.assertNotIn("\u202e", out)
            self.assertIn("[red]", out)

    async def test_a_progress_bar_leads_to_the_result(self) -> None:
        """It shows how far, how fast and how long; then the result."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "holiday"})
        running = {
            "state": TorrentState.DOWNLOADING,
            "progress": Progress(300_000, 1_000_000, 100_000, 0, 1, left=700_000),
            "files": (FileEntry("holiday", 1_000_000),),
        }
        self.world.swarm.download_at_once = running
        watcher = self.on_terminal("get", "holiday", "--wait")
        for text in ("300 kB of 1 MB", "100 kB/s", "0:07 left"):
            await watcher.until(text)
        self.world.swarm.change(A, complete=True, progress=Progress(1_000_000, 1_000_000))
        outcome = await watcher.ended
        self.assertEqual(outcome.status, 0)
        self.assertIn("holiday (1 MB) is in", outcome.out)

    async def test_waiting_for_a_source(self) -> None:
        """A download without a source says so and goes on when one is there."""
        await self.serve()
        watcher = self.on_terminal("get", A, "--wait")
        await watcher.until("no source is online")
        await watcher.until("waiting for a source")
        self.world.swarm.change(A, complete=True, files=(), name="late")
        outcome = await watcher.ended
        self.assertEqual(outcome.status, 0)

    async def test_control_c_ends_waiting_without_a_traceback(self) -> None:
        """Ctrl-C ends the waiting with the usual status and no traceback."""
        await self.serve()
        watcher = self.on_terminal("get", A, "--wait")
        await watcher.until("waiting for a source")
        assert watcher.transport is not None
        watcher.transport.write(b"\x03")
        outcome = await watcher.ended
        self.assertEqual(outcome.status, 130)
        self.assertNotIn("Traceback", outcome.out)


class AccessTests(CliCase):
    """Tokens, the page, and TLS."""

    async def test_a_token_works_until_it_is_revoked(self) -> None:
        """One that is made serves until it is revoked; only its making shows it."""
        url = await self.serve()
        made = await self.run_bitween("token", "new", "--read-only", "--name", "wall")
        self.assertEqual(made.status, 0)
        self.assertEqual(made.err, "this is the token wall; it cannot be shown again\n")
        token_file = self.file("wall", made.out)
        os.chmod(token_file, 0o600)
        there = ("--url", url, "--token-file", token_file)
        await self.done("status", *there)
        self.assertIn("for looking only", await self.refused(1, "stop", *there))
        for command in (("token",), ("token", "list")):
            (first, wall) = (await self.done(*command)).out.splitlines()
            self.assertEqual(first, "first\tdo everything\t")
            self.assertRegex(wall, r"^wall\tlook\t\d{4}-\d\d-\d\d \d\d:\d\d$")
        await self.done("token", "revoke", "wall")
        self.assertIn("rejected the token", await self.refused(1, "status", *there))

    async def test_tokens_as_json(self) -> None:
        """The answers of the API."""
        await self.serve()
        made = json.loads((await self.run_bitween("--json", "token", "new")).out)
        self.assertEqual((made["name"], made["read_only"]), ("token-1", False))
        listed = (await self.done("--json", "token")).json["tokens"]
        self.assertEqual([token["name"] for token in listed], ["first", "token-1"])
        self.assertIs((await self.done("--json", "token", "revoke", "token-1")).json, True)

    async def test_wrong_token_arguments_are_refused(self) -> None:
        """What is left out or too much, and names that there are not."""
        await self.serve()
        for command in (
            ("token", "revoke"),
            ("token", "list", "x"),
            ("token", "new", "x"),
            ("token", "--read-only"),
            ("token", "revoke", "x", "--name", "y"),
        ):
            self.assertIn("token", await self.refused(2, *command))
        self.assertIn("--name x", await self.refused(2, "token", "new", "x"))
        self.assertIn("no token 'x'", await self.refused(1, "token", "revoke", "x"))

    async def test_open_prints_the_link_without_a_display(self) -> None:
        """Without a display the link is printed; it is one that logs in."""
        url = await self.serve()
        for command in (("open",), ("open", "--print")):
            (link,) = (await self.done(*command)).out.splitlines()
            self.assertTrue(link.startswith(url.removesuffix("api") + "#login="), link)
        for status in (200, 401):
            self.assertEqual(await self.log_in(url, link.partition("=")[2]), status)
        (row,) = (await self.done("sessions")).out.splitlines()
        session, may, _, _, browser = row.split("\t")
        self.assertEqual((may, browser), ("do everything", "some browser"))
        said = await self.done("sessions", "revoke", session)
        self.assertIn("is logged out", said.out)
        self.assertIn("no browser", (await self.done("sessions", "list")).out)
        self.assertIn("no session", await self.refused(1, "sessions", "revoke", session))
        for command in (("revoke",), ("list", "x")):
            self.assertIn("session", await self.refused(2, "sessions", *command))

    async def test_open_in_a_browser(self) -> None:
        """Where there is one, it is given the link."""
        url = await self.serve()
        browser = self.file("browser", '#!/bin/sh\necho "$1" > "$HOME/opened"\n')
        os.chmod(browser, 0o700)
        self.environ["BROWSER"] = browser
        self.assertEqual((await self.done("open")).out, "")
        link = Path(self.path("opened")).read_text(encoding="utf-8").strip()
        self.assertTrue(link.startswith(url.removesuffix("api") + "#login="), link)
        self.assertIn("expires", (await self.done("--json", "open")).json)

    async def test_open_at_a_unix_socket(self) -> None:
        """No browser can go there, and the daemon says so."""
        await self.serve(f"unix:{self.path('socket')}")
        self.assertIn("--api", await self.refused(1, "open"))

    async def test_open_from_elsewhere(self) -> None:
        """The link is for the name by which we reach the daemon."""
        url = (await self.serve()).replace("127.0.0.1", "localhost")
        Path(self.path("token")).touch(mode=0o600)
        there = ("--url", url, "--token-file", self.file("token", TOKEN))
        link = (await self.done("open", *there)).out
        self.assertTrue(link.startswith(url.removesuffix("api") + "#login="), link)

    async def test_the_tls_certificate_is_verified(self) -> None:
        """The certificate is verified, by the authority that is named."""
        authority = ThrowAwayAuthority()
        issued = authority.issue(["localhost"])
        cert = self.file("cert.pem", issued.certificate_pem.decode())
        key = self.file("key.pem", issued.key_pem.decode())
        trusted = self.file("ca.pem", authority.certificate_pem.decode())
        other = self.file("other.pem", ThrowAwayAuthority().certificate_pem.decode())
        url = await self.serve(f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={cert}")
        Path(self.path("token")).touch(mode=0o600)
        token = ("--token-file", self.file("token", TOKEN))
        there = ("--url", url.replace("127.0.0.1", "localhost"), *token)
        await self.done("status", *there, "--ca-file", trusted)
        link = (await self.done("--ca-file", trusted, "open", *there)).out
        self.assertTrue(link.startswith("https://localhost:"), link)
        for options in ((), ("--ca-file", other)):
            said = await self.refused(1, "status", *there, *options)
            self.assertIn("is not trusted", said)
            self.assertIn("--ca-file", said)
        said = await self.refused(1, "status", "--url", url, *token, "--ca-file", trusted)
        self.assertIn("is not trusted", said)
        for path in (key, "/nowhere.pem"):
            said = await self.refused(2, "status", *there, "--ca-file", path)
            self.assertIn(path, said)

    async def log_in(self, url: str, code: str) -> int:
        """What the page gets that a link leads to."""
        body = FileBodyProducer(BytesIO(json.dumps({"code": code}).encode()))
        headers = Headers({"Content-Type": ["application/json"], "User-Agent": ["some browser"]})
        there = urljoin(url, "/login").encode()
        response = await Agent(reactor).request(b"POST", there, headers, body)
        await readBody(response)
        return int(response.code)
