"""Makes text that came from outside fit to store, show and log."""

from __future__ import annotations

import unicodedata

# Cc controls, Cf format characters (among them the bidirectional overrides), Cs lone surrogates,
# Co private use, Zl and Zp line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Zero-width joiners connect letters of several scripts, and emoji.
_KEPT = frozenset("\u200c\u200d")
REPLACEMENT = "\ufffd"
# How os.fsdecode represents bytes that are not UTF-8 (PEP 383).
_ESCAPED_BASE, _FIRST_ESCAPED, _LAST_ESCAPED = 0xDC00, 0xDC80, 0xDCFF


def printable(text: str, limit: int = 255, substitute: str = REPLACEMENT) -> str:
    """
    Replace every character that could disturb a terminal, a log or a reader.

    :param limit: the number of characters after which the text is cut.
    :param substitute: takes the place of each such character.
    """
    text = text[:limit]
    # No character that Python calls printable is replaced, and this check is quick.
    if text.isprintable():
        return text
    return "".join(
        substitute if unicodedata.category(char) in _UNPRINTABLE and char not in _KEPT else char
        for char in text
    )


def visible(text: str, limit: int = 255) -> str:
    r"""
    Show every character, with escapes like ``\n`` for those that :func:`printable` replaces.

    Bytes of a path that are not UTF-8, lone surrogates in Python, are shown as ``\xff``.

    :param limit: the number of characters after which the text is cut.
    """
    text = text[:limit]
    return text if text.isprintable() else "".join(map(_visible_character, text))


def quoted(path: str) -> str:
    """Quote a path for a sentence, in full."""
    return f"'{visible_path(path)}'"


def visible_path(path: str) -> str:
    """Show every character of a path, in full."""
    return visible(path, len(path))


def clean_path(path: str) -> str:
    """Return a path unchanged, or with escapes if it is not UTF-8."""
    return path if is_utf8(path) else visible(path, len(path))


def is_utf8(path: str) -> bool:
    """Whether a path consists of characters only; see :func:`os.fsdecode`."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _visible_character(char: str) -> str:
    code = ord(char)
    if _FIRST_ESCAPED <= code <= _LAST_ESCAPED:
        return f"\\x{code - _ESCAPED_BASE:02x}"
    if unicodedata.category(char) in _UNPRINTABLE and char not in _KEPT:
        return ascii(char)[1:-1]
    return char


def composed(text: str) -> str:
    """Compose accents with their letters (Unicode normalization form C)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def caseless(text: str) -> str:
    """
    A form that is equal for texts that differ only in case and composition.

    See the Unicode Standard, 3.13, canonical caseless matching.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", decomposed)


def safe_name(name: str, limit: int = 255) -> str:
    """
    Make a name from outside safe to use as a file name: no separators, no ``..``.

    :param limit: the number of characters after which the name is cut.
    :returns: never an empty text.
    """
    flat = printable(name, limit).replace("/", "_").replace("\\", "_").strip()
    return flat if flat.strip(".") else "_" * max(1, len(flat))
