"""The page in a browser, with a daemon of memory: dialogs that overlap, or whose reads fail."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from bitween.model.peer import Peer
from bitween.model.torrent import TorrentState
from tests.support.api_rig import info_hash
from tests.support.browser import browse
from tests.support.web_case import WebCase

A, B = info_hash("a"), info_hash("b")
_ASK_TWICE = """async () => {
  const dialog = document.querySelector("question-dialog");
  const first = dialog.ask({ title: "First", text: "" }, { yes: ["Yes"] });
  const second = dialog.ask({ title: "Second", text: "" }, { yes: ["Yes"] });
  const title = dialog.querySelector("h2").textContent;
  dialog.querySelector("button:last-child").click();
  return [title, await first, await second, dialog.querySelector("dialog").open];
}"""
_ASK_AGAIN_AT_ONCE = """async () => {
  const dialog = document.querySelector("question-dialog");
  const first = dialog.ask({ title: "First", text: "" }, { yes: ["Yes"] });
  dialog.querySelector("button:last-child").click();
  const second = dialog.ask({ title: "Second", text: "" }, { yes: ["Yes"] });
  await new Promise((later) => setTimeout(later, 200)); // the first dialog's close event comes here
  dialog.querySelector("button:last-child").click();
  return [await first, await second];
}"""


class WebDialogsTests(WebCase):
    """Each dialog shows what was asked for last, and each question gets an answer."""

    async def test_two_questions(self) -> None:
        """A question that another one replaces is answered as if it were cancelled."""

        def visit(page: Page) -> list[object]:
            self.log_in(page)
            return [page.evaluate(_ASK_TWICE), page.evaluate(_ASK_AGAIN_AT_ONCE)]

        self.assertEqual(await browse(visit), [["Second", None, "yes", False], ["yes", "yes"]])

    async def test_the_files_of_two_torrents(self) -> None:
        """The files that were asked for first, and come last, change nothing in the dialog."""
        for torrent, name in ((A, "song"), (B, "film")):
            self.world.share(name, torrent)
            self.world.swarm.change(torrent, complete=False, state=TorrentState.DOWNLOADING)

        def visit(page: Page) -> None:
            held: list[Route] = []

            def hold(route: Route) -> None:
                asked = route.request.post_data or ""
                if "get_files" in asked and A in asked and not held:
                    held.append(route)
                else:
                    route.continue_()

            page.route("**/api", hold)
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            with page.expect_request(lambda asked: "get_files" in (asked.post_data or "")):
                page.get_by_role("button", name="Files of song").click()
            page.get_by_role("button", name="Files of film").click()
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_role("heading")).to_have_text("film")
            tick = dialog.locator("file-row").get_by_role("checkbox")
            tick.uncheck()
            with page.expect_response(lambda got: A in (got.request.post_data or "")) as late:
                held[0].continue_()
            late.value.finished()
            # The page handles the answer before it draws two frames more.
            page.evaluate(
                "() => new Promise(drawn =>"
                " requestAnimationFrame(() => requestAnimationFrame(drawn)))"
            )
            expect(dialog.get_by_role("heading")).to_have_text("film")
            expect(tick).not_to_be_checked()

        await browse(visit)

    async def test_peers_after_a_failed_read(self) -> None:
        """A read that fails is shown as a notice; the dialog stays, and reads again."""
        self.world.share("song", A)
        self.world.swarm.connected[A] = (Peer("192.0.2.7", 6881),)

        def visit(page: Page) -> None:
            failed: list[Route] = []
            self.log_in(page)
            page.goto(f"{self.url}#torrents")
            page.get_by_role("button", name="Peers of song").click()
            expect(page.locator("peer-row")).to_contain_text("192.0.2.7")

            def fail(route: Route) -> None:
                if "get_peers" in (route.request.post_data or "") and not failed:
                    failed.append(route)
                    route.fulfill(status=500, body="internal error")
                else:
                    route.continue_()

            page.route("**/api", fail)
            self.world.swarm.connected[A] = (Peer("192.0.2.8", 6881),)
            expect(page.locator("peer-row")).to_contain_text("192.0.2.8")
            assert len(failed) == 1

        await browse(visit)
