"""
A process that holds a swarm, for a test to kill.

Arguments: state directory, download directory, info-hash, port of the source.  It writes a line
with the bytes done whenever that changes.
"""

from __future__ import annotations

import os
import sys
from typing import Any, cast

from twisted.internet import reactor

from bitween.bittorrent.swarm import Swarm
from bitween.model.address import PeerAddress
from bitween.model.events import SwarmEvent, TorrentChanged
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent import InfoHash
from bitween.storage.database import Database
from tests.support.swarms import HERE


def main() -> None:
    """Download until killed, or until the test that started this is gone."""
    state, downloads, info_hash, port = sys.argv[1:]
    store = Database.open(os.path.join(state, "bitween.db"))
    swarm = Swarm(
        cast(Any, reactor), store, SwarmOptions(("127.0.0.1", 0), sealed=False, port_mapping=False)
    )

    def tell(event: SwarmEvent) -> None:
        if isinstance(event, TorrentChanged):
            sys.stdout.write(f"{event.torrent.progress.done}\n")
            sys.stdout.flush()

    def begin(_: None) -> None:
        swarm.allow_peers_from([HERE])
        swarm.download(InfoHash(info_hash), "file", downloads)
        swarm.offer_peers(InfoHash(info_hash), [PeerAddress("127.0.0.1", int(port))])

    swarm.events.subscribe(tell)
    swarm.ready.addCallback(begin)
    swarm.startService()
    cast(Any, reactor).run()


if __name__ == "__main__":
    main()
