"""The composition: builds the parts, wires them, starts them. Only this module sees them all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger, globalLogPublisher
from twisted.python.failure import Failure

from bitween.api.events.log import EventLog
from bitween.api.events.recorder import Recorder
from bitween.api.http.session_file import SessionFile
from bitween.api.http.site import BoundedSite
from bitween.api.http.token_file import load_or_make_token
from bitween.api.http.tokens import TokenStore
from bitween.api.metrics.metrics import Metrics
from bitween.api.metrics.reactor_lag import ReactorLag
from bitween.api.service import ApiService
from bitween.api.site_map import make_site
from bitween.app.application import Bitween, Parts
from bitween.app.jobs import Jobs
from bitween.app.journal import Journal
from bitween.app.limits import LOOK, Rules
from bitween.app.rate_history import INTERVAL
from bitween.app.share_guard import ShareGuard
from bitween.bittorrent.swarm import Swarm, SwarmOptions
from bitween.chat import ChatCommands
from bitween.connect import allowlist
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
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import Limits
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
from bitween.settings import Settings
from bitween.storage.api_location import places, remove_stale
from bitween.storage.catalogue_cache import CatalogueCache
from bitween.storage.database import Database
from bitween.storage.state_dir import StateDirectory
from bitween.util.gc_freeze import loading_for_good
from bitween.util.periodic import HOUR, PeriodicService
from bitween.web.page import web_pages
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.roster.roster import SubscriptionPolicy
from bitween.xmpp.session.client import Account
from bitween.xmpp.session.errors import is_displaced

#: The exit status after another program has logged in with the resource in ``--jid``. A supervisor
#: must not start the daemon again then: the two would throw each other out without end.
DISPLACED_STATUS = 4


class Daemon(MultiService):
    """
    One daemon: when it starts, it claims its state directory, then starts part after part.

    :ivar bitween: the use cases, ``None`` until the parts are made.
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
        :param account: the bare JID or one with a resource, and what logs it in.
        :param failed: told, in one line, why the daemon cannot go on, and the exit status; the
            reactor is stopped then.
        :param umask: for downloads and folders; ``None`` to leave it as it is.
        """
        super().__init__()
        self.setName("bitween")
        self._reactor = reactor
        self._settings = settings
        self._account = account
        self._failed = failed
        self._umask = umask
        self._state = StateDirectory(settings.state_dir)
        self._cache: CatalogueCache | None = None
        self._starting: Deferred[None] | None = None
        self._aborted = False
        self.bitween: Bitween | None = None
        self.started: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Start; what goes wrong ends the daemon with one line."""
        super().startService()
        # Before the reactor runs, a signal would still end the process without a clean stop.
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if self._umask is not None:
            # twistd has changed it by now where it went to the background.
            os.umask(self._umask)
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addCallbacks(self.started.callback, self._not_started)

    def stopService(self) -> Deferred[object]:
        """Stop everything, then let go of the state directory."""
        if self._starting is not None:
            self._starting.cancel()
        if self.bitween is not None:
            self.bitween.end()
        stopping: Deferred[object] = super().stopService()
        return stopping.addBoth(self._let_go)

    async def _start(self) -> None:
        self._state.claim()
        # From here on nobody is sent to where another program may listen by now.
        remove_stale(self._state.path)
        _make_folder(self._settings.download_dir, self._share_guard())
        token = load_or_make_token(self._settings.token_file)
        tokens = TokenStore.load(token, self._state.file("tokens.json"))
        store = Database.open(self._state.file("bitween.sqlite"))
        cache = self._cache = CatalogueCache.open(
            self._reactor, self._state.file("catalogue.sqlite")
        )
        hasher, swarm = self._bittorrent(store)
        addresses = self._addresses()
        messenger = self._messenger(store, addresses)
        self_test = ReachabilityTest(
            self._reactor,
            addresses,
            lambda: _witnesses(bitween.catalogue, messenger),
            messenger.dial_back,
        )
        gate, policy = self._keep_others_out(swarm, addresses)
        relay = Relay(
            self._reactor,
            messenger.streams,
            lambda: _on_this_machine(swarm.listening),
            gate,
            lambda hosts: _let_relayed(bitween, swarm, hosts),
        )
        neighbours = Neighbours(self._reactor, lambda: addresses.links, messenger.prove)
        prober = Prober(self._reactor, self._dial)
        parts = Parts(
            swarm=swarm,
            hasher=hasher,
            intentions=store,
            messenger=messenger,
            own_addresses=addresses,
            jobs=Jobs(self._reactor),
            memory=store,
            cache=cache,
            means=ConnectorPorts(prober, messenger, relay, neighbours, policy),
            reactor=self._reactor,
        )
        bitween = self.bitween = Bitween(
            parts,
            self._settings.download_dir,
            self._reactor.stop,
            rules=self._rules(),
            checks=(self_test.finding,),
            guard=self._share_guard(),
        )
        bitween.catalogue_changes.subscribe(lambda _: self_test.look())
        catalogue = bitween.catalogue
        dial_backs = DialBacks(self._reactor, addresses, catalogue.candidates, policy)
        messenger.serve(
            dials_back=dial_backs.dial_back,
            meets=bitween.meetings.connection_requested,
            proves=lambda jid, resource, token: neighbours.send(
                token, [c.address.address for c in catalogue.candidates(jid, resource)]
            ),
        )
        messenger.offer_commands(ChatCommands(bitween).all)
        log = EventLog()
        metrics = Metrics(bitween, log, self._reactor)
        uploads = Uploads(self._reactor, self._settings.download_dir, swarm.coming)
        site = make_site(
            bitween,
            self._reactor,
            tokens,
            self._settings.api_hosts,
            pages=web_pages(),
            log=log,
            metrics=metrics,
            folders=Folders(self._reactor, self._settings.share_roots, self._settings.share_hidden),
            uploads=uploads,
            settings=self._settings.shown,
            remembered=SessionFile(self._state.file("sessions.json"), tokens.fingerprint),
        )
        api = self._api(site, token)
        Recorder(bitween, log, self._reactor, globalLogPublisher).setServiceParent(self)
        ReactorLag(self._reactor, metrics.reactor_was_late).setServiceParent(self)
        hasher.setServiceParent(self)
        uploads.setServiceParent(self)
        with loading_for_good():
            swarm.setServiceParent(self)
            await swarm.ready
            _guard(gate)
            await bitween.restore()
        api.setServiceParent(self)
        await api.ready
        addresses.setServiceParent(self)
        neighbours.setServiceParent(self)
        self_test.setServiceParent(self)
        self._watch_the_network(addresses, messenger, swarm)
        relay.setServiceParent(self)
        PeriodicService(self._reactor, bitween.forget_unseen, HOUR).setServiceParent(self)
        PeriodicService(self._reactor, bitween.control.look, LOOK).setServiceParent(self)
        PeriodicService(self._reactor, bitween.rates.sample, INTERVAL).setServiceParent(self)
        PeriodicService(
            self._reactor, bitween.shut_out_gone, allowlist.EXPIRY_INTERVAL
        ).setServiceParent(self)
        self._begin_work(bitween)
        # Last, so that contacts are told only what is already true.
        messenger.client.setServiceParent(self)

    def _share_guard(self) -> ShareGuard:
        return ShareGuard(self._settings.private, hidden=self._settings.share_hidden)

    def _begin_work(self, bitween: Bitween) -> None:
        # Now that the torrents of earlier runs are loaded, which are no news.
        Journal(bitween.swarm_events, bitween.messenger_events, self._reactor.seconds)
        bitween.begin()

    def _addresses(self) -> InterfaceAddresses:
        read = partial(interface_addresses, self._settings.temporary_addresses)
        return InterfaceAddresses(self._reactor, self._settings.announce, read)

    def _watch_the_network(
        self, addresses: InterfaceAddresses, messenger: Messenger, swarm: Swarm
    ) -> None:
        """Learn how we look from outside, and that all may be different after a sleep."""
        outside = NatDiscovery(self._reactor, addresses, messenger.query_external_address)

        def told(event: MessengerEvent) -> None:
            if isinstance(event, ConnectionChanged) and messenger.client.online:
                outside.look()

        def woke() -> None:
            messenger.client.look_alive()
            addresses.look()
            outside.look()

        messenger.events.subscribe(told)
        outside.setServiceParent(self)
        SuspendDetector(self._reactor, woke, swarm.clock_was_set_back).setServiceParent(self)

    def _dial(self, address: PeerAddress, timeout: float) -> Deferred[bool]:
        return dial(self._reactor, address, timeout)

    def _sizes_announced(self, info_hash: InfoHash) -> Collection[int]:
        return self.bitween.catalogue.sizes(info_hash) if self.bitween else ()

    def _keep_others_out(
        self, swarm: Swarm, addresses: InterfaceAddresses
    ) -> tuple[LoopbackGate, DialPolicy]:
        """Have other users of this machine kept away from the BitTorrent port."""
        gate = LoopbackGate(lambda: swarm.listening)
        servers = OwnServers(self._reactor)
        policy = DialPolicy(
            self._reactor,
            addresses,
            # Where others cannot be kept out, nobody on this machine is let in.
            lambda address: gate.holds and servers.serves(address),
            self._settings.trusted_networks,
        )
        peers = LocalPeers(self._reactor, gate, lambda: swarm.listening, policy.is_this_machine)
        peers.setServiceParent(self)
        swarm.events.subscribe(lambda event: _watch_this_machine(gate, peers, event))
        return gate, policy

    def _bittorrent(self, store: Database) -> tuple[Hasher, Swarm]:
        options = SwarmOptions(
            listen=self._settings.listen,
            limits=self._usual_limits,
            limit_lan=self._settings.limit_lan,
            active_downloads=self._settings.active_downloads,
            port_mapping=self._settings.port_mapping,
        )
        hasher = Hasher(
            self._reactor, hidden=self._settings.share_hidden, private=self._settings.private
        )
        return hasher, Swarm(self._reactor, store, options, announced=self._sizes_announced)

    @property
    def _usual_limits(self) -> Limits:
        return Limits(self._settings.upload_limit, self._settings.download_limit)

    def _rules(self) -> Rules:
        return Rules(
            limits=self._usual_limits,
            schedule=self._settings.schedule,
            seed_ratio=self._settings.seed_ratio,
            seed_seconds=self._settings.seed_hours * 3600,
        )

    def _messenger(self, store: Database, addresses: InterfaceAddresses) -> Messenger:
        resource = self._settings.resource or store.resource
        if resource is None:
            resource = store.resource = _new_resource()
        account = replace(self._account, jid=f"{self._settings.jid}/{resource}")
        messenger = Messenger(
            self._reactor,
            account,
            fatal=partial(self._log_in_refused, store),
            proven=store.logged_in == self._settings.jid,
            priority=self._settings.priority,
            manners=SubscriptionPolicy(self._settings.nick, self._settings.auto_accept),
            memory=store,
            in_band_limit=self._settings.in_band_limit,
            is_at_home=lambda address: is_in_own_network(
                address, (candidate.address for candidate in addresses.candidates)
            ),
            log_traffic=self._settings.log_traffic,
        )

        def told(event: MessengerEvent) -> None:
            online = isinstance(event, ConnectionChanged) and messenger.client.online
            if online and store.logged_in != self._settings.jid:
                with self._told_if_not_stored():
                    store.logged_in = self._settings.jid

        messenger.events.subscribe(told)
        return messenger

    def _api(self, site: BoundedSite, token: str) -> ApiService:
        settings = self._settings
        return ApiService(
            self._reactor,
            settings.api,
            site,
            token=token,
            jid=settings.jid,
            places=places(settings.jid, settings.state_dir, os.environ),
        )

    def _not_started(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        if not isinstance(failure.value, BitweenError):
            self._log.failure("starting failed", failure)
            self._abort(BitweenError("starting failed", "the log says more"))
            return
        self._abort(failure.value)

    def _log_in_refused(self, store: Database, error: LogInRefused) -> None:
        status = 1
        if is_displaced(error):
            if self._settings.resource is not None:
                status = DISPLACED_STATUS
            else:
                # A copy of our state directory is in use elsewhere: the next run is another device.
                with self._told_if_not_stored():
                    store.resource = _new_resource()
        self._abort(error, status)

    @contextmanager
    def _told_if_not_stored(self) -> Iterator[None]:
        """Go on where the disk takes no more."""
        try:
            yield
        except StoreError as failed:
            self._log.error("{error}", error=failed)

    def _abort(self, error: BitweenError, status: int = 1) -> None:
        if not self.running:
            return
        self._aborted = True
        self._log.critical("{error}", error=error)
        self._failed(str(error), status)
        self._reactor.stop()

    def _let_go(self, result: object) -> object:
        if self._cache is not None:
            # After the last of the presences.
            self._cache.close()
        self._state.release()
        if not self._aborted:
            self._log.info("stopped")
        return result


def _new_resource() -> str:
    return f"bitween-{secrets.token_hex(3)}"


def _witnesses(catalogue: Catalogue, messenger: Messenger) -> Iterator[DialBackPeer]:
    """Whom we can ask to dial us: contacts' and our own devices that are online."""
    for jid, said in catalogue.there():
        if messenger.meets(jid, said.resource):
            ours = jid == messenger.own_jid
            yield DialBackPeer(jid, said.resource, said.candidates, ours)


def _let_relayed(bitween: Bitween, swarm: Swarm, hosts: Collection[str]) -> None:
    """Let those in who come by relay, before they do: they would not be heard of again soon."""
    bitween.admission.set("relay", [PeerAddress(host, 1) for host in hosts])
    swarm.settle()


def _watch_this_machine(gate: LoopbackGate, local_peers: LocalPeers, event: SwarmEvent) -> None:
    """Have other users of this machine kept out."""
    match event:
        case ListeningChanged():
            # libtorrent opens further sockets when the network changes.
            _guard(gate)
        case PeerConnected(address=address, port=port):
            local_peers.connected((address, port))


def _guard(gate: LoopbackGate) -> None:
    # Where that cannot be, nobody on this machine is let in, and the relay says so.
    with suppress(BitweenError):
        gate.guard()


def _on_this_machine(listening: Sequence[tuple[str, int]]) -> PeerAddress | None:
    """Where our own BitTorrent port is dialled over IPv4 from this machine."""
    for address, port in listening:
        if ":" not in address:
            here = "127.0.0.1" if address == "0.0.0.0" else address  # noqa: S104  # compared
            return PeerAddress(here, port)
    return None


def _make_folder(path: str, guard: ShareGuard) -> None:
    """
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
