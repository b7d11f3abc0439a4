"""Dials contacts back on request, so that they learn whether they can be reached."""

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
        """
        Choose the addresses that a contact's budget of failed dials still allows.

        :param jid: bare.
        :param addresses: best first; each that is chosen counts as failed.
        :returns: the chosen ones, in the same order.
        """


class DialBacks:
    """
    Dials only addresses that the requesting device has announced as its own.

    The result is useful to that device, and as little as possible to a contact who wants other
    hosts to be dialled: one connection an address, over which nothing is sent.
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
        :param own: our own addresses.
        :param announced: gives the candidates of a device (bare JID, resource).
        :param policy: decides what contacts can make us dial.
        """
        self._reactor = reactor
        self._own = own
        self._announced = announced
        self._policy = policy

    def dial_back(
        self, jid: str, resource: str, addresses: Sequence[PeerAddress]
    ) -> Deferred[DialBack]:
        """
        Dial a device; the Deferred can be cancelled.

        :param jid: bare.
        :param addresses: those that it wants tested; the ones that may not be dialled are left out.
        """
        announced = {candidate.address for candidate in self._announced(jid, resource)}
        wanted = [a for a in addresses if a in announced and self._may_dial(a)][:MAX_DIALLED]
        dialled = self._policy.within_budget(jid, wanted)
        probes = [dial(self._reactor, address, TIMEOUT) for address in dialled]
        return gatherResults(probes, consumeErrors=True).addCallbacks(
            lambda reached: DialBack(dict(zip(dialled, reached, strict=True))), _first
        )

    def _may_dial(self, address: PeerAddress) -> bool:
        if not self._policy.may_dial(address):
            return False
        if address.is_loopback:
            # Two daemons may run on one machine without a network.
            return True
        # In our own network, the result would tell nothing about the device's router.
        ours = [candidate.address for candidate in self._own.candidates]
        return (
            address.is_global
            and not is_in_own_network(address, ours)
            and any(own.is_ipv6 == address.is_ipv6 and not own.is_loopback for own in ours)
        )


def _first(failure: Failure) -> Failure:
    """Unwrap the failure of one probe; a probe fails only when it is cancelled."""
    error: Any = failure.value
    subfailure: Failure = error.subFailure
    return subfailure
