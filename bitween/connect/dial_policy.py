"""What contacts can make us dial, and what not."""

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

#: Different addresses that one contact can have dialled in vain: within so many seconds, so many.
#: A phone that moves from cell to cell and is never met does not come to that.
MAX_FAILED = {3600.0: 32, 86400.0: 128}
#: Of these, ports of one host within a day: a household has no more devices of one account, and who
#: looks around on somebody else's server comes no further.
MAX_PORTS = 8


class DialPolicy:
    """
    Decides which of a contact's addresses are dialled.

    A contact announces what it likes: addresses in our own network among them, at which printers
    and routers answer, and ports of other people's servers.  What we dial, and whether we go on, it
    can see.
    """

    def __init__(
        self,
        clock: IReactorTime,
        own: OwnNetworksPort,
        serves: Callable[[PeerAddress], bool],
        trusted: Collection[Network] = (),
    ) -> None:
        """
        :param serves: whether a BitTorrent client of our own user listens at an address of this
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

        What comes from an address of this machine comes from any user of it: so that counts only
        where a daemon of our own user is.
        """
        if self.is_this_machine(address.address):
            return self._may_dial_here(address)
        return not address.ip.is_link_local

    def needs_proof(self, address: PeerAddress) -> bool:
        """Whether an address would be dialled if its device proved that it is in our network."""
        return (
            address.port >= LOWEST_PORT
            and not self.is_this_machine(address.address)
            and not self._is_elsewhere(address)
            and any(address.ip in i.network for link in self._own.links for i in link)
        )

    def within_budget(self, jid: str, addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
        """
        Choose what is dialled for a contact, and count it as failed until it is known better.

        :param addresses: the best first.
        :returns: those of them for which the contact's budget suffices.
        """
        return [address for address in addresses if self._failed.take(jid, address)]

    def connected(self, jid: str, address: PeerAddress) -> None:
        """Take note that a contact was really met at an address."""
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
