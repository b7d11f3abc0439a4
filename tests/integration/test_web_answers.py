"""The page in a browser, with a daemon of memory: what it answers, in words, and how loudly."""

from __future__ import annotations

import os
import re

from playwright.sync_api import Page, expect

from bitween.api.results.faults import KINDS, error_object, protocol_error
from bitween.errors import InvalidValue
from bitween.messages import Value
from bitween.messages.catalogue import Message, english
from bitween.model.torrent import InfoHash, Metainfo
from tests.support.api_rig import OWN_JID, info_hash
from tests.support.browser import browse, meanwhile
from tests.support.messages import read_messages, values
from tests.support.web_case import WebCase

BOB, EVE, MALLORY = "bob@example.org", "eve@example.org", "mallory@example.org"
_SHOW = """async (error) => {
  const { Refused } = await import(document.scripts[0].src.replace("app.js", "errors.js"));
  return new Refused(error).message;
}"""
_HTTP = """async ([status, text]) => {
  const { Failed } = await import(document.scripts[0].src.replace("app.js", "errors.js"));
  return new Failed(status, text).message;
}"""
_MESSAGES = """async (messages) => {
  const { findingMessage } = await import(document.scripts[0].src.replace("app.js", "messages.js"));
  return messages.map(([id, values]) =>
    findingMessage({ id, values, text: "unknown", fix: "", because: [] }));
}"""
_SAY = "(texts) => texts.forEach((text) => document.querySelector('toast-area').tell(text))"
_SIXTY = 60
#: What only programs say.
_OF_PROGRAMS = re.compile(r"Invalid params|parameter '|Internal error|Method not found|undefined")
_SENTENCE = re.compile(r"^(\W|[A-ZÄÖÜ]|libtorrent).*[.!?]\)?$")
_IN_BACKGROUND = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def _sample(message: Message) -> dict[str, Value]:
    """Values for a message: numbers where these are formatted alike by page and daemon."""
    samples: dict[str, Value] = {"n": 2, "free": 5_000_000_000, "size": 2_000_000, "seconds": 5}
    return {name: samples.get(name, "Xy") for name in values(message)}


