"""The page in a browser: the note and the tags of a share."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from bitween.model.annotation import Annotation
from bitween.model.announcement import Share
from tests.support.api_rig import OWN_JID, info_hash
from tests.support.browser import browse
from tests.support.web_case import WebCase

BOB = "bob@example.org"


class WebNoteTests(WebCase):
    """Notes and tags on the page."""

    async def test_a_note_is_written_by_keyboard(self) -> None:
        """The dialog of a torrent has fields for it, and the torrent's row shows it then."""
        self.world.share("holiday", info_hash("a"))

        def visit(page: Page) -> None:
            page.set_viewport_size({"width": 390, "height": 800})
            self.log_in(page)
            page.get_by_role("link", name="My torrents").click()
            page.get_by_role("button", name="Files of holiday").click()
            page.get_by_text("Note and tags").press("Enter")
            page.get_by_label("Note for your contacts").fill("Two weeks")
            page.get_by_label("Tags, separated by commas").fill("summer, Köln,")
            page.keyboard.press("Enter")
            expect(page.locator(".toast")).to_contain_text("Note saved.")
            page.keyboard.press("Escape")
            expect(page.locator("torrent-row .facts")).to_contain_text("#summer #Köln · Two weeks")

        await browse(visit)
        torrent = self.world.bitween.torrents.get(info_hash("a"))
        self.assertEqual(torrent.options.annotation, Annotation("Two weeks", ("summer", "Köln")))

    async def test_a_search_for_a_tag_finds_a_share(self) -> None:
        """The row of the share shows what the contact says, as text."""
        contact = self.world.contact(BOB, "desk")
        contact.befriend([OWN_JID])
        said = Annotation("<b>new</b>", ("film",))
        contact.announce(
            [Share(info_hash("a"), "one", 1, said), Share(info_hash("b"), "two", 1)], []
        )

        def visit(page: Page) -> None:
            self.log_in(page)
            expect(page.locator("share-row .name")).to_have_count(2)
            page.get_by_role("searchbox").fill("tag:FILM")
            expect(page.locator("share-row .name")).to_have_text(["one"])
            expect(page.locator("share-row .facts")).to_contain_text("#film · <b>new</b>")

        await browse(visit)
