"""Sharing on the page: by looking around, and by sending files, with a real daemon."""

from __future__ import annotations

import os
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import DROP, browse
from tests.support.harness import Daemon, ProsodyTestCase
from tests.support.web_case import SCRIPT, TURNED, complaints_of, open_page


class ShareCase(ProsodyTestCase):
    """A daemon with a folder to look around in."""

    async def alice_with(self, *options: str) -> Daemon:
        """Start it."""
        alice = self.daemon(self.server("alice"), "alice")
        alice.options = options
        await alice.start()
        return alice

    async def shared(self, daemon: Daemon) -> dict[str, Any]:
        """The one torrent, once it is shared."""
        answer = await daemon.until(
            lambda result: any(torrent["complete"] for torrent in result["torrents"]),
            "bt.get_torrents",
        )
        (torrent,) = answer["torrents"]
        return dict(torrent)


class ChooserTests(ShareCase):
    """A user who browses the daemon's machine."""

    async def test_a_file_and_a_folder(self) -> None:
        """By keyboard: down into folders, back up by the steps, share what lies there."""
        self.make_file(f"{SCRIPT}/deep/song", b"x" * 1000)
        root = os.path.dirname(self.make_file(TURNED, b"y" * 2000))
        alice = await self.alice_with("--share-root", root)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            page.get_by_role("button", name="Browse …").press("Enter")
            rows = page.locator("entry-row")
            expect(rows.locator(".name")).to_have_text([SCRIPT, "song \ufffdgpj.exe"])
            expect(rows.nth(1).locator(".facts")).to_have_text("2 kB")
            page.get_by_role("button", name=SCRIPT, exact=True).press("Enter")
            page.get_by_role("button", name="deep", exact=True).press("Enter")
            expect(rows.locator(".name")).to_have_text(["song"])
            steps = page.locator(".steps li")
            expect(steps).to_have_text(["Start", os.path.basename(root), SCRIPT, "deep"])
            page.get_by_role("button", name="Share song").press("Enter")
            expect(page.get_by_text("Your contacts can now download song.")).to_be_visible()

            page.get_by_role("button", name="Browse …").press("Enter")
            expect(rows.locator(".facts")).to_have_text("1 kB · shared")
            expect(rows.get_by_role("button")).to_have_count(0)
            steps.get_by_role("button", name=SCRIPT).press("Enter")
            expect(steps).to_have_text(["Start", os.path.basename(root), SCRIPT])
            page.get_by_role("button", name="Share this folder").press("Enter")
            # Of both in one, if the first one is still told.
            told = re.compile(f"download {re.escape(SCRIPT)}\\.|^2 files and folders shared\\.")
            expect(page.locator(".toast")).to_contain_text(told)
            self.assertEqual(page.locator("img").count(), 0)
            return complaints

        self.assertEqual(await browse(visit), [])
        torrents = (await alice.call("bt.get_torrents"))["torrents"]
        self.assertEqual({torrent["name"] for torrent in torrents}, {"song", SCRIPT})


