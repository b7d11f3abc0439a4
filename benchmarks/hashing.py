"""
How fast a file is hashed, and how long the reactor waits: ``python -m benchmarks.hashing``.

Measured from the call of the hasher in the daemon's process to its answer, in turns with programs
that do the same, mktorrent and transmission-create, and with sha1sum, which reads and hashes with
one thread.  Those that are not installed are named as absent.  The file is in memory: what is
measured is the hashing.  While ours works, a call every 10 ms tells how long the reactor was away:
the longest time from one call to the next in all rounds.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from statistics import median
from typing import Any

from twisted.internet.task import LoopingCall, react
from twisted.internet.utils import getProcessValue

from benchmarks.cleanly import cleanly
from benchmarks.content import MIB, directory_in_memory
from benchmarks.programs import Absent, find
from bitween.files.hashing.hasher import Hasher
from bitween.model.metainfo import piece_size_for

TICK = 0.01
GAP_AIM = 0.05
SPEED_AIM = 0.9

_Run = Callable[[], Awaitable[object]]


class _Gaps:
    """Measures how late a call that is due every 10 ms comes."""

    def __init__(self, reactor: Any) -> None:
        self._seconds = reactor.seconds
        self._loop = LoopingCall(self._tick)
        self._last: float | None = None
        self.largest = 0.0

    def start(self) -> None:
        self._last = None
        self._loop.start(TICK)

    def stop(self) -> None:
        self._loop.stop()

    def _tick(self) -> None:
        now = self._seconds()
        if self._last is not None:
            self.largest = max(self.largest, now - self._last)
        self._last = now


async def _main(reactor: Any, size: int, rounds: int) -> None:
    directory = directory_in_memory(size * MIB)
    hasher, gaps = Hasher(reactor), _Gaps(reactor)
    try:
        path = _make_file(directory, size)
        hasher.startService()

        async def ours() -> None:
            gaps.start()
            try:
                await hasher.hash_path(path, lambda *_: None)
            finally:
                gaps.stop()

        runs: dict[str, _Run] = {"bitween": ours}
        absent = []
        torrent = os.path.join(directory, "made.torrent")
        for name, arguments in _programs(path, size, torrent).items():
            try:
                runs[name] = _program(find(name), arguments, torrent)
            except Absent:
                absent.append(name)
        seconds = await _measure(reactor, runs, rounds)
    finally:
        await hasher.stopService()
        shutil.rmtree(directory)
    _report(size, rounds, seconds, absent, gaps.largest)


def _make_file(directory: str, size: int) -> str:
    path = os.path.join(directory, "file")
    with open(path, "wb") as file:
        file.writelines(os.urandom(MIB) for _ in range(size))
    return path


def _programs(path: str, size: int, torrent: str) -> dict[str, list[str]]:
    """The others, with the same piece size as ours."""
    piece = piece_size_for(size * MIB)
    return {
        "sha1sum": [path],
        "mktorrent": ["-l", str(piece.bit_length() - 1), "-o", torrent, path],
        "transmission-create": ["-s", str(piece // 1024), "-o", torrent, path],
    }


def _program(program: str, arguments: list[str], torrent: str) -> _Run:
    async def run() -> None:
        with suppress(FileNotFoundError):
            os.unlink(torrent)
        status = await getProcessValue(program, arguments, os.environ)
        if status:
            raise SystemExit(f"{program} ended with status {status}")

    return run


async def _measure(reactor: Any, runs: dict[str, _Run], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            began = reactor.seconds()
            await run()
            if number:  # the first round warms up
                seconds[name].append(reactor.seconds() - began)
    return seconds


def _report(
    size: int, rounds: int, seconds: dict[str, list[float]], absent: list[str], gap: float
) -> None:
    middle = {name: median(times) for name, times in seconds.items()}
    best = min(middle.values())
    print(f"{size} MiB in memory, {rounds} rounds in turns, {os.cpu_count()} cores: medians")
    for name, time in sorted(middle.items(), key=lambda pair: pair[1]):
        rate = size / time
        print(f"  {name:20} {time:7.3f} s {rate:8.0f} MiB/s  {best / time:5.2f} of the best")
    for name in absent:
        print(f"  {name:20} absent")
    ratio = best / middle["bitween"]
    print(f"bitween: {ratio:.2f} of the best; the aim is at least {SPEED_AIM}")
    print(
        f"largest gap of the reactor: {gap * 1000:.0f} ms; the aim is below {GAP_AIM * 1000:.0f} ms"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hashing", description=__doc__)
    parser.add_argument("--size", type=int, default=2048, metavar="MIB")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    react(lambda reactor: cleanly(reactor, _main(reactor, given.size, given.rounds)))
