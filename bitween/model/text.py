"""Text that came from somebody else, made fit to store, show and log."""

from __future__ import annotations

import unicodedata

# Cc controls, Cf format characters (among them the bidirectional overrides), Cs lone surrogates,
# Co private use, Zl and Zp line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Zero-width joiners hold together letters of several scripts, and emoji.
_KEPT = frozenset("\u200c\u200d")
REPLACEMENT = "\ufffd"


def printable(text: str, limit: int = 255, substitute: str = REPLACEMENT) -> str:
    """
    Replace every character that could disturb a terminal, a log or a reader.

    :param limit: the length in characters at which the text is cut.
    """
    return "".join(
        substitute if unicodedata.category(char) in _UNPRINTABLE and char not in _KEPT else char
        for char in text[:limit]
    )


def safe_name(name: str, limit: int = 255) -> str:
    """
    Make a name from a stranger into one that is only ever a name: no separators, no ``..``.

    :returns: never an empty text.
    """
    flat = printable(name, limit).replace("/", "_").replace("\\", "_").strip()
    return flat if flat.strip(".") else "_" * max(1, len(flat))
