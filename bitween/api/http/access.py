"""What a client may do, once it is known who it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Access(Enum):
    """How far a client gets."""

    #: What holds no secret: a page, and the way to log in.
    PUBLIC = "public"
    #: All that can be looked at.
    READ_ONLY = "read_only"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who sent a request.

    :param token: the name of the token that came with it, if one did.
    :param session: the id of the session whose secret came with it, if one did.
    """

    access: Access
    token: str | None = None
    session: str | None = None
