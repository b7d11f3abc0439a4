"""
How fast bytes get from one daemon to another: ``python -m benchmarks.transfer``.

A file, and the same amount in 10,000 files, go over loopback between two bitween daemons (twistd
processes on a private Prosody, asked by their API: what a user gets), and in turns with that
between two bare libtorrent sessions with the same settings, plain and sealed, and by programs that
do the like: some encrypt, as bitween does, and some do not.  Those that are not installed are named
as absent.  As root all of it runs in a network namespace of its own.

The clock runs from the request, or the start of the program that fetches, to its word that all is
there; for bitween that means: verified and written to the files.  The first byte is when a file of
the receiver's is first written to.  The CPU time is that of both sides, and of their servers, until
what a fetch leaves behind is tidied up.
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
from benchmarks.cpu_time import cpu_seconds_of_descendants
from benchmarks.encrypting_ways import MagicWormhole, RsyncOverSsh, Sftp, Syncthing
from benchmarks.first_byte import FirstByte
from benchmarks.namespace import enter
from benchmarks.own_ways import BareLibtorrent, BareSealed, Bitween
from benchmarks.plain_ways import Aria2, Nginx, Rsync, Transmission
from benchmarks.programs import Absent
from benchmarks.way import Way

WAYS: Sequence[type[Way]] = (
    BareLibtorrent,
    BareSealed,
    Bitween,
    Syncthing,
    RsyncOverSsh,
    Sftp,
    MagicWormhole,
    Aria2,
    Transmission,
    Rsync,
    Nginx,
)

FILES = 10_000
SPEED_AIM = 0.95
SYNCTHING_AIM_ONE, SYNCTHING_AIM_MANY = 1.5, 3.0
AHEAD = 1.0
FIRST_BYTE_AIM = 0.25
#: How much room a transfer needs, in terms of what is carried.
_COPIES = 4


@dataclass(frozen=True, slots=True)
class _Took:
    """Seconds to the first byte, and to the end, and of CPU time meanwhile."""

    first_byte: float
    whole: float
    cpu: float


async def _main(reactor: Any, size: int, rounds: int, only: Sequence[str]) -> None:
    for count in (1, FILES):
        directory = directory_in_memory(_COPIES * size * MIB)
        try:
            content = make_content(os.path.join(directory, "content"), size * MIB, count)
            took, absent = await _measure(reactor, content, directory, rounds, only)
        finally:
            shutil.rmtree(directory)
        _report(content, rounds, took, absent)


async def _measure(
    reactor: Any, content: Content, directory: str, rounds: int, only: Sequence[str]
) -> tuple[dict[str, list[_Took]], dict[str, str]]:
    took: dict[str, list[_Took]] = {}
    absent: dict[str, str] = {}
    ways: list[Way] = []
    try:
        for kind in WAYS:
            if only and kind.name not in only:
                continue
            try:
                own = os.path.join(directory, kind.name.replace(" ", "-"))
                way = kind(reactor, content, own)
            except Absent as why:
                absent[kind.name] = str(why)
                continue
            ways.append(way)
            await way.offer()
        for number in range(rounds + 1):
            for way in ways:
                if way.slow and number != 1:
                    continue
                once = await _once(reactor, way, content.size)
                if number:  # the first round warms up
                    took.setdefault(way.name, []).append(once)
    finally:
        for way in ways:
            await way.stop()
    return took, absent


async def _once(reactor: Any, way: Way, size: int) -> _Took:
    os.makedirs(way.into)
    await way.prepare()
    first_byte = FirstByte(reactor, way.into)
    spent = cpu_seconds_of_descendants()
    began = reactor.seconds()
    await way.fetch()
    ended = reactor.seconds()
    first_byte.stop()
    await way.tidy()
    spent = cpu_seconds_of_descendants() - spent
    if (got := size_of(way.into)) != size:
        raise SystemExit(f"{way.name} brought {got} of {size} bytes")
    shutil.rmtree(way.into)
    return _Took((first_byte.at or ended) - began, ended - began, spent)


def _report(
    content: Content, rounds: int, took: dict[str, list[_Took]], absent: dict[str, str]
) -> None:
    whole = {name: median(once.whole for once in all_) for name, all_ in took.items()}
    first = {name: median(once.first_byte for once in all_) for name, all_ in took.items()}
    cpu = {name: median(once.cpu for once in all_) for name, all_ in took.items()}
    base = whole.get(BareSealed.name)
    print(
        f"{content.size / MIB:.0f} MiB in {content.count} file(s): medians of {rounds} rounds in "
        f"turns, {os.cpu_count()} cores"
    )
    for name, seconds in whole.items():
        ratio = f"{base / seconds:5.2f} of the bare sealed pair" if base else ""
        print(
            f"  {name:16} {seconds:7.2f} s {content.size / MIB / seconds:6.0f} MiB/s  "
            f"first byte {first[name] * 1000:5.0f} ms  "
            f"CPU {cpu[name] / content.size * GIB:5.2f} s a GiB  {ratio}"
        )
    for name in [name for name, all_ in took.items() if len(all_) < rounds]:
        print(f"  {name} takes so long that it was measured once")
    for name, why in absent.items():
        print(f"  {name:16} {why}")
    if Bitween.name in whole:
        _report_aims(content, whole, first[Bitween.name])


def _report_aims(content: Content, whole: dict[str, float], first_byte: float) -> None:
    own = whole[Bitween.name]
    print(
        f"bitween's first byte: {first_byte * 1000:.0f} ms; "
        f"the aim is at most {FIRST_BYTE_AIM * 1000:.0f} ms"
    )
    aims = {
        BareSealed.name: SPEED_AIM,
        Syncthing.name: SYNCTHING_AIM_ONE if content.count == 1 else SYNCTHING_AIM_MANY,
        MagicWormhole.name: AHEAD,
        Sftp.name: AHEAD,
    }
    for name, aim in aims.items():
        if name in whole:
            print(f"bitween: {whole[name] / own:.2f} times as fast as {name}; the aim is {aim}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer", description=__doc__)
    parser.add_argument("--size", type=int, default=1024, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", choices=[w.name for w in WAYS]
    )
    given = parser.parse_args()
    enter()
    react(lambda reactor: cleanly(reactor, _main(reactor, given.size, given.rounds, given.only)))
