"""Text that came from somebody else, made fit to store, show and log."""

from __future__ import annotations

import unicodedata

# Cc controls, Cf format characters (among them the bidirectional overrides), Cs lone surrogates,
# Co private use, Zl and Zp line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Zero-width joiners hold together letters of several scripts, and emoji.
_KEPT = frozenset("\u200c\u200d")
REPLACEMENT = "\ufffd"
# How os.fsdecode has the bytes that are not UTF-8 (PEP 383).
_ESCAPED_BASE, _FIRST_ESCAPED, _LAST_ESCAPED = 0xDC00, 0xDC80, 0xDCFF


def printable(text: str, limit: int = 255, substitute: str = REPLACEMENT) -> str:
    """
    Replace every character that could disturb a terminal, a log or a reader.

    :param limit: the length in characters at which the text is cut.
    """
    text = text[:limit]
    # Nothing that Python calls printable is replaced, and that is quick to tell.
    if text.isprintable():
        return text
    return "".join(
        substitute if unicodedata.category(char) in _UNPRINTABLE and char not in _KEPT else char
        for char in text
    )


def visible(text: str, limit: int = 255) -> str:
    r"""
    Show every character, those that :func:`printable` replaces by an escape: ``\n``, ``\u202e``.

    Bytes of a path that are not UTF-8, which Python has as lone surrogates, are shown as ``\xff``.

    :param limit: the length in characters at which the text is cut.
    """
    text = text[:limit]
    return text if text.isprintable() else "".join(map(_visible_character, text))


def quoted(path: str) -> str:
    """Show a path in a sentence, in full."""
    return f"'{visible(path, len(path))}'"


def clean_path(path: str) -> str:
    """Give back a path as it is; one that is not UTF-8, fit to be shown."""
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
    """A text in one form, whether its accents were composed or not (Unicode, form C)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def caseless(text: str) -> str:
    """
    What a text has in common with all that differ from it in case and composition only.

    See the Unicode Standard, 3.13, on canonical caseless matching.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", decomposed)


def safe_name(name: str, limit: int = 255) -> str:
    """
    Make a name from a stranger into one that is only ever a name: no separators, no ``..``.

    :returns: never an empty text.
    """
    flat = printable(name, limit).replace("/", "_").replace("\\", "_").strip()
    return flat if flat.strip(".") else "_" * max(1, len(flat))
