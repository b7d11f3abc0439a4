"""Calls of the page that a test keeps back."""

from __future__ import annotations

from playwright.sync_api import Page, Route

from tests.support.browser import until


class Held:
    """
    Keeps back the calls of one method.

    :ivar routes: those that were made.
    """

    def __init__(self, page: Page, method: str) -> None:
        """Keep back what is called from now on."""
        self.routes: list[Route] = []
        self._page = page
        self._method = f'"{method}"'
        self._hold = True
        page.route("**/api", self._take)

    def wait(self) -> None:
        """Wait until there is one."""
        until(self._page, lambda: self.routes, f"{self._method} is called")

    def let_go(self) -> None:
        """Let them through, and wait until the last one is answered."""
        self._hold = False
        with self._page.expect_response(lambda r: self._method in (r.request.post_data or "")):
            for route in self.routes:
                route.continue_()

    def _take(self, route: Route) -> None:
        if self._hold and self._method in (route.request.post_data or ""):
            self.routes.append(route)
        else:
            route.continue_()
