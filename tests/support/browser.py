"""A real Chromium for tests; it is driven from a thread, so that the reactor goes on."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from playwright.sync_api import ConsoleMessage, Error, Page, expect, sync_playwright
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.trial.unittest import SkipTest

Result = TypeVar("Result")

#: Drops files on the page, as a file manager would: a list of names and contents.
DROP = """(files) => {
    const transfer = new DataTransfer();
    for (const [name, content] of files) transfer.items.add(new File([content], name));
    for (const type of ["dragover", "drop"]) {
        const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
        const event = new DragEvent(type, how);
        document.querySelector("main").dispatchEvent(event);
    }
}"""

#: Milliseconds after which what a page is to show will not come any more.
_PATIENCE = 60_000
#: Milliseconds between two looks for something that no event tells.
_LOOK = 20
#: Of a page that was not as wanted, how many characters of what it shows are told.
_TOLD = 6000
#: Milliseconds in which a page can say what it shows.
_SAYS = 5000


def browse(visit: Callable[[Page], Result], *options: str, **context: Any) -> Deferred[Result]:
    """
    Open a browser that knows nothing of earlier ones, and close it in the end.

    :param visit: looks at a page, in a thread of its own.
    :param options: further ones for Chromium's command line.
    :param context: how the browser is (language, colours, ...), as playwright takes it.
    :returns: what it gives.
    :raises SkipTest: if there is no Chromium.
    :raises AssertionError: with what the page shows, if it is not as wanted.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SkipTest("there is no chromium")
    return deferToThread(_visit, program, options, context, visit)


def meanwhile(what: Coroutine[Deferred[Any], Any, Result]) -> Result:
    """Have the reactor do something while a visit, in whose thread this is called, waits for it."""

    def begin() -> Any:
        return Deferred.fromCoroutine(what)

    result: Result = blockingCallFromThread(IReactorFromThreads(reactor), begin)
    return result


def eventually(page: Page, script: str) -> None:
    """
    Wait until a script gives something true.

    Playwright's own ``wait_for_function`` asks by ``eval`` from the second time on, which the
    page's Content-Security-Policy forbids.

    :raises AssertionError: if it does not.
    """
    until(page, lambda: page.evaluate(script), script)


def until(page: Page, holds: Callable[[], object], what: str) -> None:
    """
    Wait until something is true, while the browser's events go on.

    :param what: for the message.
    :raises AssertionError: if it does not become so.
    """
    deadline = time.monotonic() + _PATIENCE / 1000
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"never true: {what}")
        page.wait_for_timeout(_LOOK)


def _visit(
    program: str,
    options: Sequence[str],
    context: Mapping[str, Any],
    visit: Callable[[Page], Result],
) -> Result:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            # Chromium's sandbox refuses root.
            args=[*options, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
        )
        try:
            expect.set_options(timeout=_PATIENCE)
            page = browser.new_page(**context)
            page.set_default_timeout(_PATIENCE)
            said: list[str] = []
            page.on("console", lambda message: said.append(_line_of(message)))
            page.on("pageerror", lambda error: said.append(str(error)))
            try:
                return visit(page)
            except (AssertionError, Error) as error:
                told = f"{error}\n{_shown(page)}\n" + "\n".join(said)
                raise AssertionError(told).with_traceback(error.__traceback__) from None
        finally:
            browser.close()


def _line_of(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text}"


def _shown(page: Page) -> str:
    """What a page shows, for the message of a test that wanted something else."""
    try:
        shown = page.locator("body").aria_snapshot(timeout=_SAYS)
    except Error as error:
        shown = f"It does not say: {error}"
    return f"---- the page at {page.url} ----\n{shown[:_TOLD]}"
