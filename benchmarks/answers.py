"""
Large answers over HTTP: ``python -m benchmarks.answers``.

Ten thousand torrents, and half a million shares of 500 contacts, half of them online, behind the
API as a daemon serves it.  A client in a process of its own asks for all of it; measured are the
bytes, the time, the CPU time of the serving process, and for how long its reactor is held.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from twisted.internet.task import react
from twisted.internet.utils import getProcessOutputAndValue

# First of all: it mends what wokkel needs mended.
import bitween.xmpp  # noqa: F401  # isort: skip
from benchmarks.catalogue import CONTACTS, SHARES, Names
from benchmarks.stalls import Stalls
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement
from bitween.model.torrent import FileEntry, Progress, Torrent, TorrentState
from bitween.util.gc_freeze import loading_for_good
from tests.support.api_rig import TOKEN, World, site_of

TORRENTS = 10_000
FILES = 10

ANSWER_AIM = 100
STALL_AIM = 50

_CALLS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("a trivial call", "Api.versions", {}),
    ("three fields", "bt.get_torrents", {"fields": ["hash", "name", "state"]}),
    ("all fields", "bt.get_torrents", {}),
    ("a page of 1000", "xmpp.find", {"query": "", "limit": 1000}),
    ("everything", "xmpp.get_shares", {}),
    ("everything", "xmpp.get_hashes", {}),
)

# Reads the answer and throws it away, so that only the serving is measured.
_CLIENT = """
import sys, time, urllib.request
url, token, body = sys.argv[1:]
head = {"Content-Type": "application/json", "Authorization": "Bearer " + token}
began = time.perf_counter()
with urllib.request.urlopen(urllib.request.Request(url, body.encode(), head)) as answer:
    size = 0
    while piece := answer.read(2**20):
        size += len(piece)
print(size, time.perf_counter() - began)
"""


async def _main(reactor: Any) -> None:
    world = World(reactor)
    with loading_for_good():
        _fill(world)
    site = site_of(world)
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    url = f"http://127.0.0.1:{port.getHost().port}/api"
    print(
        "                                       MB      time       CPU     stall   (milliseconds)"
    )
    try:
        for what, method, params in _CALLS:
            await _ask(reactor, url, what, method, params)
    finally:
        await port.stopListening()
        await site.close()
    print(
        f"aims: {ANSWER_AIM} ms of CPU for three fields of all torrents, no stall over {STALL_AIM}"
    )


async def _ask(reactor: Any, url: str, what: str, method: str, params: dict[str, object]) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    stalls, cpu = Stalls(reactor), time.process_time()
    out, err, status = await getProcessOutputAndValue(
        sys.executable, ("-c", _CLIENT, url, TOKEN, body), os.environ
    )
    spent, longest = time.process_time() - cpu, stalls.stop()
    if status != 0:
        raise SystemExit(err.decode())
    size, seconds = map(float, out.split())
    print(
        f"  {method:16} {what:16} {size / 1e6:7.1f} {seconds * 1e3:9.1f} {spent * 1e3:9.1f}"
        f" {longest * 1e3:9.1f}",
        flush=True,
    )


def _fill(world: World) -> None:
    names = Names()
    for number in range(TORRENTS):
        share = names.share()
        files = tuple(FileEntry(f"{share.name}/{n} of them", 1000) for n in range(FILES))
        world.swarm.library.put(
            Torrent(
                share.info_hash,
                share.name,
                "/files",
                TorrentState.SEEDING,
                Progress(done=10_000, total=10_000),
                complete=True,
                files=files,
                added=float(number),
                shared=True,
            )
        )
    catalogue = world.bitween.shares.catalogue
    for number in range(CONTACTS):
        jid, address = f"contact-{number}@example.org", PeerAddress.parse("192.0.2.7", 6881)
        shares = {share.info_hash: share for share in names.shares(SHARES)}
        catalogue.replace_item(jid, "desk", [Announcement("desk", shares, (address,), "x", 1)])
        if number % 2:
            catalogue.set_online(jid, "desk", True)


if __name__ == "__main__":
    react(_main)
