"""One of the two processes of :mod:`benchmarks.relay`; a device of the one account there is."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import LoopingCall, react

from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.connection import ConnectionState
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash
from bitween.network.loopback_gate import LoopbackGate
from bitween.network.relay import Relay
from bitween.storage.database import Database
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.metainfo import metainfo
from tests.support.swarms import when

JID = "alice@localhost"
_PORTION = bytes(1 << 18)
# bytes by which the first ones of the content are surely there: handshakes and the list of files
# come before.
_CONTENT = 1 << 17


class _Raw(Protocol):
    """Has the connection to the proxy to itself, without frames."""

    transport: Any
    stream: Any

    def take(self, stream: Any) -> None:
        """Speak over the connection of a stream, in its place."""
        self.stream = stream
        stream.transport.protocol = self
        self.makeConnection(stream.transport)
        stream.transport.resumeProducing()

    def connectionLost(self, reason: Any = None) -> None:
        self.stream.connectionLost(reason)


class _Source(_Raw):
    """Writes so many bytes, as fast as they are taken."""

    def __init__(self, size: int) -> None:
        self._left = size

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Write a portion."""
        self.transport.write(_PORTION[: self._left])
        self._left -= min(self._left, len(_PORTION))
        if not self._left:
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def stopProducing(self) -> None:
        """Do nothing."""


class _Sink(_Raw):
    """Counts bytes until so many have come."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.done: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left <= 0 and not self.done.called:
            self.done.callback(None)


class _Side:
    """The parts of a daemon that are needed."""

    def __init__(self, reactor: Any, told: dict[str, Any], role: str) -> None:
        self.reactor = reactor
        self.told = told
        self.size = told["size"]
        self.swarm = Swarm(
            reactor,
            Database.open(os.path.join(told["folder"], f"{role}.db")),
            SwarmOptions(listen=("127.0.0.1", 0), sealed=False, port_mapping=False),
        )

    async def messenger(self, resource: str) -> Messenger:
        """A session."""
        account = Account(
            f"{JID}/{resource}", "secret", tuple(self.told["server"]), self.told["ca"].encode()
        )
        client = Client(self.reactor, account, lambda error: sys.exit(str(error)))
        messenger = Messenger(self.reactor, client)
        online: Deferred[None] = Deferred()

        def look(_: object) -> None:
            if messenger.status.state is ConnectionState.ONLINE and not online.called:
                online.callback(None)

        messenger.client.changes.subscribe(look)
        messenger.client.startService()
        await online
        return messenger

    async def relay(self, resource: str) -> Relay:
        """A relay to the swarm, which is started."""
        self.swarm.startService()
        self.swarm.allow_peers_from([ip_network("127.0.0.0/8")])
        await self.swarm.ready
        messenger = await self.messenger(resource)
        relay = Relay(
            self.reactor,
            messenger.streams,
            lambda: PeerAddress(*self.swarm.listening[0]),
            LoopbackGate(lambda: self.swarm.listening),
        )
        relay.startService()
        return relay


async def serve(side: _Side) -> None:
    """Give to every asker, for ever."""
    await side.relay("serve")
    path = side.told["path"]
    await side.swarm.share(metainfo(path), os.path.dirname(path))
    bare = await side.messenger("bare")
    bare.streams.accept(lambda stream: _Source(side.size).take(stream))
    print(side.swarm.listening[0][1], flush=True)
    await Deferred()


async def fetch(side: _Side) -> None:
    """Fetch in both ways, in turns, and print the seconds that each took."""
    relay = await side.relay("fetch")
    messenger = await side.messenger("fetch-bare")
    took: dict[str, list[float]] = {"bare": [], "relay": [], "first": [], "direct": []}
    direct = PeerAddress("127.0.0.1", side.told["port"])
    for _ in range(side.told["rounds"]):
        took["bare"].append(await _fetch_bare(side, messenger))
        place = relay.local_address(JID, "serve")
        first, whole = await _fetch(side, place, _more_than_now(relay))
        took["first"].append(first)
        took["relay"].append(whole - first)
        took["direct"].append((await _fetch(side, direct, lambda: True))[1])
    print(json.dumps(took))


async def _fetch_bare(side: _Side, messenger: Messenger) -> float:
    stream, sink = await messenger.streams.open(JID, "bare"), _Sink(side.size)
    began = side.reactor.seconds()
    sink.take(stream)
    await sink.done
    elapsed: float = side.reactor.seconds() - began
    return elapsed


def _more_than_now(relay: Relay) -> Callable[[], bool]:
    """Tells whether content has come by relay since."""
    before = relay.traffic(JID).downloaded
    return lambda: relay.traffic(JID).downloaded - before > _CONTENT


async def _fetch(
    side: _Side, address: PeerAddress, begun: Callable[[], bool]
) -> tuple[float, float]:
    """
    Fetch the torrent.

    :param begun: whether the first byte of the content is there.
    :returns: seconds to the first byte, and to the end.
    """
    folder = os.path.join(side.told["folder"], secrets.token_hex(4))
    os.mkdir(folder)
    info_hash: InfoHash = side.told["info_hash"]
    began = side.reactor.seconds()
    await side.swarm.download(info_hash, "", folder)
    side.swarm.offer_peers(info_hash, [address])
    seconds: list[float] = []

    def look() -> None:
        if begun() and not seconds:
            seconds.append(side.reactor.seconds() - began)

    looking = LoopingCall(look)
    looking.start(0.001)
    await when(side.swarm, lambda: side.swarm.library.get(info_hash).complete)
    looking.stop()
    whole = side.reactor.seconds() - began
    await side.swarm.remove(info_hash, True)
    shutil.rmtree(folder, ignore_errors=True)
    return seconds[0], whole


def main(reactor: Any, role: str, told: str) -> Deferred[None]:
    """Be one of the two."""
    side = _Side(reactor, json.loads(told), role)
    return Deferred.fromCoroutine({"serve": serve, "fetch": fetch}[role](side))


if __name__ == "__main__":
    react(main, sys.argv[1:])
