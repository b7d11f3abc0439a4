"""The page in a browser: who may have a share, and which devices are trusted."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from playwright.sync_api import Locator, Page, expect

from bitween.crypto.device_key import DeviceKey
from bitween.model.access import OPEN, PRIVATE, Access, Audience, group_audience
from bitween.model.announcement import Share, ShareTerms
from bitween.model.device_link import grouped
from bitween.model.peer import Peer
from bitween.model.torrent import InfoHash
from tests.support.api_rig import OWN_JID, info_hash
from tests.support.axe import WIDTH, judge
from tests.support.browser import DROP, browse, meanwhile
from tests.support.harness import ProsodyTestCase
from tests.support.metainfo import metainfo
from tests.support.web_case import WebCase, complaints_of, open_page

A, B = info_hash("a"), info_hash("b")
SECRET = bytes(range(32))
BOB, CAROL = "bob@example.org", "carol@example.org"
#: How wide the screens of phones, tablets and desks are, in pixels.
WIDTHS = (390, 820, 1440)
_OPEN = "document.querySelectorAll('details').forEach((node) => { node.open = true; })"
OWN, LAPTOP, PHONE, OTHER = (DeviceKey(bytes([n]) * 64) for n in range(4))


class AccessCase(WebCase):
    """What tests of these parts of the page share."""

    def look(self, page: Page, what: str) -> None:
        """
        Judge what is shown, on a phone, a tablet and a desk.

        :param what: for the message.
        """
        page.evaluate(_OPEN)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            self.assertLessEqual(page.evaluate(WIDTH), 0, f"{what} at {width} pixels")
            judge(self, page, f"{what} at {width} pixels")


class WebAccessTests(AccessCase):
    """Who may have a share, on the page."""

    async def test_peers_say_whether_they_are_sealed(self) -> None:
        """Each connection says whether others on the way can read it."""
        self.world.share("song", A)
        self.world.swarm.connected[A] = (
            Peer("192.0.2.7", 6881, sealed=True),
            Peer("192.0.2.8", 6881),
        )

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            page.get_by_role("button", name="Peers of song").click()
            rows = page.locator("peer-row")
            expect(rows).to_have_count(2)
            sealed, clear = rows.all()
            expect(sealed).to_contain_text("· sealed")
            expect(clear).to_contain_text("· in the clear: others on the way can read this")

        await browse(visit)


class WebAudienceTests(AccessCase):
    """Alice shares a song; bob is in the group Family, carol in none."""

    def setUp(self) -> None:
        """Share it, and let both be contacts."""
        super().setUp()
        self.song = self.share("song")
        for jid in (BOB, CAROL):
            self.world.contact(jid, "desk").befriend([OWN_JID])
        self.world.messenger.set_groups(BOB, "Family")

    def share(self, name: str) -> InfoHash:
        """Share a sealed file with everybody."""
        folder = os.path.abspath(self.mktemp())
        os.makedirs(folder)
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(b"x" * 1000)
        sharing = self.world.swarm.share(metainfo(path), folder, secret=SECRET)
        return self.successResultOf(sharing).info_hash

    def access(self, name: str = "song") -> Access:
        """Who may have a file; its hash may have changed."""
        (torrent,) = (one for one in self.world.swarm.library if one.name == name)
        return torrent.options.access

    def open_dialog(self, page: Page) -> Locator:
        """Log in, and open the dialog about the song by keyboard."""
        self.log_in(page)
        page.goto(f"{self.url}#torrents")
        page.get_by_role("button", name="Everybody: change who may have song").press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Who may have song?")
        return dialog

    async def test_access_is_changed_by_keyboard(self) -> None:
        """A group is searched and ticked, an end and a lock are set; the row says so then."""

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            page.set_viewport_size({"width": 390, "height": 800})
            dialog = self.open_dialog(page)
            expect(dialog.get_by_role("radio", name="Everybody")).to_be_focused()
            page.keyboard.press("ArrowDown")
            expect(dialog.get_by_role("radio", name="Groups and contacts")).to_be_checked()
            page.keyboard.press("Tab")
            page.keyboard.type("fam")
            expect(dialog.get_by_label(CAROL)).to_be_hidden()
            page.keyboard.press("Tab")
            page.keyboard.press("Space")
            expect(dialog.get_by_role("checkbox", name="Group Family")).to_be_checked()
            dialog.get_by_label("Ends").select_option("After 7 days")
            dialog.get_by_label("Others see the name, locked").press("Space")
            expect(dialog).to_contain_text(
                "What a contact has already fetched stays with that contact."
            )
            dialog.get_by_role("button", name="Save").press("Enter")
            expect(page.locator(".toast")).to_contain_text("song is for group Family now.")
            expect(page.locator(".audience")).to_contain_text("Group Family")
            expect(page.locator(".audience")).to_contain_text("until")
            return complaints

        self.assertEqual(await browse(visit), [])
        access = self.access()
        self.assertEqual((access.audiences, access.listed), (("group:Family",), True))
        self.assertLess(abs((access.expires or 0) - time.time() - 7 * 86_400), 120)

    async def test_an_end_stays_unless_it_is_changed(self) -> None:
        """The dialog shows what counts; saved as it is, it changes nothing, not by seconds."""
        before = Access((Audience(BOB),), time.time() // 60 * 60 + 86_407, True, False)
        await self.world.bitween.access.apply(self.song, before)

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            page.locator(".audience").click()
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_role("checkbox", name=BOB)).to_be_checked()
            expect(dialog.get_by_label("Others see the name")).to_be_checked()
            expect(dialog.get_by_label("see each other's addresses")).not_to_be_checked()
            dialog.get_by_role("button", name="Save").click()
            expect(page.locator(".toast")).to_contain_text(f"song is for {BOB} now.")

        await browse(visit)
        self.assertEqual(replace(self.access(), replaces=None, salt=b""), before)

    async def test_nobody_and_the_past_cannot_be_chosen(self) -> None:
        """Without a group or contact, or with an end that has passed, there is nothing to save."""

        def visit(page: Page) -> None:
            dialog = self.open_dialog(page)
            save = dialog.get_by_role("button", name="Save")
            dialog.get_by_label("Groups and contacts", exact=True).first.check()
            expect(save).to_be_disabled()
            dialog.get_by_role("checkbox", name=CAROL).check()
            expect(save).to_be_enabled()
            dialog.get_by_label("Ends").select_option("On a date")
            dialog.get_by_label("On a date").last.fill("2020-01-01T00:00")
            expect(save).to_be_disabled()
            dialog.get_by_role("button", name="Cancel").click()

        await browse(visit)
        self.assertEqual(self.access(), OPEN)

    async def test_what_is_shared_next_is_for_whom_one_chose(self) -> None:
        """The choice stands beside each way to share, and goes along with it."""

        def sent(page: Page, method: str, press: Callable[[], None]) -> Any:
            wanted = f'"{method}"'
            with page.expect_request(lambda one: wanted in (one.post_data or "")) as request:
                press()
            return json.loads(request.value.post_data or "")["params"]

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            form = page.locator("share-form > form")
            page.get_by_label("Share a file or folder").fill("/none")
            params = sent(page, "bt.add_path", lambda: page.keyboard.press("Enter"))
            self.assertEqual(params, {"path": "/none"})
            form.get_by_role("button", name="For everybody: change").press("Enter")
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("Who may have what you share next?")
            expect(dialog).not_to_contain_text("stays with")
            dialog.get_by_role("radio", name="My devices").check()
            dialog.get_by_role("button", name="Save").click()
            expect(form).to_contain_text("For my devices")
            page.get_by_label("Share a file or folder").fill("/nothing")
            params = sent(page, "bt.add_path", lambda: page.keyboard.press("Enter"))
            self.assertEqual((params["path"], params["access"]), ("/nothing", ["devices"]))
            page.get_by_role("button", name="Browse …").click()
            expect(dialog).to_contain_text("For my devices")
            page.get_by_role("button", name="files", exact=True).click()
            share = page.get_by_role("button", name="Share this folder")
            expect(page.locator("entry-row .name", has_text="song")).to_be_visible()
            params = sent(page, "bt.add_path", share.click)
            self.assertEqual(params["access"], ["devices"])
            expect(dialog).to_have_count(0)
            page.evaluate(DROP, [["note.txt", "1"]])
            expect(dialog).to_contain_text("Share this with my devices?")
            dialog.get_by_role("button", name="For my devices: change").click()
            page.get_by_role("radio", name="Everybody").check()
            page.get_by_role("button", name="Save").click()
            expect(dialog).to_contain_text("Share this with everybody?")

        await browse(visit)

    async def test_what_a_contact_sees(self) -> None:
        """Each share that a contact sees is listed, with the reason; the others are not."""
        access = self.world.bitween.access
        await access.apply(self.share("film"), Access((group_audience("Family"),), listed=True))
        await access.apply(self.share("diary"), PRIVATE)

        def seen_by(page: Page, jid: str) -> list[str]:
            page.get_by_role("button", name=f"What does {jid} see?").press("Enter")
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("2 of your shares:")
            lines = dialog.get_by_role("listitem").all_inner_texts()
            page.keyboard.press("Escape")
            return [" ".join(line.split()) for line in lines]

        def visit(page: Page) -> tuple[list[str], list[str]]:
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            return seen_by(page, BOB), seen_by(page, CAROL)

        bob, carol = await browse(visit)
        self.assertEqual(bob, ["song 1 kB · for everybody", "film 1 kB · for group Family"])
        self.assertEqual(
            carol,
            [
                "song 1 kB · for everybody",
                "film 1 kB · locked: only the name and the size are seen",
            ],
        )

    async def test_a_locked_share_is_asked_for(self) -> None:
        """Its name stands there with a lock; one press asks the contact who has it."""
        contact = self.world.contact(BOB, "phone")
        asked: list[str] = []
        contact.serve_access_requests(lambda jid, _, info_hash: asked.extend((jid, info_hash)))
        contact.announce([Share(B, "open", 1)], [])
        contact.serve_lists(lambda _: [Share(A, "film", 1, terms=ShareTerms(locked=True))])

        def visit(page: Page) -> None:
            page.set_viewport_size({"width": 390, "height": 800})
            self.log_in(page)
            film = page.locator("share-row", has_text="film")
            expect(film).to_contain_text("locked · 1 byte")
            self.look(page, "a locked share")
            expect(film.get_by_role("button")).to_have_count(1)
            film.get_by_role("button", name="Ask for film").press("Enter")
            expect(page.locator(".toast")).to_contain_text("Its owner has been asked for film.")
            other = page.locator("share-row", has_text="open")
            expect(other.get_by_role("button")).to_have_count(2)

        await browse(visit)
        self.assertEqual(asked, [OWN_JID, A])

    async def test_requests_are_answered_by_one_press(self) -> None:
        """They show in each view until they are answered; letting in changes the access."""
        access = Access((Audience(CAROL),), listed=True)
        await self.world.bitween.access.apply(self.song, access)
        (song,) = self.world.swarm.library
        bob = self.world.contact(BOB, "phone")

        async def ask() -> None:
            await bob.ask_access(OWN_JID, "den", song.info_hash)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            self.log_in(page)
            requests = page.get_by_role("region", name="Requests for shares")
            expect(requests).to_have_count(0)
            meanwhile(ask())
            expect(requests).to_contain_text(f"{BOB} asks for song.")
            self.look(page, "a request")
            requests.get_by_role("button", name=f"Do not let {BOB} have song").press("Enter")
            expect(page.locator(".toast")).to_contain_text(f"{BOB} does not get song.")
            expect(requests).to_have_count(0)
            denied = self.access()
            meanwhile(ask())
            requests.get_by_role("button", name=f"Let {BOB} have song", exact=True).press("Enter")
            expect(page.locator(".toast", has_text="may have song now")).to_be_visible()
            expect(requests).to_have_count(0)
            self.assertEqual(denied.audiences, (CAROL,))
            return complaints

        self.assertEqual(await browse(visit), [])
        self.assertEqual(self.access().audiences, (BOB, CAROL))

    async def test_everybody_can_use_it(self) -> None:
        """By day in English and by night in German: it fits, and axe-core finds nothing."""
        long = [Audience(f"{'x' * 30}{n}@example.org") for n in range(5)]
        access = Access(tuple(long), time.time() + 10**6, listed=True)
        await self.world.bitween.access.apply(self.share("long " * 40), access)

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            expect(page.locator(".audience").last).to_be_visible()
            self.look(page, "torrents")
            page.locator(".audience", has_text="xxx").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            self.look(page, "who may have it")
            page.keyboard.press("Escape")
            page.goto(f"{self.url}#contacts")
            page.locator(".cards > li > button.plain").first.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            self.look(page, "what a contact sees")

        await browse(visit, color_scheme="light", locale="en-GB")
        await browse(visit, color_scheme="dark", locale="de-DE")


class WebDevicesTests(AccessCase):
    """Devices and how far they are trusted, on the page."""

    def setUp(self) -> None:
        """Let bob have a desk, whose key is known."""
        super().setUp()
        self.devices = self.world.bitween.devices
        self.devices.set_own(OWN_JID, "den", OWN.public)
        self.world.contact_shares(BOB, {A: "holiday"})
        self.devices.announced(BOB, "desk", LAPTOP.public)

    def trust(self) -> str:
        """How far bob's desk is trusted."""
        return self.devices.trust(BOB, "desk").value

    async def test_a_device_is_verified_by_keyboard(self) -> None:
        """Its fingerprint stands beside our own; "They match" verifies it, and it can be undone."""

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            page.set_viewport_size({"width": 390, "height": 800})
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            line = page.locator(".devices li")
            expect(line).to_contain_text("not verified")
            page.get_by_role("button", name=f"Check desk ({BOB})").press("Enter")
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text(grouped(LAPTOP.fingerprint))
            dialog.get_by_text("Fingerprint of this device").press("Enter")
            expect(dialog.locator(".own")).to_contain_text(grouped(OWN.fingerprint))
            expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
            dialog.get_by_role("button", name="They match").press("Enter")
            expect(page.locator(".toast")).to_contain_text(f"desk of {BOB} is verified.")
            expect(line).to_contain_text("· verified")
            trusted = self.trust()
            page.get_by_role("button", name=f"Check desk ({BOB})").press("Enter")
            expect(dialog.get_by_role("button", name="They match")).to_be_hidden()
            dialog.get_by_role("button", name="Stop trusting").press("Enter")
            expect(line).to_contain_text("not trusted")
            self.assertEqual((trusted, self.trust()), ("verified", "none"))
            return complaints

        self.assertEqual(await browse(visit), [])

    async def test_a_changed_key_is_a_warning(self) -> None:
        """A notice tells of it in any view, and the contact's entry until it is verified."""

        async def change() -> None:
            self.devices.announced(BOB, "desk", OTHER.public)

        def visit(page: Page) -> None:
            self.log_in(page)
            meanwhile(change())
            expect(page.locator(".toast")).to_contain_text("has another key than before")
            page.get_by_role("button", name="Show").click()
            warning = page.locator("li .trouble")
            expect(warning).to_contain_text(f"desk of {BOB} has another key than before.")
            page.get_by_role("button", name=f"Check desk ({BOB})").click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("someone pretends to be it")
            expect(dialog).to_contain_text(grouped(OTHER.fingerprint))
            dialog.get_by_role("button", name="They match").click()
            expect(warning).to_have_count(0)
            self.assertEqual(self.trust(), "verified")

        await browse(visit)

    async def test_our_own_fingerprint(self) -> None:
        """Under Status it stands with its QR code, and the other devices of the account."""
        self.devices.announced(OWN_JID, "phone", PHONE.public)

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#status")
            own = page.locator("own-devices")
            expect(own).to_contain_text(grouped(OWN.fingerprint))
            expect(own.get_by_role("img")).to_be_visible()
            expect(own.get_by_role("listitem")).to_contain_text("phone not verified")
            own.get_by_role("button", name="Check phone").click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("Look at the page of phone")
            dialog.get_by_role("button", name="They match").click()
            expect(own.get_by_role("listitem")).to_contain_text("phone verified")

        await browse(visit)

    async def test_everybody_can_use_it(self) -> None:
        """By day in English and by night in German: it fits, and axe-core finds nothing."""
        self.devices.announced(OWN_JID, "phone", PHONE.public)
        self.devices.announced(BOB, "desk", OTHER.public)

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            expect(page.locator("li .trouble")).to_be_visible()
            self.look(page, "contacts")
            page.locator(".devices button").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            self.look(page, "the device")
            page.keyboard.press("Escape")
            page.goto(f"{self.url}#status")
            expect(page.locator("own-devices li")).to_be_visible()
            self.look(page, "status")

        await browse(visit, color_scheme="light", locale="en-GB")
        await browse(visit, color_scheme="dark", locale="de-DE")


