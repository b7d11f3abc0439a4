"""Searches a catalogue in one call."""

from __future__ import annotations

from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.search import UNFILTERED, Filter, FoundPage


def find(
    catalogue: Catalogue,
    query: str = "",
    contact: str | None = None,
    sort: str = "name",
    *,
    offset: int = 0,
    limit: int = 50,
    only: Filter = UNFILTERED,
) -> FoundPage:
    """Search the shares of all contacts, or of one, and show a page of the result."""
    search = catalogue.searches.begin(query, contact, sort, only)
    for _ in search.steps():
        pass
    return catalogue.searches.page(search, offset, limit, contact)
