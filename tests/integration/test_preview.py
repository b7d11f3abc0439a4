"""Looking at files in a browser, and choosing some, between real daemons."""

from __future__ import annotations

import io
import os
import random
import struct
import wave
import zlib
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import browse, eventually, meanwhile
from tests.support.harness import Daemon, ProsodyTestCase
from tests.support.web_case import SCRIPT, complaints_of, open_page

_SECONDS = 360
_RATE = 44_100


def song() -> bytes:
    """Six minutes of noise: 32 MB, which take longer to come than all the rest of a test may."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(random.Random(7).randbytes(2 * _RATE * _SECONDS))  # noise
    return written.getvalue()


def picture() -> bytes:
    """A PNG of one red pixel (ISO/IEC 15948 §5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


async def files_of(daemon: Daemon, info_hash: str) -> list[dict[str, Any]]:
    """``bt.get_files``."""
    files: list[dict[str, Any]] = (await daemon.call("bt.get_files", hash=info_hash))["files"]
    return files


class PreviewTests(ProsodyTestCase):
    """People who look at files before they have all of them."""

    async def test_play_while_it_comes(self) -> None:
        """A song plays while it is downloaded, also from a place that is not here yet."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        info_hash = await bob.share(self.make_file("song.wav", song()))
        await alice.finds(info_hash)
        await alice.call("bt.set_limits", download=2000)

        end = _SECONDS - 5

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("button", name="Download song.wav", exact=True).click()
            page.get_by_role("link", name="My torrents").click()
            torrent = page.locator("torrent-row")
            expect(torrent.locator(".facts")).to_contain_text("downloading")
            torrent.get_by_role("button", name="Files of").click()
            page.get_by_role("button", name="Play song.wav").click()
            note = page.locator("preview-dialog p[role=status]")
            expect(note).to_have_text("Waiting for this part to arrive …")
            meanwhile(alice.call("bt.set_limits", download=150_000))
            playing = "() => document.querySelector('audio').currentTime > {}"
            eventually(page, playing.format(0.2))
            expect(note).to_have_text("")
            page.evaluate(f"document.querySelector('audio').currentTime = {end}")
            eventually(page, playing.format(end + 0.2))
            page.keyboard.press("Escape")
            expect(page.locator("audio")).to_have_count(0)
            expect(page.locator("files-dialog > dialog")).to_be_visible()
            return complaints

        self.assertEqual(await browse(visit, "--autoplay-policy=no-user-gesture-required"), [])
        (file,) = await files_of(alice, info_hash)
        # The end was here, and played, before the middle was.
        self.assertLess(file["done"], file["size"])
        await alice.call("bt.set_limits", download=0)
        await alice.complete(info_hash)

    async def test_look_at_files(self) -> None:
        """A text shows as text, a picture as a picture; what is neither is only saved."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        page_text = f"<script>document.title = 'run'</script>\n{SCRIPT}\n"
        folder = os.path.dirname(self.make_file("things/page.html", page_text.encode()))
        self.make_file("things/picture.png", picture())
        self.make_file("things/trap.png", page_text.encode())
        self.make_file("things/thing.zip", b"PK")
        info_hash = await alice.share(folder)
        base = alice.url.removesuffix("/api")

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            page.get_by_role("button", name="Files of").click()
            close = page.locator("preview-dialog").get_by_role("button", name="Close")
            page.get_by_role("button", name="View page.html").click()
            expect(page.locator("preview-dialog pre")).to_have_text(page_text)
            close.click()
            page.get_by_role("button", name="View picture.png").click()
            eventually(page, "() => document.querySelector('img')?.naturalWidth === 1")
            close.click()
            page.get_by_role("button", name="View trap.png").click()
            expect(page.locator("preview-dialog .trouble")).to_contain_text("cannot show the file")
            with page.expect_download() as saving:
                page.locator("preview-dialog").get_by_role("link", name="Save the file").click()
            self.assertEqual(saving.value.suggested_filename, "trap.png")
            close.click()
            expect(page.get_by_role("button", name="thing.zip")).to_have_count(0)
            expect(page.get_by_role("link", name="Save thing.zip")).to_be_visible()
            self.assertEqual(page.title(), "My torrents · bitween")
            return complaints

        self.assertEqual(await browse(visit), [])

        def visit_itself(page: Page) -> str:
            page.set_extra_http_headers({"Authorization": f"Bearer {alice.token}"})
            page.goto(f"{base}/files/{info_hash}/0")
            expect(page.locator("body")).to_contain_text("<script>document.title")
            return page.title()

        self.assertEqual(await browse(visit_itself), "")

    async def test_choose_files_before(self) -> None:
        """What is not ticked before is never fetched; who cancels has nothing of it."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        folder = os.path.dirname(self.make_file("folder/one", b"1" * 3_000_000))
        self.make_file("folder/two", b"2" * 2_000_000)
        info_hash = await bob.share(folder)
        await alice.finds(info_hash)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            choose = page.get_by_role("button", name="Select files of folder")
            choose.click()
            expect(page.locator("file-row .name")).to_have_text(["one", "two"])
            here = page.locator("share-row .here")
            expect(here).to_be_visible()  # as of now it is on the list
            page.get_by_role("button", name="Cancel").click()
            expect(here).to_be_hidden()
            choose.click()
            page.get_by_role("checkbox", name="two").uncheck()
            page.get_by_role("button", name="Download selected").click()
            expect(page.get_by_text("Downloading folder.")).to_be_visible()
            expect(here).to_have_text("Partly downloaded")
            return complaints

        self.assertEqual(await browse(visit), [])
        files = await files_of(alice, info_hash)
        self.assertEqual([file["wanted"] for file in files], [True, False])
        self.assertEqual(os.listdir(os.path.join(alice.downloads, "folder")), ["one"])
