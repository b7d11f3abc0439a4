"""Items as a PEP node publishes them."""

from __future__ import annotations

from typing import Any

from bitween.xmpp.namespaces import NS_SHARES
from tests.support.items import xml

HASH = "0123456789abcdef0123456789abcdef01234567"


def in_item(content: str) -> Any:
    """An item with this in its ``user_shares``."""
    return xml(f"<item id='x'><user_shares xmlns='{NS_SHARES}'>{content}</user_shares></item>")
