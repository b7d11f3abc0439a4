"""Who may connect: nobody but those who were named, before a byte of BitTorrent is spoken."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from bitween.bittorrent.engine._libtorrent import lt

Network = IPv4Network | IPv6Network

#: Seconds from one time that libtorrent is told to the next: with 20,000 networks it takes 8 ms.
PAUSE = 0.1

#: First and last address of each family.
EVERYWHERE = (
    ("0.0.0.0", "255.255.255.255"),  # noqa: S104  # a range, no socket
    ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)
_ADMITTED, _REFUSED = 0, 1  # the flag of ip_filter.hpp, which has no name in Python


class Clock(Protocol):
    """What is needed of the reactor."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002  # the interface's name
        *args: object,
        **kwargs: object,
    ) -> IDelayedCall:
        """Call something later."""

    def seconds(self) -> float:
        """The time, from an arbitrary beginning."""


class IpFilter:
    """
    The filter of a session, closed to everybody at first.

    Several changes in a row are made in one go.  Networks that are named must not overlap, unless
    they are the same.
    """

    def __init__(self, clock: Clock, set_filter: Callable[[lt.ip_filter], object]) -> None:
        """:param set_filter: that of the session; it parts from peers who may not be there."""
        self._clock = clock
        self._set_filter = set_filter
        self._filter = lt.ip_filter()
        self._waiting: list[Callable[[], object]] = []
        self._telling: IDelayedCall | None = None
        self._told = clock.seconds() - PAUSE
        for first, last in EVERYWHERE:
            self._filter.add_rule(first, last, _REFUSED)
        set_filter(self._filter)

    def admit(self, networks: Iterable[Network]) -> None:
        """Let those in who come from these networks."""
        self._rule(networks, _ADMITTED)

    def refuse(self, networks: Iterable[Network]) -> None:
        """Let them in no more, and have them leave who are there."""
        self._rule(networks, _REFUSED)

    def settle(self) -> None:
        """Have what was said hold from now on."""
        if self._telling is not None:
            self._telling.cancel()
            self._tell()

    def take_over(self, other: IpFilter) -> None:
        """Let in whom the door of another session lets in, from now on."""
        other.settle()
        self._filter = other._filter
        self._set_filter(self._filter)

    def when_settled(self, do: Callable[[], object]) -> None:
        """Do something as soon as what was said holds."""
        if self._telling is None:
            do()
        else:
            self._waiting.append(do)

    def close(self) -> None:
        """Tell the session nothing any more."""
        self._waiting.clear()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def _rule(self, networks: Iterable[Network], rule: int) -> None:
        for network in networks:
            first, last = network.network_address, network.broadcast_address
            self._filter.add_rule(str(first), str(last), rule)
            if self._telling is None:
                wait = max(0.0, self._told + PAUSE - self._clock.seconds())
                self._telling = self._clock.callLater(wait, self._tell)

    def _tell(self) -> None:
        self._telling = None
        self._told = self._clock.seconds()
        self._set_filter(self._filter)
        waiting, self._waiting = self._waiting, []
        for do in waiting:
            do()
