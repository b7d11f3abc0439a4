"""What the tests of the API need: the use cases on ports of memory, and HTTP without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection

from bitween.api.events.log import EventLog
from bitween.api.http.access import Caller, TokenAccess
from bitween.api.http.channel import BoundedChannel
from bitween.api.http.sessions import SessionStore
from bitween.api.http.site import BoundedSite
from bitween.api.http.tokens import TokenStore
from bitween.api.metrics.metrics import Metrics
from bitween.api.rpc.jsonrpc import JsonRpcResource
from bitween.api.rpc.namespace import Namespace
from bitween.api.site_map import make_site
from bitween.app.application import ApplicationOptions, Bitween
from bitween.app.ports import Ports
from bitween.app.share_guard import ShareGuard
from bitween.files.browse import Folders
from bitween.files.uploads.uploads import Uploads
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.seal import Seal
from bitween.model.setting import Setting
from bitween.model.torrent import (
    InfoHash,
    Metainfo,
    Torrent,
    parse_info_hash,
)
from bitween.model.torrent_options import DEFAULT_OPTIONS, TorrentOptions
from bitween.web.page import web_pages
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.fakes.hasher import FakeHasher
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.messenger import FakeMessenger, FakeServer
from tests.support.fakes.own_addresses import FakeOwnAddresses
from tests.support.fakes.swarm import FakeSwarm

TOKEN = "a-token-of-some-length"
PORT = 5000
OWN_JID = "alice@example.org"
EPOCH = 2000.0


class ScriptedSwarm(FakeSwarm):
    """
    The fake swarm, in which a test can make any torrent out of a download.

    :ivar download_at_once: what a new download is, beside what it is asked to be.
    """

    def __init__(self) -> None:
        super().__init__()
        self.download_at_once: Mapping[str, Any] = {}

    def download(
        self,
        info_hash: InfoHash,
        name: str,
        folder: str,
        options: TorrentOptions = DEFAULT_OPTIONS,
        seal: Seal | None = None,
    ) -> Deferred[Torrent]:
        """Hold it, as scripted."""
        super().download(info_hash, name, folder, options, seal)
        self.change(info_hash, **self.download_at_once)
        return succeed(self.library.get(info_hash))

    def change(self, info_hash: InfoHash, **changes: Any) -> None:
        """Let a torrent be otherwise."""
        self.library.put(replace(self.library.get(info_hash), **changes))


@dataclass
class World:
    """
    The use cases with everything below them in memory, and a log of events that nobody writes.

    :ivar log: the events, as if the clock had begun at :data:`EPOCH`.
    """

    clock: IReactorTime
    download_dir: str = "/proc/nowhere"  # where not even root can make a folder
    swarm: ScriptedSwarm = field(default_factory=ScriptedSwarm)
    hasher: FakeHasher = field(default_factory=FakeHasher)
    server: FakeServer = field(default_factory=FakeServer)
    addresses: FakeOwnAddresses = field(default_factory=FakeOwnAddresses)
    stopped: list[bool] = field(default_factory=list)
    on_stop: Callable[[], object] = bool
    share_roots: Sequence[str] = ()
    private: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.log = EventLog(lambda: EPOCH + self.clock.seconds())
        self.messenger = FakeMessenger(f"{OWN_JID}/den", self.server)
        ports = Ports(
            swarm=self.swarm,
            hasher=self.hasher,
            messenger=self.messenger,
            own_addresses=self.addresses,
            memory=FakeMemory(),
            cache=FakeCache(),
            connect=FakeConnectorPorts(quick=True).ports,
        )
        options = ApplicationOptions(self.download_dir, guard=ShareGuard(self.private))
        self.bitween = Bitween(ports, options, self.clock, self._stop, clock=lambda: EPOCH)
        # What writes to the disk needs a real reactor; only tests that have one begin an upload.
        self.uploads = Uploads(self.clock, self.download_dir)
        self.messenger.start()

    def _stop(self) -> None:
        self.stopped.append(True)
        self.on_stop()

    def share(self, name: str, info_hash: InfoHash, size: int = 1000) -> None:
        """Let a torrent be ours."""
        self.swarm.share(Metainfo(info_hash, name, size, b""), "/files")

    def contact_shares(
        self,
        jid: str,
        names: Mapping[InfoHash, str],
        addresses: Iterable[tuple[str, int]] = (("192.0.2.7", 6881),),
        online: bool = True,
    ) -> None:
        """Let a contact's device ``desk`` announce shares of 123 bytes each."""
        contact = self.contact(jid, "desk")
        contact.befriend([OWN_JID])
        shares = [Share(info_hash, name, 123) for info_hash, name in names.items()]
        contact.announce(shares, [Candidate(PeerAddress.parse(*a)) for a in addresses])
        if not online:
            contact.stop()

    def contact(self, jid: str, resource: str) -> FakeMessenger:
        """A contact's device, online."""
        messenger = FakeMessenger(f"{jid}/{resource}", self.server)
        messenger.start()
        return messenger


