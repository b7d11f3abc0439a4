"""The name under which an answer is to be kept (RFC 6266)."""

from __future__ import annotations

from urllib.parse import quote

from bitween.model.text import safe_name

# RFC 8187 §3.2.1: what stands for itself in an extended value, beside letters and digits.
_ATTR_CHARS = "!#$&+-.^_`|~"


def content_disposition(kind: str, path: str) -> str:
    """
    Make a ``Content-Disposition`` that names a file, with and without RFC 8187.

    :param kind: ``inline`` or ``attachment``.
    :param path: whose last part is the name; it may be anybody's.
    :returns: ASCII in one line.
    """
    name = safe_name(path.rpartition("/")[2])
    # Quotes, backslashes and percent signs are read in several ways (RFC 6266, appendix D).
    plain = "".join("_" if char in '"\\%' or not " " <= char <= "~" else char for char in name)
    extended = quote(name, safe=_ATTR_CHARS, encoding="utf-8", errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{extended}"
