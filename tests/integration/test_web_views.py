"""The page in a browser, with a daemon of memory: which view is shown, and where the focus is."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from tests.support.api_rig import OWN_JID, info_hash
from tests.support.browser import browse, eventually
from tests.support.web_case import WebCase

BOB, CAROL = "bob@example.org", "carol@example.org"
_HEBREW = "\u05e9\u05dc\u05d5\u05dd"
#: What has the focus, in the words of the page.
_FOCUSED = "document.activeElement.textContent || document.activeElement.tagName"
#: How far to the left of its row the letters of a name begin.
_BEGINS = """(selector) => {
  const name = document.querySelector(selector);
  const range = document.createRange();
  range.selectNodeContents(name);
  return range.getBoundingClientRect().left - name.closest(".texts").getBoundingClientRect().left;
}"""
#: The top edges of the links to the views: one, if they stand in one line; and whether one breaks.
_NAVIGATION = """[...document.querySelectorAll("header nav a span:not(.badge)")].map((text) => {
  const range = document.createRange();
  range.selectNodeContents(text);
  return [text.closest("a").getBoundingClientRect().top, range.getClientRects().length];
})"""
_BLOCKED = """for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
}"""
_SLOW_TYPING = ("TYPING = 150;", "TYPING = 600_000;")


def slow_down(route: Route) -> None:
    """Have the page wait for ever for the next key, as if a person left at once."""
    script = route.fetch()
    text = script.text()
    was, now = _SLOW_TYPING
    assert was in text
    route.fulfill(response=script, body=text.replace(was, now))


class WebViewsTests(WebCase):
    """Views, and what leads from one to another."""

    async def test_a_search_that_is_left(self) -> None:
        """What was typed just before another view was opened neither pulls one back nor is lost."""
        self.world.contact_shares(BOB, {info_hash("a"): "holiday", info_hash("b"): "work"})

        def visit(page: Page) -> None:
            page.clock.install()
            page.route("**/web/*/shares.js", slow_down)
            self.log_in(page)
            shown = page.locator("share-row .name")
            expect(shown).to_have_count(2)
            page.get_by_role("searchbox").fill("holi")
            page.get_by_role("link", name="Contacts").click()
            expect(page.get_by_role("heading", name="Contacts")).to_be_visible()
            page.clock.fast_forward(1_200_000)
            expect(page.get_by_role("heading", name="Contacts")).to_be_visible()
            expect(page).to_have_url(re.compile("#contacts$"))
            page.locator("nav").get_by_role("link", name="Shares").click()
            expect(page.get_by_role("searchbox")).to_have_value("holi")
            expect(shown).to_have_text(["holiday"])

        await browse(visit)

    async def test_a_dialogue_that_comes_late(self) -> None:
        """A list of files that comes when another view is shown does not lie over that one."""
        self.world.share("song", info_hash("a"))

        def visit(page: Page) -> None:
            held: list[Route] = []

            def hold(route: Route) -> None:
                if "get_files" in (route.request.post_data or ""):
                    held.append(route)
                else:
                    route.continue_()

            page.route("**/api", hold)
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            with page.expect_request(lambda asked: "get_files" in (asked.post_data or "")):
                page.get_by_role("button", name="Files of song").click()
            page.get_by_role("link", name="Contacts").click()
            expect(page.get_by_role("heading", name="Contacts")).to_be_visible()
            with page.expect_response(lambda got: "get_files" in (got.request.post_data or "")):
                held[0].continue_()
            page.get_by_role("link", name="Status").click()
            expect(page.get_by_role("heading", name="Status")).to_be_visible()
            expect(page.get_by_role("dialog")).to_have_count(0)

        await browse(visit)

    async def test_an_invalid_link_shows_the_nearest_view(self) -> None:
        """A link that is no address of the page shows what is nearest, and the page goes on."""
        self.world.contact_shares(BOB, {info_hash("a"): "holiday"})

        def visit(page: Page) -> list[str]:
            failed: list[str] = []
            page.on("pageerror", lambda error: failed.append(str(error)))
            page.goto(f"{self.url}#shares/%E0%A4%A")
            self.enter(page)
            for address in ("#x/%E0%A4%A", "#shares/%", "#%", "#shares?size=%E0%A4%A&sort=%"):
                page.goto(f"{self.url}#status")
                expect(page.get_by_role("heading", name="Status")).to_be_visible()
                page.goto(f"{self.url}{address}")
                expect(page.get_by_role("heading", name="Shares")).to_be_visible()
            page.goto(f"{self.url}#shares")
            expect(page.locator("share-row .name")).to_have_text(["holiday"])
            return failed

        self.assertEqual(await browse(visit), [])

    async def test_a_browser_that_keeps_nothing(self) -> None:
        """Where the browser's storage is closed to pages, the page works all the same."""

        def visit(page: Page) -> None:
            page.add_init_script(_BLOCKED)
            self.log_in(page)
            page.goto(f"{self.url}#status")
            expect(page.get_by_role("heading", name="Connectivity")).to_be_visible()

        await browse(visit)

    async def test_where_the_focus_goes(self) -> None:
        """What had the focus may go: after the log-in, a request, a view; it is never lost."""
        for name in ("eve", "mallory"):
            self.world.contact(f"{name}@example.org", "x").add_contact(OWN_JID, "")
        self.world.contact_shares(BOB, {info_hash("a"): "holiday"})
        self.world.share("song", info_hash("b"))

        def visit(page: Page) -> None:
            page.goto(f"{self.url}#contacts")
            self.enter(page)
            eventually(page, f"({_FOCUSED}) === 'Contacts'")
            page.get_by_role("button", name="Accept eve@example.org").click()
            expect(page.get_by_role("button", name="Accept mallory@example.org")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.locator(".request")).to_have_count(0)
            eventually(page, f"({_FOCUSED}) === 'Contacts'")
            page.get_by_role("link", name="See 1 share").click()
            eventually(page, f"({_FOCUSED}) === 'Shares'")
            page.goto(f"{self.url}#torrents")
            page.get_by_role("button", name="Files of song").click()
            page.get_by_role("button", name="Close").click()
            expect(page.get_by_role("button", name="Files of song")).to_be_focused()

        await browse(visit)

    async def test_where_the_focus_goes_after_a_choice(self) -> None:
        """After files were selected by keyboard, or not, the focus is in the same row."""
        self.world.contact_shares(BOB, {info_hash(digit): f"folder {digit}" for digit in "abc"})

        def visit(page: Page) -> None:
            self.log_in(page)
            row = page.locator("share-row", has=page.get_by_text("folder b", exact=True))
            row.get_by_role("button", name="Select files of").press("Enter")
            expect(page.get_by_role("dialog")).to_be_visible()
            expect(row.locator(".here")).to_be_visible()  # in place of the button, meanwhile
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
            expect(row.get_by_role("button", name="Select files of")).to_be_visible()
            expect(row.locator(":focus")).to_be_visible()

        await browse(visit)

    async def test_names_from_right_to_left(self) -> None:
        """Such a name begins where the others do, and leaves what stands beside it in its place."""
        shares = {info_hash("a"): f"{_HEBREW} 1", info_hash("b"): "holiday"}
        self.world.contact_shares(BOB, shares)
        self.world.contact_shares(CAROL, shares)
        self.world.messenger.add_contact(BOB, _HEBREW)
        self.world.share(_HEBREW, info_hash("c"))

        def visit(page: Page) -> None:
            self.log_in(page)
            name = page.locator("share-row .name", has_text=_HEBREW)
            expect(name).to_be_visible()
            for index in (1, 2):
                selector = f"share-row:nth-of-type({index}) .name"
                self.assertLess(abs(page.evaluate(_BEGINS, selector)), 2)
            facts = page.locator("share-row .facts").first
            expect(facts).to_contain_text(f"\u2068{_HEBREW}\u2069")
            self.assertEqual(facts.evaluate("(node) => getComputedStyle(node).direction"), "ltr")
            page.goto(f"{self.url}#torrents")
            expect(page.locator("torrent-row .name")).to_be_visible()
            self.assertLess(abs(page.evaluate(_BEGINS, "torrent-row .name")), 2)
            page.get_by_role("button", name="Stop sharing").press("Enter")
            expect(page.locator(".toast")).to_contain_text(f"\u2068{_HEBREW}\u2069 is no longer")
            page.goto(f"{self.url}#contacts")
            expect(page.locator("contacts-view .name", has_text=_HEBREW)).to_be_visible()
            for index in (1, 2):
                selector = f"contacts-view .cards > li:nth-of-type({index}) .name"
                self.assertLess(abs(page.evaluate(_BEGINS, selector)), 2)

        await browse(visit)

    async def test_the_navigation_stands_in_one_line(self) -> None:
        """On a tablet and on a phone the four views stand side by side, in German too."""
        sizes = [{"width": 820, "height": 1180}, {"width": 740, "height": 900}]
        sizes += [{"width": 390, "height": 844}, {"width": 360, "height": 640}]
        for locale in ("en-GB", "de-DE"):
            await browse(lambda page: self._measure(page, sizes), locale=locale)

    def _measure(self, page: Page, sizes: list[dict[str, int]]) -> None:
        self.log_in(page)
        page.evaluate(
            "document.querySelector('header .rates').textContent = '↓ 123 MB/s ↑ 99.9 kB/s'"
        )
        for size in sizes:
            page.set_viewport_size({"width": size["width"], "height": size["height"]})
            places = page.evaluate(_NAVIGATION)
            self.assertEqual({lines for _, lines in places}, {1}, size)
            self.assertEqual(len({top for top, _ in places}), 1, size)
            height = page.locator("header").bounding_box()
            assert height is not None
            self.assertLess(height["height"], 70, size)

    async def test_filters_on_a_phone(self) -> None:
        """On a phone the filters are out of the way until they are asked for, and say if set."""
        self.world.contact_shares(BOB, {info_hash("a"): "holiday"})

        def visit(page: Page) -> None:
            self.log_in(page)
            first = page.locator("share-row").first
            expect(first).to_be_visible()
            box = first.bounding_box()
            assert box is not None
            self.assertLess(box["y"], 844 / 3)
            online = page.get_by_label("Online only")
            expect(online).to_be_hidden()
            page.get_by_role("button", name="Filters").press("Enter")
            online.check()
            button = page.get_by_role("button", name="Filters (1)")
            expect(button).to_have_attribute("aria-expanded", "true")
            button.click()
            expect(online).to_be_hidden()
            page.set_viewport_size({"width": 1440, "height": 900})
            expect(online).to_be_visible()
            expect(button).to_be_hidden()

        await browse(visit, viewport={"width": 390, "height": 844})
