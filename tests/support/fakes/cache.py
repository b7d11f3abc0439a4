"""A cache of the catalogue in memory: the port of ``ports.CatalogueCache``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bitween.model.announcement import Share
from bitween.model.catalogue.changes import CatalogueChange, ResourceRecord


class FakeCache:
    """
    Gives what a test has put there.

    :ivar kept: what an earlier run knew.
    :ivar noted: the changes of this one.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[ResourceRecord, Sequence[Share]]] = []
        self.noted: list[CatalogueChange] = []

    def load(self) -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
        """Give what an earlier run knew."""
        yield from self.kept

    def note(self, change: CatalogueChange) -> None:
        """Keep a change."""
        self.noted.append(change)
