"""The page in a browser, with a daemon of memory: it shows what is so, and nothing before that."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import Page, expect

from bitween.errors import RequestRefused
from bitween.model.announcement import Share
from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.model.events import ConnectionChanged, ContactChanged
from bitween.model.torrent import Progress, TorrentState
from tests.support.api_rig import EPOCH, OWN_JID, info_hash
from tests.support.browser import browse, meanwhile
from tests.support.web_case import WebCase

BOB, CAROL = "bob@example.org", "carol@example.org"
HOSTILE = "<b>x</b>"
_FILM = info_hash("a")


class WebTruthTests(WebCase):
    """What is shown of contacts, shares and torrents."""

    def visit_view(self, page: Page, name: str) -> None:
        """Log in, and show a view."""
        self.log_in(page)
        page.goto(f"{self.url}#{name}")

    async def test_a_way_that_is_not_known_yet(self) -> None:
        """Before it is known how a contact is reached, nothing is said of that."""
        self.world.contact_shares(BOB, {_FILM: "film"})

        def visit(page: Page) -> None:
            self.log_in(page)
            expect(page.locator("share-row .facts")).to_have_text(f"123 bytes · {BOB}")
            page.goto(f"{self.url}#contacts")
            expect(page.locator(".devices li")).to_have_text("desk online · 1 share · 123 bytes")

        await browse(visit)

    async def test_who_is_there(self) -> None:
        """A dot means that bitween runs there; a chat program alone brings none."""
        self.world.contact_shares(BOB, {_FILM: "film"}, online=False)
        for jid in (BOB, CAROL):
            phone = self.world.contact(jid, "phone")
            phone.befriend([OWN_JID])

        def visit(page: Page) -> None:
            self.log_in(page)
            expect(page.locator("share-row .facts")).to_have_text(f"123 bytes · {BOB} · offline")
            expect(page.locator("share-row .avatar")).to_be_visible()
            expect(page.locator("share-row .avatar.online")).to_have_count(0)
            page.goto(f"{self.url}#contacts")
            cards = page.locator("contacts-view .cards > li")
            expect(cards.filter(has_text=BOB)).to_contain_text("bitween is offline")
            expect(cards.filter(has_text=CAROL)).to_contain_text("not using bitween")
            expect(cards.locator(".avatar.online")).to_have_count(0)

        await browse(visit)

    async def test_a_part_that_was_chosen(self) -> None:
        """One file of many that was chosen and is here is not the whole of it."""
        self.world.contact_shares(BOB, {_FILM: "film"})
        self.world.share("film", _FILM, 64 * 10**6)
        self.world.swarm.change(
            _FILM,
            state=TorrentState.FINISHED,
            complete=False,
            shared=False,
            progress=Progress(10**6, 64 * 10**6),
        )

        def visit(page: Page) -> None:
            self.log_in(page)
            expect(page.locator("share-row .here")).to_have_text("Partly downloaded")
            page.goto(f"{self.url}#torrents")
            row = page.locator("torrent-row")
            expect(row.locator(".facts")).to_have_text("selected files downloaded · 1 MB of 64 MB")
            expect(row.get_by_text("100%")).to_be_hidden()

        await browse(visit)

    async def test_a_copy_whose_files_are_gone(self) -> None:
        """What was complete once, and is gone from the disk, is not there."""
        self.world.contact_shares(BOB, {_FILM: "film"})
        self.world.share("film", _FILM)
        self.world.swarm.change(_FILM, state=TorrentState.ERROR, error="'film' is missing")

        def visit(page: Page) -> None:
            self.log_in(page)
            expect(page.locator("share-row .here")).to_have_text("Stopped")
            page.goto(f"{self.url}#torrents")
            expect(page.locator("torrent-row")).to_contain_text("'film' is missing")
            expect(page.locator("torrent-row").get_by_text("100%")).to_be_hidden()

        await browse(visit)

    async def test_a_download_whose_source_has_left(self) -> None:
        """It waits, and says so; no time is left that nobody works off, and no rate is told."""
        self.world.share("film", _FILM)
        running = Progress(10**6, 10**9, 10**6, 0, 1, left=999 * 10**6)
        for progress, wanted in (
            (running, "downloading · 1 MB of 1 GB · ↓ 1 MB/s · 1 peer · 17 min left"),
            (
                replace(running, peers=0, download_rate=90_000),
                "waiting for a contact who has it · 1 MB of 1 GB",
            ),
        ):
            self.world.swarm.change(
                _FILM, state=TorrentState.DOWNLOADING, complete=False, progress=progress
            )

            def visit(page: Page, wanted: str = wanted) -> None:
                self.visit_view(page, "torrents")
                expect(page.locator("torrent-row .facts")).to_have_text(wanted)

            await browse(visit)

    async def test_whom_a_download_waits_for(self) -> None:
        """The contact who has it, and is not there, is named."""
        self.world.contact_shares(BOB, {_FILM: "film"}, online=False)
        self.world.share("film", _FILM)
        progress = Progress(10**6, 10**9, left=999 * 10**6)
        self.world.swarm.change(
            _FILM, state=TorrentState.DOWNLOADING, complete=False, progress=progress
        )

        def visit(page: Page) -> None:
            self.visit_view(page, "torrents")
            facts = page.locator("torrent-row .facts")
            expect(facts).to_have_text(f"waiting for {BOB} (offline) · 1 MB of 1 GB")

        await browse(visit)

    async def test_a_way_that_becomes_known(self) -> None:
        """How a contact is reached is shown as soon as a download has found it out."""
        self.world.contact_shares(BOB, {_FILM: "film"})

        def visit(page: Page) -> None:
            self.log_in(page)
            facts = page.locator("share-row .facts")
            expect(facts).to_have_text(f"123 bytes · {BOB}")
            page.get_by_role("button", name="Download film").click()
            expect(facts).to_contain_text("connects directly")

        await browse(visit)

    async def test_without_a_connection(self) -> None:
        """While there is no XMPP session nobody is online, and one can have it tried at once."""
        self.world.contact_shares(BOB, {_FILM: "film"})

        async def lose() -> None:
            status = ConnectionStatus(
                f"{OWN_JID}/den", ConnectionState.WAITING, EPOCH, "no route", next_try=EPOCH + 50
            )
            self.world.messenger.status = status
            self.world.messenger.events.notify(ConnectionChanged(status=status))

        def visit(page: Page) -> None:
            self.visit_view(page, "contacts")
            card = page.locator("contacts-view .cards > li")
            expect(card.locator(".avatar.online")).to_be_visible()
            meanwhile(lose())
            expect(card.locator(".avatar.online")).to_have_count(0)
            expect(card).to_contain_text("offline")
            page.get_by_role("button", name="Try now").click()
            expect(page.locator("connection-notice")).to_be_hidden()
            expect(card.locator(".avatar.online")).to_be_visible()

        await browse(visit)

    async def test_who_cannot_be_asked(self) -> None:
        """What a contact's server answers is told; one who is a contact is not asked again."""
        self.world.contact_shares(BOB, {_FILM: "film"})

        async def refuse() -> None:
            (contact,) = [c for c in self.world.bitween.contacts.all() if c.jid == CAROL]
            error = RequestRefused("the server example.org has no such account")
            self.world.messenger.events.notify(
                ContactChanged(contact=replace(contact, error=error))
            )

        def visit(page: Page) -> None:
            self.visit_view(page, "contacts")
            card = page.locator("contacts-view .cards > li")
            expect(card).to_have_count(1)
            for jid, said in (
                (BOB, f"{BOB} is among your contacts already"),
                (CAROL, "has been asked"),
            ):
                page.get_by_label("Add a contact").fill(jid)
                page.keyboard.press("Enter")
                expect(page.locator(".toast", has_text=said)).to_be_visible()
            meanwhile(refuse())
            told = f"{CAROL} could not be asked. The server example.org has no such account."
            expect(page.get_by_role("alert").locator(".toast", has_text=told)).to_be_visible()
            # Well before it would go by itself.
            asked = page.locator(".toast", has_text="has been asked")
            expect(asked).to_have_count(0, timeout=2000)

        await browse(visit)

    async def test_who_is_blocked(self) -> None:
        """A blocked contact says so, and is one button from being heard again."""
        self.world.contact_shares(BOB, {_FILM: "film"})

        async def block() -> None:
            await self.world.bitween.contacts.block(BOB)

        def visit(page: Page) -> None:
            self.visit_view(page, "contacts")
            card = page.locator("contacts-view .cards > li")
            expect(card).to_contain_text("online")
            meanwhile(block())
            page.reload()
            expect(card).to_contain_text("blocked")
            page.get_by_role("button", name=f"Unblock {BOB}").click()
            expect(card).not_to_contain_text("blocked")

        await browse(visit)

    async def test_names_that_differ(self) -> None:
        """What one contact calls it and its size is not shown as what another says."""
        self.world.contact_shares(BOB, {_FILM: "film"})
        self.world.contact_shares("dave@example.org", {_FILM: "film"})
        carol = self.world.contact(CAROL, "desk")
        carol.befriend([OWN_JID])
        carol.announce([Share(_FILM, f"game {HOSTILE}", 5_000_000)], [])

        def visit(page: Page) -> None:
            self.log_in(page)
            row = page.locator("share-row")
            expect(row.locator(".name")).to_have_text("film")
            expect(row.locator(".facts")).to_contain_text("123 bytes")
            differs = row.locator(".trouble")
            expect(differs).to_have_text(f"{CAROL}: “game <b>x</b>”, 5 MB")
            self.assertEqual(page.locator("b").count(), 0)

        await browse(visit)
