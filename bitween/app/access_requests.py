"""
Requests for shares that others see with a lock: ours to contacts, and theirs to us.

A contact learns from its request only that we will see it.  We drop requests for what the contact
does not see, and for what it may fetch anyway.  Requests wait in memory until the user answers: a
restart forgets them, and contacts may ask again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bitween.app.access import ShareAccess
from bitween.app.ports import MessengerPort
from bitween.errors import UnknownRequest, UnknownTorrent
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.text import printable
from bitween.model.torrent import InfoHash, Torrent
from bitween.util.observable import Observable

#: Requests that wait at a time; the oldest are forgotten.
MAX_WAITING = 500


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """
    A contact asks for one of our shares.

    :param id: unique for the life of the daemon.
    :param jid: bare.
    :param time: seconds since the epoch.
    """

    id: str
    jid: str
    info_hash: InfoHash
    name: str
    size: int
    time: float


class AccessRequests:
    """
    The use cases of asking for access.

    :ivar changes: hands out each new request.
    """

    def __init__(
        self,
        access: ShareAccess,
        messenger: MessengerPort,
        catalogue: Catalogue,
        clock: Callable[[], float],
    ) -> None:
        """:param clock: seconds since the epoch."""
        self._access = access
        self._messenger = messenger
        self._catalogue = catalogue
        self._clock = clock
        self._count = 0
        self._waiting: dict[str, AccessRequest] = {}
        self.changes: Observable[AccessRequest] = Observable()
        messenger.serve_access_requests(self._requested)

    async def ask(self, info_hash: InfoHash) -> None:
        """
        Ask a contact for a share that we see with a lock.

        :raises UnknownTorrent: if no contact who is online shows us such a share.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the contact's device refuses, or does not answer.
        """
        for device in self._catalogue.torrents.holders(info_hash):
            if device.private and device.online and device.shares[info_hash].locked:
                await self._messenger.ask_access(device.jid, device.resource, info_hash)
                return
        raise UnknownTorrent(
            f"no contact who is online lists {info_hash} with a lock", "see bitween shares"
        )

    def waiting(self) -> list[AccessRequest]:
        """List the requests that wait for an answer and still make sense, oldest first."""
        return [
            request
            for request in self._waiting.values()
            if self._access.is_locked_for(request.jid, request.info_hash)
        ]

    async def grant(self, request_id: str) -> Torrent:
        """
        Let the contact fetch the share.

        :raises UnknownRequest: if there is no such request.
        :raises UnknownTorrent: if the share is gone.
        :raises StoreError: if that cannot be stored.
        """
        request = self._get(request_id)
        torrent = await self._access.grant(request.info_hash, request.jid)
        self._waiting.pop(request_id, None)
        return torrent

    def deny(self, request_id: str) -> None:
        """
        Drop a request; the contact is told nothing.

        :raises UnknownRequest: if there is no such request.
        """
        self._get(request_id)
        del self._waiting[request_id]

    def _get(self, request_id: str) -> AccessRequest:
        try:
            return self._waiting[request_id]
        except KeyError:
            shown = printable(request_id, 60)
            raise UnknownRequest(
                f"there is no request {shown}", "bitween requests lists them"
            ) from None

    def _requested(self, jid: str, _resource: str, info_hash: InfoHash) -> None:
        if not self._access.is_locked_for(jid, info_hash):
            return
        if any((r.jid, r.info_hash) == (jid, info_hash) for r in self._waiting.values()):
            return
        torrent = self._access.torrent(info_hash)
        self._count += 1
        request = AccessRequest(
            str(self._count), jid, info_hash, torrent.name, torrent.progress.total, self._clock()
        )
        self._waiting[request.id] = request
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self.changes.notify(request)
