"""A cache of the catalogue in memory: :class:`bitween.app.ports.CatalogueCachePort`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bitween.model.announcement import Share
from bitween.model.catalogue.changes import CatalogueChange, Key, ResourceRecord
from bitween.model.torrent import InfoHash


class FakeCache:
    """
    Stores what contacts share as long as the test runs.

    :ivar noted: the changes that were stored.
    """

    def __init__(self) -> None:
        self.noted: list[CatalogueChange] = []
        self._kept: dict[Key, tuple[ResourceRecord, dict[InfoHash, Share]]] = {}

    def keep(self, resource: str, record: ResourceRecord, shares: Iterable[Share]) -> None:
        """Have an earlier run store a device."""
        self._kept[record.jid, resource] = record, {share.info_hash: share for share in shares}

    def load(self) -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
        """Load what is stored, one device a step."""
        for record, shares in list(self._kept.values()):
            yield record, list(shares.values())

    def note(self, change: CatalogueChange) -> None:
        """Store a change at once."""
        self.noted.append(change)
        for key, record in change.records.items():
            if record is None:
                self._kept.pop(key, None)
                continue
            shares = {} if record.forgotten else self._kept.get(key, (record, {}))[1]
            self._kept[key] = record, shares
        for holding in (holding for holding in change.gone if not holding.private):
            self._shares(holding.jid, holding.resource).pop(holding.share.info_hash, None)
        for holding in (holding for holding in change.appeared if not holding.private):
            shares = self._shares(holding.jid, holding.resource)
            shares[holding.share.info_hash] = holding.share

    def _shares(self, jid: str, resource: str) -> dict[InfoHash, Share]:
        kept = self._kept.get((jid, resource))
        return {} if kept is None else kept[1]
