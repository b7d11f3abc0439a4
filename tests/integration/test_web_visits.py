"""What a browser fetches of the page, the first time and later."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import browse
from tests.support.web_case import WebCase

#: Bytes over the network and requests.  Before files were compressed and kept, every visit took
#: 242 kB and 46 requests.
# With who may have what, devices and messages by id, it is 156 kB and 63 requests.
FIRST, REQUESTS = 165_000, 66
AGAIN = 2_000


class Wire:
    """What goes over the network of a page, but for the API's answers."""

    def __init__(self, page: Page) -> None:
        self._paths: dict[str, str] = {}
        self._cached: set[str] = set()
        self.sizes: dict[str, int] = {}
        session = page.context.new_cdp_session(page)
        session.on("Network.responseReceived", self._received)
        session.on("Network.requestServedFromCache", self._found)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def _received(self, event: dict[str, Any]) -> None:
        path = "/" + event["response"]["url"].split("/", 3)[3]
        kept = event["response"].get("fromDiskCache", False)
        if (
            not kept
            and event["requestId"] not in self._cached
            and (path in {"/", "/#"} or path.startswith("/web/"))
        ):
            self._paths[event["requestId"]] = path

    def _found(self, event: dict[str, Any]) -> None:
        self._cached.add(event["requestId"])

    def _finished(self, event: dict[str, Any]) -> None:
        path = self._paths.pop(event["requestId"], None)
        if path is not None:
            self.sizes[path] = int(event["encodedDataLength"])


class VisitTests(WebCase):
    """One browser, several visits."""

    async def test_the_second_visit(self) -> None:
        """It costs one request, whose answer is "not modified"; the first one is compressed."""

        def visit(page: Page) -> tuple[dict[str, int], list[dict[str, int]]]:
            first = Wire(page)
            self.log_in(page)
            later = []
            for _ in range(2):
                page.goto("about:blank")
                wire = Wire(page)
                page.goto(self.url)
                expect(page.locator("header .rates")).to_contain_text("↓")
                later.append(wire.sizes)
            return first.sizes, later

        first, later = await browse(visit)
        self.assertLess(len(first), REQUESTS)
        self.assertLess(sum(first.values()), FIRST)
        for sizes in later:
            self.assertEqual(list(sizes), ["/"])
            self.assertLess(sizes["/"], AGAIN)