def another(page: Page) -> Page:
    """Open a page of its own in the same browser, for another person."""
    browser = page.context.browser
    assert browser is not None
    return browser.new_context().new_page()


class WebAccessOfDaemonsTests(ProsodyTestCase):
    """The pages of two real daemons."""

    async def test_a_share_is_taken_away_and_given_back(self) -> None:
        """What is for own devices only leaves the contact's page, what is for them comes back."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        content = os.urandom(300_000)
        await alice.share(self.make_file("holiday.jpg", content))

        def set_access(page: Page, who: str) -> None:
            page.locator(".audience").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("radio", name=who).check()
            dialog.get_by_role("button", name="Save").click()
            expect(page.locator(".audience")).to_have_text(who)

        def visit(page: Page) -> list[str]:
            complaints = complaints_of(page)
            of_bob = another(page)
            open_page(of_bob, bob)
            row = of_bob.locator("share-row")
            expect(row.locator(".name")).to_have_text("holiday.jpg")
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            expect(page.locator(".audience")).to_have_text("Everybody")
            set_access(page, "My devices")
            expect(row).to_have_count(0)
            set_access(page, "Everybody")
            expect(row.locator(".name")).to_have_text("holiday.jpg")
            row.get_by_role("button", name="Download").click()
            expect(of_bob.locator("toast-area")).to_contain_text("holiday.jpg is complete.")
            return complaints

        self.assertEqual(await browse(visit), [])
        with open(os.path.join(bob.downloads, "holiday.jpg"), "rb") as file:
            self.assertEqual(file.read(), content)

    async def test_a_locked_share_is_asked_for_let_in_and_fetched(self) -> None:
        """The contact sees a lock, asks, is let in by one press, and downloads it."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        content = os.urandom(300_000)
        info_hash = await alice.share(self.make_file("holiday.jpg", content))
        await alice.call("access.set", hash=info_hash, access=["devices"], listed=True)

        def visit(page: Page) -> None:
            of_bob = another(page)
            open_page(of_bob, bob)
            row = of_bob.locator("share-row")
            open_page(page, alice)
            row.get_by_role("button", name="Ask for holiday.jpg").click()
            page.get_by_role("button", name=f"Let {bob.jid} have holiday.jpg", exact=True).click()
            row.get_by_role("button", name="Download holiday.jpg").click()
            expect(of_bob.locator("toast-area")).to_contain_text("holiday.jpg is complete.")

        await browse(visit)
        with open(os.path.join(bob.downloads, "holiday.jpg"), "rb") as file:
            self.assertEqual(file.read(), content)

    async def test_a_device_shows_what_its_contact_compares(self) -> None:
        """The fingerprint under Status is the one that the contact's page asks to compare."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        await bob.share(self.make_file("one", b"1"))

        def visit(page: Page) -> None:
            of_bob = another(page)
            open_page(of_bob, bob)
            of_bob.get_by_role("link", name="Status").click()
            shown = of_bob.locator("own-devices .fingerprint")
            expect(shown).to_have_text(re.compile("([0-9a-f]{4} ?){8}"))
            open_page(page, alice)
            page.get_by_role("link", name="Contacts").click()
            page.locator(".devices button").click()
            dialog = page.get_by_role("dialog")
            expect(dialog.locator("p .fingerprint")).to_have_text(shown.inner_text())
            dialog.get_by_role("button", name="They match").click()
            expect(page.locator(".devices li")).to_contain_text("· verified")

        await browse(visit)
        (device,) = (await alice.call("devices.list", jid=bob.jid))["devices"]
        self.assertEqual(device["trust"], "verified")

    async def test_an_upload_is_for_whom_one_chose(self) -> None:
        """It is never announced to anybody else."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()

        def visit(page: Page) -> None:
            open_page(page, alice)
            page.get_by_role("link", name="My torrents").click()
            page.locator("share-form > form").get_by_role("button", name="change").click()
            page.get_by_role("radio", name="My devices").check()
            page.get_by_role("button", name="Save").click()
            page.evaluate(DROP, [["diary.txt", "secret"]])
            page.get_by_role("button", name="Upload and share").click()
            expect(page.locator(".audience")).to_have_text("My devices")
            expect(page.locator("toast-area")).to_contain_text("is shared with my devices")

        await browse(visit)
        (torrent,) = (await alice.call("bt.get_torrents"))["torrents"]
        self.assertEqual((torrent["name"], torrent["access"]), ("diary.txt", ["devices"]))
