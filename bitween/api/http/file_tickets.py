"""Tickets for files: secrets in URLs, for requests in which a browser sends no header."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from twisted.internet.interfaces import IReactorTime

from bitween.api.http.access import Caller, TokenAccess
from bitween.model.torrent import InfoHash

#: Seconds without a request after which a ticket expires.
LIFE = 3600.0
#: Tickets of each access at a time; one more ends the one that was idle for longest.
MAX_TICKETS = 1000


@dataclass(frozen=True, slots=True)
class _Ticket:
    info_hash: InfoHash
    holder: Caller
    ends: float


class FileTickets:
    """
    Issues tickets, each for reading the files of one torrent and nothing else.

    A browser sends no header when it shows an image, plays a video or saves a file, and it would
    send a cookie to every port of this machine.
    """

    def __init__(self, clock: IReactorTime, is_alive: Callable[[Caller], bool]) -> None:
        """:param is_alive: whether a caller's token or session is still valid."""
        self._clock = clock
        self._is_alive = is_alive
        # Least recently used first.
        self._tickets: dict[bytes, _Ticket] = {}

    def issue(self, info_hash: InfoHash, holder: Caller) -> str:
        """
        Make a ticket for a caller.

        :param info_hash: the torrent whose files the ticket is for.
        :param holder: the caller; the ticket ends with their token or session.
        :returns: the ticket, for the query of a URL.
        """
        secret = secrets.token_urlsafe(32)
        self._keep(_digest(secret.encode()), info_hash, holder)
        # Each access by itself: a guest cannot end the owner's tickets.
        alike = [d for d, t in self._tickets.items() if t.holder.access is holder.access]
        if len(alike) > MAX_TICKETS:
            del self._tickets[alike[0]]
        return secret

    def holder(self, secret: bytes, info_hash: InfoHash) -> Caller | None:
        """
        Find the holder of a ticket, if it is valid for this torrent, and prolong it.

        :param secret: the ticket.
        :param info_hash: the torrent whose file is requested.
        :returns: the caller, with read-only access; ``None`` if the ticket is not valid.
        """
        digest = _digest(secret)
        ticket = self._tickets.get(digest)
        if ticket is None or ticket.info_hash != info_hash:
            return None
        del self._tickets[digest]
        if ticket.ends <= self._clock.seconds() or not self._is_alive(ticket.holder):
            return None
        self._keep(digest, info_hash, ticket.holder)
        return Caller(
            TokenAccess.READ_ONLY, ticket.holder.token, ticket.holder.session, ticket.holder.access
        )

    def _keep(self, digest: bytes, info_hash: InfoHash, holder: Caller) -> None:
        self._tickets[digest] = _Ticket(info_hash, holder, self._clock.seconds() + LIFE)


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()
