"""Dials contacts back, so that they learn whether they can be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.model.same_network import is_in_own_network
from bitween.network.addresses import InterfaceAddresses
from bitween.network.tcp_probe import dial

#: seconds for each address.
TIMEOUT = 3.0


class DialBackPolicy(Protocol):
    """Decides what contacts can make us dial."""

    def may_dial(self, address: PeerAddress) -> bool:
        """Whether an address that a contact has announced may be dialled."""

    def within_budget(self, jid: str, addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
        """Choose the addresses that a contact's budget of failed dials still allows."""


class DialBacks:
    """
    Dials only what is the asker's own, as far as anybody can tell.

    What it says is of use to the asker alone, and of as little as possible to somebody who wants to
    have others dialled: one connection an address, over which nothing is sent.
    """

    def __init__(
        self,
        reactor: Any,
        own: InterfaceAddresses,
        announced: Callable[[str, str], Iterable[Candidate]],
        policy: DialBackPolicy,
    ) -> None:
        """
        :param reactor: provides ``IReactorTCP`` and ``IReactorTime``.
        :param announced: what a resource of a bare JID says of where it is.
        :param policy: what contacts can make us dial.
        """
        self._reactor = reactor
        self._own = own
        self._announced = announced
        self._policy = policy

    def dial_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """
        Dial a resource; cancelling gives that up.

        :param addresses: at which it asks to be dialled; those that are not to be are left out.
        """
        theirs = {candidate.address for candidate in self._announced(jid, resource)}
        wanted = [a for a in addresses if a in theirs and self._may_dial(a)][:MAX_DIALLED]
        dialled = self._policy.within_budget(jid, wanted)
        knocks = [dial(self._reactor, address, TIMEOUT) for address in dialled]
        return gatherResults(knocks, consumeErrors=True).addCallbacks(
            lambda reached: DialBack(dict(zip(dialled, reached, strict=True))), _first
        )

    def _may_dial(self, address: PeerAddress) -> bool:
        if not self._policy.may_dial(address):
            return False
        if address.is_loopback:
            # Machines without a network hold daemons that know each other all the same.
            return True
        # To an address in our own network it would tell the asker nothing of its router.
        ours = [candidate.address for candidate in self._own.candidates]
        return (
            address.is_global
            and not is_in_own_network(address, ours)
            and any(own.is_ipv6 == address.is_ipv6 and not own.is_loopback for own in ours)
        )


def _first(failure: Failure) -> Failure:
    """Unwrap the failure of one knock; it fails only if it is given up."""
    error: Any = failure.value
    subfailure: Failure = error.subFailure
    return subfailure
