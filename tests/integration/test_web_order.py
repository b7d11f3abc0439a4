"""The page in a browser, when answers come late and people are quick."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.api_rig import info_hash
from tests.support.browser import browse, meanwhile
from tests.support.held_calls import Held
from tests.support.web_case import WebCase

BOB = "bob@example.org"
_KEYS = """(count) => {
    const how = { key: "ArrowDown", bubbles: true, cancelable: true };
    while (count--) document.activeElement.dispatchEvent(new KeyboardEvent("keydown", how));
}"""
# In one go, so that the address changes only after the text was typed.
_CHOOSE_AND_TYPE = """() => {
    const [sort, query] = [document.querySelector("#sort"), document.querySelector("#query")];
    sort.value = "name";
    sort.dispatchEvent(new Event("change"));
    query.value = "00001";
    query.dispatchEvent(new Event("input"));
}"""


class WebOrderTests(WebCase):
    """A user who does not wait for the daemon's answers."""

    async def test_what_happens_while_it_is_read(self) -> None:
        """What is new stays on the page when an older answer comes after it."""

        async def share(name: str, digit: str) -> None:
            self.world.share(name, info_hash(digit))

        def visit(page: Page) -> None:
            page.goto(f"{self.url}#torrents")
            held = Held(page, "jobs.list")
            with page.expect_response(lambda r: "get_torrents" in (r.request.post_data or "")):
                self.enter(page)
            held.wait()
            meanwhile(share("first", "a"))
            names = page.locator("torrent-row .name")
            expect(names).to_have_text(["first"])
            held.let_go()
            meanwhile(share("second", "b"))
            expect(page.locator(".count:visible")).to_contain_text("2 torrents")
            self.assertEqual(set(names.all_inner_texts()), {"first", "second"})

        await browse(visit)

    async def test_typing_continues_while_the_address_changes(self) -> None:
        """What is typed while the page's address follows an earlier choice is searched for."""
        self.world.contact_shares(BOB, {info_hash(digit): f"0000{digit}" for digit in "123"})

        def visit(page: Page) -> None:
            self.log_in(page)
            shown = page.locator("share-row .name")
            expect(shown).to_have_count(3)
            page.evaluate(_CHOOSE_AND_TYPE)
            expect(shown).to_have_text(["00001"])
            expect(page.get_by_role("searchbox")).to_have_value("00001")

        await browse(visit)

    async def test_a_held_key_moves_from_row_to_row(self) -> None:
        """A key that is held goes on from row to row, however seldom these are drawn."""
        digits = "0123456789abcdef"
        self.world.contact_shares(BOB, {info_hash(digit): digit for digit in digits})

        def visit(page: Page) -> None:
            page.set_viewport_size({"width": 800, "height": 300})
            self.log_in(page)
            page.get_by_role("button", name="Download 0", exact=True).focus()
            page.evaluate(_KEYS, len(digits) - 1)
            expect(page.locator("share-row:focus-within .name")).to_have_text("f")

        await browse(visit)

    async def test_limits_typed_at_once(self) -> None:
        """A limit that is typed before those that hold are known stays, and can be set."""

        def visit(page: Page) -> None:
            self.log_in(page)
            held = Held(page, "Api.status")
            page.get_by_role("link", name="Status").click()
            held.wait()
            page.get_by_label("Upload", exact=True).fill("20")
            held.let_go()
            expect(page.locator(".findings li").first).to_be_visible()
            expect(page.get_by_label("Upload", exact=True)).to_have_value("20")
            page.get_by_role("button", name="Save").click()
            expect(page.locator(".toast")).to_be_visible()

        await browse(visit)
        self.assertEqual(self.world.swarm.limits.upload, 20_000)

    async def test_a_late_dialogue_does_not_open_over_another_view(self) -> None:
        """A dialogue whose content comes late does not open over nothing."""
        self.world.share("song", info_hash("a"))

        def visit(page: Page) -> None:
            self.log_in(page)
            page.get_by_role("link", name="My torrents").click()
            held = Held(page, "bt.get_peers")
            page.get_by_role("button", name="Peers of").click()
            held.wait()
            page.get_by_role("link", name="Contacts").click()
            expect(page.get_by_role("heading", name="Contacts")).to_be_visible()
            held.let_go()
            page.get_by_role("link", name="Status").click()
            expect(page.get_by_role("heading", name="Status")).to_be_visible()

        await browse(visit)

    async def test_a_file_chosen_again_is_wanted(self) -> None:
        """Who does not want something, and then does, has it."""
        self.world.contact_shares(BOB, {info_hash("a"): "folder"})

        def visit(page: Page) -> None:
            self.log_in(page)
            held = Held(page, "bt.del_torrent")
            choose = page.get_by_role("button", name="Select files of folder")
            dialog = page.get_by_role("dialog")
            choose.click()
            page.get_by_role("button", name="Cancel").click()
            expect(dialog).to_have_count(0)
            held.wait()
            # The row tells how far it is, and offers no choice, until it is gone.
            page.evaluate("document.querySelector('share-row button.quiet').click()")
            held.let_go()
            expect(dialog).to_be_visible()

        await browse(visit)
        self.assertEqual([torrent.name for torrent in self.world.swarm.library], ["folder"])
