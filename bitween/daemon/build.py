"""
Step 2 of a start: make every part.

A part gets those that it needs as arguments of its constructor, so the order of the lines is that
of the needs.  Nothing runs yet.  Where two parts need each other, :mod:`bitween.daemon.wire`
connects them later.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.logger import globalLogPublisher

from bitween.api.events.log import EventLog
from bitween.api.events.recorder import Recorder
from bitween.api.http.session_file import SessionFile
from bitween.api.http.token_file import load_or_make_token
from bitween.api.http.tokens import TokenStore
from bitween.api.metrics.metrics import Metrics
from bitween.api.metrics.reactor_lag import ReactorLag
from bitween.api.service import ApiService
from bitween.api.site_map import make_site
from bitween.app.application import ApplicationOptions, Bitween
from bitween.app.devices import DeviceTrust
from bitween.app.ports import Ports
from bitween.app.seeding import SeedingPolicy
from bitween.app.share_guard import ShareGuard
from bitween.bittorrent.swarm import Swarm
from bitween.connect.dial_policy import DialPolicy
from bitween.connect.ports import ConnectorPorts
from bitween.connect.reachability import ReachabilityTest
from bitween.crypto.device_key import DeviceKey
from bitween.daemon.log_in import DaemonLogIn
from bitween.daemon.parts import ApiParts, DaemonParts, NetworkParts, StorageParts
from bitween.files.browse import Folders
from bitween.files.hashing.hasher import Hasher
from bitween.files.uploads.uploads import Uploads
from bitween.model.access import Access
from bitween.model.address import PeerAddress
from bitween.model.same_network import is_in_own_network
from bitween.network.addresses import InterfaceAddresses, interface_addresses
from bitween.network.dial_back import DialBacks
from bitween.network.kernel_sockets import OwnServers
from bitween.network.local_peers import LocalPeers
from bitween.network.loopback_gate import LoopbackGate
from bitween.network.neighbours import Neighbours
from bitween.network.prober import Prober
from bitween.network.reflexive import NatDiscovery
from bitween.network.relay import Relay
from bitween.network.suspend import SuspendDetector
from bitween.network.tcp_probe import dial
from bitween.settings.settings import Settings
from bitween.storage.api_location import places
from bitween.storage.catalogue_cache import CatalogueCache
from bitween.storage.database import Database
from bitween.storage.device_key_file import FILE_NAME as KEY_FILE
from bitween.storage.device_key_file import load_or_make_device_secret
from bitween.storage.state_dir import StateDirectory
from bitween.web.page import web_pages
from bitween.xmpp.messenger import Messenger, MessengerOptions
from bitween.xmpp.roster.policy import SubscriptionPolicy
from bitween.xmpp.session.client import Client
from bitween.xmpp.statements import Statements


def open_storage(reactor: Any, settings: Settings, state: StateDirectory) -> StorageParts:
    """
    Open everything that the state directory keeps.

    :param reactor: the reactor, in all its roles.
    :param state: the state directory, which is claimed already.
    :raises ConfigurationError: if a file with tokens cannot be used.
    :raises StoreError: if a database cannot be opened.
    :raises StartupError: if the key of this device cannot be read or made.
    """
    token = load_or_make_token(settings.files.token_file)
    tokens = TokenStore.load(token, state.file("tokens.json"))
    return StorageParts(
        token=token,
        tokens=tokens,
        sessions=SessionFile(state.file("sessions.json"), tokens.fingerprint),
        database=Database.open(state.file("bitween.sqlite")),
        cache=CatalogueCache.open(reactor, state.file("catalogue.sqlite")),
        key=DeviceKey(load_or_make_device_secret(state.file(KEY_FILE), DeviceKey.new_secret)),
    )


def build(
    reactor: Any, settings: Settings, storage: StorageParts, log_in: DaemonLogIn
) -> DaemonParts:
    """
    Make every part; nothing runs yet.

    :param reactor: the reactor, in all its roles.
    :param log_in: the account, and what to do if the server rejects it.
    """
    hasher = Hasher(reactor, hidden=settings.files.share_hidden, private=settings.files.private)
    swarm = Swarm(reactor, storage.database, settings.swarm)
    read_addresses = partial(interface_addresses, settings.temporary_addresses)
    addresses = InterfaceAddresses(reactor, settings.announce, read_addresses)
    devices = DeviceTrust(storage.database, settings.trust)
    own = log_in.account.jid.partition("/")
    devices.set_own(own[0], own[2], storage.key.public)
    statements = Statements(storage.key, devices, storage.database)
    messenger = _build_messenger(
        reactor, settings, storage, addresses, log_in, statements=statements
    )
    network = _build_network(reactor, settings, addresses, swarm, messenger)
    ports = Ports(
        swarm=swarm,
        hasher=hasher,
        messenger=messenger,
        own_addresses=addresses,
        memory=storage.database,
        cache=storage.cache,
        connect=_connector_ports(network, messenger),
    )
    bitween = Bitween(
        ports,
        _application_options(settings),
        reactor,
        reactor.stop,
        checks=(network.reachability.finding,),
        devices=devices,
    )
    uploads = Uploads(reactor, settings.files.download_dir, swarm.coming)
    candidates = bitween.shares.catalogue.candidates
    return DaemonParts(
        hasher=hasher,
        swarm=swarm,
        messenger=messenger,
        network=network,
        uploads=uploads,
        bitween=bitween,
        dial_backs=DialBacks(reactor, addresses, candidates, network.policy),
        api=_build_api(reactor, settings, storage, bitween, uploads),
    )


def _build_messenger(
    reactor: Any,
    settings: Settings,
    storage: StorageParts,
    addresses: InterfaceAddresses,
    log_in: DaemonLogIn,
    *,
    statements: Statements,
) -> Messenger:
    account = replace(log_in.account, proven=log_in.proven)
    client = Client(reactor, account, log_in.refused, log_traffic=settings.log_traffic)
    options = MessengerOptions(
        settings.priority,
        SubscriptionPolicy(settings.nick, settings.auto_accept),
        settings.in_band_limit,
    )
    is_at_home = partial(_is_in_our_network, addresses)
    return Messenger(reactor, client, options, storage.database, is_at_home, statements=statements)


def _build_network(
    reactor: Any,
    settings: Settings,
    addresses: InterfaceAddresses,
    swarm: Swarm,
    messenger: Messenger,
) -> NetworkParts:
    gate = LoopbackGate(partial(_peer_sockets, swarm))
    serves = partial(_serves_behind_gate, gate, OwnServers(reactor))
    policy = DialPolicy(reactor, addresses, serves, settings.trusted_networks)
    target = partial(_local_swarm_address, swarm)
    nat = NatDiscovery(reactor, addresses, messenger.query_external_address)
    woke = partial(_woke, messenger, addresses, nat)
    return NetworkParts(
        addresses=addresses,
        gate=gate,
        policy=policy,
        local_peers=LocalPeers(
            reactor, gate, partial(_peer_sockets, swarm), policy.is_this_machine
        ),
        neighbours=Neighbours(reactor, lambda: addresses.links, messenger.prove),
        prober=Prober(reactor, partial(dial, reactor)),
        relay=Relay(reactor, messenger.streams, target, gate),
        nat=nat,
        reachability=ReachabilityTest(reactor, addresses, messenger.dial_back),
        suspend=SuspendDetector(reactor, woke, swarm.clock_was_set_back),
    )


def _connector_ports(network: NetworkParts, messenger: Messenger) -> ConnectorPorts:
    return ConnectorPorts(
        network.prober,
        messenger,
        messenger.wants,
        network.relay,
        network.neighbours,
        network.policy,
    )


def _build_api(
    reactor: Any, settings: Settings, storage: StorageParts, bitween: Bitween, uploads: Uploads
) -> ApiParts:
    log = EventLog()
    metrics = Metrics(bitween, log, reactor)
    site = make_site(
        bitween,
        reactor,
        storage.tokens,
        settings.api_hosts,
        pages=web_pages(),
        log=log,
        metrics=metrics,
        folders=Folders(reactor, settings.files.share_roots, settings.files.share_hidden),
        uploads=uploads,
        settings=settings.shown,
        remembered=storage.sessions,
    )
    service = ApiService(
        reactor,
        settings.api,
        site,
        token=storage.token,
        jid=settings.account.jid,
        places=places(settings.account.jid, settings.files.state_dir, os.environ),
    )
    recorder = Recorder(bitween, log, reactor, globalLogPublisher)
    return ApiParts(recorder, ReactorLag(reactor, metrics.reactor_was_late), service)


def _application_options(settings: Settings) -> ApplicationOptions:
    return ApplicationOptions(
        settings.files.download_dir,
        limits=settings.swarm.limits,
        schedule=settings.schedule,
        seeding=SeedingPolicy(settings.seed_ratio, settings.seed_hours * 3600),
        guard=share_guard(settings),
        share_with=Access(settings.files.share_with),
        allow_plain_peers=settings.swarm.plain_port is not None,
    )


def share_guard(settings: Settings) -> ShareGuard:
    """Make what keeps secrets from being shared."""
    return ShareGuard(settings.files.private, hidden=settings.files.share_hidden)


def _woke(messenger: Messenger, addresses: InterfaceAddresses, nat: NatDiscovery) -> None:
    """Check everything that may have changed while the machine was suspended."""
    messenger.client.look_alive()
    addresses.update()
    nat.query()


def _is_in_our_network(addresses: InterfaceAddresses, address: PeerAddress) -> bool:
    return is_in_own_network(address, (candidate.address for candidate in addresses.candidates))


def _serves_behind_gate(gate: LoopbackGate, servers: OwnServers, address: PeerAddress) -> bool:
    # Where other users cannot be kept out, nobody on this machine may connect.
    return gate.holds and servers.serves(address)


def _peer_sockets(swarm: Swarm) -> list[tuple[str, int]]:
    """All sockets on which peers connect, of sealed and of plain torrents."""
    return [*swarm.listening, *swarm.plain_listening]


def _local_swarm_address(swarm: Swarm) -> PeerAddress | None:
    """The address at which this machine itself dials our BitTorrent port over IPv4."""
    for address, port in swarm.listening:
        if ":" not in address:
            here = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104  # compared
            return PeerAddress(here, port)
    return None
