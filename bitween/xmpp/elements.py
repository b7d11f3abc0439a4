"""XML elements as the stream delivers them, and the text that may go into one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from bitween.model.text import REPLACEMENT, printable

#: Characters of a text unless the caller sets another limit.
MAX_TEXT = 255

# What XML 1.0 §2.2 does not allow; a server closes the stream at the first one.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Element(Protocol):
    """
    What this package uses of Twisted's untyped ``domish.Element``.

    A child can also be read as an attribute (``iq.query``): the first child of that name, or
    ``None``.

    :ivar handled: whether a handler has taken the stanza; only ``True`` counts, since the attribute
        could also be a child of that name.
    """

    uri: str | None
    name: str
    attributes: dict[Any, str]
    handled: Any

    def getAttribute(self, name: str, default: Any = None) -> Any:
        """
        Return an attribute, or the default.

        :param default: returned where there is no such attribute.
        """

    def hasAttribute(self, name: str) -> bool:
        """Whether there is an attribute of this name."""

    def elements(self, uri: str | None = None, name: str | None = None) -> Iterator[Element]:
        """Iterate over the child elements, or over those of a namespace and name."""

    def firstChildElement(self) -> Element | None:
        """Return the first child element."""

    def addElement(self, name: str | tuple[str | None, str], *, content: str | None = ...) -> Any:
        """
        Append a new child element and return it.

        :param name: the name, or a pair of namespace and name; a name alone takes this element's
            namespace.
        :param content: the text in the child.
        """

    def addChild(self, node: Any) -> Any:
        """Append a child element and return it."""

    def toXml(self, *args: Any, **kwargs: Any) -> str:
        """Serialize the element."""

    def __getitem__(self, name: str) -> Any: ...

    def __setitem__(self, name: str, value: str) -> None: ...

    def __getattr__(self, name: str) -> Any: ...


def xml_text(text: str, limit: int = MAX_TEXT) -> str:
    """
    Replace the characters of a text that XML cannot carry or that would disturb a terminal.

    :param limit: characters; a longer text is cut.
    """
    return _NOT_XML.sub(REPLACEMENT, printable(text, limit))
