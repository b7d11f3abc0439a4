"""The application on fakes that the contract tests keep honest."""

from __future__ import annotations

import os
from ipaddress import ip_interface

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.application import ApplicationOptions, Bitween
from bitween.app.ports import Ports
from bitween.app.seeding import UNLIMITED_SEEDING, SeedingPolicy
from bitween.connect.dial_policy import DialPolicy
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.catalogue.search import FoundPage
from bitween.model.torrent import InfoHash, Metainfo
from bitween.network.addresses import InterfaceAddresses
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.fakes.hasher import FakeHasher
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.messenger import FakeMessenger, FakeServer
from tests.support.fakes.swarm import FakeSwarm

BOB, CAROL = "bob@example.org", "carol@example.org"
FILM = Share(InfoHash("ab" * 20), "film.mkv", 1000)
OUR_ADDRESS = PeerAddress.parse("192.0.2.1", 6881)
BOBS_ADDRESS = PeerAddress.parse("192.0.2.2", 6881)


class ApplicationCase(SynchronousTestCase):
    """The application of alice; bob and carol have accounts on the same server."""

    def setUp(self) -> None:
        """Let alice and bob be contacts, and all be online."""
        self.server = FakeServer()
        self.messenger = FakeMessenger("alice@example.org/here", self.server)
        self.bob = FakeMessenger(f"{BOB}/laptop", self.server)
        self.carol = FakeMessenger(f"{CAROL}/phone", self.server)
        self.swarm, self.hasher = FakeSwarm(), FakeHasher()
        self.memory = FakeMemory()
        self.downloads = os.path.abspath(self.mktemp())
        self.stops = 0
        self.swarm.listening = (("192.0.2.1", 6881),)
        self.bitween = self.make()
        self.changes: list[CatalogueChange] = []
        self.bitween.shares.changes.subscribe(self.changes.append)
        for messenger in (self.messenger, self.bob, self.carol):
            messenger.start()
        self.messenger.befriend([BOB])
        self.bitween.begin()

    def make(self, seeding: SeedingPolicy = UNLIMITED_SEEDING) -> Bitween:
        """Build the application, as a restart does."""
        clock = self.clock = Clock()
        links = [tuple(map(ip_interface, ("127.0.0.1/8", "192.0.2.1/24")))]
        own = InterfaceAddresses(
            clock, (), lambda: [str(interface.ip) for interface in links[0]], lambda: links
        )
        self.connect = FakeConnectorPorts(policy=DialPolicy(clock, own, lambda _: True))
        ports = Ports(
            swarm=self.swarm,
            hasher=self.hasher,
            messenger=self.messenger,
            own_addresses=own,
            memory=self.memory,
            cache=FakeCache(),
            connect=self.connect.ports,
        )
        options = ApplicationOptions(self.downloads, seeding=seeding)
        return Bitween(ports, options, clock, self.stop, clock=clock.seconds)

    def stop(self) -> None:
        """Count the calls that end the daemon."""
        self.stops += 1

    def file(self, name: str = "film.mkv") -> str:
        """Create a file to share."""
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("x")
        return path

    def intended(self) -> list[str]:
        """List the paths that the next start would hash."""
        return [intention.path for intention in self.memory.intended()]

    def hashed(self, path: str) -> None:
        """Let a path be hashed."""
        name = os.path.basename(path)
        self.hasher.running[path].answer.callback(Metainfo(FILM.info_hash, name, FILM.size, b""))

    def download(self, share: Share = FILM) -> int:
        """Start a download, and count its sources."""
        downloading = self.bitween.downloads.start(share.info_hash)
        return self.successResultOf(Deferred.fromCoroutine(downloading))

    def find(self, contact: str | None = None) -> FoundPage:
        """Find all shares of the contacts, or of one."""
        finding = self.bitween.shares.find(contact=contact)
        return self.successResultOf(Deferred.fromCoroutine(finding))

    def repair(self, info_hash: InfoHash = FILM.info_hash) -> Deferred[None]:
        """Apply the remedy of a torrent."""
        return Deferred.fromCoroutine(self.bitween.repair.apply(info_hash))
