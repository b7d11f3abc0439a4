"""The page beside servers of other people at other ports of the same machine, in a browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from playwright.sync_api import Page, expect
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTCP
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.support.api_rig import TOKEN, info_hash, rpc
from tests.support.browser import browse, meanwhile
from tests.support.web_case import WebCase

# What a page of another port can try: to read what the daemon's page keeps, and to call the daemon.
_ATTACK = """async (base) => {
    const told = [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
    const body = '{"jsonrpc": "2.0", "id": 1, "method": "token.new"}';
    const plain = { method: "POST", credentials: "include", body };
    const json = { ...plain, headers: { "Content-Type": "application/json" } };
    for (const options of [plain, { ...plain, mode: "no-cors" }, json]) {
        try {
            told.push(await (await fetch(`${base}api`, options)).text());
        } catch (error) {
            told.push("refused");
        }
    }
    const channel = new BroadcastChannel("bitween.session");
    const heard = new Promise((done) => {
        channel.onmessage = ({ data }) => done(JSON.stringify(data));
        setTimeout(() => done("silence"), 500);
    });
    channel.postMessage({ asks: true });
    return [...told, await heard];
}"""
# Cookies for the whole host, more than any of them is to have.
_COOKIES = """() => {
    for (let n = 0; n < 150; n++) document.cookie = `bitween-${n}=${"x".repeat(3900)}; path=/`;
    return document.cookie.length;
}"""


class Neighbour(Resource):
    """
    A server of another user.

    :ivar received: the headers of each request that reached it.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.received: list[dict[bytes, Sequence[bytes]]] = []

    def render_GET(self, request: Request) -> bytes:
        """Remember what comes with it."""
        self.received.append(dict(request.requestHeaders.getAllRawHeaders()))
        request.setHeader("Content-Type", "text/html")
        request.setHeader("Set-Cookie", "bitween=theirs; Path=/")
        return b"<!doctype html><title>neighbour</title>"


class NeighbourTests(WebCase):
    """Another user's server on the same machine, at which the browser looks, too."""

    def setUp(self) -> None:
        """Run it."""
        super().setUp()
        self.neighbour = Neighbour()
        site: Any = Site(self.neighbour)
        port: Any = IReactorTCP(reactor).listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.other = f"http://127.0.0.1:{port.getHost().port}/"
        self.agent: Any = Agent(reactor)

    async def replay(self, method: str, path: str, body: bytes = b"") -> set[int]:
        """What the neighbour gets from the daemon with the headers that it has received."""
        statuses = set()
        for received in self.neighbour.received:
            for claim in (b"Origin", self.url[:-1]), (b"Sec-Fetch-Site", "same-origin"), (b"X", ""):
                headers = Headers(received)
                headers.removeHeader(b"host")
                headers.setRawHeaders(b"Content-Type", [b"application/json"])
                headers.setRawHeaders(claim[0], [claim[1].encode()])
                response = await self.agent.request(
                    method.encode(),
                    f"{self.url}{path}".encode(),
                    headers,
                    FileBodyProducer(BytesIO(body)),
                )
                statuses.add(response.code)
                await readBody(response)
        return statuses

    async def test_another_port_cannot_use_the_log_in(self) -> None:
        """It gets nothing that opens anything, and can neither end a log-in nor lock it out."""
        film = info_hash("a")

        async def refused() -> set[int]:
            tries = [
                await self.replay(*request)
                for path in ("api", "events", "metrics", f"files/{film}/0", f"files/{film}/ticket")
                for request in (("GET", path), ("POST", path, rpc("token.new")))
            ]
            return set().union(*tries)

        def visit(page: Page) -> list[str]:
            self.world.share("film", film)
            page.goto(f"{self.url}#torrents")
            page.get_by_label("Stay logged in").check()
            self.enter(page)
            page.get_by_role("button", name="Files of film").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.goto(self.other)
            page.reload()  # now with the neighbour's own cookie, which has a name like ours
            self.assertEqual(meanwhile(refused()), {401})
            told: list[str] = page.evaluate(_ATTACK, self.url)
            page.evaluate(_COOKIES)
            page.goto(f"{self.url}#status")
            expect(page.get_by_role("heading", name="Status")).to_be_visible()
            return told

        cookies, stored, in_tab, *answers, heard = await browse(visit)
        self.assertEqual(
            (cookies, stored, in_tab, heard), ("bitween=theirs", "{}", "{}", "silence")
        )
        self.assertEqual(answers, ["refused", "", "refused"])
        self.assertGreaterEqual(len(self.neighbour.received), 2)

    async def test_the_log_in_is_not_shared_with_localhost_names(self) -> None:
        """The log-in is kept for an address: a name that is [::1] as well may be a neighbour's."""

        def visit(page: Page) -> None:
            page.goto(f"{self.url.replace('127.0.0.1', 'localhost')}#torrents")
            expect(page).to_have_url(f"{self.url}#torrents")
            self.enter(page)

        await browse(visit)

    async def test_a_log_in_counts_in_every_tab(self) -> None:
        """A log-in counts in every tab, and for the description of the API; a log-out ends it."""

        def visit(page: Page) -> None:
            self.log_in(page)
            with page.context.expect_page() as opening:
                page.evaluate("window.open(location.href, '_blank', 'noopener')")
            another = opening.value
            expect(another.locator("main")).to_be_visible()
            page.goto("about:blank")
            another.goto(f"{self.url}docs")
            expect(another.locator(".method").first).to_be_visible()
            method = another.locator(".method", has=another.get_by_text("token.list", exact=True))
            method.locator("form button").click()
            expect(method.locator(".answer")).to_contain_text("token_needed")
            another.locator("#log-in input").fill(TOKEN)
            another.locator("#log-in button").click()
            expect(another.locator("#log-in")).to_be_hidden()
            method.locator("form button").click()
            expect(method.locator(".answer")).to_contain_text('"first"')
            another.goto(f"{self.url}#status")
            another.get_by_role("button", name="Log out").click()
            expect(another.get_by_label("Token")).to_be_visible()
            page.goto(self.url)
            expect(page.get_by_label("Token")).to_be_visible()

        await browse(visit)

    async def test_a_log_in_link_stays_secret(self) -> None:
        """Its code leaves the address at once, serves once, and no server but ours sees it."""

        def visit(page: Page) -> None:
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            link = meanwhile(self.call("Api.login_link"))["url"]
            page.goto(link)
            expect(page.locator("main")).to_be_visible()
            self.assertNotIn("login", page.url)
            code = link.partition("=")[2]
            self.assertEqual([url for url in asked if code in url and "#" not in url], [])
            page.evaluate("sessionStorage.clear()")
            page.goto("about:blank")
            page.goto(link)
            expect(page.locator("log-in-view")).to_contain_text("expired or was used already")

        await browse(visit)

    async def test_other_browsers_can_be_logged_out(self) -> None:
        """Who is logged in sees which browsers are, and can log others out."""

        def visit(page: Page) -> None:
            self.log_in(page)
            other = meanwhile(self.log_in_elsewhere())
            page.goto(f"{self.url}#status")
            rows = page.locator("session-list li")
            expect(rows).to_have_count(2)
            expect(rows.filter(has_text="this browser").get_by_role("button")).to_have_count(0)
            theirs = rows.filter(has_text="Firefox, Windows")
            expect(theirs).to_contain_text("stays logged in until")
            theirs.get_by_role("button", name="Log out Firefox, Windows").click()
            expect(rows).to_have_count(1)
            expect(page.get_by_role("heading", name="Browsers that are")).to_be_focused()
            self.assertEqual(meanwhile(self.status(other)), 401)

        await browse(visit)

    async def log_in_elsewhere(self) -> str:
        """The secret of another browser that stays logged in."""
        agent = ["Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"]
        headers = Headers({"User-Agent": agent, "Content-Type": ["application/json"]})
        body = FileBodyProducer(BytesIO(json.dumps({"token": TOKEN, "remember": True}).encode()))
        there = f"{self.url}login".encode()
        response = await self.agent.request(b"POST", there, headers, body)
        session: str = json.loads(await readBody(response))["session"]
        return session

    async def status(self, secret: str) -> int:
        """How a request with a secret is answered."""
        headers = Headers({"Authorization": [f"Bearer {secret}"]})
        response = await self.agent.request(b"GET", f"{self.url}metrics".encode(), headers)
        await readBody(response)
        return int(response.code)

    async def call(self, method: str) -> Any:
        """Call a method with the token, as a program does."""
        headers = Headers({"Authorization": [f"Bearer {TOKEN}"]})
        headers.setRawHeaders(b"Content-Type", ["application/json"])
        body = FileBodyProducer(BytesIO(rpc(method)))
        response = await self.agent.request(b"POST", f"{self.url}api".encode(), headers, body)
        return json.loads(await readBody(response))["result"]
