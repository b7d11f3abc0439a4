"""``xmpp.``: contacts and what they share."""

from __future__ import annotations

from typing import Annotated, Literal

from bitween.api.http.json_stream import JsonObject
from bitween.api.methods.qr import qr_rows
from bitween.api.results.encoding import contacts as encoding
from bitween.api.results.encoding.contact_shares import found, reachable, shares
from bitween.api.results.shapes import contact_shares
from bitween.api.results.shapes import contacts as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Between, Name, Offset, PageSize
from bitween.app.application import Bitween
from bitween.model.catalogue.search import Filter
from bitween.model.torrent import MAX_SIZE

_Size = Annotated[int, Between(0, MAX_SIZE)]


class ContactMethods(Namespace):
    """``xmpp.``: contacts and what they share."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    def jsonrpc_get_hashes(self) -> Annotated[JsonObject, contact_shares.Hashes]:
        """List what online contacts share, each with the addresses to dial."""
        return JsonObject([("hashes", reachable(self._bitween.shares.catalogue))])

    @reads
    def jsonrpc_get_shares(self) -> Annotated[JsonObject, contact_shares.Shares]:
        """List what each device of each contact shares."""
        return JsonObject(
            [
                (
                    "shares",
                    shares(
                        self._bitween.shares.catalogue,
                        presence_known=self._bitween.connection.knows_presence,
                    ),
                )
            ]
        )

    @reads
    async def jsonrpc_find(  # noqa: PLR0917  # parameters of the API go by position, too
        self,
        query: str = "",
        contact: Name | None = None,
        sort: Literal["name", "size", "largest", "online", "match"] = "name",
        offset: Offset = 0,
        limit: PageSize = 50,
        online: bool = False,
        min_size: _Size = 0,
        max_size: _Size = MAX_SIZE,
    ) -> contact_shares.FoundPage:
        """
        Search what contacts share.

        :param query: words that the name has to contain, all of them, and ``tag:NAME`` or
            ``tag:"TWO WORDS"`` for each tag that it has to have; or an info-hash, or its
            beginning.
        :param contact: a bare JID, to search only what this contact shares.
        :param sort: ``name``, ``size`` (smallest first), ``largest`` (largest first), ``online``
            (contacts who are online first) or ``match``: the whole name first, then the beginning
            of the name, then the beginnings of its words, then the rest; among equals, contacts who
            are online first.
        :param offset: how many results to skip.
        :param limit: how many results to return at most.
        :param online: leave out what no contact who is online has.
        :param min_size: bytes; leave out anything smaller.
        :param max_size: bytes; leave out anything larger.
        :raises UnknownContact: if ``contact`` is neither in the roster nor your own JID.
        """
        only = Filter(online, min_size, max_size)
        page = await self._bitween.shares.find(query, contact, sort, offset, limit, only=only)
        return {
            "total": page.total,
            "items": [
                found(
                    item,
                    self._bitween.connector.routes.best_route(item.info_hash),
                    self._bitween.connector.routes.any_source_answers(item.info_hash),
                    presence_known=self._bitween.connection.knows_presence,
                )
                for item in page.items
            ],
        }

    @reads
    def jsonrpc_get_contacts(self) -> shapes.Contacts:
        """List the contacts in the roster, and contact requests."""
        routes = self._bitween.connector.routes
        return {
            "contacts": [
                encoding.contact(
                    contact,
                    self._bitween.shares.catalogue,
                    self._bitween.traffic.of(contact.jid),
                    routes.route,
                    routes.answers,
                    presence_known=self._bitween.connection.knows_presence,
                )
                for contact in self._bitween.contacts.all()
            ]
        }

    @reads
    def jsonrpc_invitation(self) -> shapes.Invitation:
        """Make a link that invites someone to become a contact, also as a QR code."""
        link = self._bitween.contacts.invitation
        return {"uri": link, "qr": qr_rows(link)}

    async def jsonrpc_add_contact(self, jid: Name, nick: Name | None = None) -> Done:
        """
        Send a contact request, and accept the contact's own request when it comes.

        The answer of the contact's server arrives later: see ``error`` in the result of
        ``xmpp.get_contacts``.

        :param jid: a bare JID, or an ``xmpp:`` link with one.
        :param nick: the name for the contact in your roster.
        :raises AlreadyContact: if they already are a contact, with this name.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server rejects the request.
        """
        await self._bitween.contacts.add(jid, nick or "")
        return True

    async def jsonrpc_accept_contact(self, jid: Name) -> Done:
        """
        Accept a contact request, and send one back.

        :param jid: a bare JID.
        :raises UnknownContact: if there is no such request.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server rejects the request.
        """
        await self._bitween.contacts.accept(jid)
        return True

    async def jsonrpc_remove_contact(self, jid: Name) -> Done:
        """
        Remove a contact in both directions, or decline a contact request.

        :param jid: a bare JID.
        :raises UnknownContact: if they are not in the roster, and there is no request.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server rejects the request.
        """
        await self._bitween.contacts.remove(jid)
        return True

    async def jsonrpc_forget_resource(self, jid: Name, resource: Name) -> Done:
        """
        Forget what a device shared that no longer exists.

        For a device of your own account, its announcement is also removed from the server.

        :param jid: a bare JID: a contact's, or your own.
        :param resource: the resource of the device.
        :raises UnknownContact: if the JID is neither a contact's nor your own.
        :raises UnknownResource: if the device has announced nothing.
        :raises ResourceOnline: if the device is online: it would announce its shares again.
        :raises NotConnected: if the device is your own, and there is no XMPP session.
        """
        await self._bitween.shares.forget_resource(jid, resource)
        return True

    @reads
    def jsonrpc_get_blocked(self) -> shapes.Blocked:
        """List the bare JIDs and domains that your server blocks for you."""
        return {"blocked": list(self._bitween.contacts.blocked())}

    async def jsonrpc_block(self, jid: Name) -> Done:
        """
        Block a JID or domain, contact or not, at your server.

        :param jid: a bare JID, or a domain.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server rejects the request.
        """
        await self._bitween.contacts.block(jid)
        return True

    async def jsonrpc_unblock(self, jid: Name) -> Done:
        """
        Unblock a JID or domain.

        :param jid: a bare JID, or a domain.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server rejects the request.
        """
        await self._bitween.contacts.unblock(jid)
        return True
