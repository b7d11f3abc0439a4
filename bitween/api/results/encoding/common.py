"""What the encoders of several subjects share."""

from __future__ import annotations

from collections.abc import Iterable

from bitween.model.address import PeerAddress

Json = dict[str, object]


def addresses(known: Iterable[PeerAddress]) -> list[tuple[str, int]]:
    """
    Addresses as pairs of host and port.

    :param known: the result keeps their order.
    """
    return [(address.address, address.port) for address in known]
