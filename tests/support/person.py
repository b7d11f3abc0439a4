"""A messenger and an observer who waits for what it reports."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from bitween.app.ports import MessengerPort as Port
from bitween.model.announcement import Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.connection import ConnectionState
from bitween.model.contact import Contact, Pending, Subscription
from bitween.model.events import (
    ContactChanged,
    ItemPublished,
    ItemRetracted,
    ItemsRead,
    MessengerEvent,
    PresenceChanged,
    PrivateListingReceived,
)
from tests.support.waiting import described, in_time

TIMEOUT = 60


class Person:
    """A messenger with an observer of its events."""

    def __init__(
        self,
        messenger: Port,
        start: Callable[[], object],
        stop: Callable[[], Deferred[None]],
    ) -> None:
        self.messenger = messenger
        self.start = start
        self.stop = stop
        self.told: list[MessengerEvent] = []
        self.catalogue = Catalogue()
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        messenger.events.subscribe(self._hear)

    @property
    def jid(self) -> str:
        """The bare JID."""
        return self.messenger.own_jid

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when the condition holds; it is looked at upon every event."""
        waiting = in_time(Deferred[None](), described(condition), TIMEOUT)
        self._waiting.append((condition, waiting))
        self._look()
        return waiting

    def online(self) -> Deferred[None]:
        """Fires when there is a session."""
        return self.until(lambda: self.messenger.status.state is ConnectionState.ONLINE)

    def contact(self, other: Person) -> Contact | None:
        """The roster entry of another person."""
        return next((c for c in self.messenger.contacts if c.jid == other.jid), None)

    def friends_with(self, other: Person) -> bool:
        """Whether both subscriptions stand."""
        contact = self.contact(other)
        return contact is not None and contact.subscription is Subscription.BOTH

    def pending(self, other: Person) -> Pending | None:
        """Whose answer is waited for."""
        contact = self.contact(other)
        return None if contact is None else contact.pending

    def sees(self, other: Person, resource: str, *shares: Share) -> bool:
        """Whether a resource of another person lists just these."""
        listing = self.catalogue.listings(other.jid).get(resource)
        return listing is not None and list(listing.announcement.shares.values()) == list(shares)

    def _hear(self, event: MessengerEvent) -> None:
        self.told.append(event)
        if isinstance(event, ItemPublished):
            self.catalogue.replace_item(event.jid, event.item_id, event.announcements)
        elif isinstance(event, ItemRetracted):
            self.catalogue.remove_item(event.jid, event.item_id)
        elif isinstance(event, ItemsRead):
            self.catalogue.replace_items(event.jid, event.items)
        elif isinstance(event, PrivateListingReceived):
            self.catalogue.private.apply_page(event.jid, event.resource, event.page)
        elif isinstance(event, ContactChanged) and not event.contact.trusted:
            self.catalogue.forget(event.contact.jid)
        elif isinstance(event, PresenceChanged):
            self.catalogue.set_online(event.jid, event.resource, event.online)
        self._look()

    def _look(self) -> None:
        for entry in list(self._waiting):
            condition, waiting = entry
            if waiting.called:
                self._waiting.remove(entry)
            elif condition():
                self._waiting.remove(entry)
                waiting.callback(None)
