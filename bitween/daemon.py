"""
The composition: build the parts, wire them, start them.  Only this module sees them all.

A start has four steps, each a function here:

1. :meth:`Daemon._claim` takes the state directory, which one daemon may use.
2. :func:`build` makes every part.  A part gets those that it needs as arguments of its constructor,
   and does nothing yet.
3. :func:`wire` makes the connections for which a constructor is too early, because each of two
   parts needs the other: callbacks, and subscriptions to events.
4. :meth:`Daemon._start` starts the services in the order in which they need each other.  The XMPP
   session comes last, so that contacts read only what is true by then.

The services stop in the reverse order.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

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
from bitween.app.ports import Ports
from bitween.app.seeding import SeedingPolicy
from bitween.app.share_guard import ShareGuard
from bitween.bittorrent.swarm import Swarm
from bitween.chat import ChatCommands
from bitween.connect.allowlist import PeerAllowlist
from bitween.connect.dial_policy import DialPolicy
from bitween.connect.ports import ConnectorPorts
from bitween.connect.reachability import DialBackPeer, ReachabilityTest
from bitween.errors import (
    BitweenError,
    ForbiddenPath,
    LogInRefused,
    StartupError,
    StoreError,
)
from bitween.files.browse import Folders
from bitween.files.hashing.hasher import Hasher
from bitween.files.uploads.uploads import Uploads
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.events import (
    ConnectionChanged,
    ListeningChanged,
    MessengerEvent,
    PeerConnected,
    SwarmEvent,
)
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
from bitween.storage.api_location import places, remove_stale
from bitween.storage.catalogue_cache import CatalogueCache
from bitween.storage.database import Database
from bitween.storage.state_dir import StateDirectory
from bitween.util.gc_freeze import loading_for_good
from bitween.web.page import web_pages
from bitween.xmpp.messenger import Messenger, MessengerOptions
from bitween.xmpp.roster.policy import SubscriptionPolicy
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from bitween.xmpp.session.errors import is_displaced

#: The exit status after another program has logged in with the resource in ``--jid``. A supervisor
#: must not start the daemon again then: the two would throw each other out without end.
DISPLACED_STATUS = 4


@dataclass(frozen=True, slots=True)
class StorageParts:
    """
    What outlives the daemon.

    :param token: the API's own token.
    :param tokens: that one and further ones.
    """

    token: str
    tokens: TokenStore
    sessions: SessionFile
    database: Database
    cache: CatalogueCache


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


class Daemon(MultiService):
    """
    One daemon: it claims its state directory, then starts its parts.

    :ivar bitween: the use cases, ``None`` until the parts are built.
    :ivar started: fires when everything runs; the connection to the server may still be pending.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        account: Account,
        failed: Callable[[str, int], None],
        umask: int | None = None,
    ) -> None:
        """
        :param reactor: the reactor, in all its roles.
        :param account: the bare JID or one with a resource, and the credentials.
        :param failed: called with one line that says why the daemon cannot go on, and the exit
            status; then the reactor stops.
        :param umask: for downloads and folders; ``None`` to leave it as it is.
        """
        super().__init__()
        self.setName("bitween")
        self._reactor = reactor
        self._settings = settings
        self._account = account
        self._failed = failed
        self._umask = umask
        self._state = StateDirectory(settings.files.state_dir)
        self._storage: StorageParts | None = None
        self._parts: DaemonParts | None = None
        self._starting: Deferred[None] | None = None
        self._aborted = False
        self.started: Deferred[None] = Deferred()

    @property
    def bitween(self) -> Bitween | None:
        """The use cases, once they are built."""
        return self._parts.bitween if self._parts is not None else None

    def startService(self) -> None:
        """Start; an error ends the daemon with one line."""
        super().startService()
        # Before the reactor runs, a signal would still end the process without a clean stop.
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> Deferred[object]:
        """Stop everything, then release the state directory."""
        if self._starting is not None:
            self._starting.cancel()
        if self.bitween is not None:
            self.bitween.close()
        stopping: Deferred[object] = super().stopService()
        return stopping.addBoth(self._release)

    def _begin(self) -> None:
        if self._umask is not None:
            # twistd has already changed it where it went to the background.
            os.umask(self._umask)
        self._starting = Deferred.fromCoroutine(self._run())
        self._starting.addCallbacks(self.started.callback, self._not_started)

    async def _run(self) -> None:
        self._claim()
        storage = self._storage = open_storage(self._reactor, self._settings, self._state)
        log_in = LogIn(storage.database, self._settings, self._account, self._abort)
        parts = self._parts = build(self._reactor, self._settings, storage, log_in)
        wire(parts, log_in)
        await self._start(parts)

    def _claim(self) -> None:
        """
        Take the state directory, and make the download directory.

        :raises StartupError: if another daemon uses the one, or the other cannot be made.
        """
        self._state.claim()
        # A file of an earlier run names a port at which another program may listen today.
        remove_stale(self._state.path)
        _make_folder(self._settings.files.download_dir, _share_guard(self._settings))

    async def _start(self, parts: DaemonParts) -> None:
        """Start the services, each after those that it needs."""
        network, bitween = parts.network, parts.bitween
        self._add(network.local_peers, parts.api.recorder, parts.api.lag)
        self._add(parts.hasher, parts.uploads)
        with loading_for_good():
            self._add(parts.swarm)
            await parts.swarm.ready
            _guard(network.gate)
            await bitween.shares.restore()
        self._add(parts.api.service)
        await parts.api.service.ready
        self._add(network.addresses, network.neighbours, network.reachability, network.nat)
        self._add(network.suspend, network.relay)
        # Now that the swarm has loaded the torrents of earlier runs: they are not logged as new.
        self._add(bitween)
        # Last, so that contacts are told only what is already true.
        self._add(parts.messenger.client)

    def _add(self, *services: Service) -> None:
        for service in services:
            service.setServiceParent(self)

    def _not_started(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if not isinstance(failure.value, BitweenError):
            self._log.failure("starting failed", failure)
            self._abort(BitweenError("starting failed", "see the log"))
            return
        self._abort(failure.value)

    def _abort(self, error: BitweenError, status: int = 1) -> None:
        if not self.running:
            return
        self._aborted = True
        self._log.critical("{error}", error=error)
        self._failed(str(error), status)
        self._reactor.stop()

    def _release(self, result: object) -> object:
        if self._storage is not None:
            # After the last of the presences.
            self._storage.cache.close()
        self._state.release()
        if not self._aborted:
            self._log.info("stopped")
        return result


class LogIn:
    """
    The account's resource, and what the state directory remembers of earlier log-ins.

    A state directory is one device of the account, so its resource is chosen once and kept.
    """

    _log = Logger()

    def __init__(
        self,
        store: Database,
        settings: Settings,
        account: Account,
        abort: Callable[[BitweenError, int], None],
    ) -> None:
        """
        :param account: without a resource.
        :param abort: ends the daemon with an error and an exit status.
        """
        self._store = store
        self._settings = settings
        self._abort = abort
        resource = settings.account.resource or store.resource
        if resource is None:
            resource = store.resource = _new_resource()
        self.account = replace(account, jid=f"{settings.account.jid}/{resource}")

    @property
    def proven(self) -> bool:
        """Whether the account has logged in with this state directory before."""
        return self._store.logged_in == self._settings.account.jid

    def succeeded(self) -> None:
        """Remember that the account has logged in."""
        if not self.proven:
            with self._logged_store_errors():
                self._store.logged_in = self._settings.account.jid

    def refused(self, error: LogInRefused) -> None:
        """End the daemon, as the log-in failed for good."""
        status = 1
        if is_displaced(error):
            if self._settings.account.resource is not None:
                status = DISPLACED_STATUS
            else:
                # A copy of our state directory is in use elsewhere: the next run is another device.
                with self._logged_store_errors():
                    self._store.resource = _new_resource()
        self._abort(error, status)

    @contextmanager
    def _logged_store_errors(self) -> Iterator[None]:
        """Log an error of the database, and go on: the disk may be full."""
        try:
            yield
        except StoreError as error:
            self._log.error("{error}", error=error)


def open_storage(reactor: Any, settings: Settings, state: StateDirectory) -> StorageParts:
    """
    Open everything that the state directory keeps.

    :param state: claimed.
    :raises StartupError: if something of it cannot be used.
    """
    token = load_or_make_token(settings.files.token_file)
    tokens = TokenStore.load(token, state.file("tokens.json"))
    return StorageParts(
        token=token,
        tokens=tokens,
        sessions=SessionFile(state.file("sessions.json"), tokens.fingerprint),
        database=Database.open(state.file("bitween.sqlite")),
        cache=CatalogueCache.open(reactor, state.file("catalogue.sqlite")),
    )


def build(reactor: Any, settings: Settings, storage: StorageParts, log_in: LogIn) -> DaemonParts:
    """Make every part; nothing runs yet."""
    hasher = Hasher(reactor, hidden=settings.files.share_hidden, private=settings.files.private)
    swarm = Swarm(reactor, storage.database, settings.swarm)
    read_addresses = partial(interface_addresses, settings.temporary_addresses)
    addresses = InterfaceAddresses(reactor, settings.announce, read_addresses)
    messenger = _build_messenger(reactor, settings, storage, addresses, log_in)
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
    log_in: LogIn,
) -> Messenger:
    account = replace(log_in.account, proven=log_in.proven)
    client = Client(reactor, account, log_in.refused, log_traffic=settings.log_traffic)
    options = MessengerOptions(
        settings.priority,
        SubscriptionPolicy(settings.nick, settings.auto_accept),
        settings.in_band_limit,
    )
    is_at_home = partial(_is_in_our_network, addresses)
    return Messenger(reactor, client, options, storage.database, is_at_home)


