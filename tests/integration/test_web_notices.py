"""The page in a browser, with a daemon of memory: notices, and dialogues that they lie above."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.api_rig import OWN_JID, info_hash
from tests.support.browser import browse
from tests.support.web_case import WebCase

BOB = "bob@example.org"
# How long a notice is there, and how long in these tests: until time is made to pass.
_SHOWN, _SHOWN_HERE = "SHOWN = 6000;", "SHOWN = 600_000;"
#: Milliseconds after which each notice is gone.
_LONG = 1_200_000


def slow_down(route: Route) -> None:
    """Have notices stay while a slow browser looks for them."""
    script = route.fetch()
    text = script.text()
    assert _SHOWN in text
    route.fulfill(response=script, body=text.replace(_SHOWN, _SHOWN_HERE))


class WebNoticesTests(WebCase):
    """Notices and dialogues."""

    def setUp(self) -> None:
        """Have a torrent to do something with."""
        super().setUp()
        self.world.share("song", info_hash("a"))

    def open_torrents(self, page: Page) -> None:
        """Show them, with the page's time in our hands."""
        page.clock.install()
        page.route("**/web/*/toasts.js", slow_down)
        self.log_in(page)
        page.get_by_role("link", name="My torrents").click()
        expect(page.locator("torrent-row").first).to_be_visible()

    async def test_an_undone_removal_stays_undone(self) -> None:
        """What was undone, by mouse or by keyboard, stays undone when the time is over."""

        def visit(page: Page) -> None:
            self.open_torrents(page)
            for undo in (Locator.click, lambda button: button.press("Enter")):
                page.get_by_role("button", name="Stop sharing song").click()
                expect(page.locator("torrent-row")).to_have_count(0)
                undo(page.get_by_role("button", name="Undo"))
                expect(page.locator("torrent-row")).to_have_count(1)
                page.clock.fast_forward(_LONG)
                # Whatever was still to be done has been asked for before this is.
                page.get_by_role("button", name="Peers of").click()
                page.get_by_role("button", name="Close").click()
                expect(page.locator("torrent-row")).to_have_count(1)

        await browse(visit)
        self.assertEqual([torrent.name for torrent in self.world.swarm.library], ["song"])

    async def test_undo_by_keyboard(self) -> None:
        """Who removes something by keyboard has the focus on Undo, for as long as it takes."""
        self.world.contact(BOB, "desk").befriend([OWN_JID])

        def visit(page: Page) -> None:
            self.open_torrents(page)
            for view, name in (("My torrents", "Stop sharing song"), ("Contacts", f"Remove {BOB}")):
                page.get_by_role("link", name=view).click()
                page.get_by_role("button", name=name).press("Enter")
                undo = page.get_by_role("button", name="Undo")
                expect(undo).to_be_focused()
                page.clock.fast_forward(_LONG)
                page.keyboard.press("Enter")
                expect(undo).to_be_hidden()
                expect(page.get_by_role("button", name=name)).to_be_focused()

        await browse(visit)
        self.assertEqual([torrent.name for torrent in self.world.swarm.library], ["song"])
        self.assertEqual([contact.jid for contact in self.world.bitween.contacts.all()], [BOB])

    async def test_a_key_that_is_held(self) -> None:
        """Enter that is held does one thing, not the next one as well where the focus comes to."""

        def visit(page: Page) -> None:
            self.open_torrents(page)
            page.get_by_role("button", name="Stop sharing song").focus()
            for _ in range(4):
                page.keyboard.down("Enter")
            page.keyboard.up("Enter")
            expect(page.get_by_role("button", name="Undo")).to_be_focused()
            expect(page.locator("torrent-row")).to_have_count(0)

        await browse(visit)

    async def test_dismissed_by_keyboard(self) -> None:
        """After a notice is dismissed, the focus is where its subject was."""
        for digit in "bc":
            self.world.share(digit, info_hash(digit))

        def visit(page: Page) -> None:
            self.open_torrents(page)
            page.get_by_role("button", name="Stop sharing b").press("Enter")
            expect(page.get_by_role("button", name="Undo")).to_be_focused()
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name="Stop sharing song")).to_be_focused()

        await browse(visit)

    async def test_the_way_back(self) -> None:
        """Going back from a dialogue leads to a usable page."""

        def visit(page: Page) -> None:
            self.open_torrents(page)
            page.get_by_role("button", name="Peers of").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.go_back()
            expect(page.get_by_role("heading", name="Shares")).to_be_visible()
            page.get_by_role("link", name="Status").click()
            expect(page.get_by_role("heading", name="Status")).to_be_visible()

        await browse(visit)

    async def test_logged_out_meanwhile(self) -> None:
        """A user who is logged out while a dialogue is open can log in again."""

        def visit(page: Page) -> None:
            self.open_torrents(page)
            page.get_by_role("button", name="Browse …").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.evaluate("sessionStorage.clear()")
            page.clock.fast_forward(_LONG)
            token = page.get_by_label("Token")
            expect(token).to_be_focused()
            token.fill("not it")
            page.keyboard.press("Enter")
            expect(page.locator("log-in-view")).to_contain_text("That token isn't right.")

        await browse(visit)

    async def test_trouble_in_a_dialogue(self) -> None:
        """What goes wrong in a dialogue is told above it, and can be closed there by keyboard."""

        def fail(route: Route) -> None:
            if "bt.browse" in (route.request.post_data or ""):
                route.fulfill(status=500, body="it is broken")
            else:
                route.continue_()

        def visit(page: Page) -> None:
            self.open_torrents(page)
            page.get_by_role("button", name="Browse …").click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_be_visible()
            page.route("**/api", fail)
            dialog.get_by_role("button", name="files", exact=True).click()
            toast = dialog.get_by_role("alert").locator(".toast")
            expect(toast.locator("[lang=en]")).to_have_text("it is broken")
            close = toast.get_by_role("button", name="Dismiss")
            close.click(trial=True)
            close.press("Enter")
            expect(dialog).to_be_visible()
            page.keyboard.press("Escape")
            expect(dialog).to_be_hidden()
            expect(page.locator("bitween-app > toast-area")).to_be_attached()

        await browse(visit)
