"""Keeps account of how much was exchanged with each contact."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from bitween.app.ports import LedgerPort
from bitween.errors import BitweenError
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.events import PeerMoved
from bitween.model.traffic import Traffic

#: Seconds from a change until it is stored.
STORE_DELAY = 5.0
# The account of traffic for which no contact can be named.
_UNKNOWN = ""


class TrafficAccount:
    """
    Assigns the traffic of peers to the contacts at whose addresses they are.

    A peer that we dialled is known by address and port, one that dialled us by its address alone.
    If several contacts share an address, at home behind one router, the peer could be any of them,
    and its traffic counts for none of them.

    :ivar session: the traffic with all contacts since the start.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        ledger: LedgerPort,
        catalogue: Catalogue,
        relayed: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """
        :param relayed: gives the bare JID of the contact for which an IP address of this machine
            stands at the relay; ``None`` for all other addresses.
        """
        self._reactor = reactor
        self._ledger = ledger
        self._catalogue = catalogue
        self._relayed = relayed
        self._totals = ledger.traffic()
        self.session = Traffic()
        self._changed: set[str] = set()
        self._storing: IDelayedCall | None = None
        self._closing = False

    def of(self, jid: str) -> Traffic:
        """:returns: the traffic with a contact, over all times."""
        return self._totals.get(jid, Traffic())

    @property
    def ever(self) -> Traffic:
        """The traffic with all contacts over all times."""
        return sum(self._totals.values(), Traffic())

    def contact_at(self, address: str, port: int | None) -> str | None:
        """
        Name the contact at an address.

        :param address: an IP address.
        :param port: where the peer listens; ``None`` if it dialled us.
        :returns: a bare JID; ``None`` if unknown or ambiguous.
        """
        relayed = self._relayed(address)
        if relayed is not None:
            return relayed
        jids = self._catalogue.jids_at(address, port)
        return next(iter(jids)) if len(jids) == 1 else None

    def record(self, moved: PeerMoved) -> None:
        """Add the traffic of a peer, and store it soon."""
        exchanged = Traffic(moved.downloaded, moved.uploaded)
        self.session += exchanged
        jid = self.contact_at(moved.address, moved.port) or _UNKNOWN
        self._totals[jid] = self.of(jid) + exchanged
        self._changed.add(jid)
        if self._closing:
            self._store()
        elif self._storing is None:
            self._storing = self._reactor.callLater(STORE_DELAY, self._store)

    def close(self) -> None:
        """Store what is new at once, now and from now on."""
        self._closing = True
        if self._storing is not None:
            self._storing.cancel()
            self._store()

    def _store(self) -> None:
        self._storing = None
        changed = {jid: self._totals[jid] for jid in self._changed}
        try:
            self._ledger.keep_traffic(changed)
        except BitweenError as error:
            self._log.error("cannot store the traffic of contacts: {error}", error=error)
            return
        self._changed.clear()
