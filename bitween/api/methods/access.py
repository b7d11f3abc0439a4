"""``access.``: who may see and fetch your shares."""

from __future__ import annotations

from typing import Annotated

from bitween.api.results.encoding import share_access as encoding
from bitween.api.results.shapes import share_access as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Between, Name
from bitween.app.application import Bitween
from bitween.model.jid import parse_jid
from bitween.model.torrent import InfoHash

#: When access ends, in seconds since the epoch.
Expires = Annotated[int, Between(0, 2**53)]


class AccessMethods(Namespace):
    """``access.``: who may see and fetch your shares."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    def jsonrpc_get(self, hash: InfoHash) -> shapes.Access:
        """
        Show who may see and fetch a share.

        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        return encoding.access(self._bitween.torrents.get(hash))

    async def jsonrpc_set(
        self,
        hash: InfoHash,
        access: list[str] | None = None,
        expires: Expires | None = None,
        listed: bool | None = None,
        introductions: bool | None = None,
    ) -> shapes.Access:
        """
        Set who may see and fetch a share.

        Contacts who lose access are cut off at once: the share gets another secret, and another
        hash, which the result has.  No file is hashed again, and the downloads of the others go on.
        What a contact has fetched stays with that contact.

        :param access: ``contacts`` for everybody in the roster, ``devices`` for your own devices
            only, bare JIDs, and ``group:NAME`` for groups of the roster; by default, as it is.
        :param expires: after this time, in seconds since the epoch, the share is for your own
            devices only; by default, the access does not end.
        :param listed: whether other contacts see the name and the size, with a lock; by default, as
            it is.
        :param introductions: whether contacts that fetch it at the same time are introduced to each
            other, and learn each other's addresses; by default, as it is.
        :raises UnknownTorrent: if you have no torrent with this hash.
        :raises InvalidValue: if an entry of ``access`` is neither of these, the end has passed, or
            it is a download for your own devices only that is not complete.
        """
        setting = self._bitween.access.set(hash, access, expires, listed, introductions)
        return encoding.access(await setting)

    @reads
    def jsonrpc_of(self, jid: Name) -> shapes.VisibleShares:
        """
        List what a contact sees of your shares, and why.

        :param jid: a bare JID.
        :raises UnknownContact: if that is neither a contact nor your own account.
        """
        return encoding.visible(self._bitween.access.visible_to(parse_jid(jid).bare))

    async def jsonrpc_ask(self, hash: InfoHash) -> Done:
        """
        Ask a contact for a share that you see with a lock.

        The contact's user decides; nothing tells you of a refusal.

        :raises UnknownTorrent: if no contact who is online lists such a share with a lock.
        :raises NotConnected: if the daemon is not logged in to the XMPP server.
        :raises RequestRefused: if the contact's device refuses, or does not answer.
        """
        await self._bitween.access_requests.ask(hash)
        return True

    @reads
    def jsonrpc_requests(self) -> shapes.Requests:
        """List what contacts ask for: shares of yours that they see with a lock."""
        waiting = self._bitween.access_requests.waiting()
        return {"requests": [encoding.request(request) for request in waiting]}

    async def jsonrpc_grant(self, id: Name) -> shapes.Access:
        """
        Let a contact fetch the share that it asks for.

        :param id: as in ``access.requests``.
        :raises UnknownRequest: if there is no such request.
        :raises UnknownTorrent: if you no longer have the share.
        """
        return encoding.access(await self._bitween.access_requests.grant(id))

    def jsonrpc_deny(self, id: Name) -> Done:
        """
        Drop the request of a contact, which is told nothing.

        :param id: as in ``access.requests``.
        :raises UnknownRequest: if there is no such request.
        """
        self._bitween.access_requests.deny(id)
        return True
