"""Web links, which people enter where a path or a hash is expected."""

from __future__ import annotations

import re

#: The hint for a user who entered one.
WHAT_TO_DO = "save what it leads to first; bitween get takes a .torrent file that is saved"

_WEB_LINK = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)


def is_web_link(text: str) -> bool:
    """Whether a text looks like a link to a web page, or to a file on the web."""
    return _WEB_LINK.match(text) is not None


def said_of_link(shown: str) -> str:
    """
    Explain why bitween cannot use a web link.

    :param shown: the link, in quotes.
    """
    return (
        f"{shown} is a web link: bitween shares files and folders of the machine that it runs on,"
        " and downloads only what contacts share"
    )