def info_hash(digit: str) -> InfoHash:
    """An info-hash of one digit."""
    return parse_info_hash(digit * 40)


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class _Transport(StringTransportWithDisconnection):
    """One that says that it closes, as a socket does: nothing is read from then on."""

    def loseConnection(self) -> None:
        """Close."""
        self.disconnecting = True
        super().loseConnection()


class Connection:
    """A client's connection to a site, without a socket."""

    def __init__(self, site: BoundedSite, peer: str = "127.0.0.1", host: str = "127.0.0.1") -> None:
        channel = site.buildProtocol(IPv4Address("TCP", peer, 40000))
        self.refused = channel is None
        self.transport = _Transport(
            hostAddress=IPv4Address("TCP", host, PORT), peerAddress=IPv4Address("TCP", peer, 40000)
        )
        if channel is not None:
            self.channel: BoundedChannel = channel
            self.transport.protocol = channel
            channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Let bytes arrive."""
        self.channel.dataReceived(data)

    def answers(self) -> list[Answer]:
        """The responses up to now."""
        answers = []
        data = self.transport.value()
        while data:
            head, _, data = data.partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = {
                name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
            }
            length = int(headers.get("content-length", "0"))
            answers.append(Answer(int(status.split()[1]), headers, data[:length]))
            data = data[length:]
        return answers

    def only_answer(self) -> Answer:
        """The one response."""
        (answer,) = self.answers()
        return answer


def http_request(
    body: bytes = b"",
    method: str = "POST",
    path: str = "/api",
    headers: Mapping[str, str | None] | None = None,
) -> bytes:
    """
    A request that passes the gate.

    :param headers: to be set or, with ``None``, left out.
    """
    given: dict[str, str | None] = {
        "Host": f"127.0.0.1:{PORT}",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


def site_of(
    world: World,
    hosts: Iterable[str] = (),
    tokens_file: str = "/proc/nowhere/tokens.json",
    settings: Sequence[Setting] = (),
    remembered: SessionStore | None = None,
) -> BoundedSite:
    """The API of a world, and the page."""
    metrics = Metrics(world.bitween, world.log, world.clock)
    tokens = TokenStore(TOKEN, tokens_file, now=lambda: EPOCH)
    return make_site(
        world.bitween,
        world.clock,
        tokens,
        hosts,
        pages=web_pages(),
        log=world.log,
        metrics=metrics,
        folders=Folders(world.clock, world.share_roots),
        uploads=world.uploads,
        settings=settings,
        now=lambda: EPOCH + world.clock.seconds(),
        remembered=remembered,
    )


def bare_site(namespaces: Mapping[str, Namespace], clock: Clock) -> BoundedSite:
    """A resource of methods, at any path and without a gate."""
    rpc = JsonRpcResource(namespaces, clock)
    return BoundedSite(rpc, clock, lambda _: Caller(TokenAccess.FULL))


def rpc(method: str, params: object = None, call_id: object = 1) -> bytes:
    """A call as a client encodes it."""
    call = {"jsonrpc": "2.0", "method": method, "id": call_id}
    return json.dumps(call if params is None else {**call, "params": params}).encode()
