"""Callers: who sent a request, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class TokenAccess(Enum):
    """What a caller may do."""

    #: Load what holds no secret: the pages, and the resources that authenticate a client.
    PUBLIC = "public"
    #: Read everything but secrets, change nothing.
    READ_ONLY = "read_only"
    #: Do everything.
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who sent a request.

    :param access: what the request may do.
    :param token: the name of the token that came with it, if one did.
    :param session: the id of the session whose secret came with it, if one did.
    :param ticket_issued_to: if a ticket came with the request, the access of the caller who asked
        for the ticket.
    """

    access: TokenAccess
    token: str | None = None
    session: str | None = None
    ticket_issued_to: TokenAccess | None = None

    @property
    def is_guest(self) -> bool:
        """Whether read-only access is behind the request: guests leave room for the owner."""
        return (self.ticket_issued_to or self.access) is TokenAccess.READ_ONLY
