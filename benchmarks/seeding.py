"""
What a transfer costs in CPU time, sealed and plain: ``python -m benchmarks.seeding``.

One side gives a file at 100 MB/s to the other, by two bare libtorrent sessions, by bitween's
BitTorrent service alone, and by two daemons; each in processes of their own, the first two with a
plain torrent, too.  They take turns.  What is measured is the CPU time of each process while the
file is on its way: it says what encryption costs the one who shares, and differs less between runs
than the time does.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from twisted.internet.task import react

from benchmarks.cleanly import cleanly
from benchmarks.content import GIB, MIB, Content, directory_in_memory, make_content, size_of
from benchmarks.cpu_time import cpu_seconds
from benchmarks.namespace import enter
from benchmarks.own_ways import BareLibtorrent, BareSealed, Bitween, PlainSwarm, SealedSwarm
from benchmarks.way import OwnWay

WAYS: Sequence[type[OwnWay]] = (BareLibtorrent, BareSealed, PlainSwarm, SealedSwarm, Bitween)
MEGABYTE = 10**6
# Bytes a second, for which the share of a core is told.
_FAST = 100 * MEGABYTE
_COPIES = 3


@dataclass(frozen=True, slots=True)
class _Cost:
    """Seconds of CPU time of the giver and of the taker, and how long it took."""

    giver: float
    taker: float
    whole: float


async def _main(reactor: Any, size: int, rounds: int, limit: int) -> None:
    directory = directory_in_memory(_COPIES * size * MIB)
    ways: list[OwnWay] = []
    costs: dict[str, list[_Cost]] = {}
    try:
        content = make_content(os.path.join(directory, "content"), size * MIB)
        for kind in WAYS:
            way = kind(reactor, content, os.path.join(directory, kind.name.replace(" ", "-")))
            way.limit = limit
            ways.append(way)
            await way.offer()
        for _ in range(rounds):
            for way in ways:
                costs.setdefault(way.name, []).append(await _once(reactor, way, content))
    finally:
        for way in ways:
            await way.stop()
        shutil.rmtree(directory)
    _report(content.size, rounds, limit, costs)


async def _once(reactor: Any, way: OwnWay, content: Content) -> _Cost:
    os.makedirs(way.into)
    giver, taker = way.processes()
    before = cpu_seconds(giver), cpu_seconds(taker), reactor.seconds()
    await way.fetch()
    after = cpu_seconds(giver), cpu_seconds(taker), reactor.seconds()
    await way.tidy()
    if (got := size_of(way.into)) != content.size:
        raise SystemExit(f"{way.name} brought {got} of {content.size} bytes")
    shutil.rmtree(way.into)
    return _Cost(*(now - then for now, then in zip(after, before, strict=True)))


def _report(size: int, rounds: int, limit: int, costs: dict[str, list[_Cost]]) -> None:
    print(
        f"{size / MIB:.0f} MiB at most at {limit / MEGABYTE:.0f} MB/s (0: unlimited): medians of "
        f"{rounds} rounds in turns, {os.cpu_count()} cores"
    )
    for name, all_ in costs.items():
        giver, taker, whole = (
            median(values)
            for values in zip(*((c.giver, c.taker, c.whole) for c in all_), strict=True)
        )
        print(
            f"  {name:16} {size / whole / MEGABYTE:5.0f} MB/s  giver {giver / size * GIB:5.2f} s "
            f"a GiB, {giver / size * _FAST:4.0%} of a core at {_FAST / MEGABYTE:.0f} MB/s  "
            f"taker {taker / size * GIB:5.2f} s a GiB"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seeding", description=__doc__)
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--limit",
        type=int,
        default=_FAST // MEGABYTE,
        metavar="MB/S",
        help="of the giver; 0: unlimited",
    )
    given = parser.parse_args()
    enter()
    react(
        lambda reactor: cleanly(
            reactor, _main(reactor, given.size, given.rounds, given.limit * MEGABYTE)
        )
    )
