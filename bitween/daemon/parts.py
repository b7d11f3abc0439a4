"""The parts of the daemon, in groups: values that hand them from one step to the next."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.api.events.recorder import Recorder
from bitween.api.http.session_file import SessionFile
from bitween.api.http.tokens import TokenStore
from bitween.api.metrics.reactor_lag import ReactorLag
from bitween.api.service import ApiService
from bitween.app.application import Bitween
from bitween.bittorrent.swarm import Swarm
from bitween.connect.dial_policy import DialPolicy
from bitween.connect.reachability import ReachabilityTest
from bitween.crypto.device_key import DeviceKey
from bitween.files.hashing.hasher import Hasher
from bitween.files.uploads.uploads import Uploads
from bitween.network.addresses import InterfaceAddresses
from bitween.network.dial_back import DialBacks
from bitween.network.local_peers import LocalPeers
from bitween.network.loopback_gate import LoopbackGate
from bitween.network.neighbours import Neighbours
from bitween.network.prober import Prober
from bitween.network.reflexive import NatDiscovery
from bitween.network.relay import Relay
from bitween.network.suspend import SuspendDetector
from bitween.storage.catalogue_cache import CatalogueCache
from bitween.storage.database import Database
from bitween.xmpp.messenger import Messenger


@dataclass(frozen=True, slots=True)
class StorageParts:
    """
    What outlives the daemon.

    :param token: the API's own token.
    :param tokens: that one and further ones.
    :param key: of this device.
    """

    token: str
    tokens: TokenStore
    sessions: SessionFile
    database: Database
    cache: CatalogueCache
    key: DeviceKey


@dataclass(frozen=True, slots=True)
class NetworkParts:
    """The parts that know this machine's sockets and addresses."""

    addresses: InterfaceAddresses
    gate: LoopbackGate
    policy: DialPolicy
    local_peers: LocalPeers
    neighbours: Neighbours
    prober: Prober
    relay: Relay
    nat: NatDiscovery
    reachability: ReachabilityTest
    suspend: SuspendDetector


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The parts that serve clients over HTTP."""

    recorder: Recorder
    lag: ReactorLag
    service: ApiService


@dataclass(frozen=True, slots=True)
class DaemonParts:
    """Every part that is wired or started."""

    hasher: Hasher
    swarm: Swarm
    messenger: Messenger
    network: NetworkParts
    uploads: Uploads
    bitween: Bitween
    dial_backs: DialBacks
    api: ApiParts
