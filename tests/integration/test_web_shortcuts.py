"""The page in a browser, with a daemon of memory: what one types, pastes or drops by habit."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from playwright.sync_api import Page, expect

from bitween.model.torrent import InfoHash, Metainfo
from tests.support.api_rig import info_hash
from tests.support.browser import browse
from tests.support.web_case import WebCase

BOB = "bob@example.org"
_HASH = info_hash("a")
_MAGNET = f"magnet:?xt=urn:btih:{_HASH}&dn=holiday&tr=http://tracker.test/"
#: A .torrent file, and what counts of it.
_INFO = b"d6:lengthi5e4:name5:notes12:piece lengthi16384e6:pieces20:" + b"\0" * 20 + b"e"
_TORRENT = b"d8:announce9:http://t/4:info" + _INFO + b"e"
_DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name));
  for (const type of ["dragover", "drop"]) {
    const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
    document.querySelector("main").dispatchEvent(new DragEvent(type, how));
  }
}"""


class WebShortcutsTests(WebCase):
    """Paths as a shell takes them, links and .torrent files."""

    def setUp(self) -> None:
        """Have a home directory."""
        super().setUp()
        self.home = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(self.home, "Pictures", "2026"))
        Path(self.home, "Pictures", "2026", "beach").write_bytes(b"x")
        self.patch(os, "environ", {**os.environ, "HOME": self.home})
        self.world.hasher.hash_at_once = Metainfo(InfoHash("b" * 40), "Pictures", 1, b"")

    def names(self) -> list[str]:
        """What there is in the end."""
        return [torrent.name for torrent in self.world.swarm.library]

    async def test_typed_paths_and_file_links_are_shared(self) -> None:
        """``~/Pictures`` and a file: link, as a file manager copies it, are shared."""

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            path = page.get_by_label("Share a file or folder")
            for typed in ("~/Pictures", Path(self.home, "Pictures", "2026").as_uri()):
                path.fill(typed)
                page.keyboard.press("Enter")
                expect(path).to_have_value("")
            expect(page.locator("torrent-row .name")).to_have_text("Pictures")

        await browse(visit)

    async def test_what_is_hardly_meant(self) -> None:
        """A home directory is asked about, with Cancel first, before it is shared."""

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            path = page.get_by_label("Share a file or folder")
            dialog = page.get_by_role("dialog")
            for answer in ("Cancel", "Share anyway"):
                path.fill("~/")
                page.keyboard.press("Enter")
                expect(dialog).to_contain_text("is a home directory")
                expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
                expect(page.locator("torrent-row")).to_have_count(0)
                dialog.get_by_role("button", name=answer).click()
            expect(page.locator("torrent-row .name")).to_have_text("Pictures")

        await browse(visit)

    async def test_pasted_magnet_links_are_downloaded(self) -> None:
        """A link is downloaded, pasted where one shares or where one searches."""
        self.world.contact_shares(BOB, {_HASH: "holiday"})

        def visit(page: Page) -> None:
            self.log_in(page)
            page.get_by_role("searchbox").fill(_MAGNET)
            expect(page.locator(".toast")).to_contain_text("Downloading holiday.")
            expect(page.get_by_role("searchbox")).to_have_value("")
            expect(page.locator("share-row")).to_have_count(1)
            page.goto(f"{self.url}#torrents")
            expect(page.locator("torrent-row")).to_have_count(1)
            path = page.get_by_label("Share a file or folder")
            path.fill(_MAGNET.replace("a" * 40, "c" * 40).replace("holiday", "work"))
            page.keyboard.press("Enter")
            expect(page.locator(".toast", has_text="work: the download begins")).to_be_visible()
            expect(page.locator("torrent-row")).to_have_count(2)

        await browse(visit)

    async def test_dropped_torrent_files_are_asked_about(self) -> None:
        """A .torrent file that is dropped is asked about: what it describes may be meant."""
        described = hashlib.sha1(_INFO, usedforsecurity=False).hexdigest()

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            expect(page.locator(".empty:visible")).to_be_visible()
            dialog = page.get_by_role("dialog")
            page.evaluate(_DROP, ["notes.torrent", list(_TORRENT)])
            expect(dialog).to_contain_text("notes.torrent is a .torrent file")
            dialog.get_by_role("button", name="Cancel").click()
            page.evaluate(_DROP, ["notes.torrent", list(_TORRENT)])
            dialog.get_by_role("button", name="Download what it describes").click()
            expect(page.locator("torrent-row")).to_have_count(1)
            for broken in (b"no torrent", _TORRENT[:-30], b"d4:info" + b"l" * 10_000):
                page.evaluate(_DROP, ["notes.torrent", list(broken)])
                expect(dialog).to_contain_text("Share this with everybody?")
                dialog.get_by_role("button", name="Cancel").click()

        await browse(visit)
        self.assertEqual([torrent.info_hash for torrent in self.world.swarm.library], [described])
