"""
Everything that knows wokkel.

This module runs before any import of wokkel, and mends what has to be mended for it.
"""

from __future__ import annotations

import secrets

from twisted.python import compat
from twisted.words.xish import domish

if not hasattr(compat, "_PY3"):
    # wokkel 18.0.0, its last release, asks for this name, which Twisted has dropped.
    compat._PY3 = True  # type: ignore[attr-defined]  # noqa: SLF001  # it is what wokkel asks for


def _add_random_id(element: domish.Element) -> None:
    """Give a stanza an id that nobody can guess: who guesses it could answer in another's place."""
    element["id"] = secrets.token_hex(12)


# Twisted's own counts upwards.
domish.Element.addUniqueId = _add_random_id
