"""``/``: the page and its files, open to every client, strict about the scripts that run."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import bitween.web
from tests.support.api_rig import PORT, Answer, Connection, World, http_request, site_of

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

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask without a token."""
        connection = Connection(self.site)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.send(http_request(b"", method, path, {"Authorization": None, **named}))
        answer = connection.only_answer()
        connection.transport.loseConnection()
        return answer

    def paths(self) -> set[str]:
        """All that the page and its scripts name, as they are served."""
        page = self.get("/").body.decode()
        scripts = re.findall(r'href="(/web/[^"]+[.]js)"', page)
        everything = page + "".join(self.get(path).body.decode() for path in scripts)
        self.assertNotIn('"/docs/', everything)
        return set(re.findall(r'"(/web/[^"]+)"', everything))

    def test_all_that_is_named_is_there(self) -> None:
        """The page, and every file that it or a script of it names, come as what they are."""
        page = self.get("/")
        self.assertEqual(page.status, 200)
        self.assertEqual(page.headers["content-type"], "text/html; charset=utf-8")
        named = self.paths()
        names = {path.rpartition("/")[2] for path in named}
        self.assertLessEqual({*_SCRIPTS, "session.js", "page.css", "icon.svg"}, names)
        self.assertEqual(len(names), len(named))
        for path in named:
            answer = self.get(path)
            self.assertEqual(answer.status, 200, path)
            expected = f"{_TYPES[path.rpartition('.')[2]]}; charset=utf-8"
            self.assertEqual(answer.headers["content-type"], expected)
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    def test_pages_at_localhost_are_redirected_to_the_address(self) -> None:
        """A page is shown at an address, as localhost is [::1] too; its files come anywhere."""
        for path in ("/", "/?x=1", "/docs"):
            answer = self.get(path, Host=f"localhost:{PORT}")
            self.assertEqual(answer.status, 302)
            self.assertEqual(answer.headers["location"], f"http://127.0.0.1:{PORT}{path}")
            self.assertEqual(self.get(path).status, 200)
        for path in self.paths():
            self.assertEqual(self.get(path, Host=f"LOCALHOST:{PORT}").status, 200)

    def test_kept_for_good(self) -> None:
        """All but the page itself is kept by browsers, under a URL that changes with it."""
        self.assertEqual(self.get("/").headers["cache-control"], "no-cache")
        for path in self.paths():
            self.assertEqual(
                self.get(path).headers["cache-control"], "max-age=31536000, immutable", path
            )
        self.assertEqual(len({path.split("/")[2] for path in self.paths()}), 1)

    def test_the_page_preloads_every_script(self) -> None:
        """The page names every script, so that a browser asks for all of them at once."""
        page = self.get("/").body.decode()
        preloaded = set(re.findall(r'rel="modulepreload" href="([^"]+)"', page))
        self.assertEqual(preloaded, {path for path in self.paths() if path.endswith(".js")})

    def test_files_are_compressed_on_request(self) -> None:
        """Who takes gzip gets it, with a length and a tag of its own; others get the plain file."""
        for path in ("/", "/docs", "/docs/docs.js", *self.paths()):
            plain = self.get(path)
            self.assertNotIn("content-encoding", plain.headers)
            for coding in ("gzip", "br, GZIP;q=0.5", "deflate,x-gzip ; q=1"):
                packed = self.get(path, Accept_Encoding=coding)
                self.assertEqual(packed.headers["vary"], "Accept-Encoding")
                if "content-encoding" not in packed.headers:
                    self.assertTrue(path.endswith(".svg") or len(plain.body) < 400, path)
                    continue
                self.assertEqual(gzip.decompress(packed.body), plain.body)
                self.assertLess(len(packed.body), len(plain.body))
                self.assertNotEqual(packed.headers["etag"], plain.headers["etag"])
            for coding in ("identity", "gzip;q=0", "gzip; q=0.000", "br", "*", ""):
                self.assertEqual(self.get(path, Accept_Encoding=coding).body, plain.body)

    def test_not_sent_again(self) -> None:
        """What a client has already is not sent again, plain or compressed."""
        for path in ("/", "/docs", *self.paths()):
            for coding in ("identity", "gzip"):
                sent = self.get(path, Accept_Encoding=coding)
                tag = sent.headers["etag"]
                for known in (tag, f"W/{tag}", f'"other", {tag}'):
                    again = self.get(path, Accept_Encoding=coding, If_None_Match=known)
                    self.assertEqual((again.status, again.body), (304, b""))
                    for name in ("etag", "cache-control", "vary"):
                        self.assertEqual(again.headers[name], sent.headers[name])
                other = self.get(path, Accept_Encoding=coding, If_None_Match='"other"')
                self.assertEqual((other.status, other.body), (200, sent.body))

    def test_head_has_the_length_of_get(self) -> None:
        """A HEAD tells the length that a GET has, and logs nothing."""
        for path in ("/", "/docs"):
            for coding in ("identity", "gzip"):
                head = self.get(path, "HEAD", Accept_Encoding=coding)
                whole = self.get(path, Accept_Encoding=coding)
                self.assertEqual(head.body, b"")
                self.assertEqual(head.headers["content-length"], str(len(whole.body)))
                self.assertEqual(head.headers["etag"], whole.headers["etag"])

    def test_the_policy_forbids_foreign_scripts_and_html(self) -> None:
        """Only our own files run, and no text becomes HTML."""
        for path in ("/", *self.paths()):
            policy = self.get(path).headers["content-security-policy"].split("; ")
            self.assertIn("default-src 'none'", policy)
            self.assertIn("script-src 'self'", policy)
            self.assertIn("media-src 'self'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertIn("require-trusted-types-for 'script'", policy)
        self.assertIsNone(
            re.search(r"<style|\sstyle=|\son\w+=|<script[^>]*>[^<]", text_of("page.html"))
        )

    def test_scripts_write_no_html_and_ask_no_other_site(self) -> None:
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

    def test_no_other_path_or_method_is_served(self) -> None:
        """There is no way out of the folder, and nothing but reading."""
        for path in (
            "/web",
            "/web/",
            "/web/page.html",
            "/web/app.js",
            "/web/x/app.js",
            "/web/x",
            "/web/../page.py",
        ):
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

    def test_every_text_is_defined_once(self) -> None:
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
