"""Web links, which people enter where a path or a hash is expected."""

from __future__ import annotations

import re

_WEB_LINK = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)


def is_web_link(text: str) -> bool:
    """Whether a text looks like a link to a web page, or to a file on the web."""
    return _WEB_LINK.match(text) is not None
