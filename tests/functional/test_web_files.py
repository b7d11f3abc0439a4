"""``/``: the page and its files, open to whoever may reach the daemon, strict about what runs."""

from __future__ import annotations

import re
from importlib.resources import files

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import bitween.web
from tests.functional.api_rig import Answer, Connection, World, http_request, site_of

_STATIC = files(bitween.web) / "static"
_SCRIPTS = sorted(file.name for file in _STATIC.iterdir() if file.name.endswith(".js"))
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def text_of(name: str) -> str:
    """A file of the page."""
    return (_STATIC / name).read_text(encoding="utf-8")


class WebFilesTests(SynchronousTestCase):
    """What is served."""

    def setUp(self) -> None:
        """Serve it."""
        self.site = site_of(World(Clock()))

    def get(self, path: str, method: str = "GET") -> Answer:
        """Ask without a token."""
        connection = Connection(self.site)
        connection.send(http_request(b"", method, path, {"Authorization": None}))
        return connection.only_answer()

    def test_all_that_is_named_is_there(self) -> None:
        """The page, and every file that it or a script of it names, come as what they are."""
        page = self.get("/")
        self.assertEqual(page.status, 200)
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        everything = page.body.decode() + "".join(map(text_of, _SCRIPTS))
        named = set(re.findall(r'"(/web/[^"]+)"', everything))
        self.assertLessEqual({f"/web/{name}" for name in _SCRIPTS}, named)
        for path in named:
            answer = self.get(path)
            self.assertEqual(answer.status, 200, path)
            expected = f"{_TYPES[path.rpartition('.')[2]]}; charset=utf-8"
            self.assertEqual(answer.headers["content-type"], expected)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    def test_policy(self) -> None:
        """Nothing runs that is not a file of ours, and no text becomes HTML."""
        for path in ("/", *(f"/web/{name}" for name in _SCRIPTS)):
            policy = self.get(path).headers["content-security-policy"].split("; ")
            self.assertIn("default-src 'none'", policy)
            self.assertIn("script-src 'self'", policy)
            self.assertIn("media-src 'self'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertIn("require-trusted-types-for 'script'", policy)
        self.assertIsNone(
            re.search(r"<style|\sstyle=|\son\w+=|<script[^>]*>[^<]", text_of("page.html"))
        )

    def test_scripts(self) -> None:
        """They make no HTML of text, keep nothing but two wishes, and ask nobody else."""
        forbidden = (
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\("
            r"|sessionStorage|document\.cookie|https?://(?!www\.w3\.org/2000/svg)"
        )
        for name in _SCRIPTS:
            self.assertIsNone(re.search(forbidden, text_of(name)), name)
        keeping = [name for name in _SCRIPTS if "localStorage" in text_of(name)]
        self.assertEqual(keeping, ["kept.js"])
        keepers = [name for name in _SCRIPTS if '"/web/kept.js"' in text_of(name)]
        self.assertEqual(keepers, ["notifications.js", "strings.js"])

    def test_nothing_else(self) -> None:
        """There is no way out of the folder, and nothing but reading."""
        for path in ("/web", "/web/", "/web/page.html", "/web/x", "/web/../page.py"):
            self.assertEqual(self.get(path).status, 404, path)
        for path in ("/webx", "/page.html", "//web/app.js", "/web/%2e%2e/page.py"):
            self.assertIn(self.get(path).status, (401, 404), path)
        for method in ("POST", "OPTIONS"):
            self.assertEqual(self.get("/", method).status, 405)
            self.assertEqual(self.get("/web", method).status, 404)
        self.assertEqual(self.get("/", "HEAD").body, b"")


class StringsTests(SynchronousTestCase):
    """The texts of the page."""

    def setUp(self) -> None:
        """Read what each language has."""
        whole = r"(?ms)^const (en|de) = \{\n(.*?)^\};$"
        each = r'(\w+): ("[^"]*"|\{ one: "[^"]*", other: "[^"]*" \})'
        self.pairs = {
            name: re.findall(each, body) for name, body in re.findall(whole, text_of("strings.js"))
        }
        self.languages = {name: dict(pairs) for name, pairs in self.pairs.items()}

    def test_each_once(self) -> None:
        """No text is given twice, so that the one that is changed is the one that is shown."""
        for name, pairs in self.pairs.items():
            keys = [key for key, _ in pairs]
            self.assertEqual(sorted(set(keys)), sorted(keys), name)

    def test_the_same_in_every_language(self) -> None:
        """Each text is there in both, with the same values to be put in."""
        english, german = self.languages["en"], self.languages["de"]
        self.assertEqual(english.keys(), german.keys())
        for key, text in english.items():
            values = [set(re.findall(r"\{(\w+)\}", said)) for said in (text, german[key])]
            self.assertEqual(values[0], values[1], key)

    def test_all_are_used_and_none_is_missing(self) -> None:
        """What scripts ask for is there, and what is there is asked for."""
        scripts = "".join(text_of(name) for name in _SCRIPTS if name != "strings.js")
        asked = set(re.findall(r'\bt\("(\w+)"', scripts))
        self.assertLessEqual(asked, self.languages["en"].keys())
        quoted = set(re.findall(r'"(\w+)"', scripts))
        self.assertEqual(self.languages["en"].keys() - quoted, set())
