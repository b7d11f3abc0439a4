"""As what files are shown: nothing that runs anything."""

from __future__ import annotations

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.content_type import TEXT, UNKNOWN, Preview, type_of
from bitween.api.http.disposition import content_disposition


class ContentTypeTests(SynchronousTestCase):
    """The table."""

    def test_the_extension_decides_in_any_case(self) -> None:
        """The end of the name counts, in any case; folders and dot files do not."""
        self.assertEqual(type_of("a/Film.MP4").media_type, "video/mp4")
        self.assertEqual(type_of("song.flac").preview, Preview.AUDIO)
        for name in ("x.zip", "film.mp4/x", ".png", "png", "x.png.exe", "x.swf", "x.", "", "x.htc"):
            self.assertIs(type_of(name), UNKNOWN, name)
        self.assertIs(type_of("src/README"), TEXT)

    def test_nothing_that_runs(self) -> None:
        """What could bring scripts is plain text."""
        for name in ("x.html", "x.HTM", "x.xhtml", "x.js", "x.mjs", "x.xml", "x.svg.html"):
            self.assertIs(type_of(name), TEXT, name)

    @given(st.text())
    def test_whatever_the_name(self, name: str) -> None:
        """There is no way to a type that is not harmless."""
        for path in (name, f"{name}.html", f"x.{name}"):
            media_type = type_of(path).media_type
            self.assertRegex(
                media_type, r"^(video|audio|image)/|^text/plain;|^application/(pdf|oct)"
            )

    def test_by_the_first_bytes(self) -> None:
        """What begins otherwise than its type does is not of it."""
        for name, head in (
            ("x.png", b"\x89PNG\r\n\x1a\n\0"),
            ("x.jpg", b"\xff\xd8\xff\xe0"),
            ("x.gif", b"GIF89a"),
            ("x.webp", b"RIFF\0\0\0\0WEBPVP8"),
            ("x.wav", b"RIFF\n\0\0\0WAVEfmt "),
            ("x.mp3", b"\xff\xfb\x90"),
            ("x.mp4", b"\0\0\0\x18ftypmp42"),
            ("x.webm", b"\x1a\x45\xdf\xa3"),
            ("x.pdf", b"%PDF-1.7"),
            ("x.svg", b"<?xml version='1.0'?><svg/>"),
            ("x.txt", "Grüße\n".encode()),
        ):
            self.assertTrue(type_of(name).fits(head), name)
            self.assertEqual(type_of(name).fits(b"\0<html>"), False, name)


class DispositionTests(SynchronousTestCase):
    """The names of files, which anybody may have chosen."""

    @given(st.text())
    def test_a_disposition_is_one_ascii_line(self, name: str) -> None:
        """Whatever the name, it is ASCII in one line with one quoted name and one extended."""
        shown = content_disposition("inline", name)
        self.assertTrue(shown.isascii() and shown.isprintable(), shown)
        self.assertRegex(shown, r"""^inline; filename="[^"\\]*"; filename\*=UTF-8''[^;" ]*$""")

    def test_a_disposition_gives_the_name_back(self) -> None:
        """A reader gets the name; what is no part of a name is not in it."""
        shown = content_disposition("attachment", 'a/Bär \r\n"x".txt')
        _, plain, extended = shown.split("; ")
        self.assertEqual(plain, 'filename="B_r ___x_.txt"')
        self.assertEqual(unquote(extended.rpartition("'")[2]), 'Bär \ufffd\ufffd"x".txt')
