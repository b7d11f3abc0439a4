"""The page in a browser, when rows move while a button is pressed."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from bitween.model.torrent import FileOrigin, TorrentState
from tests.support.api_rig import info_hash
from tests.support.browser import browse, meanwhile
from tests.support.held_calls import Held
from tests.support.web_case import WebCase

BOB = "bob@example.org"


def press(button: Locator) -> None:
    """Press it with the mouse, and keep it down."""
    button.hover()
    button.page.mouse.down()


class WebPressesTests(WebCase):
    """A user who presses a button at the moment in which something changes."""

    def states(self) -> dict[str, TorrentState]:
        """State of each torrent by its name."""
        return {torrent.name: torrent.state for torrent in self.world.swarm.library}

    def show_torrents(self, page: Page, digits: str = "abc") -> None:
        """Log in, and look at torrents of these names."""
        for digit in digits:
            self.world.share(digit, info_hash(digit))
        self.log_in(page)
        page.get_by_role("link", name="My torrents").click()
        expect(page.locator("torrent-row")).to_have_count(len(digits))

    async def remove(self, digit: str) -> None:
        """Let a torrent leave the list, as another client wants."""
        await self.world.bitween.torrents.remove(info_hash(digit), delete_data=False)

    def settle(self, page: Page) -> None:
        """Do something harmless and wait for it: what was pressed before has been done by then."""
        page.get_by_role("link", name="Shares").click()
        expect(page.get_by_role("heading", name="Shares")).to_be_visible()
        with page.expect_response("**/api"):
            page.get_by_role("searchbox").fill("something")

    async def test_a_row_goes(self) -> None:
        """A press on a row that goes while the button is down does nothing to the next one."""

        def visit(page: Page) -> None:
            self.show_torrents(page)
            press(page.get_by_role("button", name="Pause b"))
            meanwhile(self.remove("b"))
            expect(page.locator("torrent-row")).to_have_count(2)
            page.mouse.up()
            self.settle(page)

        await browse(visit)
        self.assertNotIn(TorrentState.PAUSED, self.states().values())

    async def test_a_row_comes(self) -> None:
        """A press on a row does nothing to one that comes to its place while the button is down."""

        async def share() -> None:
            self.world.share("0", info_hash("0"))

        def visit(page: Page) -> None:
            self.show_torrents(page)
            press(page.get_by_role("button", name="Pause a"))
            meanwhile(share())
            expect(page.locator("torrent-row")).to_have_count(4)
            page.mouse.up()
            self.settle(page)

        await browse(visit)
        self.assertNotIn(TorrentState.PAUSED, self.states().values())

    async def test_lifting_a_finger_elsewhere_does_nothing(self) -> None:
        """A finger that is lifted from another row than the one that it touched does nothing."""

        def visit(page: Page) -> None:
            self.show_torrents(page)
            touch = page.context.new_cdp_session(page)
            box = page.get_by_role("button", name="Pause b").bounding_box()
            assert box is not None
            points = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}]
            touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
            meanwhile(self.remove("b"))
            expect(page.locator("torrent-row")).to_have_count(2)
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            self.settle(page)

        await browse(visit, has_touch=True)
        self.assertNotIn(TorrentState.PAUSED, self.states().values())

    async def test_a_press_keeps_the_meaning_it_began_with(self) -> None:
        """A press on Pause does not resume what another client paused while the button was down."""

        async def pause() -> None:
            await self.world.bitween.torrents.pause(info_hash("a"))

        def visit(page: Page) -> None:
            self.show_torrents(page)
            press(page.get_by_role("button", name="Pause a"))
            meanwhile(pause())
            expect(page.get_by_role("button", name="Resume a")).to_be_visible()
            page.mouse.up()
            self.settle(page)

        await browse(visit)
        self.assertEqual(self.states()["a"], TorrentState.PAUSED)

    async def test_the_focus_moves_along(self) -> None:
        """A row that moves keeps the focus, so that a key acts on what had it before."""

        async def share() -> None:
            self.world.share("0", info_hash("0"))

        def visit(page: Page) -> None:
            self.show_torrents(page)
            pause = page.get_by_role("button", name="Pause b")
            pause.focus()
            meanwhile(share())
            expect(page.locator("torrent-row")).to_have_count(4)
            expect(pause).to_be_focused()
            page.keyboard.press("Enter")
            resume = page.get_by_role("button", name="Resume b")
            expect(resume).to_be_focused()
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name="Peers of b")).to_be_focused()
            page.keyboard.press("ArrowDown")
            expect(page.locator("torrent-row:focus-within .name")).to_have_text("a")
            page.keyboard.press("ArrowUp")
            page.keyboard.press("ArrowUp")
            page.keyboard.press("ArrowUp")
            expect(page.locator("torrent-row:focus-within .name")).to_have_text("0")

        await browse(visit)
        self.assertEqual(self.states()["b"], TorrentState.PAUSED)

    async def test_presses_on_shares_and_labels_keep_their_row(self) -> None:
        """What contacts share holds to that as well, and so do labels with their boxes."""

        def visit(page: Page) -> None:
            self.world.contact_shares(BOB, {info_hash(digit): digit for digit in "abc"})
            self.log_in(page)
            rows = page.locator("share-row")
            expect(rows).to_have_count(3)
            press(page.get_by_role("button", name="Download a", exact=True))
            meanwhile(self.announce("bc"))
            expect(rows).to_have_count(2)
            page.mouse.up()
            page.get_by_text("Online only").click()
            expect(page.get_by_label("Online only")).to_be_checked()

        await browse(visit)
        self.assertEqual(self.states(), {})

    async def test_a_late_question(self) -> None:
        """A question about one download does not become one about another that was asked before."""

        def visit(page: Page) -> None:
            self.show_torrents(page)
            for digit in "ab":
                self.world.swarm.change(info_hash(digit), origin=FileOrigin.FETCHED)
            page.reload()
            held = Held(page, "bt.get_deletion")
            page.get_by_role("button", name="Remove a").click()
            held.wait()
            first = held.routes.pop()
            page.get_by_role("button", name="Remove b").click()
            held.wait()
            held.let_go()
            dialog = page.get_by_role("dialog")
            expect(dialog.locator(".facts")).to_have_text("b")
            with page.expect_response(lambda r: "get_deletion" in (r.request.post_data or "")):
                first.continue_()
            self.round_trip(page)
            expect(dialog.locator(".facts")).to_have_text("b")
            page.get_by_role("button", name="Remove from list").click()
            expect(page.locator("torrent-row .name")).to_have_text(["c", "a"])

        await browse(visit)

    def round_trip(self, page: Page) -> None:
        """Have the page take in what has come up to now."""
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")

    async def announce(self, digits: str) -> None:
        """Let bob share these and nothing else."""
        self.world.contact_shares(BOB, {info_hash(digit): digit for digit in digits})
