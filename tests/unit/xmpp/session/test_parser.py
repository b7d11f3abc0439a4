"""The stream's parser: bounds that hold while a stanza is read."""

from __future__ import annotations

import tracemalloc
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.words.xish.domish import Element, ParserError

from bitween.xmpp.session.parser import (
    MAX_ATTRIBUTE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_OPEN,
    MAX_STANZA,
    MAX_TOKEN,
    BoundedElementStream,
    NoStream,
)

AFTER = "<message xmlns='jabber:client' from='b'><x/></message>"


class ParserTests(SynchronousTestCase):
    """Whatever comes, the next stanza is read as if nothing had been."""

    def setUp(self) -> None:
        """Open a stream."""
        self.stanzas: list[Any] = []
        self.ended = False
        self.parser = BoundedElementStream()
        self.parser.DocumentStartEvent = lambda _: None
        self.parser.ElementEvent = self.stanzas.append
        self.parser.DocumentEndEvent = self.end
        self.parser.parse(b"<stream:stream xmlns='jabber:client' xmlns:stream='s'>")

    def end(self) -> None:
        """Note that the stream was closed."""
        self.ended = True

    def feed(self, text: str, chunk: int = 65536) -> None:
        """Let text arrive as TCP would bring it."""
        data = text.encode()
        for start in range(0, len(data), chunk):
            self.parser.parse(data[start : start + chunk])

    def check(self, stanza: str, oversized: int) -> Any:
        """Let a stanza come and one after it; the first."""
        self.feed(stanza + AFTER)
        first, after = self.stanzas
        self.stanzas.clear()
        self.assertEqual(after.toXml(), AFTER)
        self.assertEqual(self.parser.oversized, oversized)
        return first

    def test_ordinary_stanzas_survive_parsing(self) -> None:
        """They come out as they came in, down to the depth that is allowed."""
        deep = "<d>" * (MAX_DEPTH - 1) + "text" + "</d>" * (MAX_DEPTH - 1)
        for content in ("<a b='c'>text<d xmlns='e'/></a>", "", deep, "x" * 100_000):
            stanza = f"<iq id='1'>{content}</iq>"
            found = self.check(stanza, 0)
            self.assertEqual(found["id"], "1")
            self.assertEqual(found.toXml().count("<"), max(1, stanza.count("<")) - (not content))

    def test_stanzas_that_are_too_large_come_out_empty(self) -> None:
        """Too deep, too many elements, too many bytes: a request can still be answered."""
        for count, content in enumerate(
            (
                "<d>" * 5000 + "</d>" * 5000,
                "<x/>" * (MAX_ELEMENTS + 10),
                f"<x>{'t' * 1000}</x>" * (MAX_STANZA // 1000 + 100),
                "&lt;" * (MAX_STANZA // 4 + 100_000),
                "<good/>" + "<d>" * 50 + "</d>" * 50 + "<good/>",
            ),
            1,
        ):
            found = self.check(f"<iq id='1' type='get'>{content}</iq>", count)
            self.assertEqual((found["id"], found.children), ("1", []))

    def test_long_attributes_are_cut(self) -> None:
        """An id, above all, would be sent back with the answer."""
        found = self.check(f"<iq id='{'1' * 100_000}'/>", 0)
        self.assertEqual(len(found["id"]), MAX_ATTRIBUTE)

    def test_a_tag_without_an_end(self) -> None:
        """No server passes that on; the stream is at its end."""
        for text in (
            "<iq id='" + "1" * (MAX_TOKEN + 100_000),
            "<!--" + "x" * (MAX_TOKEN + 100_000),
        ):
            self.setUp()
            with self.assertRaises(ParserError):
                self.feed(text)

    def test_a_tag_in_pieces(self) -> None:
        """Each costs as much as all of the tag, so the server may not make many of a long one."""
        found = self.pieces(f"<iq id='{'1' * 4000}'/>", 1)
        self.assertEqual(len(found["id"]), 4000)
        with self.assertRaises(ParserError):
            self.pieces("<iq id='" + "1" * (MAX_TOKEN // 2) + "'/>", 100)

    def test_text_in_pieces(self) -> None:
        """It costs no more than in one: none of them is added to a copy of the others."""
        added = self.patch_adding()
        self.pieces(f"<iq><x>{'ä' * 10_000}&lt;</x>y<z/>\r\nw</iq>", 1)
        (found,) = self.stanzas
        self.assertEqual(found.x.children, ["ä" * 10_000 + "<"])
        self.assertEqual(
            [str(child) for child in found.children if isinstance(child, str)], added[1:]
        )
        self.assertEqual(added[1:], ["y", "\nw"])

    def patch_adding(self) -> list[str]:
        """Have the texts listed that are added to elements."""
        added: list[str] = []
        add = Element.addContent

        def adding(element: Any, text: str) -> str:
            added.append(text)
            return str(add(element, text))

        self.patch(Element, "addContent", adding)
        return added

    def pieces(self, text: str, size: int) -> Any:
        """Let text arrive in pieces; the stanza that it is, if it is one."""
        self.feed(text, size)
        return self.stanzas[-1] if self.stanzas else None

    def test_what_is_no_stream(self) -> None:
        """It is told apart from a stream that has an error in it."""
        for text in (b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0", b"\x15\x03\x03\x00\x02", b"<a b"):
            parser = BoundedElementStream()
            with self.assertRaises(NoStream):
                parser.parse(text + b"<")
        with self.assertRaises(ParserError) as caught:
            self.feed("<a></b>")
        self.assertNotIsInstance(caught.exception, NoStream)

    def test_a_document_type(self) -> None:
        """XMPP forbids it: a few bytes of it may stand for millions."""
        for declared in ("<!ENTITY a 'aaa'>", "<!ATTLIST iq a CDATA 'x'>", ""):
            parser = BoundedElementStream()
            parser.DocumentStartEvent = self.stanzas.append
            with self.assertRaises(ParserError):
                parser.parse(f"<!DOCTYPE s [{declared}]><s>".encode())
        self.assertEqual(self.stanzas, [])

    def test_nesting_without_an_end(self) -> None:
        """The parser remembers each open element, also those that are passed over."""
        with self.assertRaises(ParserError):
            for _ in range(MAX_OPEN // 20_000 + 1):
                self.feed("<a>" * 20_000)

    def test_memory_is_bounded(self) -> None:
        """A stanza of 10 MB takes no more than what is taken of it."""
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.feed("<iq>")
        for _ in range(100):
            self.feed("<x y='z'>text</x>" * 6000)
        self.feed("</iq>")
        self.assertLess(tracemalloc.get_traced_memory()[1], 120_000_000)
        self.assertEqual(self.stanzas[0].children, [])

    def test_names_pile_up(self) -> None:
        """Ordinary stanzas never make a parser wear out; those with ever new names do."""
        self.feed("<iq><x a='b' c='d'/></iq>" * 20_000)
        self.assertFalse(self.parser.worn_out)
        for number in range(40):
            self.feed("<iq>" + "".join(f"<x{number}y{n}/>" for n in range(5000)) + "</iq>")
        self.assertTrue(self.parser.worn_out)
        for name in ("x{}='1'", "xmlns:x{}='1'", "xmlns:x='{}'", "xmlns='{}'"):
            self.setUp()
            for number in range(200):
                self.feed(f"<iq {name.format(str(number) + 'y' * 60_000)}/>")
            self.assertTrue(self.parser.worn_out, name)

    def test_the_end_of_the_stream(self) -> None:
        """It is still noticed."""
        self.check("<iq>" + "<d>" * 50 + "</d>" * 50 + "</iq>", 1)
        self.feed("</stream:stream>")
        self.assertTrue(self.ended)
