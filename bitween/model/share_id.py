"""
The identity of a share, which outlives its content.

An info-hash names content: a torrent.  A share is what a person shares, for example a folder, whose
content may change while it stays the same share.  What belongs to the share and not to its content
(who may see it, a note on it) is keyed by a :data:`ShareId`.

Today the content of a share never changes: a share has one torrent, and its id is the info-hash of
this torrent.  The id is neither stored nor sent.  A share whose content can change will draw an id
with :func:`new_share_id` when it is made, and keep it: in a text column of the database, and on the
wire beside the info-hash.  Both forms are lower-case hexadecimal digits, 40 of an info-hash and 32
of a new id, so the two never collide.  The page and the CLI show names; logs and the API print an
id as it is.
"""

from __future__ import annotations

import re
import secrets
from typing import NewType

from bitween.errors import InvalidValue
from bitween.model.text import printable
from bitween.model.torrent import InfoHash

# A plain string at run time, as an info-hash is.
ShareId = NewType("ShareId", str)

_BYTES = 16
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}", re.ASCII)


def share_id_of(info_hash: InfoHash) -> ShareId:
    """The id of a share whose content never changes."""
    return ShareId(info_hash)


def new_share_id() -> ShareId:
    """Draw the id of a share whose content may change."""
    return ShareId(secrets.token_hex(_BYTES))


def parse_share_id(text: object) -> ShareId:
    """
    Read an id.

    :raises InvalidValue: if it is none.
    """
    if isinstance(text, str) and _HEX.fullmatch(text):
        return ShareId(text)
    shown = printable(repr(text), 60)
    raise InvalidValue.of("invalid_value.share_id", value=shown)
