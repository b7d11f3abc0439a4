"""
A process with everything of a daemon but XMPP and HTTP, for a test to kill.

Arguments: state directory, download directory, port of the source of all downloads.  It takes
lines of JSON, ``{"add": PATH}`` and ``{"get": HASH}``, and answers each with ``{"accepted": ...}``
when that is stored.  It writes ``{"ready": {...}}`` with what it knows when it has started, and a
line with the state of every torrent that changes.  It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
from ipaddress import ip_network
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from bitween.app.application import ApplicationOptions, Bitween
from bitween.app.ports import Ports
from bitween.bittorrent.swarm import Swarm
from bitween.files.hashing.hasher import Hasher
from bitween.model.address import PeerAddress
from bitween.model.events import SwarmEvent, TorrentAdded, TorrentChanged, TorrentFinished
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash, Torrent
from bitween.network.addresses import InterfaceAddresses
from bitween.storage.database import Database
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.fakes.messenger import FakeMessenger, FakeServer


class Killed(LineOnlyReceiver):
    """The daemon, and the pipe to the test."""

    delimiter = b"\n"

    def __init__(self, state: str, downloads: str, port: str) -> None:
        self._source = PeerAddress("127.0.0.1", int(port))
        self._store = Database.open(os.path.join(state, "bitween.db"))
        self._hasher = Hasher(cast(Any, reactor))
        options = SwarmOptions(listen=("127.0.0.1", 0), sealed=False, port_mapping=False)
        self._swarm = Swarm(cast(Any, reactor), self._store, options)
        ports = Ports(
            swarm=self._swarm,
            hasher=self._hasher,
            messenger=FakeMessenger("alice@example.org/here", FakeServer()),
            own_addresses=InterfaceAddresses(cast(Any, reactor)),
            memory=self._store,
            cache=FakeCache(),
            connect=FakeConnectorPorts().ports,
        )
        self._bitween = Bitween(
            ports, ApplicationOptions(downloads), cast(Any, reactor), lambda: None
        )
        self._downloads = downloads

    def connectionMade(self) -> None:
        """Start."""
        self._swarm.events.subscribe(self._tell)
        self._hasher.startService()
        self._swarm.startService()
        self._swarm.ready.addCallback(self._ready)

    def lineReceived(self, line: bytes) -> None:
        """Do what the test says."""
        ((verb, subject),) = json.loads(line).items()
        if verb == "add":
            self._bitween.sharing.add_path(subject)
            self._say(accepted=subject)
        else:
            Deferred.fromCoroutine(self._get(InfoHash(subject)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # as Twisted has it
        """End at once: the test is gone."""
        os._exit(0)

    async def _get(self, info_hash: InfoHash) -> None:
        await self._bitween.downloads.start(info_hash, self._downloads)
        self._say(accepted=info_hash)

    def _ready(self, _: None) -> None:
        torrents = list(self._swarm.library)
        self._say(
            ready={
                "torrents": [torrent.info_hash for torrent in torrents],
                "paths": [os.path.join(torrent.save_path, torrent.name) for torrent in torrents],
                "intended": [intention.path for intention in self._store.intended()],
            }
        )
        self._swarm.allow_peers_from([ip_network("127.0.0.0/8")])
        self._bitween.begin()
        for torrent in torrents:
            self._found(torrent)

    def _tell(self, event: SwarmEvent) -> None:
        if isinstance(event, TorrentAdded | TorrentChanged | TorrentFinished):
            self._found(event.torrent)

    def _found(self, torrent: Torrent) -> None:
        self._swarm.offer_peers(torrent.info_hash, [self._source])
        self._say(
            hash=torrent.info_hash,
            state=torrent.state.value,
            done=torrent.progress.done,
            complete=torrent.complete,
            error=torrent.error,
            path=os.path.join(torrent.save_path, torrent.name),
        )

    def _say(self, **message: object) -> None:
        self.sendLine(json.dumps(message).encode())


def main() -> None:
    """Run until killed, or until the test is gone."""
    StandardIO(Killed(*sys.argv[1:]))
    cast(Any, reactor).run()


if __name__ == "__main__":
    main()
