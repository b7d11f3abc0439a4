"""Parses the XML of a stream, within bounds that no stanza can exceed."""

from __future__ import annotations

from io import StringIO
from typing import Any

from twisted.words.xish.domish import ExpatElementStream, ParserError

#: bytes of a stanza that are taken; 64 items of 60 kB, which one reading of a node may give, fit.
MAX_STANZA = 8_000_000
MAX_ELEMENTS = 40_000
MAX_DEPTH = 32
#: characters of an attribute; what is longer is cut.
MAX_ATTRIBUTE = 4096
#: bytes of one tag, or of whatever else is read as one; no server passes on a longer stanza.
MAX_TOKEN = 1_000_000
#: bytes of such that are looked at once more, as it comes piece by piece.
MAX_REREAD = 256_000_000
#: Elements that are open at the same time; no stanza that a server passes on has room for so many.
MAX_OPEN = 400_000
#: bytes that a parser may hold of names that it has met.
MAX_NAMES = 32_000_000

# bytes that a name takes beside its characters, and copies of those; both measured, roughly.
_NAME, _COPIES = 200, 3


class NoStream(ParserError):
    """The bytes do not begin as a stream does: another kind of server answers."""


class BoundedElementStream(ExpatElementStream):
    """
    Twisted's parser, with a limit on the size of a stanza.

    Twisted would end the stream at a stanza that is too large, and the server would send the same
    one again after the next log-in.  Here the rest of it is skipped, and it is handed on empty: a
    request still gets an answer, and an answer counts as malformed.

    :ivar oversized: how many stanzas were handed on empty.
    """

    maxStanzaSize = maxElementCount = 2**62  # what is done about it is decided here

    def __init__(self) -> None:
        super().__init__()
        # Otherwise text comes in as many pieces as it has entities, each of which copies all of it.
        self.parser.buffer_text = True
        self.parser.buffer_size = 2**18
        self.parser.StartDoctypeDeclHandler = _refuse_document_type
        self.currElem: Any = None
        self.localPrefixes: dict[str, str] = {}
        self.oversized = 0
        self._depth = 0
        self._skipping = False
        self._since_token = 0
        self._reread = 0
        self._text = StringIO()
        self._names = 0
        self._declared = 0
        self._held = 0

    @property
    def worn_out(self) -> bool:
        """
        Whether it holds too many names.

        expat keeps every name of an element or attribute that it ever met, so 30 MB of stanzas
        made for that would cost half a gigabyte.  A new connection has a new parser.
        """
        return self._held > MAX_NAMES

    def parse(self, buffer: bytes) -> None:
        """
        Take in what arrived.

        :raises NoStream: if it is no XML from its first bytes on.
        :raises ParserError: if it is not well-formed, declares a document type, is nested without
            end, or is one token without an end or in too many pieces.
        """
        # expat begins again with a token of which a further piece has come.
        self._reread += self._since_token
        self._since_token += len(buffer)
        try:
            super().parse(buffer)
        except ParserError as error:
            raise error if self.documentStarted else NoStream(str(error)) from None
        if self._since_token > MAX_TOKEN:
            raise ParserError("a tag without an end")
        if self._reread > MAX_REREAD:
            raise ParserError("a tag in too many pieces")

    def _onStartElement(self, name: str, attrs: dict[Any, str]) -> None:
        self._token_ends()
        self._add_text()
        if not self.documentStarted:
            super()._onStartElement(name, attrs)
            return
        self._depth += 1
        if self._depth > MAX_OPEN:
            raise ParserError("elements without an end")
        self._note_names(name, attrs)
        too_large = self.stanzaSize > MAX_STANZA or self.elementCount >= MAX_ELEMENTS
        if (too_large and self._depth > 1) or self._depth > MAX_DEPTH:
            self._skip()
        if self._skipping:
            self.localPrefixes = {}
            return
        for key, value in attrs.items():
            if len(value) > MAX_ATTRIBUTE:
                attrs[key] = value[:MAX_ATTRIBUTE]
        super()._onStartElement(name, attrs)

    def _onEndElement(self, name: str) -> None:
        self._token_ends()
        self._add_text()
        self._depth -= 1
        if self._skipping and self._depth > 0:
            return
        self._skipping = False
        super()._onEndElement(name)

    def _onCdata(self, data: str) -> None:
        self._token_ends()
        if self.stanzaSize > MAX_STANZA and self._depth > 0:
            self._skip()
        if not self._skipping and self._depth > 0:
            self._text.write(data)

    def _onStartNamespace(self, prefix: str | None, uri: str | None) -> None:
        self._declared += len(prefix or "") + len(uri or "")
        super()._onStartNamespace(prefix, uri)

    def _token_ends(self) -> None:
        self._since_token = self._reread = 0

    def _add_text(self) -> None:
        """
        Add the text that came, in one: each piece that is added to a text copies all of that, and a
        server may send them byte by byte.
        """
        if self._text.tell():
            super()._onCdata(self._text.getvalue())
            self._text = StringIO()

    def _note_names(self, name: str, attrs: dict[Any, str]) -> None:
        new = len(self.parser.intern) - self._names
        if new:
            self._names += new
            characters = len(name) + sum(map(len, attrs)) + self._declared
            self._held += new * _NAME + _COPIES * characters
        self._declared = 0

    def _skip(self) -> None:
        """Drop the content of the stanza, what has come and what will."""
        if self._skipping:
            return
        self._skipping = True
        self.oversized += 1
        self._text = StringIO()
        while self.currElem.parent is not None:
            self.currElem = self.currElem.parent
        self.currElem.children = []


def _refuse_document_type(*_: object) -> None:
    """
    Refuse what XMPP forbids (RFC 6120 §11.1): a document type may give each element thousands of
    attributes, and have a few bytes stand for many.

    :raises ParserError: always.
    """
    raise ParserError("a document type, which XMPP forbids")
