"""The page in a browser, with real daemons behind it."""

from __future__ import annotations

import os
import re

from playwright.sync_api import Page, expect

from tests.support.browser import browse, meanwhile
from tests.support.harness import ProsodyTestCase
from tests.support.web_case import SCRIPT, TURNED, complaints_of, open_page


class WebTests(ProsodyTestCase):
    """People who use their daemons in a browser."""

    async def test_from_the_log_in_to_a_download(self) -> None:
        """Who opens the page by a link finds what a contact shares, gets it, and removes it."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        content = os.urandom(3_000_000)
        info_hash = await bob.share(self.make_file(SCRIPT, content))
        await bob.share(self.make_file(TURNED, b"y" * 1000))
        await alice.finds(info_hash)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            asked: set[str] = set()
            page.on("request", lambda request: asked.add(request.url))
            open_page(page, alice)
            rows = page.locator("share-row")
            expect(rows).to_have_count(2)
            expect(rows.nth(1).locator(".name")).to_have_text("song \ufffdgpj.exe")
            page.get_by_label("Search what contacts share").fill("onerror")
            expect(rows).to_have_count(1)
            expect(rows.locator(".name")).to_have_text(SCRIPT)
            expect(rows.locator(".facts")).to_contain_text(bob.jid)
            rows.get_by_role("button", name="Download").click()
            expect(page.locator("toast-area")).to_contain_text(f"{SCRIPT} is complete.")
            expect(rows.locator(".here")).to_have_text("Downloaded")

            page.get_by_role("link", name="My torrents").click()
            torrent = page.locator("torrent-row")
            expect(torrent.locator(".facts")).to_contain_text("shared · 3 MB")
            torrent.get_by_role("button", name="Pause").click()
            expect(torrent.locator(".facts")).to_contain_text("paused")
            removed = page.locator(".toast", has_text="is removed from the list")
            for answer in ("Undo", "Dismiss"):
                torrent.get_by_role("button", name="Remove").press("Enter")
                # By keyboard, which has the notice stay for as long as it takes.
                page.get_by_role("button", name="Remove from list").press("Enter")
                expect(torrent).to_have_count(0)
                removed.get_by_role("button", name=answer).press("Enter")
                expect(torrent).to_have_count(1 if answer == "Undo" else 0)
            expect(page.locator(".empty:visible")).to_contain_text("You are not sharing or")

            self.assertEqual(page.title(), "My torrents · bitween")
            self.assertEqual(page.locator("img").count(), 0)
            own = alice.url.removesuffix("/api")
            self.assertEqual([url for url in asked if not url.startswith(own)], [])
            self.assertEqual(page.evaluate("[localStorage.length, document.cookie]"), [0, ""])
            return complaints

        self.assertEqual(await browse(visit), [])
        path = os.path.join(alice.downloads, SCRIPT)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), content)
        await alice.until(lambda result: not result["torrents"], "bt.get_torrents")

    async def test_share_and_choose_files(self) -> None:
        """A path is shared by typing it; its files are listed, and never deleted from here."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        folder = os.path.dirname(self.make_file("folder/one", b"1" * 1000))
        self.make_file("folder/two", b"2" * 2000)
        token, url = alice.token, alice.url.removesuffix("/api")

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            page.goto(f"{url}/#torrents")
            page.get_by_label("Token").fill("not-the-token")
            page.keyboard.press("Enter")
            expect(page.locator("log-in-view")).to_contain_text("That token isn't right.")
            page.get_by_label("Token").fill(token)
            page.keyboard.press("Enter")
            path = page.get_by_label("Share a file or folder")
            path.fill("/proc/nowhere")
            page.keyboard.press("Enter")
            expect(page.locator(".toast")).to_contain_text("/proc/nowhere")
            path.fill(folder)
            page.keyboard.press("Enter")
            expect(page.get_by_text("Your contacts can now download folder.")).to_be_visible()
            torrent = page.locator("torrent-row")
            expect(torrent.locator(".facts")).to_contain_text("shared · 3 kB")
            torrent.get_by_role("button", name="Files of").click()
            expect(page.locator("file-row .name")).to_have_text(["one", "two"])
            page.get_by_role("button", name="Close").click()
            expect(page.get_by_role("button", name=re.compile("[Dd]elete"))).to_have_count(0)
            torrent.get_by_role("button", name="Stop sharing folder").press("Enter")
            stopped = page.locator(".toast", has_text="folder is no longer shared")
            stopped.get_by_role("button", name="Dismiss").press("Enter")
            return complaints

        self.assertEqual(await browse(visit), [])
        await alice.until(lambda result: not result["torrents"], "bt.get_torrents")
        self.assertTrue(os.path.exists(os.path.join(folder, "one")))

    async def test_delete_a_download(self) -> None:
        """Files of a download are deleted after a question whose first answer is Cancel."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        folder = os.path.dirname(self.make_file("folder/one", b"1" * 1_000_000))
        self.make_file("folder/two", b"2" * 2_000_000)
        info_hash = await bob.share(folder)
        await alice.finds(info_hash)
        path = await alice.download(info_hash)
        self.assertTrue(os.path.exists(path))

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            torrent = page.locator("torrent-row")
            dialog = page.get_by_role("dialog")
            for _ in range(2):  # Enter twice does nothing
                torrent.get_by_role("button", name="Remove folder").press("Enter")
                cancel = dialog.get_by_role("button", name="Cancel")
                expect(cancel).to_be_focused()
                page.keyboard.press("Enter")
                expect(dialog).to_have_count(0)
            torrent.get_by_role("button", name="Remove folder").click()
            expect(dialog.get_by_role("heading")).to_have_text("Remove this download?")
            dialog.get_by_label("Also delete 2 files (3 MB) from disk").check()
            expect(dialog.get_by_role("heading")).to_have_text("Delete 2 files (3 MB) from disk?")
            button = dialog.get_by_role("button", name=re.compile("Move to trash|Delete for good"))
            button.press("Enter")
            gone = page.locator(".toast", has_text="are about to be deleted")
            gone.get_by_role("button", name="Dismiss").press("Enter")
            expect(page.locator(".toast")).to_contain_text(re.compile(r"2 files \(3 MB\) are"))
            return complaints

        self.assertEqual(await browse(visit), [])
        await alice.until(lambda result: not result["torrents"], "bt.get_torrents")
        self.assertFalse(os.path.exists(path))

    async def test_choose_files_of_a_download(self) -> None:
        """What is unticked is not fetched, what is to come first does; the page tells so."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        folder = os.path.dirname(self.make_file("folder/one", b"1" * 3_000_000))
        self.make_file("folder/two", b"2" * 2_000_000)
        info_hash = await bob.share(folder)
        await alice.finds(info_hash)
        await alice.call("bt.add_torrent_by_hash", hash=info_hash, paused=True)
        await alice.torrent_where(info_hash, lambda torrent: torrent["files"])

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            expect(page.locator("share-row .here")).to_have_text("0%")
            page.get_by_role("link", name="My torrents").click()
            torrent = page.locator("torrent-row")
            torrent.get_by_role("button", name="Files of").click()
            page.get_by_role("checkbox", name="two").uncheck()
            first = page.get_by_role("button", name=re.compile("Download (one|two) first"))
            expect(first).to_have_count(1)
            first.click()
            expect(first).to_have_attribute("aria-pressed", "true")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_text("Selection saved.")).to_be_visible()
            torrent.get_by_role("button", name="Resume").click()
            expect(torrent.locator(".facts")).to_contain_text("selected files downloaded")
            return complaints

        self.assertEqual(await browse(visit), [])
        chosen = await alice.call("bt.get_files", hash=info_hash)
        files = chosen["files"]
        self.assertEqual([file["wanted"] for file in files], [True, False])
        self.assertEqual(chosen["first"], [0])
        self.assertEqual(files[0]["done"], 3_000_000)

    async def test_a_contact_request_is_accepted_on_the_page(self) -> None:
        """A contact request is accepted; the contact's shares are one click away."""
        server = self.server("alice", "bob")
        alice, bob = self.daemon(server, "alice"), self.daemon(server, "bob")
        for daemon in (alice, bob):
            await daemon.start()
            await daemon.online()
        await bob.share(self.make_file("holiday", b"x" * 1000))
        await bob.call("xmpp.add_contact", jid=alice.jid)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            open_page(page, alice)
            page.get_by_role("link", name="Contacts").click()
            page.get_by_role("button", name=f"Accept {bob.jid}").click()
            page.get_by_role("link", name="See 1").click()
            expect(page.locator("share-row .name")).to_have_text("holiday")
            expect(page.get_by_label("From")).to_have_value(bob.jid)
            page.get_by_role("link", name="Status").click()
            expect(page.locator("status-view dl")).to_contain_text(f"{alice.jid}/")
            expect(page.locator(".findings").first).to_contain_text("connected as")
            page.get_by_label("Upload", exact=True).fill("500")
            page.get_by_role("button", name="Save").click()
            expect(page.locator(".toast")).to_contain_text("Limits saved.")
            return complaints

        self.assertEqual(await browse(visit), [])
        limits = (await alice.call("Api.status"))["limits"]
        self.assertEqual((limits["upload"], limits["download"]), (500_000, 0))

    async def test_the_page_survives_a_restart_of_the_daemon(self) -> None:
        """While the daemon is away the page says so; when it is back one logs in again."""
        server = self.server("alice")
        alice = self.daemon(server, "alice")
        await alice.start()
        await alice.online()
        port = alice.url.rpartition(":")[2].removesuffix("/api")
        token = alice.token

        async def come_back() -> None:
            alice.options = ["--api", f"tcp:{port}:interface=127.0.0.1"]
            await alice.start()
            await alice.online()

        def visit(page: Page) -> None:
            notice = page.locator("connection-notice")
            shares = page.get_by_role("heading", name="Shares")
            open_page(page, alice)
            expect(shares).to_be_visible()
            expect(notice).to_be_hidden()
            meanwhile(alice.stop())
            expect(notice).to_contain_text("The daemon does not answer.")
            expect(notice).to_contain_text("Next try in")
            meanwhile(come_back())
            page.get_by_label("Token").fill(token)
            page.keyboard.press("Enter")
            expect(shares).to_be_visible()
            expect(notice).to_be_hidden()

        await browse(visit)

    async def test_a_server_that_is_away(self) -> None:
        """The notice counts down to the daemon's next try, in German too, and goes by itself."""
        server = self.server("alice")
        alice = self.daemon(server, "alice")
        await alice.start()
        await alice.online()

        async def stop() -> None:
            server.stop()

        async def come_back() -> None:
            server.start()
            await alice.online()

        def visit(page: Page) -> None:
            notice = page.locator("connection-notice")
            open_page(page, alice)
            expect(page.get_by_role("heading", name="Freigaben")).to_be_visible()
            meanwhile(stop())
            expect(notice).to_contain_text("Keine Verbindung zum XMPP-Server:")
            expect(notice).to_contain_text(f":{server.port} nimmt keine Verbindung an.")
            expect(notice).to_contain_text("Nächster Versuch in")
            meanwhile(come_back())
            expect(notice).to_be_hidden()
            page.get_by_role("link", name="Status").click()
            findings = page.locator(".findings").first
            expect(findings).to_contain_text("angemeldet als alice@localhost/")
            expect(findings).to_contain_text("gültig, läuft in")
            expect(findings).to_contain_text("der Server sagt Kontakten, was Sie anbieten")
            expect(page.locator(".warnings").first).to_contain_text("not connected")

        await browse(visit, locale="de-DE")
