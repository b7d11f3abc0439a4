"""The page in a browser: who may have a share, and which devices are trusted."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from bitween.crypto.device_key import DeviceKey
from bitween.model.device_link import grouped
from bitween.model.peer import Peer
from tests.support.api_rig import OWN_JID, info_hash
from tests.support.axe import WIDTH, judge
from tests.support.browser import browse, meanwhile
from tests.support.web_case import WebCase, complaints_of

A = info_hash("a")
BOB = "bob@example.org"
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
            sealed, clear = page.locator("peer-row").all()
            expect(sealed).to_contain_text("· sealed")
            expect(clear).to_contain_text("· in the clear: others on the way can read this")

        await browse(visit)


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
