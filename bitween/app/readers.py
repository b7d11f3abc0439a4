"""
The readers of our shares: what the roster says of each account, as far as it decides about access.

The roster as we last acted on it is stored.  So what other clients of the account change while we
are not running is found at the next log-in, and what a crash has interrupted is done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bitween.app.ports import MessengerPort, ReadersPort
from bitween.model.access import Reader
from bitween.model.contact import Contact, Subscription
from bitween.model.events import ContactChanged, ContactRemoved, MessengerEvent, RosterRead
from bitween.util.observable import Observable


@dataclass(frozen=True, slots=True)
class ReadersChanged:
    """
    The roster says something else of some accounts.

    :param before: what it said before of those that were known; by bare JID.
    :param after: what it says now, of all of them.
    """

    before: Mapping[str, Reader]
    after: Mapping[str, Reader]


class Readers:
    """
    Follows the roster.

    :ivar changes: hands out each change; the subscriber that has acted on one calls :meth:`keep`.
    """

    def __init__(self, messenger: MessengerPort, memory: ReadersPort) -> None:
        self._messenger = messenger
        self._memory = memory
        self._readers: dict[str, Reader] = dict(memory.readers())
        self.changes: Observable[ReadersChanged] = Observable()
        messenger.events.subscribe(self._messenger_event)

    def __iter__(self) -> Iterator[Reader]:
        return iter(list(self._readers.values()))

    def get(self, jid: str) -> Reader:
        """
        What the roster says of an account.

        :param jid: bare.
        """
        if jid == self._messenger.own_jid:
            return Reader(jid, ours=True, contact=True)
        return self._readers.get(jid, Reader(jid))

    def keep(self, change: ReadersChanged) -> None:
        """
        Store a change: what follows from it is done.

        :raises StoreError: if it cannot be stored.
        """
        self._memory.keep_readers(change.after)

    def _messenger_event(self, event: MessengerEvent) -> None:
        match event:
            case RosterRead():
                present = {c.jid: reader_of(c) for c in self._messenger.contacts}
                absent = self._readers.keys() - present.keys()
                self._update({**{jid: Reader(jid) for jid in absent}, **present})
            case ContactChanged(contact=contact):
                self._update({contact.jid: reader_of(contact)})
            case ContactRemoved(jid=jid):
                self._update({jid: Reader(jid)})
            case _:
                pass

    def _update(self, now: Mapping[str, Reader]) -> None:
        after = {
            jid: reader
            for jid, reader in now.items()
            if self._readers.get(jid, Reader(jid)) != reader
        }
        if after:
            before = {jid: self._readers[jid] for jid in after if jid in self._readers}
            self._readers.update(after)
            self.changes.notify(ReadersChanged(before, after))


def reader_of(contact: Contact) -> Reader:
    """What the roster says of a contact as a reader."""
    sees_us = contact.subscription in (Subscription.FROM, Subscription.BOTH)
    return Reader(
        contact.jid,
        frozenset(contact.groups),
        contact=sees_us and not contact.is_service,
        blocked=contact.blocked,
    )