def _build_network(
    reactor: Any,
    settings: Settings,
    addresses: InterfaceAddresses,
    swarm: Swarm,
    messenger: Messenger,
) -> NetworkParts:
    gate = LoopbackGate(lambda: swarm.listening)
    serves = partial(_serves_behind_gate, gate, OwnServers(reactor))
    policy = DialPolicy(reactor, addresses, serves, settings.trusted_networks)
    target = partial(_local_swarm_address, swarm)
    nat = NatDiscovery(reactor, addresses, messenger.query_external_address)
    woke = partial(_woke, messenger, addresses, nat)
    return NetworkParts(
        addresses=addresses,
        gate=gate,
        policy=policy,
        local_peers=LocalPeers(reactor, gate, lambda: swarm.listening, policy.is_this_machine),
        neighbours=Neighbours(reactor, lambda: addresses.links, messenger.prove),
        prober=Prober(reactor, partial(dial, reactor)),
        relay=Relay(reactor, messenger.streams, target, gate),
        nat=nat,
        reachability=ReachabilityTest(reactor, addresses, tuple, messenger.dial_back),
        suspend=SuspendDetector(reactor, woke, swarm.clock_was_set_back),
    )


def _connector_ports(network: NetworkParts, messenger: Messenger) -> ConnectorPorts:
    return ConnectorPorts(
        network.prober, messenger, network.relay, network.neighbours, network.policy
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
        guard=_share_guard(settings),
    )


