"""
The ports of connect/: what it needs of BitTorrent, XMPP, the network and this machine.

connect/ decides whom this daemon dials and opens no socket itself.  Each port has one
implementation in the product (bittorrent/, xmpp/, network/) and one fake in tests/support/fakes/;
the suites in tests/contracts/ run against both.

A ``jid`` is a bare JID everywhere; with a ``resource`` it names one device of the account.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import Key
from bitween.model.introduction import Introduction
from bitween.model.library import Library
from bitween.model.network_link import Link, Network
from bitween.model.peer import Peer
from bitween.model.route import RelayRoute
from bitween.model.torrent import InfoHash
from bitween.util.observable import Observable


class PeerSwarmPort(Protocol):
    """The BitTorrent engine, as far as peers are dialled."""

    @property
    def library(self) -> Library:
        """Our torrents."""

    def offer_peers(self, info_hash: InfoHash, addresses: Sequence[PeerAddress]) -> None:
        """
        Replace the addresses that are dialled for a torrent; existing connections stay.

        :param addresses: best first.
        """

    def dial_simultaneously(
        self, info_hash: InfoHash, tcp: Sequence[PeerAddress], utp: Sequence[PeerAddress]
    ) -> None:
        """
        Dial a peer that dials us at the same time, even for a torrent that is complete.

        :param tcp: addresses that answer.
        :param utp: addresses to dial over uTP, which opens a hole in a NAT (BEP 55).
        """

    def peers(self, info_hash: InfoHash) -> Sequence[Peer]:
        """
        List the peers that are connected for a torrent.

        :raises UnknownTorrent: if there is no such torrent.
        """


class IpFilterPort(Protocol):
    """The filter of the BitTorrent port; it lets no peer connect unless its network is allowed."""

    def allow_peers_from(self, networks: Iterable[Network]) -> None:
        """
        Let peers from these networks connect.

        :param networks: of IPv4 or IPv6; a single address is a network of one address.
        """

    def deny_peers_from(self, networks: Iterable[Network]) -> None:
        """
        Stop letting peers from these networks connect, and disconnect those that are.

        :param networks: as they were allowed; one that was never allowed changes nothing.
        """


class ProberPort(Protocol):
    """Tests which addresses answer; every Deferred can be cancelled."""

    def race(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """
        Find the best address that answers (RFC 8305).

        :param addresses: best first.
        :returns: ``None`` if none answers in time; at once if there are none.
        """

    def find_answering(
        self, addresses: Sequence[PeerAddress], seconds: float
    ) -> Deferred[list[PeerAddress]]:
        """
        Find all addresses that answer.

        :param addresses: in any order.
        :param seconds: after which the answer is given, never earlier.
        :returns: those that answered, in the same order.
        """

    def close(self) -> None:
        """Cancel all probes."""


class PeerRequestsPort(Protocol):
    """Requests to the devices of contacts, over XMPP."""

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """
        Ask a device to dial us for a torrent now.

        :param candidates: ours.
        :returns: the device's candidates.
        :raises BitweenError: if it cannot or does not want to.
        """

    def ping(self, jid: str, resource: str) -> Deferred[bool]:
        """
        Find out whether a device answers (XEP-0199).

        :raises BitweenError: if it cannot be asked.
        """


class WantsPort(Protocol):
    """Tells devices which shares we fetch, and introduces them to each other, over XMPP."""

    def want(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[bool]:
        """
        Tell a device that we begin to fetch a share.

        :returns: true when the share can be dialled, false if the device does not give it to us.
        :raises BitweenError: if it answers otherwise, or not at all.
        """

    def done(self, jid: str, resource: str, info_hash: InfoHash, *, seeds: bool) -> Deferred[bool]:
        """
        Tell a device that we have stopped fetching a share.

        :param seeds: whether we have all of it, and may still be introduced to others.
        :returns: false if the device knows no such share.
        :raises BitweenError: if it answers otherwise, or not at all.
        """

    def introduce(self, jid: str, resource: str, introduction: Introduction) -> Deferred[bool]:
        """
        Tell a device where another member of a share's swarm can be dialled.

        :returns: false if the device does not fetch that share from us.
        :raises BitweenError: if it answers otherwise, or not at all.
        """


class RelayPort(Protocol):
    """Gives each device an address on this machine that leads to it through XMPP servers."""

    def local_address(self, jid: str, resource: str) -> PeerAddress:
        """
        The address to dial for a device; the same one until :meth:`disconnect`.

        :raises BitweenError: if this machine has no such address.
        """

    def device_at(self, address: str) -> Key | None:
        """
        Which device a local address stands for.

        :param address: an IP address.
        :returns: bare JID and resource; ``None`` for any other address.
        """

    def find_route(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find out which relay leads to a device.

        :raises BitweenError: if there is none; its hint says what would help.
        """

    def disconnect(self, jid: str, resource: str) -> None:
        """Break off all streams to and from a device, and release its local address."""


