"""
The XMPP side; nothing outside of this package imports wokkel.

This module runs before any import of wokkel, and patches what wokkel needs.
"""

from __future__ import annotations

import secrets

from twisted.python import compat
from twisted.words.xish import domish

if not hasattr(compat, "_PY3"):
    # wokkel 18.0.0, its last release, uses this name, which Twisted has dropped.
    compat._PY3 = True  # type: ignore[attr-defined]  # noqa: SLF001  # wokkel uses it


def _add_random_id(element: domish.Element) -> None:
    """Give a stanza an unpredictable id: others could forge the answer to a predictable one."""
    element["id"] = secrets.token_hex(12)


# Twisted's own ids count upwards.
domish.Element.addUniqueId = _add_random_id
