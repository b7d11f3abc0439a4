"""``/docs`` in a browser: methods are read and tried."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, expect

from bitween.api.discovery.discover import document
from bitween.api.methods.daemon import API_VERSION
from tests.support.browser import browse
from tests.support.harness import ProsodyTestCase
from tests.support.web_case import open_page

# What would run if names were taken for HTML.
NAME = "<img src=x onerror=document.title='run'>"


class DocsPageTests(ProsodyTestCase):
    """A person with a browser, and the token."""

    async def test_try_a_method(self) -> None:
        """After the log-in each method is there, and a call does what it would do anywhere."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        path = self.make_file(NAME, b"x" * 1000)
        token, url = alice.token, alice.url.removesuffix("/api") + "/docs"

        def visit(page: Page) -> dict[str, Any]:
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complaints.append(message.text))
            page.goto(url)
            log_in = page.locator("#log-in")
            expect(page.locator(".method")).to_have_count(0)
            log_in.locator("input").fill("not-the-token")
            log_in.locator("button").click()
            expect(page.locator("#trouble")).to_have_text("This is not the token.")
            log_in.locator("input").fill(token)
            log_in.locator("button").click()
            expect(page.locator(".method")).to_have_count(len(document()["methods"]))
            expect(log_in).to_be_hidden()

            expect(page.locator("h1")).to_have_text("The bitween API")
            expect(page.locator("#version")).to_have_text(f"API version {API_VERSION}")
            heading = page.get_by_role("heading", name="bt.add_path", exact=True)
            method = page.locator(".method", has=heading)
            expect(method.locator(".summary")).to_have_text("Share a file or folder.")
            method.locator("[name=path]").fill(path)
            method.locator("[name=wait]").select_option("true")
            method.locator("form button").click()
            answer = method.locator(".answer")
            expect(answer).to_contain_text('"hash"')
            added = answer.inner_text()

            method.locator("[name=path]").fill("/proc/nowhere")
            method.locator("form button").click()
            expect(answer).to_contain_text("no_such_path")
            return {
                "added": json.loads(added),
                "images": page.locator("img").count(),
                "stored": page.evaluate("[localStorage.length, document.cookie]"),
                "complaints": [c for c in complaints if "401" not in c and "favicon" not in c],
            }

        seen = await browse(visit)
        self.assertEqual(seen["complaints"], [])
        self.assertEqual((seen["images"], seen["stored"]), (0, [0, ""]))
        self.assertEqual(seen["added"]["name"], NAME)
        torrents = (await alice.call("bt.get_torrents"))["torrents"]
        self.assertEqual([torrent["hash"] for torrent in torrents], [seen["added"]["hash"]])

    async def test_after_a_link(self) -> None:
        """Who has logged in by a link is asked for no token."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        url = alice.url.removesuffix("/api") + "/docs"

        def visit(page: Page) -> str:
            open_page(page, alice)
            page.goto(url)
            method = page.locator(".method", has=page.get_by_text("Api.status", exact=True))
            method.locator("form button").click()
            expect(method.locator(".answer")).to_contain_text('"connection"')
            expect(page.locator("#log-in")).to_be_hidden()
            return page.locator("#version").inner_text()

        self.assertEqual(await browse(visit), f"API version {API_VERSION}")
