"""The XMPP side as the application sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from wokkel.generic import FallbackHandler
from wokkel.ping import PingHandler

from bitween.errors import LogInRefused
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.connection import ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.events import ConnectionChanged, MessengerEvent, PresenceChanged
from bitween.observable import Observable
from bitween.xmpp.blocking import BlockList
from bitween.xmpp.caps import Caps
from bitween.xmpp.client import Account, Client
from bitween.xmpp.contacts import Contacts, Manners
from bitween.xmpp.pep import Pep


class Messenger:
    """
    Speaks XMPP: implements the application's port of this name.

    :ivar client: the service to start and stop.
    :ivar events: what comes from the server and the contacts.
    """

    def __init__(
        self,
        reactor: Any,
        account: Account,
        fatal: Callable[[LogInRefused], None],
        *,
        manners: Manners | None = None,
        **options: Any,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param fatal: called if the first log-in is refused for good.
        :param manners: how we meet those who are no contacts yet.
        :param options: further ones of :class:`bitween.xmpp.client.Client`.
        :raises InvalidValue: if the account's JID is none.
        :raises ConfigurationError: if the account's ``ca_pem`` holds no certificate.
        """
        self.events: Observable[MessengerEvent] = Observable()
        self.client = Client(reactor, account, fatal, **options)
        self._block_list = BlockList(self._blocked_changed)
        self._contacts = Contacts(reactor, self._happened, manners, self._block_list)
        self._pep = Pep(reactor, self.client.budget, self._contacts.trusts, self._happened)
        for handler in (
            *(self._contacts, self._block_list, self._pep),
            *(Caps(), PingHandler(), FallbackHandler()),
        ):
            handler.setHandlerParent(self.client)
        self._in_session = False
        self.client.changes.subscribe(self._connection_changed)

    @property
    def status(self) -> ConnectionStatus:
        """Where the connection stands."""
        return self.client.status

    @property
    def contacts(self) -> Sequence[Contact]:
        """The roster and those who ask to be in it, sorted by JID."""
        return self._contacts.contacts

    @property
    def blocked(self) -> Sequence[str]:
        """The bare JIDs and domains that the server keeps away from us, sorted."""
        return self._block_list.blocked

    @property
    def own_jid(self) -> str:
        """Our bare JID."""
        return str(self.client.jid.userhost())

    def trusts(self, jid: str) -> bool:
        """Whether this bare JID's word counts: a contact whom we follow, or ourselves."""
        return self._contacts.trusts(jid)

    def announce(self, shares: Sequence[Share], addresses: Sequence[PeerAddress]) -> None:
        """
        Have contacts told this, soon; now or as soon as there is a connection.

        :param shares: oldest first.
        """
        self._pep.announce(shares, addresses)

    def add_contact(self, jid: str, nick: str) -> Deferred[None]:
        """Ask to see a contact's presence, and let the request that answers ours in."""
        return Deferred.fromCoroutine(self._contacts.add(jid, nick))

    def accept_contact(self, jid: str) -> Deferred[None]:
        """Accept a pending request, and ask back."""
        return Deferred.fromCoroutine(self._contacts.accept(jid))

    def remove_contact(self, jid: str) -> Deferred[None]:
        """End both subscriptions, or refuse a pending request."""
        return Deferred.fromCoroutine(self._contacts.remove(jid))

    def retract(self, resource: str) -> Deferred[None]:
        """Take back what another device of our account announced."""
        return self._pep.retract(resource)

    def block(self, jid: str) -> Deferred[None]:
        """Have the server keep somebody away from us."""
        return Deferred.fromCoroutine(self._block_list.block(jid))

    def unblock(self, jid: str) -> Deferred[None]:
        """Let somebody reach us again."""
        return Deferred.fromCoroutine(self._block_list.unblock(jid))

    def _blocked_changed(self, jids: frozenset[str]) -> None:
        self._contacts.blocked_changed(jids)

    def _happened(self, event: MessengerEvent) -> None:
        self.events.notify(event)
        own = self.own_jid
        if isinstance(event, PresenceChanged) and event.online and event.jid != own:
            # The server has sent only the last item of the node, which is one resource's.
            self._pep.read(event.jid)

    def _connection_changed(self, status: ConnectionStatus) -> None:
        before, self._in_session = self._in_session, self.client.in_session
        self.events.notify(ConnectionChanged(status=status))
        if self._in_session and not before:
            self._pep.begin()
