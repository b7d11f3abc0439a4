"""The page in a browser, with a daemon of memory: long lists, narrow screens, what all can use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from playwright.sync_api import Page, Route, expect

from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.events import ConnectionChanged
from bitween.model.peer import Peer
from bitween.model.torrent import FileOrigin, InfoHash, Progress, TorrentState
from tests.support.api_rig import EPOCH, OWN_JID, info_hash
from tests.support.axe import WIDTH, judge
from tests.support.browser import DROP, browse, eventually, meanwhile
from tests.support.web_case import WebCase

BOB, CAROL = "bob@example.org", "carol@example.org"
MANY = 10_000
#: More rows than are ever seen at once.
_FEW = 60
_VIEWS = ("shares", "torrents", "contacts", "status")
# What is known before a view is shown; each view asks for more.
_READ_FIRST = (
    "Api.versions",
    "Api.status",
    "get_torrents",
    "jobs.list",
    "get_contacts",
    "devices.list",
    "Api.settings",
    "access.requests",
)
_OPEN = "document.querySelectorAll('details').forEach((node) => { node.open = true; })"
# There is no such file, so that what went wrong is seen as well.
_PREVIEW = """(hash) => document.querySelector("preview-dialog")
  .open(hash, { index: 0, path: "notes.txt", preview: "text", size: 3 })"""
# What of a row, or of the way about, lies on another part of it or sticks out.
_OVERLAPPING = """[...document.querySelectorAll(".row:not(.probe), nav")].filter((row) => {
  const parts = [...row.children].filter((part) => part.getClientRects().length)
    .filter((part) => getComputedStyle(part).visibility !== "hidden")
    .map((part) => part.getBoundingClientRect());
  const around = row.getBoundingClientRect();
  const out = (one) => one.top < around.top - 1 || one.bottom > around.bottom + 1
    || one.right > around.right + 1;
  const on = (one, other) => one !== other
    && one.left < other.right - 1 && other.left < one.right - 1
    && one.top < other.bottom - 1 && other.top < one.bottom - 1;
  return parts.some((one) => out(one) || parts.some((other) => on(one, other)));
}).map((row) => row.outerHTML.slice(0, 300))"""


def names(count: int, start: int = 0) -> Mapping[InfoHash, str]:
    """Names that sort as they count."""
    return {InfoHash(f"{n:040x}"): f"Recording {n:05}" for n in range(start, start + count)}


class WebListsTests(WebCase):
    """One who looks at much, or from a small screen."""

    def torrents(self) -> None:
        """Have one of each kind, with a long name."""
        states = (TorrentState.SEEDING, TorrentState.DOWNLOADING, TorrentState.ERROR)
        for digit, state in zip("abc", states, strict=True):
            self.world.share(f"{state.value} {'for a long time ' * 8}", info_hash(digit), 10**10)
            self.world.swarm.change(
                info_hash(digit),
                state=state,
                complete=state is TorrentState.SEEDING,
                origin=FileOrigin.FETCHED
                if state is TorrentState.DOWNLOADING
                else FileOrigin.SHARED,
                progress=Progress(10**9, 10**10, 10**6, 10**5, 3, left=9 * 10**9),
                error="no room is left" if state is TorrentState.ERROR else "",
            )
            self.world.swarm.connected[info_hash(digit)] = (Peer("192.0.2.7", 6881, "bitween"),)

    async def each_view(self, look: Callable[[Page, str], None], **context: Any) -> None:
        """
        Look at each view, with something in it.

        :param context: how the browser is, as playwright takes it.
        """
        self.world.contact_shares(BOB, names(30))
        self.world.contact_shares(CAROL, {info_hash("d"): "x" * 255}, online=False)
        self.world.contact("eve@example.org", "x").add_contact(OWN_JID, "Eve")
        self.torrents()

        def visit(page: Page) -> None:
            self.log_in(page)
            for name in _VIEWS:
                page.goto(f"{self.url}#{name}")
                expect(page.locator(f"{name}-view h1")).to_be_visible()
                view = page.locator(f"{name}-view")
                expect(view.locator("share-row, torrent-row, li").first).to_be_attached()
                look(page, name)

        await browse(visit, **context)

    async def test_only_shares_in_sight_are_drawn(self) -> None:
        """Of ten thousand only those in sight are in the page, wherever it is scrolled to."""
        self.world.contact_shares(BOB, names(MANY))

        def visit(page: Page) -> None:
            rows = page.locator("share-row")
            self.log_in(page)
            expect(rows.first.locator(".name")).to_have_text("Recording 00000")
            expect(page.locator(".count:visible")).to_have_text("10,000 shares")
            self.assertLess(rows.count(), _FEW)
            page.mouse.wheel(0, 300_000)
            expect(page.get_by_text("Recording 04165", exact=True)).to_be_attached()
            self.assertLess(rows.count(), _FEW)
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            expect(rows.last.locator(".name")).to_have_text(f"Recording {MANY - 1:05}")
            self.assertLess(rows.count(), _FEW)

        await browse(visit)

    async def test_rows_are_reached_by_arrow_keys(self) -> None:
        """Arrows go from row to row, Enter gets one, and the focus stays with it meanwhile."""
        self.world.contact_shares(BOB, names(200))

        def visit(page: Page) -> None:
            self.log_in(page)
            focused = page.locator("share-row:focus-within .name")
            page.locator("share-row button").first.focus()
            for number in range(1, 41):
                page.keyboard.press("ArrowDown")
                expect(focused).to_have_text(f"Recording {number:05}")
            page.keyboard.press("ArrowUp")
            expect(focused).to_have_text("Recording 00039")
            page.keyboard.press("Enter")
            expect(page.locator(".toast")).to_contain_text("Recording 00039")
            expect(page.locator("share-row .here:focus")).to_be_visible()

        await browse(visit)
        torrents = self.world.swarm.library
        self.assertEqual([torrent.name for torrent in torrents], ["Recording 00039"])

    async def test_search_sort_and_filter(self) -> None:
        """What is typed, chosen and ticked narrows the list; what appears meanwhile is there."""
        self.world.contact_shares(BOB, names(3))
        self.world.contact_shares(CAROL, names(2, 3), online=False)

        def visit(page: Page) -> None:
            self.log_in(page)
            shown = page.locator("share-row .name")
            expect(shown).to_have_count(5)
            page.get_by_label("Online only").check()
            expect(shown).to_have_count(3)
            page.get_by_label("From").select_option(CAROL)
            expect(shown).to_have_count(0)
            expect(page.locator(".empty:visible")).to_contain_text("Nothing matches.")
            page.get_by_label("Online only").uncheck()
            expect(shown).to_have_text(["Recording 00003", "Recording 00004"])
            page.get_by_label("From").select_option("")
            page.get_by_role("searchbox").fill("00001")
            expect(shown).to_have_text(["Recording 00001"])

        await browse(visit)

    async def test_sizes_and_the_address(self) -> None:
        """Sizes narrow and order the list; a reload, a link and the way back show the same."""
        bob = self.world.contact(BOB, "desk")
        bob.befriend([OWN_JID])
        small, large, huge = names(3).items()
        sizes = ((small, 10**3), (huge, 10**11), (large, 10**9))
        shares = [Share(key, name, size) for (key, name), size in sizes]
        bob.announce(shares, [Candidate(PeerAddress.parse("192.0.2.7", 6881))])
        carol = self.world.contact(CAROL, "desk")
        carol.befriend([OWN_JID])
        carol.announce(shares[:1], [])

        def visit(page: Page) -> None:
            self.log_in(page)
            shown = page.locator("share-row .name")
            page.locator("#sort").select_option("Largest first")
            page.locator("#size").select_option("At least 1 GB")
            wanted = ["Recording 00002", "Recording 00001"]
            expect(shown).to_have_text(wanted)
            page.get_by_role("searchbox").fill("record")
            expect(page).to_have_url(re.compile("query=record"))
            page.reload()
            expect(shown).to_have_text(wanted)
            expect(page.get_by_role("searchbox")).to_have_value("record")
            address = page.url
            page.get_by_role("link", name="Status").click()
            expect(page.get_by_role("heading", name="Status")).to_be_visible()
            page.get_by_role("link", name="Shares").click()
            expect(page).to_have_url(address)
            expect(page.get_by_role("heading", name="Shares")).to_be_visible()
            expect(shown).to_have_text(wanted)
            page.get_by_role("link", name="Shares").click()
            expect(shown).to_have_count(3)
            page.goto(f"{self.url}#shares/{BOB}?size=-10000000&sort=nonsense")
            expect(shown).to_have_text(["Recording 00000"])
            expect(page.get_by_label("From")).to_have_value(BOB)
            expect(page.locator("#sort")).to_have_value("match")
            expect(page.locator("share-row .avatar")).to_have_text(["B", "C"])
            expect(page.locator("share-row .facts")).to_contain_text(f"{BOB}, {CAROL}")

        await browse(visit)

    async def test_without_xmpp_the_page_says_why(self) -> None:
        """While there is no XMPP session the page says why, and what the daemon does about it."""

        async def change(state: ConnectionState, error: str = "") -> None:
            status = ConnectionStatus(f"{OWN_JID}/den", state, EPOCH, error)
            self.world.messenger.status = status
            self.world.messenger.events.notify(ConnectionChanged(status=status))

        def visit(page: Page) -> None:
            notice = page.locator("connection-notice")
            self.log_in(page)
            expect(page.locator(".count:visible")).to_have_text("0 shares")
            meanwhile(change(ConnectionState.WAITING, "no route to host"))
            expect(notice).to_contain_text("no route to host. The daemon tries again by itself")
            meanwhile(change(ConnectionState.FAILED, "wrong password"))
            expect(notice).to_contain_text("wrong password. Another try would not help")
            meanwhile(change(ConnectionState.ONLINE))
            expect(notice).to_be_hidden()

        await browse(visit)

    async def test_plain_http_from_elsewhere(self) -> None:
        """Where the browser does not say which page asks, the page says what to do."""
        url = self.url.replace("127.0.0.1", "files.test")

        def visit(page: Page) -> None:
            page.goto(url)
            expect(page.locator("connection-notice")).to_contain_text("Open this page over HTTPS")
            expect(page.get_by_role("textbox")).to_have_count(0)

        await browse(visit, "--host-resolver-rules=MAP files.test 127.0.0.1")

    async def test_nothing_is_wider_than_a_phone(self) -> None:
        """Nothing is wider than a phone, in German and with letters twice as large as well."""

        def look(page: Page, name: str) -> None:
            page.evaluate(_OPEN)
            self.assertEqual(page.evaluate(_OVERLAPPING), [], name)
            self.assertEqual(page.evaluate(WIDTH), 0, name)
            page.evaluate("document.documentElement.style.fontSize = '200%'")
            self.assertLessEqual(page.evaluate(WIDTH), 0, f"{name}, large")
            eventually(page, f"!({_OVERLAPPING}).length")
            page.evaluate("document.documentElement.style.fontSize = ''")

        await self.each_view(look, viewport={"width": 360, "height": 640}, locale="de-DE")

    async def test_everybody_can_use_it_by_day(self) -> None:
        """axe-core finds nothing in the light, in English."""
        await self.each_view(self.judge_all, color_scheme="light", locale="en-GB")

    async def test_everybody_can_use_it_by_night(self) -> None:
        """axe-core finds nothing in the dark, in German."""
        await self.each_view(self.judge_all, color_scheme="dark", locale="de-DE")

    async def test_before_it_has_come(self) -> None:
        """axe-core finds nothing either in views that still wait for what they show."""
        self.torrents()

        def wait_for_ever(route: Route) -> None:
            if any(name in (route.request.post_data or "") for name in _READ_FIRST):
                route.continue_()

        def visit(page: Page) -> None:
            page.route("**/api", wait_for_ever)
            self.log_in(page)
            for name in _VIEWS:
                page.goto(f"{self.url}#{name}")
                expect(page.locator(f"{name}-view h1")).to_be_visible()
                judge(self, page, name)

        await browse(visit)

    def judge_all(self, page: Page, name: str) -> None:
        """Have axe-core look at one view, its dialogues, and after the last one at the log-in."""
        page.evaluate(_OPEN)
        judge(self, page, name)
        if name == "torrents":
            self.judge_dialogues(page)
        if name == _VIEWS[-1]:
            with page.expect_navigation():  # the page reloads itself
                page.locator("status-view button").last.click()
            expect(page.locator("#token")).to_be_visible()
            judge(self, page, "log-in")

    def judge_dialogues(self, page: Page) -> None:
        """Have axe-core look at each dialogue that torrents and sharing have, and at a notice."""

        def judge_open(name: str) -> None:
            judge(self, page, name)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)

        actions = page.locator("torrent-row").first.locator(".actions button")
        actions.nth(1).click()
        expect(page.get_by_role("dialog")).to_contain_text("192.0.2.7")
        judge_open("peers")
        actions.nth(2).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.locator("note-form summary").click()
        expect(page.locator("note-form #tags")).to_be_visible()
        judge_open("files, with the note")
        page.evaluate(_PREVIEW, info_hash("f"))
        expect(page.locator("preview-dialog .trouble")).to_be_visible()
        judge_open("preview")
        page.locator("share-form .actions button").first.click()
        page.get_by_role("button", name="files", exact=True).click()
        expect(page.locator("entry-row .name", has_text="song")).to_be_visible()
        judge_open("chooser")
        page.evaluate(DROP, [["one", "1"], ["two", "2"]])
        expect(page.locator("#upload-name")).to_be_focused()
        judge_open("uploading")
        actions.nth(3).press("Enter")
        undo = page.locator(".toast button").first
        expect(undo).to_be_focused()  # and so the notice stays
        judge(self, page, "undo")
        undo.click()
        expect(page.locator("torrent-row")).to_have_count(3)  # and none takes another's place
        fetched = page.locator("torrent-row", has_text="downloading for")
        fetched.locator(".actions button").last.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_role("checkbox").last.check()
        judge_open("removal")

    async def test_with_colours_of_the_system(self) -> None:
        """Where the system chooses the colours and nothing is to move, axe finds nothing either."""
        await self.each_view(
            lambda page, name: judge(self, page, name),
            forced_colors="active",
            reduced_motion="reduce",
        )

    async def test_the_whole_page_speaks_german(self) -> None:
        """All of the page is in German, what the daemon says as well; axe finds nothing there."""

        def look(page: Page, name: str) -> None:
            judge(self, page, name)
            said = page.locator(f"{name}-view").inner_text()
            self.assertNotIn("undefined", said)
            self.assertEqual(page.locator("html").get_attribute("lang"), "de")
            if name == "status":
                findings = page.locator(".findings").first
                expect(findings).to_contain_text("angemeldet als alice@example.org/den")
                expect(findings).to_contain_text("Kontakten wird 192.0.2.1:6881 genannt")
                expect(findings).to_contain_text("kein Router leitet einen Port zu uns weiter")
                expect(findings).to_contain_text("lässt sich nicht verwenden: No such file")
                expect(findings.locator("li").first).to_have_class("bad")

        await self.each_view(look, locale="de-DE")
