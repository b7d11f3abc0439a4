"""
Prepares names and passwords for comparison as XMPP servers do (RFC 3454 and its profiles).

The tables are those of Unicode 3.2, of 2002.  Newer characters, such as most emoji, pass here, as
they do in servers: the server decides whether a name or password may contain them.
"""

from __future__ import annotations

import stringprep
import unicodedata
from collections.abc import Callable, Sequence

_Table = Callable[[str], bool]

# RFC 3454, C.3 to C.9: private use, non-characters, surrogates, and characters that disturb.
_NEVER: Sequence[_Table] = (
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
_IN_PASSWORD: Sequence[_Table] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    *_NEVER,
)
_IN_RESOURCE = _IN_PASSWORD
_IN_LOCAL: Sequence[_Table] = (
    stringprep.in_table_c11,
    *_IN_PASSWORD,
    frozenset("\"&'/:<>@").__contains__,
)


class Prohibited(Exception):
    """
    A text that is not allowed.

    :ivar char: the character that is not; empty if the text mixes directions wrongly.
    """

    def __init__(self, char: str = "") -> None:
        super().__init__(char)
        self.char = char


def saslprep(text: str) -> str:
    """
    Prepare a password (RFC 4013).

    :raises Prohibited: if the text is not allowed.
    """
    mapped = "".join(" " if stringprep.in_table_c12(char) else char for char in _kept(text))
    return _checked(_composed(mapped), _IN_PASSWORD)


def opaque_string(text: str) -> str:
    """
    Prepare a password by OpaqueString (RFC 8265 §4.2.2), without its prohibitions.

    The server decides whether the text is allowed.
    """
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in text)
    return unicodedata.normalize("NFC", spaced)


def nodeprep(text: str) -> str:
    """
    Prepare the local part of a JID (RFC 6122, appendix A).

    :raises Prohibited: if the text is not allowed.
    """
    return _checked(_composed(_folded(text)), _IN_LOCAL)


def resourceprep(text: str) -> str:
    """
    Prepare the resource of a JID (RFC 6122, appendix B).

    :raises Prohibited: if the text is not allowed.
    """
    return _checked(_composed(_kept(text)), _IN_RESOURCE)


def nameprep(text: str) -> str:
    """
    Prepare a label of a domain's name (RFC 3491).

    :raises Prohibited: if the text is not allowed.
    """
    return _checked(_composed(_folded(text)), _IN_PASSWORD)


def _kept(text: str) -> str:
    """A text without the characters that map to nothing (B.1)."""
    return "".join(char for char in text if not stringprep.in_table_b1(char))


def _folded(text: str) -> str:
    """A text without differences of case (B.2)."""
    return "".join(map(stringprep.map_table_b2, _kept(text)))


def _composed(text: str) -> str:
    return unicodedata.ucd_3_2_0.normalize("NFKC", text)


def _checked(text: str, tables: Sequence[_Table]) -> str:
    """
    :raises Prohibited: if the text has a character of the tables, or mixes directions (§6).
    """
    for char in text:
        if any(table(char) for table in tables):
            raise Prohibited(char)
    right_to_left = [stringprep.in_table_d1(char) for char in text]
    if any(right_to_left) and (
        any(map(stringprep.in_table_d2, text)) or not (right_to_left[0] and right_to_left[-1])
    ):
        raise Prohibited
    return text
