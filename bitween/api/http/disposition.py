"""The name under which a browser saves an answer (RFC 6266)."""

from __future__ import annotations

from urllib.parse import quote

from bitween.model.text import safe_name

# RFC 8187 §3.2.1: the characters that an extended value does not escape, beside letters and digits.
_ATTR_CHARS = "!#$&+-.^_`|~"


def content_disposition(kind: str, path: str) -> str:
    """
    Make a ``Content-Disposition`` that names a file, with and without RFC 8187.

    :param kind: ``inline`` or ``attachment``.
    :param path: its last part is the name, which a hostile contact may have chosen.
    :returns: ASCII in one line.
    """
    name = safe_name(path.rpartition("/")[2])
    # Browsers differ in how they read quotes, backslashes and percent signs (RFC 6266, appendix D).
    plain = "".join("_" if char in '"\\%' or not " " <= char <= "~" else char for char in name)
    extended = quote(name, safe=_ATTR_CHARS, encoding="utf-8", errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{extended}"
