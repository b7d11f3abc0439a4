"""
Fingerprints as people compare them: in short groups, or as a QR code that holds a link.

The link is ``xmpp:alice@example.org?bitween-device;resource=laptop;fingerprint=39f7…``: an action
of our own in the form of XEP-0147.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from bitween.errors import InvalidValue
from bitween.model.jid import parse_jid

#: Hexadecimal digits that people compare.
SHOWN_DIGITS = 32

_GROUP = 4
_ACTION = "bitween-device"
_LINK = re.compile(rf"xmpp:([^?#]+)\?{_ACTION};(.*)", re.IGNORECASE)
# Characters of an account's name that need no escape (RFC 5122 §2.2).
_PLAIN = "!$()*+,;="


def grouped(fingerprint: str) -> str:
    """
    Show the part of a fingerprint that people read out: 32 digits in groups of four.

    :param fingerprint: hexadecimal; empty for a device without a key.
    """
    shown = fingerprint[:SHOWN_DIGITS]
    return " ".join(shown[i : i + _GROUP] for i in range(0, len(shown), _GROUP))


def device_link(jid: str, resource: str, fingerprint: str) -> str:
    """
    Make the link of a device, for its QR code.

    :param jid: bare.
    :param fingerprint: all of its digits.
    """
    local, _, domain = jid.rpartition("@")
    account = f"{quote(local, safe=_PLAIN)}@{quote(domain, safe='[]:')}"
    return f"xmpp:{account}?{_ACTION};resource={quote(resource, safe='')};fingerprint={fingerprint}"


def parse_device_link(text: str) -> tuple[str, str, str] | None:
    """
    Read what :func:`device_link` made.

    :returns: the bare JID, the resource and the fingerprint; ``None`` if it is no such link.
    :raises InvalidValue: if it is one that is malformed.
    """
    link = _LINK.fullmatch(text.strip())
    if link is None:
        return None
    values = dict(part.partition("=")[::2] for part in link[2].split(";"))
    resource, fingerprint = unquote(values.get("resource", "")), values.get("fingerprint", "")
    if not resource or not fingerprint:
        raise InvalidValue("the link names no device", "scan the QR code again")
    return parse_jid(unquote(link[1])).bare, resource, fingerprint