class WebAnswersTests(WebCase):
    """Notices, how urgent they are, and that no answer is missing."""

    async def test_a_contact_request_shows_a_notice_and_a_badge(self) -> None:
        """A request is told by a notice, a badge and the title, and is one click away."""
        self.world.contact(EVE, "x").add_contact(OWN_JID, "")

        async def ask() -> None:
            self.world.contact(MALLORY, "x").add_contact(OWN_JID, "")

        def visit(page: Page) -> None:
            self.log_in(page)
            contacts = page.locator("nav").get_by_role("link", name="Contacts")
            expect(contacts.locator(".badge")).to_have_text("1")
            expect(page).to_have_title("(1) Shares · bitween")
            expect(page.locator(".toast")).to_have_count(0)
            meanwhile(ask())
            toast = page.locator(".toast", has_text=f"{MALLORY} wants to be your contact.")
            expect(toast).to_be_visible()
            expect(contacts.get_by_role("img", name="2 requests")).to_be_visible()
            expect(page).to_have_title("(2) Shares · bitween")
            toast.get_by_role("button", name="Show").click()
            for jid in (EVE, MALLORY):
                page.get_by_role("button", name=f"Decline {jid}").click()
            expect(page).to_have_title("Contacts · bitween")
            expect(contacts.locator(".badge")).to_be_hidden()

        await browse(visit)

    async def test_a_request_while_the_page_is_in_the_background(self) -> None:
        """A page that is not looked at tells of a request in its title, within a minute."""

        async def ask() -> None:
            self.world.contact(EVE, "x").add_contact(OWN_JID, "")

        def visit(page: Page) -> None:
            page.clock.install()
            self.log_in(page)
            page.evaluate(_IN_BACKGROUND, True)  # what the script takes
            meanwhile(ask())
            page.clock.run_for(61_000)
            expect(page).to_have_title("(1) Shares · bitween")

        await browse(visit)

    async def test_many_of_a_kind(self) -> None:
        """Sixty files that are shared are one notice, and of all kinds there are three at most."""
        folder = os.path.abspath(self.mktemp())
        os.makedirs(folder)

        async def share() -> None:
            for number in range(_SIXTY):
                path = os.path.join(folder, f"file {number}")
                with open(path, "wb") as file:
                    file.write(b"x")
                key = InfoHash(f"{number:040x}")
                self.world.hasher.hash_at_once = Metainfo(key, f"file {number}", 1, b"")
                self.world.bitween.sharing.add_path(path)

        def visit(page: Page) -> None:
            page.clock.install()
            self.log_in(page)
            meanwhile(share())
            toast = page.locator(".toast")
            expect(toast).to_have_text([f"{_SIXTY} files and folders shared."])
            page.goto(f"{self.url}#torrents")
            for kind in ("Pause", "Resume"):  # neither of them is told
                page.get_by_role("button", name=f"{kind} file 59", exact=True).click()
            for number in (59, 58, 57):
                button = page.get_by_role("button", name=f"Stop sharing file {number}", exact=True)
                button.click()
                # The rows below move up: a click meanwhile would hit the next one.
                expect(button).to_have_count(0)
            expect(toast).to_have_count(2)
            expect(toast.last).to_contain_text("3 shares are no longer shared")
            page.evaluate(_SAY, list("abcdef"))
            expect(toast).to_have_count(3)
            expect(toast.filter(has_text="3 shares are no longer shared")).to_be_visible()
            toast.get_by_role("button", name="Undo").click()
            for number in (59, 58, 57):
                button = page.get_by_role("button", name=f"Stop sharing file {number}", exact=True)
                expect(button).to_be_visible()

        await browse(visit)

    async def test_while_the_daemon_is_away(self) -> None:
        """What one does then is answered, and can be tried again; once for several tries."""
        self.world.contact_shares(BOB, {info_hash("a"): "holiday", info_hash("b"): "work"})

        def visit(page: Page) -> None:
            self.log_in(page)
            expect(page.locator("share-row")).to_have_count(2)
            page.route("**/api", lambda route: route.abort())
            page.get_by_role("button", name="Download holiday").click()
            toast = page.get_by_role("alert").locator(".toast")
            expect(toast).to_contain_text("does not answer, so nothing was done.")
            page.get_by_role("button", name="Download work").click()
            expect(toast).to_have_count(1)
            page.unroute("**/api")
            toast.get_by_role("button", name="Try again").click()
            expect(page.locator(".toast", has_text="2 downloads have begun.")).to_be_visible()

        await browse(visit)
        names = {torrent.name for torrent in self.world.swarm.library}
        self.assertEqual(names, {"holiday", "work"})

    async def test_errors_are_sentences(self) -> None:
        """Each error the daemon can give is a sentence of people, in English and in German."""
        errors = [error_object(kind("some message", "some hint")) for kind in KINDS]
        errors += [protocol_error(code) for code in (-32700, -32600, -32601, -32602, -32603)]
        errors.append(error_object(InvalidValue("parameter 'upload': 5 is not text")))
        statuses = [(429, "too many failed log-ins"), (503, "busy"), (500, "it is broken")]

        def visit(page: Page) -> list[str]:
            self.log_in(page)
            said = [page.evaluate(_SHOW, error) for error in errors]
            return said + [page.evaluate(_HTTP, list(status)) for status in statuses]

        for locale in ("en-GB", "de-DE"):
            for text in await browse(visit, locale=locale):
                self.assertNotRegex(text, _OF_PROGRAMS)
                self.assertRegex(text, _SENTENCE)

    async def test_the_page_says_every_message(self) -> None:
        """In English the same as the daemon; in German without places that are not filled."""
        known = [(id_, _sample(message)) for id_, message in read_messages("en").items()]

        def visit(page: Page) -> list[dict[str, str]]:
            self.log_in(page)
            shown: list[dict[str, str]] = page.evaluate(_MESSAGES, known)
            return shown

        for (id_, sample), shown in zip(known, await browse(visit, locale="en-GB"), strict=True):
            if "seconds" not in sample:  # which a browser writes in its own way
                self.assertEqual((shown["text"], shown["fix"]), english(id_, sample))
        for (id_, _), shown in zip(known, await browse(visit, locale="de-DE"), strict=True):
            self.assertNotEqual(shown["text"], "unknown", id_)
            self.assertNotRegex(shown["text"] + shown["fix"], r"[{}]|undefined", id_)

    async def test_a_refusal_on_the_page(self) -> None:
        """What one typed wrong is told without the words of the protocol."""

        def visit(page: Page) -> None:
            self.log_in(page)
            page.goto(f"{self.url}#contacts")
            page.get_by_label("Add a contact").fill("not a jid@@")
            page.keyboard.press("Enter")
            toast = page.get_by_role("alert").locator(".toast")
            expect(toast).to_contain_text("is not a JID")
            expect(toast).not_to_contain_text("Invalid params")

        await browse(visit)
