"""Keeps Python's garbage collector from blocking the reactor."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading_for_good() -> Iterator[None]:
    """
    Load objects that stay, and exempt them from garbage collection.

    Otherwise the collector would go through all of them repeatedly, for up to 100 ms at a time for
    half a million objects, and find nothing.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