class NeighboursPort(Protocol):
    """Knows which devices share a network with us."""

    def shared_networks(self, jid: str, resource: str) -> Collection[Network]:
        """The networks that a device is known to share with us."""

    def request_proof(self, jid: str, resource: str) -> Deferred[frozenset[Network]]:
        """
        Have a device prove that it shares networks with us.

        :returns: the networks; empty if the device proves none within some seconds.
        """

    def connected(self, jid: str, resource: str, address: str) -> None:
        """
        Note that a device has connected to us from an address.

        :param address: an IP address.
        """

    def forget(self, jid: str, resource: str) -> None:
        """Forget what a device has proved."""

    def interfaces_changed(self) -> None:
        """Forget all proofs: this machine may be in other networks now."""


class DialPolicyPort(Protocol):
    """Decides what contacts can make us dial."""

    def may_dial(self, address: PeerAddress, shared: Collection[Network] = ()) -> bool:
        """
        Whether an address that a contact has announced may be dialled.

        :param shared: the networks that its device is known to share with us.
        """

    def may_connect_from(self, address: PeerAddress) -> bool:
        """Whether a contact may connect to us from an address that it names."""

    def needs_proof(self, address: PeerAddress) -> bool:
        """Whether an address may be dialled only if its device shares a network with us."""

    def within_budget(self, jid: str, addresses: Iterable[PeerAddress]) -> list[PeerAddress]:
        """
        Choose the addresses that a contact's budget of failed dials still allows.

        :param addresses: best first; each that is chosen counts as failed until :meth:`connected`.
        :returns: the chosen ones, in the same order.
        """

    def connected(self, jid: str, address: PeerAddress) -> None:
        """Note that a contact was connected at an address; it no longer counts as failed."""


class AllowlistPort(Protocol):
    """Lets the devices of contacts connect to us."""

    def allow_candidates(self, jid: str, resource: str, addresses: Iterable[PeerAddress]) -> None:
        """
        Let an online device connect also from addresses that it told us alone.

        :param addresses: replace those of an earlier call for the device.
        """

    def set(self, key: Hashable, addresses: Iterable[PeerAddress]) -> None:
        """
        Let peers connect from these addresses.

        :param key: what the addresses belong to; a device, or any other key.
        :param addresses: replace those of an earlier call for the key; the ports do not count.
        """


class OwnNetworksPort(Protocol):
    """Where this machine is in the network."""

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Our own candidates, best first."""

    @property
    def links(self) -> Sequence[Link]:
        """The network interfaces of this machine, with all of their addresses."""


class ReachedAddressesPort(Protocol):
    """Our own addresses, with what is known of whether others can dial them."""

    @property
    def candidates(self) -> Sequence[Candidate]:
        """Our own candidates, best first."""

    @property
    def changes(self) -> Observable[tuple[PeerAddress, ...]]:
        """Notifies of our dialable addresses whenever these, or what is known of them, change."""

    def note_reached(self, reached: Mapping[PeerAddress, bool]) -> None:
        """
        Keep which of our addresses others could dial.

        :param reached: by address, whether a contact could dial it; what is known of all others
            stays.
        """


@dataclass(frozen=True, slots=True)
class ConnectorPorts:
    """What :class:`~bitween.connect.connector.PeerConnector` reaches devices through."""

    prober: ProberPort
    requests: PeerRequestsPort
    wants: WantsPort
    relay: RelayPort
    neighbours: NeighboursPort
    policy: DialPolicyPort
