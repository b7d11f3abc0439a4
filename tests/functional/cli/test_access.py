"""The commands about access to the API, as their own processes, against a real API."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

from twisted.internet import reactor
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from bitween.testing.certificates import ThrowAwayAuthority
from tests.support.api_rig import TOKEN
from tests.support.cli_case import CliCase


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