def _share_guard(settings: Settings) -> ShareGuard:
    return ShareGuard(settings.files.private, hidden=settings.files.share_hidden)


def wire(parts: DaemonParts, log_in: LogIn) -> None:
    """Connect the parts that need each other."""
    bitween, messenger, network = parts.bitween, parts.messenger, parts.network
    catalogue = bitween.shares.catalogue
    parts.swarm.announced = catalogue.torrents.sizes
    network.reachability.witnesses = partial(_dial_back_peers, catalogue, messenger)
    network.relay.placed = partial(_allow_relayed, bitween.allowlist, parts.swarm)
    messenger.serve(
        dial_back=parts.dial_backs.dial_back,
        connect=bitween.connector.connection_requested,
        prove=partial(_send_proof, network.neighbours, catalogue),
    )
    messenger.offer_commands(ChatCommands(bitween).all)
    bitween.shares.changes.subscribe(lambda _: network.reachability.look())
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
    swarm.settle()


def _send_proof(
    neighbours: Neighbours, catalogue: Catalogue, jid: str, resource: str, token: bytes
) -> None:
    """Send a device the token with which it learns that it shares a network with us."""
    addresses = [c.address.address for c in catalogue.candidates(jid, resource)]
    neighbours.send(token, addresses)


def _connection_changed(
    messenger: Messenger, nat: NatDiscovery, log_in: LogIn, event: MessengerEvent
) -> None:
    if isinstance(event, ConnectionChanged) and messenger.client.online:
        log_in.succeeded()
        # A session begins: the network may be another one now.
        nat.look()


def _woke(messenger: Messenger, addresses: InterfaceAddresses, nat: NatDiscovery) -> None:
    """Check everything that may have changed while the machine was suspended."""
    messenger.client.look_alive()
    addresses.look()
    nat.look()


def _is_in_our_network(addresses: InterfaceAddresses, address: PeerAddress) -> bool:
    return is_in_own_network(address, (candidate.address for candidate in addresses.candidates))


def _serves_behind_gate(gate: LoopbackGate, servers: OwnServers, address: PeerAddress) -> bool:
    # Where other users cannot be kept out, nobody on this machine may connect.
    return gate.holds and servers.serves(address)


def _guard_sockets(gate: LoopbackGate, local_peers: LocalPeers, event: SwarmEvent) -> None:
    """Keep other users of this machine away from the BitTorrent port."""
    match event:
        case ListeningChanged():
            # libtorrent opens further sockets when the network changes.
            _guard(gate)
        case PeerConnected(address=address, port=port):
            local_peers.connected((address, port))


def _guard(gate: LoopbackGate) -> None:
    # Where the gate cannot hold, nobody on this machine may connect, and the relay reports it.
    with suppress(BitweenError):
        gate.guard()


def _local_swarm_address(swarm: Swarm) -> PeerAddress | None:
    """The address at which this machine itself dials our BitTorrent port over IPv4."""
    for address, port in swarm.listening:
        if ":" not in address:
            here = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104  # compared
            return PeerAddress(here, port)
    return None


def _new_resource() -> str:
    return f"bitween-{secrets.token_hex(3)}"


def _make_folder(path: str, guard: ShareGuard) -> None:
    """
    Make the download directory.

    :raises StartupError: if it cannot be made, or holds our own files: contacts choose names there.
    """
    try:
        guard.forbid(path)
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"the download directory {path!r} cannot be made: {error.strerror}",
            "choose another with --download-dir",
        ) from None
    except ForbiddenPath as error:
        raise StartupError(
            f"the download directory {error.message}", "choose another with --download-dir"
        ) from None
