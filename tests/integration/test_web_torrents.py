"""Torrents on the page, with real daemons: rates, who is connected, trouble, and what is told."""

from __future__ import annotations

import os
import re

from playwright.sync_api import Page, expect

from tests.support.browser import browse, eventually, meanwhile
from tests.support.harness import Daemon, ProsodyTestCase
from tests.support.web_case import complaints_of, open_page

SLOW = 60_000  # bytes/s: slow enough for a test to look at what is not complete yet
# A browser without a screen shows every page: this is all that a page sees of being covered.
_COVER = """
    Object.defineProperty(document, "hidden", { get: () => true });
    document.dispatchEvent(new Event("visibilitychange"));
"""
# Keeps what the browser was asked to show, which a page cannot look at otherwise.
_LISTEN = """
    window.told = [];
    window.Notification = class extends Notification {
      constructor(title, options) {
        super(title, options);
        this.addEventListener("show", () => told.push(options.body));
      }
    };
"""


class WebTorrentsTests(ProsodyTestCase):
    """Alice looks at the page; bob has something."""

    async def both(self, content: bytes) -> tuple[Daemon, Daemon, str]:
        """Alice and bob, and the hash of what bob shares."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        info_hash = await bob.share(self.make_file("film.mkv", content))
        await alice.finds(info_hash)
        return alice, bob, info_hash

    async def test_what_is_left_out(self) -> None:
        """The page names what of a folder is not shared, and why, until that is dismissed."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        folder = os.path.dirname(self.make_file("folder/one", b"1" * 1000))
        os.mkdir(os.path.join(folder, "empty"))
        os.mkdir(os.path.join(os.fsencode(folder), b"d\xe9"))

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            page.get_by_label("Share a file or folder").fill(folder)
            page.keyboard.press("Enter")
            note = page.locator("left-out-note")
            note.get_by_text("folder is shared without 2 entries").click()
            expect(note.get_by_role("listitem")).to_have_text(
                ["d\\xe9: its name is not UTF-8", "empty: an empty folder"]
            )
            note.get_by_role("button", name="Dismiss").click()
            expect(note).to_have_count(0)
            return complaints

        self.assertEqual(await browse(visit), [])

    async def test_rates_and_peers(self) -> None:
        """While a download runs, the page draws its rate and names who gives it, and sums it up."""
        alice, bob, _ = await self.both(os.urandom(12_000_000))
        await alice.call("bt.set_limits", download=SLOW)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("button", name="Download film.mkv").click()
            page.get_by_role("link", name="My torrents").click()
            drawing = page.get_by_role("img", name="Rates in the last 5 min")
            expect(drawing.locator("desc")).to_have_text(
                re.compile(r"^Download [1-9][0-9.]* [kM]B/s")
            )
            expect(drawing.locator("path.down")).to_have_attribute("d", re.compile("^M[0-9]+ "))
            page.get_by_role("button", name="Peers of film.mkv").click()
            peer = page.locator("peer-row")
            expect(peer.locator(".name")).to_have_text(bob.jid)
            expect(peer).to_contain_text("127.0.0.1 · bitween · connects directly")
            expect(peer).to_contain_text("has 100%")
            expect(peer.locator(".rates")).to_have_text(re.compile(r"↓ [1-9][0-9.]* [kM]B/s"))
            meanwhile(alice.call("bt.set_limits", download=0))
            expect(page.get_by_text("film.mkv is complete.")).to_be_visible()
            page.get_by_role("button", name="Close").click()
            expect(page.locator("rate-graph")).to_contain_text("Since start ↓ 12 MB ↑ 0 bytes")
            return complaints

        self.assertEqual(await browse(visit), [])

    async def test_a_download_that_is_gone(self) -> None:
        """The page says what is missing, and one button fetches it again."""
        content = os.urandom(300_000)
        alice, _, info_hash = await self.both(content)
        path = await alice.download(info_hash)
        os.unlink(path)
        await alice.call("bt.recheck", hash=info_hash)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            torrent = page.locator("torrent-row")
            expect(torrent.locator(".trouble")).to_have_text(
                "'film.mkv' is missing. Resumes when the file is back."
            )
            torrent.get_by_role("button", name="Download again: film.mkv").click()
            expect(torrent.locator(".facts")).to_contain_text("shared · 300 kB")
            expect(torrent.locator(".trouble")).to_have_text("")
            return complaints

        self.assertEqual(await browse(visit), [])
        with open(path, "rb") as file:
            self.assertEqual(file.read(), content)

    async def test_a_share_that_was_changed(self) -> None:
        """In German the page says so, too, and one button shares the file as it is now."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        path = self.make_file("notes.txt", b"before")
        before = await alice.share(path)
        self.make_file("notes.txt", b"afterwards")
        await alice.call("bt.recheck", hash=before)

        def visit(page: Page) -> None:
            open_page(page, alice)
            page.get_by_role("link", name="Meine Torrents").click()
            torrent = page.locator("torrent-row")
            expect(torrent.locator(".trouble")).to_have_text(
                "notes.txt wurde geändert. Stellen Sie sie wieder her, oder geben Sie die geänderte"
                " Fassung frei."
            )
            torrent.get_by_role("button", name="Geänderte Fassung freigeben: notes.txt").click()
            expect(torrent.locator(".facts")).to_contain_text("freigegeben · 10 Byte")
            expect(torrent).to_have_count(1)

        await browse(visit, locale="de-DE")
        (torrent,) = (await alice.call("bt.get_torrents"))["torrents"]
        self.assertNotEqual(torrent["hash"], before)

    async def test_a_finished_download_notifies_a_hidden_page(self) -> None:
        """Who asks for it is told of a download that is complete while the page is covered."""
        alice, _, info_hash = await self.both(os.urandom(100_000))

        def visit(page: Page) -> None:
            page.context.grant_permissions(["notifications"], origin=alice.url.removesuffix("/api"))
            page.add_init_script(_LISTEN)
            open_page(page, alice)
            page.get_by_role("link", name="Status").click()
            page.get_by_role("button", name="Notify me when downloads finish").click()
            expect(page.get_by_role("button", name="Turn off")).to_be_visible()
            page.evaluate(_COVER)
            meanwhile(alice.download(info_hash))
            eventually(page, "told.length > 0")
            self.assertEqual(page.evaluate("told"), ["film.mkv is complete."])
            page.get_by_role("button", name="Turn off").click()
            expect(page.get_by_role("button", name="Notify me when")).to_be_visible()

        await browse(visit)
