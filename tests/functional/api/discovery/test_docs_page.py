"""``/docs``: open to every client, strict about the scripts that run in it."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.api_rig import Answer, Connection, World, http_request, site_of


class DocsPageTests(SynchronousTestCase):
    """The page and its files, over HTTP."""

    def setUp(self) -> None:
        """Serve them."""
        self.site = site_of(World(Clock()))

    def get(self, path: str, method: str = "GET", **headers: str | None) -> Answer:
        """Ask without a token."""
        connection = Connection(self.site)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.send(http_request(b"", method, path, {"Authorization": None, **given}))
        return connection.only_answer()

    def test_page_files_need_no_token(self) -> None:
        """The page and all that it names come without a token, each as what it is."""
        page = self.get("/docs")
        self.assertEqual(
            (page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8")
        )
        named = set(re.findall(r'(?:src|href)="([^"]+)"', page.body.decode()))
        types = {}
        for path in named:
            answer = self.get(f"/{path}")
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            types[path] = answer.headers["content-type"].partition(";")[0]
        self.assertEqual(types, {"docs/docs.js": "text/javascript", "docs/docs.css": "text/css"})

    def test_foreign_content_is_forbidden(self) -> None:
        """Every file forbids what is not our own; the page holds nothing that this forbids."""
        for path in ("/docs", "/docs/docs.js", "/docs/docs.css"):
            policy = self.get(path).headers["content-security-policy"].split("; ")
            self.assertIn("default-src 'none'", policy)
            self.assertIn("script-src 'self'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertIn("require-trusted-types-for 'script'", policy)
        page = self.get("/docs").body.decode()
        self.assertIsNone(re.search(r"<style|\sstyle=|\son\w+=|<script[^>]*>[^<]", page))
        script = self.get("/docs/docs.js").body.decode()
        self.assertIsNone(
            re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)
        )
        self.assertIsNone(re.search(r"localStorage|sessionStorage|document\.cookie", script))

    def test_a_trailing_slash_is_redirected(self) -> None:
        """With a slash at the end one is led to the page."""
        answer = self.get("/docs/")
        self.assertEqual((answer.status, answer.headers["location"]), (302, "../docs"))

    def test_no_other_path_or_method_is_served(self) -> None:
        """There is no way out of it, and nothing but reading."""
        for path in ("/docs/docs.html", "/docs/x", "/docs/../gate.py", "/docs/%2e%2e/gate.py"):
            self.assertEqual(self.get(path).status, 404, path)
        for path in ("/docsx", "/doc", "//docs", "/api/docs", "/%2fdocs"):
            self.assertIn(self.get(path).status, (401, 404), path)
        for method in ("POST", "OPTIONS", "x"):
            answer = self.get("/docs", method)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD"))
        self.assertEqual(self.get("/docs", "HEAD").body, b"")

    def test_foreign_hosts_and_origins_are_refused(self) -> None:
        """Foreign names and foreign pages are kept away from this as well."""
        self.assertEqual(self.get("/docs", Host="evil.example").status, 421)
        self.assertEqual(self.get("/docs", Origin="http://evil.example").status, 403)
        self.assertEqual(self.get("/docs", Sec_Fetch_Site="cross-site").status, 403)
