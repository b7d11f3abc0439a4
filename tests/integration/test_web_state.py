"""The page in a browser, with a daemon of memory: contacts, how the daemon is, and languages."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import ClassVar

import segno
from playwright.sync_api import Page, expect
from twisted.logger import Logger, LogLevel

from bitween.errors import NotConnected
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.events import ConnectionChanged
from bitween.model.setting import Origin, Setting
from tests.support.api_rig import EPOCH, OWN_JID, info_hash
from tests.support.browser import browse, meanwhile
from tests.support.web_case import WebCase

BOB = "bob@example.org"
HOSTILE = "<img src=x onerror=document.title='run'>\u202egpj"
#: All that Tab is to come to.
_STOPS = (
    "[...document.querySelectorAll('a[href], button, input, select, summary')]"
    ".filter((node) => node.checkVisibility() && !node.disabled)"
)
#: What each view shows when nothing more comes.
_READ_LAST = {
    "shares": "share-row",
    "torrents": "torrent-row",
    "contacts": "own-invitation svg",
    "status": ".findings:not(.warnings) li",
}


def rows_of(drawn: str) -> list[str]:
    """What a path of runs shows: a text for each row, ``1`` where it is dark."""
    runs = [tuple(map(int, run)) for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", drawn)]
    size = 1 + max(y for _, y, _ in runs)
    rows = [["0"] * size for _ in range(size)]
    for x, y, length in runs:
        rows[y][x : x + length] = "1" * length
    return ["".join(row) for row in rows]


class WebContactsTests(WebCase):
    """Contacts."""

    async def test_the_invitation_link_can_be_copied(self) -> None:
        """It is there to be copied, and the code holds it."""
        uri = f"xmpp:{OWN_JID}?subscribe"

        def visit(page: Page) -> str:
            self.log_in(page)
            page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            page.goto(f"{self.url}#contacts")
            expect(page.get_by_label("Your link")).to_have_value(uri)
            page.get_by_role("button", name="Copy").click()
            expect(page.locator(".toast")).to_contain_text("Link copied.")
            self.assertEqual(page.evaluate("navigator.clipboard.readText()"), uri)
            code = page.get_by_role("img", name=f"QR code of {uri}")
            return code.locator("path").get_attribute("d") or ""

        drawn = await browse(visit)
        code = segno.make_qr(uri, error="m")
        self.assertEqual(rows_of(drawn), ["".join(map(str, row)) for row in code.matrix])

    async def test_devices_requests_and_links_of_contacts_are_shown(self) -> None:
        """Devices tell what they share; who asks is known by the JID; a link is taken."""
        self.world.contact_shares(BOB, {info_hash("a"): "a", info_hash("b"): "b"})
        phone = self.world.contact(BOB, "phone")
        phone.announce([], [])
        phone.stop()
        self.world.contact("eve@example.org", "x").add_contact(OWN_JID, "")
        self.world.server.account(OWN_JID).nicks["eve@example.org"] = f"Bob {HOSTILE}"

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            request = page.locator(".request")
            expect(request.locator(".name")).to_have_text("eve@example.org")
            expect(request).to_contain_text("goes by Bob <img")
            devices = page.get_by_role("list", name=f"Devices of {BOB}").get_by_role("listitem")
            expect(devices).to_have_text(
                ["desk online · 2 shares · 246 bytes", "phone offline · 0 shares · 0 bytes"]
            )
            page.get_by_label("Add a contact").fill("xmpp:zoe@example.org?roster;name=Zoe")
            page.keyboard.press("Enter")
            expect(page.locator(".toast")).to_contain_text("zoe@example.org has been asked.")
            page.get_by_role("link", name="See 2 shares").click()
            expect(page.get_by_label("From")).to_have_value(BOB)
            expect(page).to_have_title("(1) Shares · bitween")  # one asks

        await browse(visit)
        contacts = {contact.jid: contact for contact in self.world.bitween.contacts.all()}
        self.assertIn("zoe@example.org", contacts)

    async def test_the_focus_stays_with_its_contact(self) -> None:
        """The keyboard focus stays at its contact when others come and go."""
        self.world.contact_shares(BOB, {info_hash("a"): "a"})

        async def come() -> None:
            self.world.contact_shares("amy@example.org", {info_hash("b"): "b"})

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            page.get_by_role("link", name="See 1 share").focus()
            meanwhile(come())
            expect(page.get_by_role("link", name="See 1 share")).to_have_count(2)
            focused = page.locator("li:focus-within .name")
            expect(focused).to_have_text(BOB)
            page.keyboard.press("Tab")
            expect(focused).to_have_text(BOB)

        await browse(visit)

    async def test_two_of_a_name(self) -> None:
        """Who is at one of two contacts with the same name stays there, also after an undo."""
        for jid in (BOB, "bob@example.net"):
            self.world.contact_shares(jid, {info_hash("a"): "a"})
            self.world.messenger.add_contact(jid, "Bob")

        async def come() -> None:
            self.world.contact_shares("amy@example.org", {info_hash("b"): "b"})

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            buttons = page.get_by_role("button", name="Remove Bob")
            expect(buttons).to_have_count(2)
            buttons.last.focus()
            focused = page.locator("li:focus-within > .texts .name")
            jid = focused.get_attribute("title")
            meanwhile(come())
            expect(page.locator("li .name", has_text="amy@example.org")).to_be_visible()
            self.assertEqual(focused.get_attribute("title"), jid)
            page.keyboard.press("Enter")
            expect(buttons).to_have_count(1)
            page.keyboard.press("Enter")
            expect(buttons).to_have_count(2)
            expect(buttons.last).to_be_focused()
            self.assertEqual(focused.get_attribute("title"), jid)

        await browse(visit)


class WebStatusTests(WebCase):
    """How the daemon is."""

    settings: ClassVar[Sequence[Setting]] = (
        Setting("announce", ("192.0.2.1", "::1"), Origin.FILE),
        Setting("limit-lan", True, Origin.COMMAND_LINE),
        Setting("nick", None, Origin.DEFAULT),
        Setting("schedule", ("mon-fri 08:00-17:00 upload=5",), Origin.FILE),
        Setting("upload-limit", "5000", Origin.FILE, changeable=True),
    )

    async def test_the_notice_counts_down_to_the_next_try(self) -> None:
        """The notice says why there is no connection, and counts down to the next try."""

        async def change(next_try: float | None, state: ConnectionState) -> None:
            cause = NotConnected.of("not_connected.refused", host="x")
            status = ConnectionStatus(
                OWN_JID, state, EPOCH, "x refuses", cause=cause, next_try=next_try
            )
            self.world.messenger.status = status
            self.world.messenger.events.notify(ConnectionChanged(status=status))

        def visit(page: Page) -> None:
            notice = page.locator("connection-notice")
            self.log_in(page)
            meanwhile(change(time.time() + 50, ConnectionState.WAITING))
            expect(notice).to_contain_text("No connection to the XMPP server: x refuses connect")
            # It is 50 at first, and so this is after a second or later.
            expect(notice).to_contain_text(re.compile(r"Next try in [1-4]?\d sec"))
            meanwhile(change(time.time() - 1, ConnectionState.WAITING))
            expect(notice).to_contain_text("Trying now")
            meanwhile(change(time.time() + 50, ConnectionState.FAILED))
            expect(notice).to_contain_text("the daemon tries again about once a minute")
            meanwhile(change(None, ConnectionState.CONNECTING))
            expect(notice).to_contain_text("Connecting to the XMPP server")
            expect(notice).not_to_contain_text("Next try")

        await browse(visit)

    async def test_log_warnings_appear_as_text(self) -> None:
        """What the log warns of is there at once, and only ever text."""
        log = Logger("test", observer=self.log)
        log.emit(LogLevel.warn, "first {name}", name=HOSTILE)

        async def fail() -> None:
            log.error("second")

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#status")
            warnings = page.locator(".warnings li")
            expect(warnings).to_have_count(1)
            expect(warnings).to_contain_text("Warning first <img src=x onerror=")
            expect(warnings).to_contain_text("\ufffdgpj")
            meanwhile(fail())
            expect(warnings).to_have_count(2)
            expect(warnings.first).to_contain_text("Error second")
            self.assertEqual(page.locator("img").count(), 0)
            self.assertEqual(page.title(), "Status · bitween")

        await browse(visit)

    async def test_settings_are_listed_with_their_origin(self) -> None:
        """What is set is listed, with where that was done."""

        def visit(page: Page) -> list[str]:
            self.log_in(page)
            page.goto(f"{self.url}#status")
            expect(page.get_by_text("mon-fri 08:00-17:00 upload=5").first).to_be_visible()
            page.get_by_text("Daemon settings").click()
            rows = page.locator("tbody tr")
            expect(rows.first).to_be_visible()
            return [" ".join(text.split()) for text in rows.all_inner_texts()]

        self.assertEqual(
            await browse(visit),
            [
                "announce 192.0.2.1, ::1 file",
                "limit-lan yes command line",
                "nick not set default",
                "schedule mon-fri 08:00-17:00 upload=5 file",
                "upload-limit 5000 file, until changed above",
            ],
        )

    async def test_a_chosen_language_is_kept(self) -> None:
        """It can be chosen, is kept, and errors are said in it; the browser's comes back."""

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#status")
            page.get_by_label("Language").select_option("de")
            expect(page.get_by_role("heading", name="Konnektivität")).to_be_visible()
            page.reload()
            expect(page.get_by_role("heading", name="Konnektivität")).to_be_visible()
            page.goto(f"{self.url}#torrents")
            path = page.get_by_role("textbox").first
            path.fill("/proc/nowhere/at/all")
            page.keyboard.press("Enter")
            expect(page.locator(".toast")).to_contain_text("„/proc/nowhere/at/all“ gibt es nicht")
            page.goto(f"{self.url}#status")
            page.get_by_label("Sprache").select_option("")
            expect(page.get_by_role("heading", name="Connectivity")).to_be_visible()
            self.assertEqual(page.evaluate("localStorage.length"), 0)

        await browse(visit)

    async def test_tab_reaches_every_control(self) -> None:
        """Tab comes to everything that can be used, in every view, and one sees where it is."""
        self.world.contact_shares(BOB, {info_hash("a"): "a", info_hash("b"): "b"})
        self.world.contact("eve@example.org", "x").add_contact(OWN_JID, "Eve")
        self.world.share("ours", info_hash("c"))

        def visit(page: Page) -> None:
            self.log_in(page)
            for name, last in _READ_LAST.items():
                page.goto(f"{self.url}#{name}")
                expect(page.locator(f"{name}-view h1")).to_be_visible()
                expect(page.locator(f"{name}-view").locator(last).first).to_be_visible()
                page.evaluate("document.activeElement.blur()")
                count = page.evaluate(f"{_STOPS}.length")
                page.evaluate("window.reached = new Set()")
                for _ in range(count + 2):
                    page.keyboard.press("Tab")
                    page.evaluate("reached.add(document.activeElement)")
                missed = page.evaluate(
                    f"{_STOPS}.filter((node) => !reached.has(node)).map((node) => node.outerHTML)"
                )
                self.assertEqual(missed, [], name)
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            page.keyboard.press("Tab")
            page.keyboard.press("Tab")
            self.assertEqual(page.evaluate(outline), "solid")

        await browse(visit)
