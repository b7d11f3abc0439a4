"""Which addresses may connect: only those that are allowed, before any byte of BitTorrent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall

from bitween.bittorrent.engine._libtorrent import lt

Network = IPv4Network | IPv6Network

#: Seconds from one update of libtorrent's filter to the next: with 20,000 networks it takes 8 ms.
PAUSE = 0.1

#: First and last address of each family.
ALL_ADDRESSES = (
    ("0.0.0.0", "255.255.255.255"),  # noqa: S104  # a range, no socket
    ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
)
_ALLOWED, _DENIED = 0, 1  # the flag of ip_filter.hpp, which has no name in Python


class Clock(Protocol):
    """What the filter and the session need of the reactor: parts of IReactorTime."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002  # the interface's name
        *args: object,
        **kwargs: object,
    ) -> IDelayedCall:
        """
        Call something later.

        :param delay: seconds.
        :param callable: called once with the other arguments, after the delay.
        :returns: a handle with which the call can be cancelled.
        """

    def seconds(self) -> float:
        """Tell the time in seconds, from an arbitrary beginning."""


class IpFilter:
    """
    The filter of a session; at first it denies every address.

    Several changes in a row are handed to libtorrent together.  Networks must be equal or disjoint.
    """

    def __init__(self, clock: Clock, set_filter: Callable[[lt.ip_filter], object]) -> None:
        """
        :param set_filter: called with the whole filter now, and after changes; hands it to the
            session, which disconnects denied peers.
        """
        self._clock = clock
        self._set_filter = set_filter
        self._filter = lt.ip_filter()
        self._waiting: list[Callable[[], object]] = []
        self._flushing: IDelayedCall | None = None
        self._flushed_at = clock.seconds() - PAUSE
        for first, last in ALL_ADDRESSES:
            self._filter.add_rule(first, last, _DENIED)
        set_filter(self._filter)

    def allow(self, networks: Iterable[Network]) -> None:
        """
        Let peers from these networks connect.

        :param networks: equal to or disjoint from those of earlier calls.  They are in force within
            :data:`PAUSE` seconds, or after :meth:`flush`.
        """
        self._rule(networks, _ALLOWED)

    def deny(self, networks: Iterable[Network]) -> None:
        """
        Refuse peers from these networks, and disconnect those that are connected.

        :param networks: see :meth:`allow`.
        """
        self._rule(networks, _DENIED)

    def flush(self) -> None:
        """Hand changes to libtorrent now."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flush()

    def copy_from(self, other: IpFilter) -> None:
        """Allow and deny the same as the filter of another session."""
        other.flush()
        self._filter = other._filter
        self._set_filter(self._filter)

    def after_flush(self, do: Callable[[], object]) -> None:
        """
        Do something as soon as libtorrent has all changes.

        :param do: called without arguments: before this method returns if no change is waiting, and
            never if the filter is closed before.
        """
        if self._flushing is None:
            do()
        else:
            self._waiting.append(do)

    def close(self) -> None:
        """Stop handing changes to the session."""
        self._waiting.clear()
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None

    def _rule(self, networks: Iterable[Network], rule: int) -> None:
        for network in networks:
            first, last = network.network_address, network.broadcast_address
            self._filter.add_rule(str(first), str(last), rule)
            if self._flushing is None:
                wait = max(0.0, self._flushed_at + PAUSE - self._clock.seconds())
                self._flushing = self._clock.callLater(wait, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        self._flushed_at = self._clock.seconds()
        self._set_filter(self._filter)
        waiting, self._waiting = self._waiting, []
        for do in waiting:
            do()
