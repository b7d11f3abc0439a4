"""Which daemon a command is for, each command as its own process, against a real API."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from twisted.internet import reactor

from bitween.storage import api_location
from bitween.storage.api_location import ApiLocation
from tests.support.api_rig import TOKEN
from tests.support.cli_case import BOB, JID, CliCase
from tests.support.fakes.impostor import Impostor


class FindingTests(CliCase):
    """Which daemon is meant."""

    async def test_without_a_daemon_the_exit_status_is_3(self) -> None:
        """Exit status 3, and what to do."""
        said = await self.refused(3, "ls")
        self.assertIn("no daemon runs here", said)
        self.assertIn("bitween daemon", said)
        self.assertIn("--state-dir", said)

    async def test_the_only_daemon_is_found(self) -> None:
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

    async def test_a_daemon_is_found_by_state_dir(self) -> None:
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

    async def test_bad_token_files_are_refused(self) -> None:
        """One that is not there, and one that others can read."""
        url = await self.serve()
        self.assertIn(
            "no token file", await self.refused(2, "ls", "--url", url, "--token-file", "x")
        )
        Path(self.file("token", TOKEN)).chmod(0o644)
        self.assertIn("chmod 600", await self.refused(1, "ls", "--token-file", "token"))

    async def test_a_location_file_of_other_users_is_refused(self) -> None:
        """It is refused, not used."""
        await self.serve()
        Path(self.path("run"), "bitween", f"{JID}.json").chmod(0o666)
        self.assertIn("open to others", await self.refused(3, "ls"))

    async def test_a_daemon_that_died_is_not_found(self) -> None:
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

    async def test_an_impostor_at_a_stale_port_gets_no_token(self) -> None:
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

    async def test_an_impostor_that_relays_gets_no_token(self) -> None:
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

    async def test_an_impostor_at_the_other_loopback_address_gets_no_token(self) -> None:
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
