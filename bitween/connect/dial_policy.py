"""Decides what contacts can make this daemon dial, and from where they may connect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address

from twisted.internet.interfaces import IReactorTime

from bitween.connect.ports import OwnNetworksPort
from bitween.model.address import LOWEST_PORT, PeerAddress
from bitween.model.candidate import CandidateKind
from bitween.model.dial_budget import DialBudget
from bitween.model.network_link import Network
from bitween.model.same_network import is_in_own_network

#: Different addresses that one contact can have dialled in vain: how many within how many seconds.
#: A phone that moves from cell to cell and is never reached stays below.
MAX_FAILED = {3600.0: 32, 86400.0: 128}
#: Of these, ports of one host within a day.  A household rarely has more devices of one account,
#: and a contact cannot have another person's server scanned.
MAX_PORTS = 8


class DialPolicy:
    """
    Decides which of a contact's addresses are dialled.

    A contact can announce any address: those of printers and routers in our own network, or ports
    of other people's servers.  It can see what we dial, and whether an address answered us.
    """

    def __init__(
        self,
        clock: IReactorTime,
        own: OwnNetworksPort,
        serves: Callable[[PeerAddress], bool],
        trusted: Collection[Network] = (),
    ) -> None:
        """
        :param serves: whether a BitTorrent client of the same user listens at an address of this
            machine.
        :param trusted: private networks in which contacts are dialled without further proof.
        """
        self._own = own
        self._serves = serves
        self._trusted = trusted
        self._failed = DialBudget(clock.seconds, MAX_FAILED, MAX_PORTS)

    def may_dial(self, address: PeerAddress, shared: Iterable[Network] = ()) -> bool:
        """
        Whether a contact may have us dial an address that it has announced.

        :param shared: the networks that its device is known to share with us.
        """
        if address.port < LOWEST_PORT or address.ip.is_link_local:
            return False
        if self.is_this_machine(address.address):
            return self._may_dial_here(address)
        if self._is_elsewhere(address):
            return True
        return any(address.ip in network for network in (*shared, *self._trusted))

    def may_connect_from(self, address: PeerAddress) -> bool:
        """
        Whether a contact may connect to us from an address that it names.

        Every user of this machine can connect from its addresses, so these count only where a
        daemon of the same user listens.
        """
        if self.is_this_machine(address.address):
            return self._may_dial_here(address)
        return not address.ip.is_link_local

    def needs_proof(self, address: PeerAddress) -> bool:
        """Whether an address may be dialled only if its device shares a network with us."""
        return (
            address.port >= LOWEST_PORT
            and not self.is_this_machine(address.address)
            and not self._is_elsewhere(address)
            and any(address.ip in i.network for link in self._own.links for i in link)
        )

    def within_budget(self, jid: str, addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
        """
        Choose the addresses that a contact's budget allows.

        Each counts as failed until :meth:`connected`.

        :param addresses: best first.
        """
        return [address for address in addresses if self._failed.take(jid, address)]

    def connected(self, jid: str, address: PeerAddress) -> None:
        """Note that a contact was connected at an address; it no longer counts as failed."""
        self._failed.give_back(jid, address)

    def is_this_machine(self, address: str) -> bool:
        """Whether an IP address is one of this machine."""
        own = {str(interface.ip) for link in self._own.links for interface in link}
        own |= {c.address.address for c in self._own.candidates if c.kind is CandidateKind.HOST}
        plain = address.partition("%")[0]
        return ip_address(plain).is_loopback or plain in own

    def _may_dial_here(self, address: PeerAddress) -> bool:
        own = [candidate.address for candidate in self._own.candidates]
        # A contact's loopback addresses count only while we announce one ourselves, as a machine
        # without a network does; elsewhere loopback leads to another machine's services.
        if address.is_loopback and not any(place.is_loopback for place in own):
            return False
        if address in own:
            return False
        return self._serves(address)

    def _is_elsewhere(self, address: PeerAddress) -> bool:
        own = (candidate.address for candidate in self._own.candidates)
        return address.is_global and not is_in_own_network(address, own)
