"""Links to the web, which people give where a path or a hash is asked for."""

from __future__ import annotations

import re

#: What helps whoever gave one.
WHAT_TO_DO = "save what it leads to first; bitween get takes a .torrent file that is saved"

_WEB_LINK = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)


def is_web_link(text: str) -> bool:
    """Whether something looks like a link to a web page, or to a file on the web."""
    return _WEB_LINK.match(text) is not None


def said_of_link(shown: str) -> str:
    """
    Why bitween does nothing with it, in words.

    :param shown: the link, in quotes.
    """
    return (
        f"{shown} is a web link: bitween shares files and folders of the machine that it runs on,"
        " and downloads only what contacts share"
    )
