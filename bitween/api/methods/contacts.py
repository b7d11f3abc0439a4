"""``xmpp.``: contacts, and what they share."""

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
    """``xmpp.``: contacts, and what they share."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    def jsonrpc_get_hashes(self) -> Annotated[JsonObject, contact_shares.Hashes]:
        """What contacts who are online share, and where to dial them for it."""
        return JsonObject([("hashes", reachable(self._bitween.shares.catalogue))])

    @reads
    def jsonrpc_get_shares(self) -> Annotated[JsonObject, contact_shares.Shares]:
        """What every device of every contact shares."""
        return JsonObject(
            [
                (
                    "shares",
                    shares(
                        self._bitween.shares.catalogue,
                        there=self._bitween.connection.knows_presence,
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

        :param query: words that all stand in the name; or an info-hash, or how one begins.
        :param contact: a bare JID, to see only theirs.
        :param sort: ``size`` gives the smallest first; ``match`` the best matches: the whole name,
            how the name begins, how its words begin, anything else; of equal ones those that are
            online.
        :param online: leave out what nobody has who is online.
        :param min_size: bytes; leave out what is smaller.
        :param max_size: bytes; leave out what is larger.
        :raises UnknownContact: if ``contact`` is neither in the roster nor ourselves.
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
                    there=self._bitween.connection.knows_presence,
                )
                for item in page.items
            ],
        }

    @reads
    def jsonrpc_get_contacts(self) -> shapes.Contacts:
        """Everybody in the roster, and those who ask to be."""
        catalogue = self._bitween.shares.catalogue
        contacts = self._bitween.contacts.all()
        traffic, connector = self._bitween.traffic, self._bitween.connector
        there = self._bitween.connection.knows_presence
        return {
            "contacts": [
                encoding.contact(
                    *(contact, catalogue, traffic.of(contact.jid)),
                    *(connector.routes.route, connector.routes.answers),
                    there=there,
                )
                for contact in contacts
            ]
        }

    @reads
    def jsonrpc_invitation(self) -> shapes.Invitation:
        """What to give to somebody who is to become a contact: a link, also as a QR code."""
        link = self._bitween.contacts.invitation
        return {"uri": link, "qr": qr_rows(link)}

    async def jsonrpc_add_contact(self, jid: Name, nick: Name | None = None) -> Done:
        """
        Ask somebody to become a contact, and let their own request in when it comes.

        :param jid: a bare JID, or an ``xmpp:`` link that holds it.
        :raises AlreadyContact: if they are one, and have that name.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that; what their own server answers
            comes later, as ``error`` of ``xmpp.get_contacts``.
        """
        await self._bitween.contacts.add(jid, nick or "")
        return True

    async def jsonrpc_accept_contact(self, jid: Name) -> Done:
        """
        Accept somebody's request, and ask back.

        :raises UnknownContact: if they do not ask.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.contacts.accept(jid)
        return True

    async def jsonrpc_remove_contact(self, jid: Name) -> Done:
        """
        End it with a contact, in both directions, or refuse a request.

        :raises UnknownContact: if they are neither in the roster nor ask.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.contacts.remove(jid)
        return True

    async def jsonrpc_forget_resource(self, jid: Name, resource: Name) -> Done:
        """
        Drop what is known of a device that is gone for good; our own account's is taken back too.

        :param jid: a contact, or our own bare JID.
        :raises UnknownContact: if that is neither a contact nor ourselves.
        :raises UnknownResource: if the device has announced nothing.
        :raises ResourceOnline: if it is there: it would be back at once.
        :raises NotConnected: if it is our own and there is no XMPP session.
        """
        await self._bitween.shares.forget_resource(jid, resource)
        return True

    @reads
    def jsonrpc_get_blocked(self) -> shapes.Blocked:
        """Whom the server keeps away from us: bare JIDs and domains."""
        return {"blocked": list(self._bitween.contacts.blocked())}

    async def jsonrpc_block(self, jid: Name) -> Done:
        """
        Have the server keep somebody away from us, contact or not.

        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.contacts.block(jid)
        return True

    async def jsonrpc_unblock(self, jid: Name) -> Done:
        """
        Let somebody reach us again.

        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.contacts.unblock(jid)
        return True
