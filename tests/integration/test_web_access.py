"""The page in a browser: who may have a share, and which devices are trusted."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from bitween.model.peer import Peer
from tests.support.api_rig import info_hash
from tests.support.browser import browse
from tests.support.web_case import WebCase

A = info_hash("a")


class WebAccessTests(WebCase):
    """Who may have a share, on the page."""

    async def test_peers_say_whether_they_are_sealed(self) -> None:
        """Each connection says whether others on the way can read it."""
        self.world.share("song", A)
        self.world.swarm.connected[A] = (
            Peer("192.0.2.7", 6881, sealed=True),
            Peer("192.0.2.8", 6881),
        )

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            page.get_by_role("button", name="Peers of song").click()
            sealed, clear = page.locator("peer-row").all()
            expect(sealed).to_contain_text("· sealed")
            expect(clear).to_contain_text("· in the clear: others on the way can read this")

        await browse(visit)
