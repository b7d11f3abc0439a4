"""
How much longer several take who want the same at once: ``python -m benchmarks.swarm``.

One daemon shares a file and gives no more than 10 MB/s; 1, 2, 4 and 8 others ask for it at the same
moment.  If they give one another what they have, 8 take hardly longer than one.  All are twistd
processes, contacts of each other on a private Prosody, and learn of each other as contacts do; each
has an address of its own on the loopback network.  With ``--guests`` the receivers are contacts of
the giver alone, who introduces them to each other.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from statistics import median
from typing import Any

from twisted.internet.task import react

from benchmarks.cleanly import cleanly
from benchmarks.content import MIB, make_content
from benchmarks.daemons import Daemons
from tests.support.harness import Daemon, together, until

RECEIVERS = (1, 2, 4, 8)
LIMIT = 10_000_000
AIM = 1.3
#: Seconds for one swarm.
PATIENCE = 600.0


async def _main(reactor: Any, size: int, rounds: int, *, guests: bool) -> None:
    directory = tempfile.mkdtemp(prefix="bitween-benchmark-")
    daemons = Daemons(reactor, directory)
    seconds: dict[int, list[float]] = {count: [] for count in RECEIVERS}
    try:
        users = [f"user{number}" for number in range(RECEIVERS[-1] + 1)]
        options = {user: _options(number) for number, user in enumerate(users)}
        giver, *takers = await daemons.start(options, strangers=guests)
        for _ in range(rounds):
            for count in RECEIVERS:
                path = os.path.join(directory, "content")
                took = await _once(reactor, giver, takers[:count], path, size)
                seconds[count].append(took)
    finally:
        await daemons.stop()
        shutil.rmtree(directory)
    _report(size, rounds, seconds)


def _options(number: int) -> list[str]:
    """The command line of a daemon: the first one is the giver."""
    address = f"127.2.0.{number + 1}"
    limit = [f"--upload-limit={LIMIT}"] if number == 0 else []
    return [f"--listen={address}:0", f"--announce={address}", *limit]


async def _once(
    reactor: Any, giver: Daemon, takers: Sequence[Daemon], path: str, size: int
) -> float:
    """Seconds until all have it."""
    info_hash = make_content(path, size * MIB).info_hash
    await giver.share(path)
    await together([taker.finds(info_hash) for taker in takers])
    began = reactor.seconds()
    await together(
        [taker.call("bt.add_torrent_by_hash", hash=info_hash) for taker in takers],
    )
    await together([_complete(taker, info_hash) for taker in takers])
    took: float = reactor.seconds() - began
    for daemon in (*takers, giver):
        await daemon.call("bt.del_torrent", hash=info_hash, delete_data=True, originals=True)
    return took


async def _complete(daemon: Daemon, info_hash: str) -> None:
    wanted = {"hashes": [info_hash], "fields": ["complete"]}
    await until(
        lambda: daemon.call("bt.get_torrents", **wanted),
        lambda result: result["torrents"][0]["complete"],
        PATIENCE,
    )


def _report(size: int, rounds: int, seconds: dict[int, list[float]]) -> None:
    middle = {count: median(times) for count, times in seconds.items()}
    one = middle[RECEIVERS[0]]
    print(f"{size} MiB from one who gives {LIMIT / 1e6:.0f} MB/s: medians of {rounds} rounds")
    print(f"  the giver alone would need {size * MIB / LIMIT:.1f} s for each receiver")
    for count, time in middle.items():
        print(f"  {count} receivers  {time:6.1f} s  {time / one:5.2f} of the time of one")
    print(
        f"{RECEIVERS[-1]} receivers: {middle[RECEIVERS[-1]] / one:.2f} of the time of one; "
        f"the aim is at most {AIM}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.swarm", description=__doc__)
    parser.add_argument("--size", type=int, default=128, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--guests", action="store_true", help="the receivers do not know each other"
    )
    given = parser.parse_args()
    react(
        lambda reactor: cleanly(
            reactor, _main(reactor, given.size, given.rounds, guests=given.guests)
        )
    )
