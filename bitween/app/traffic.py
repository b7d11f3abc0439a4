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

#: Seconds until what is new is stored.
KEEPING = 5.0
# What nobody can be said to have brought or taken is on this account.
_NOBODY = ""


class TrafficAccount:
    """
    Books what peers brought and took to the contacts at whose addresses they are.

    A peer whom we dialled is known by address and port, one who dialled us by the address alone: if
    several contacts share one, at home behind one router, nobody can tell which of them it was, and
    it counts for none of them.

    :ivar session: what was exchanged with everybody since the start.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        ledger: LedgerPort,
        catalogue: Catalogue,
        relayed: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """:param relayed: tells who has an address of this machine that stands for a contact."""
        self._reactor = reactor
        self._ledger = ledger
        self._catalogue = catalogue
        self._relayed = relayed
        self._totals = ledger.traffic()
        self.session = Traffic()
        self._changed: set[str] = set()
        self._keeping: IDelayedCall | None = None
        self._closing = False

    def of(self, jid: str) -> Traffic:
        """What was exchanged with a contact."""
        return self._totals.get(jid, Traffic())

    @property
    def ever(self) -> Traffic:
        """What was exchanged with everybody over all times."""
        return sum(self._totals.values(), Traffic())

    def whose(self, address: str, port: int | None) -> str | None:
        """
        The contact who is at an address.

        :param port: where a peer listens; ``None`` where it dialled us.
        :returns: a bare JID; ``None`` where that cannot be told.
        """
        relayed = self._relayed(address)
        if relayed is not None:
            return relayed
        jids = self._catalogue.jids_at(address, port)
        return next(iter(jids)) if len(jids) == 1 else None

    def book(self, moved: PeerMoved) -> None:
        """Take note of an exchange."""
        exchanged = Traffic(moved.downloaded, moved.uploaded)
        self.session += exchanged
        jid = self.whose(moved.address, moved.port) or _NOBODY
        self._totals[jid] = self.of(jid) + exchanged
        self._changed.add(jid)
        if self._closing:
            self._keep()
        elif self._keeping is None:
            self._keeping = self._reactor.callLater(KEEPING, self._keep)

    def close(self) -> None:
        """Keep what is new at once, and from now on always."""
        self._closing = True
        if self._keeping is not None:
            self._keeping.cancel()
            self._keep()

    def _keep(self) -> None:
        self._keeping = None
        changed = {jid: self._totals[jid] for jid in self._changed}
        try:
            self._ledger.keep_traffic(changed)
        except BitweenError as error:
            self._log.error("the account of traffic could not be stored: {error}", error=error)
            return
        self._changed.clear()
