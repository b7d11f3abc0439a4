"""
Step 3 of a start: connect the parts for which a constructor was too early.

Each of two parts needs the other, or a part follows the events of one that does not know it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial

from bitween.bittorrent.swarm import Swarm
from bitween.chat import ChatCommands
from bitween.connect.allowlist import PeerAllowlist
from bitween.connect.reachability import DialBackPeer
from bitween.daemon.log_in import DaemonLogIn
from bitween.daemon.parts import DaemonParts
from bitween.errors import (
    BitweenError,
)
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.events import (
    ConnectionChanged,
    ListeningChanged,
    MessengerEvent,
    PeerConnected,
    SwarmEvent,
)
from bitween.network.local_peers import LocalPeers
from bitween.network.loopback_gate import LoopbackGate
from bitween.network.neighbours import Neighbours
from bitween.network.reflexive import NatDiscovery
from bitween.xmpp.extensions.peer_request_server import PeerServices
from bitween.xmpp.messenger import Messenger


def wire(parts: DaemonParts, log_in: DaemonLogIn) -> None:
    """Connect the parts that need each other."""
    bitween, messenger, network = parts.bitween, parts.messenger, parts.network
    catalogue = bitween.shares.catalogue
    parts.swarm.check_metadata_against(catalogue.torrents.sizes)
    network.reachability.ask_from(partial(_dial_back_peers, catalogue, messenger))
    network.relay.hosts_changed.subscribe(partial(_allow_relayed, bitween.allowlist, parts.swarm))
    messenger.serve(
        PeerServices(
            dial_back=parts.dial_backs.dial_back,
            connect=bitween.connection_requested,
            prove=partial(_send_proof, network.neighbours, catalogue),
        )
    )
    connector = bitween.connector
    messenger.wants.serve(
        want=connector.introducer.want,
        done=connector.introducer.done,
        introduce=connector.introduced.introduce,
    )
    messenger.offer_commands(ChatCommands(bitween).all)
    bitween.shares.changes.subscribe(lambda _: network.reachability.refresh())
    parts.swarm.events.subscribe(partial(_guard_sockets, network.gate, network.local_peers))
    messenger.events.subscribe(partial(_connection_changed, messenger, network.nat, log_in))


def _dial_back_peers(catalogue: Catalogue, messenger: Messenger) -> Iterator[DialBackPeer]:
    """The devices that can be asked to dial us: contacts' and our own ones that are online."""
    for jid, announcement in catalogue.online_announcements():
        resource = announcement.resource
        if messenger.is_mutual(jid, resource):
            ours = jid == messenger.own_jid
            yield DialBackPeer(jid, resource, announcement.candidates, ours)


def _allow_relayed(allowlist: PeerAllowlist, swarm: Swarm, hosts: Collection[str]) -> None:
    """Allow relay addresses before they are used; libtorrent does not retry a refused peer soon."""
    allowlist.set("relay", [PeerAddress(host, 1) for host in hosts])
    swarm.flush_ip_filter()


def _send_proof(
    neighbours: Neighbours, catalogue: Catalogue, jid: str, resource: str, token: bytes
) -> None:
    """Send a device the token with which it learns that it shares a network with us."""
    addresses = [c.address.address for c in catalogue.candidates(jid, resource)]
    neighbours.send(token, addresses)


def _connection_changed(
    messenger: Messenger, nat: NatDiscovery, log_in: DaemonLogIn, event: MessengerEvent
) -> None:
    if isinstance(event, ConnectionChanged) and messenger.client.online:
        log_in.succeeded()
        # A session begins: the network may be another one now.
        nat.query()


def _guard_sockets(gate: LoopbackGate, local_peers: LocalPeers, event: SwarmEvent) -> None:
    """Keep other users of this machine away from the BitTorrent port."""
    match event:
        case ListeningChanged():
            # libtorrent opens further sockets when the network changes.
            guard_or_deny(gate)
        case PeerConnected(address=address, port=port):
            local_peers.connected((address, port))


def guard_or_deny(gate: LoopbackGate) -> None:
    """Guard the BitTorrent port; where that fails, no peer on this machine may connect."""
    # The relay reports it.
    with suppress(BitweenError):
        gate.guard()