class UploadTests(ShareCase):
    """A user who sends files from the browser's machine."""

    async def test_drop_a_file(self) -> None:
        """A file of a hostile name is asked about, sent, hashed and shared."""
        alice = await self.alice_with()

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            expect(page.get_by_role("heading", name="Shares")).to_be_visible()
            page.evaluate(DROP, [[SCRIPT, "x" * 300_000]])
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("1 file, 300 kB")
            expect(dialog).to_contain_text(SCRIPT)
            dialog.get_by_role("button", name="Upload and share").press("Enter")
            expect(page.get_by_text(f"Your contacts can now download {SCRIPT}.")).to_be_visible()
            expect(page.locator("upload-row")).to_have_count(0)
            self.assertEqual(page.locator("img").count(), 0)
            return complaints

        self.assertEqual(await browse(visit), [])
        torrent = await self.shared(alice)
        self.assertEqual((torrent["name"], torrent["total_size"]), (SCRIPT, 300_000))
        self.assertEqual(os.listdir(alice.downloads), [SCRIPT])

    async def test_several_files_become_one_folder(self) -> None:
        """Files that are chosen together become one folder, under a name that is asked for."""
        alice = await self.alice_with()
        paths = [self.make_file(name, b"x" * 1000) for name in ("one", "two")]

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            with page.expect_file_chooser() as choosing:
                page.get_by_role("button", name="Upload files").press("Enter")
            choosing.value.set_files(paths)
            page.get_by_label("Name of the folder").fill("../holiday")
            page.keyboard.press("Enter")
            expect(page.locator(".toast")).to_contain_text("is not a name for a file or folder")
            with page.expect_file_chooser() as choosing:
                page.get_by_role("button", name="Upload files").press("Enter")
            choosing.value.set_files(paths)
            page.get_by_label("Name of the folder").fill("holiday")
            page.keyboard.press("Enter")
            expect(page.get_by_text("Your contacts can now download holiday.")).to_be_visible()
            return complaints

        self.assertEqual(await browse(visit), [])
        torrent = await self.shared(alice)
        self.assertEqual(torrent["name"], "holiday")
        paths = [file["path"] for file in torrent["files"]]
        self.assertEqual(paths, ["holiday/one", "holiday/two"])

    async def test_a_dropped_folder_becomes_one_share(self) -> None:
        """A folder comes with what lies below it, as one share."""
        alice = await self.alice_with()
        self.make_file("album/disc 1/50% off?#.ogg", b"x" * 1000)
        folder = os.path.dirname(self.make_file("album/cover", b"y" * 1000))

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            with page.expect_file_chooser() as choosing:
                page.get_by_role("button", name="Upload a folder").press("Enter")
            choosing.value.set_files(folder)
            page.get_by_role("button", name="Upload and share").press("Enter")
            expect(page.get_by_text("Your contacts can now download album.")).to_be_visible()
            return complaints

        self.assertEqual(await browse(visit), [])
        torrent = await self.shared(alice)
        paths = [file["path"] for file in torrent["files"]]
        self.assertEqual(paths, ["album/cover", "album/disc 1/50% off?#.ogg"])

    async def test_what_the_browser_cannot_send(self) -> None:
        """It ends the whole upload, in words: no part of it is shared."""
        alice = await self.alice_with()

        def visit(page: Page) -> None:
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            page.route("**/upload/two?*", lambda route: route.abort())
            page.evaluate(DROP, [["one", "x" * 1000], ["two", "x"]])
            page.get_by_role("button", name="Upload and share").press("Enter")
            expect(page.locator(".toast")).to_contain_text("could not read a file to its end")
            expect(page.locator("upload-row")).to_have_count(0)

        await browse(visit)
        self.assertEqual((await alice.call("bt.get_torrents"))["torrents"], [])
        await alice.stop()
        self.assertEqual(os.listdir(alice.downloads), [])

    async def test_a_cancelled_upload_leaves_nothing(self) -> None:
        """While it is sent, one sees how far it is; what is cancelled leaves nothing."""
        alice = await self.alice_with()

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            network = page.context.new_cdp_session(page)
            network.send("Network.enable")
            slow = {"offline": False, "latency": 0, "downloadThroughput": -1}
            network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": 50_000})
            page.evaluate(DROP, [["film", "x" * 5_000_000]])
            page.get_by_role("button", name="Upload and share").press("Enter")
            row = page.locator("upload-row")
            expect(row.locator(".facts")).to_contain_text("of 5 MB · ↑")
            row.get_by_role("button", name="Cancel the upload of film").press("Enter")
            expect(row).to_have_count(0)
            return complaints

        self.assertEqual(await browse(visit), [])
        self.assertEqual((await alice.call("bt.get_torrents"))["torrents"], [])
        await alice.stop()
        self.assertEqual(os.listdir(alice.downloads), [])
