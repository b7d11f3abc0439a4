"""
Bitween's BitTorrent service without a daemon around it.

``python -m benchmarks.bare_swarm LIMIT DIRECTORY`` is one side of a pair, told what to do as
``benchmarks.bare_libtorrent`` is.  Its database lies in DIRECTORY.  It says ``complete`` and
``written`` together: bitween calls a torrent complete when it is written.
"""

from __future__ import annotations

import json
import os
import sys
from ipaddress import ip_network
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.filepath import FilePath

from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.seal import Seal, parse_seal_text, unpack
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash, Metainfo
from bitween.model.torrent_options import Limits
from bitween.storage.database import Database


class _Orders(LineOnlyReceiver):
    """Does what standard input says, and ends with it."""

    delimiter = b"\n"
    MAX_LENGTH = 2**20

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self.ended: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        told = json.loads(line)
        Deferred.fromCoroutine(self._do(told)).addErrback(self.ended.errback)

    def connectionLost(self, *_: object) -> None:
        self.ended.callback(None)

    async def _do(self, told: dict[str, Any]) -> None:
        info_hash = InfoHash(told["hash"])
        seal = unpack(parse_seal_text(told["seal"])) if told["seal"] else None
        if "torrent" in told:
            await self._seed(told, info_hash, seal)
        else:
            peer = PeerAddress("127.0.0.1", told["port"])
            await self._swarm.download(info_hash, "", told["folder"], seal=seal)
            self._swarm.offer_peers(info_hash, [peer])
        await self._complete(info_hash)
        print("complete", flush=True)
        if "torrent" not in told:
            await self._swarm.remove(info_hash, delete_data=False)
        print("written", flush=True)

    async def _seed(self, told: dict[str, Any], info_hash: InfoHash, seal: Seal | None) -> None:
        metadata = FilePath(told["torrent"]).getContent()
        metainfo = Metainfo(info_hash, told["name"], told["size"], metadata)
        secret = seal.secret if seal else None
        await self._swarm.share(metainfo, told["folder"], secret=secret)

    async def _complete(self, info_hash: InfoHash) -> None:
        complete: Deferred[None] = Deferred()

        def look(_: object = None) -> None:
            if not complete.called and self._swarm.library.get(info_hash).complete:
                complete.callback(None)

        unsubscribe = self._swarm.events.subscribe(look)
        look()
        await complete
        unsubscribe()


async def _main(clock: Any, limit: int, directory: str) -> None:
    os.makedirs(directory)
    options = SwarmOptions(
        listen=("127.0.0.1", 0), plain_port=0, limits=Limits(upload=limit), port_mapping=False
    )
    database = Database.open(os.path.join(directory, "bitween.db"))
    swarm = Swarm(clock, database, options)
    swarm.startService()
    swarm.allow_peers_from([ip_network("127.0.0.0/8")])
    await swarm.ready
    orders = _Orders(swarm)
    StandardIO(orders)
    print(f"listening {swarm.plain_listening[0][1]} {swarm.listening[0][1]}", flush=True)
    await orders.ended
    await swarm.stopService()


if __name__ == "__main__":
    task.react(lambda clock: Deferred.fromCoroutine(_main(clock, int(sys.argv[1]), sys.argv[2])))
