"""
Content types for downloads: a fixed table, by file name, of types that run no code.

Types that can contain scripts, such as HTML, are served as plain text or as a download.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Preview(StrEnum):
    """How a web page can show a file."""

    AUDIO = "audio"
    IMAGE = "image"
    PDF = "pdf"
    TEXT = "text"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class ContentType:
    """
    The type of a file.

    :param media_type: for ``Content-Type`` (RFC 9110 §8.3).
    :param preview: how a web page can show it; ``None`` for a download only.
    :param beginning: a pattern for its first bytes, if they are known.
    """

    media_type: str
    preview: Preview | None
    beginning: re.Pattern[bytes] | None = None

    def fits(self, head: bytes) -> bool:
        """
        Whether a file with this beginning can be of this type.

        :param head: the first :data:`HEAD` bytes, or all of a shorter file.
        """
        return self.beginning is None or self.beginning.match(head) is not None


#: How many first bytes of a file to look at.
HEAD = 1024

UNKNOWN = ContentType("application/octet-stream", None)
TEXT = ContentType("text/plain; charset=utf-8", Preview.TEXT, re.compile(rb"[^\0]*\Z"))

_ISO_MEDIA = rb".{4}ftyp"  # ISO/IEC 14496-12 §4.3
_EBML = rb"\x1a\x45\xdf\xa3"  # RFC 8794 §11.2.1
_OGG = rb"OggS"  # RFC 3533 §6


def _type(media_type: str, beginning: bytes) -> ContentType:
    preview = Preview(media_type.partition("/")[0])
    return ContentType(media_type, preview, re.compile(beginning, re.DOTALL))


_TYPES = MappingProxyType(
    {
        "aac": _type("audio/aac", rb"ID3|\xff[\xf0\xf1\xf8\xf9]"),
        "flac": _type("audio/flac", rb"ID3|fLaC"),
        "m4a": _type("audio/mp4", _ISO_MEDIA),
        "mp3": _type("audio/mpeg", rb"ID3|\xff[\xe0-\xff]"),
        "oga": _type("audio/ogg", _OGG),
        "ogg": _type("audio/ogg", _OGG),
        "opus": _type("audio/ogg", _OGG),
        "wav": _type("audio/wav", rb"RIFF.{4}WAVE"),
        "avif": _type("image/avif", _ISO_MEDIA),
        "bmp": _type("image/bmp", rb"BM"),
        "gif": _type("image/gif", rb"GIF8[79]a"),
        "ico": _type("image/x-icon", rb"\x00\x00\x01\x00"),
        "jpeg": _type("image/jpeg", rb"\xff\xd8\xff"),
        "jpg": _type("image/jpeg", rb"\xff\xd8\xff"),
        "png": _type("image/png", rb"\x89PNG\r\n\x1a\n"),
        "svg": _type("image/svg+xml", rb"(?:\xef\xbb\xbf)?\s*<(?:[?!]|svg)"),
        "webp": _type("image/webp", rb"RIFF.{4}WEBP"),
        "m4v": _type("video/mp4", _ISO_MEDIA),
        "mkv": _type("video/x-matroska", _EBML),
        "mov": _type("video/quicktime", rb".{4}(?:ftyp|moov|mdat|wide|free)"),
        "mp4": _type("video/mp4", _ISO_MEDIA),
        "ogv": _type("video/ogg", _OGG),
        "webm": _type("video/webm", _EBML),
        "pdf": ContentType(
            "application/pdf", Preview.PDF, re.compile(rb".{0,1019}%PDF-", re.DOTALL)
        ),
    }
)

_ENDS_OF_TEXT = (
    "asc bib c cfg conf cpp css csv cue diff go h hpp htm html ini java js json log lua "
    "m3u m3u8 md mjs nfo patch php pl po ps1 py rb rs rst sh sql srt ssa sub tex toml ts "
    "tsv tsx txt vtt vue xhtml xml yaml yml"
)
_PLAIN = frozenset(_ENDS_OF_TEXT.split())
_PLAIN_NAMES = frozenset({"copying", "license", "makefile", "readme"})


def type_of(path: str) -> ContentType:
    """
    Find the type of a file by its name.

    :param path: with ``/`` between its parts.
    """
    name = path.rpartition("/")[2].lower()
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return TEXT if name in _PLAIN_NAMES else UNKNOWN
    if not stem:
        return UNKNOWN
    return TEXT if extension in _PLAIN else _TYPES.get(extension, UNKNOWN)
