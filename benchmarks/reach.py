"""
Whether two people get bytes from each other, wherever they are: ``python -m benchmarks.reach``.

Networks of namespaces (root only) have hosts on a public segment and in homes behind routers of
several kinds, a Prosody with its proxy, a STUN server and a router that maps ports.  On each host
runs a daemon; all are contacts of each other.  For each pair one shares a file and the other gets
it; beside that stands the same pair with two bare libtorrent sessions, of which one dials every
address of the other's interfaces, as the prototype of bitween did.

The table is printed as it stands in ``docs/reach.rst``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet import defer
from twisted.internet.task import react
from twisted.web.client import HTTPConnectionPool

from benchmarks.cleanly import cleanly
from benchmarks.content import MIB, directory_in_memory
from benchmarks.first_byte import FirstByte
from tests.support.lab.daemon import LabDaemon
from tests.support.lab.neighbourhood import HOSTS, Neighbourhood
from tests.support.lab.network import Lab, Node, NoLab

#: Seconds after which a pair has no way.
PATIENCE = 40.0

#: The pairs of hosts: the first gives to the second.
PAIRS = (
    ("public4", "public"),
    ("public6", "public"),
    ("walled1", "public"),
    ("walled1", "walled2"),
    ("public4", "cone1"),
    ("cone1", "public4"),
    ("cone1", "beside"),
    ("mapped", "cone1"),
    ("mapped", "sym1"),
    ("sym1", "mapped"),
    ("cone1", "cone2"),
    ("full", "cone1"),
    ("double", "cone2"),
    ("full", "sym1"),
    ("cone1", "sym1"),
    ("sym1", "sym2"),
    ("public4", "public6"),
    ("cone1", "public6"),
)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """
    How one transfer went.

    :param how: the way it took, or why there was none.
    :param first: seconds to the first byte; ``None`` where none came.
    :param whole: seconds to the last one.
    """

    how: str
    first: float | None = None
    whole: float | None = None

    def cells(self, size: int) -> list[str]:
        """How it stands in the table."""
        if self.first is None or self.whole is None:
            return [self.how, "—", "—"]
        # What comes before the first byte is not the way's speed.
        speed = size / MIB / max(self.whole - self.first, 0.001)
        return [self.how, f"{self.first:.2f} s", f"{speed:.0f}"]


async def _main(reactor: Any, size: int, only: Sequence[str], logs: str | None) -> None:
    try:
        lab = Lab()
    except NoLab as why:
        print(f"not measured: {why}")
        return
    directory = directory_in_memory(4 * size * MIB)
    # Prosody's user has to get at it.
    os.chmod(directory, 0o755)  # it holds nothing but this
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = 10
    try:
        pairs = [pair for pair in PAIRS if not only or "-".join(pair) in only]
        names = {name for pair in pairs for name in pair}
        with Neighbourhood(lab, names, pool, directory) as here:
            rows = []
            try:
                await here.begin()
                for giver, getter in pairs:
                    path = os.path.join(directory, f"{giver}-{getter}")
                    _write(path, size * MIB)
                    ours = await _transfer(reactor, here.daemons[giver], here.daemons[getter], path)
                    plain = _plain(here.nodes[giver], here.nodes[getter], path, directory)
                    os.unlink(path)
                    rows.append([giver, getter, *ours.cells(size * MIB), *plain.cells(size * MIB)])
                    print("\t".join(rows[-1]), flush=True)
            finally:
                await here.end()
                if logs is not None:
                    _keep_logs(here.daemons, logs)
            _print_table(rows)
    finally:
        await pool.closeCachedConnections()
        shutil.rmtree(directory)


async def _transfer(reactor: Any, giver: LabDaemon, getter: LabDaemon, path: str) -> _Outcome:
    info_hash = await giver.share(path)
    await getter.finds(info_hash)
    first_byte = FirstByte(reactor, getter.downloads)
    began = reactor.seconds()
    await getter.call("bt.add_torrent_by_hash", hash=info_hash)
    try:
        await _within(reactor, getter.complete(info_hash))
    except defer.TimeoutError:
        return _Outcome((await _way(getter, info_hash)) or "not reachable")
    finally:
        ended = reactor.seconds()
        first_byte.stop()
        way = await _way(getter, info_hash)
        await getter.call("bt.del_torrent", hash=info_hash, delete_data=True)
        await giver.call("bt.del_torrent", hash=info_hash)
    return _Outcome(way, (first_byte.at or ended) - began, ended - began)


async def _within(reactor: Any, waiting: Any) -> None:
    await defer.Deferred.fromCoroutine(waiting).addTimeout(PATIENCE, reactor)


async def _way(getter: LabDaemon, info_hash: str) -> str:
    """The route by which the getter says that it reaches the giver."""
    found = await getter.call("xmpp.find", limit=1000)
    item: dict[str, Any] = next((i for i in found["items"] if i["hash"] == info_hash), {})
    return str(item.get("reach_text") or item.get("reach") or "")


def _plain(giver: Node, getter: Node, path: str, directory: str) -> _Outcome:
    folder = os.path.join(directory, "plain")
    os.makedirs(folder)
    module = (sys.executable, "-m", "benchmarks.plain_dialling")
    giving = subprocess.Popen(
        giver.within([*module, "give", path]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert giving.stdout is not None
        info_hash, *addresses = giving.stdout.readline().split()
        took = getter.run(*module, "get", info_hash, folder, *addresses).split()
    finally:
        giving.communicate()
        shutil.rmtree(folder)
    if not took:
        return _Outcome("never")
    return _Outcome("connects", float(took[0]), float(took[1]))


def _write(path: str, size: int) -> None:
    with open(path, "wb") as file:
        file.writelines(os.urandom(MIB) for _ in range(0, size, MIB))


def _keep_logs(daemons: dict[str, LabDaemon], folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for name, daemon in daemons.items():
        with open(os.path.join(folder, f"{name}.log"), "w", encoding="utf-8") as file:
            file.write(daemon.log)


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    titles = [
        *("from", "to", "way", "first byte", "MiB/s"),
        *("plain dialling", "first byte", "MiB/s"),
    ]
    named = [[HOSTS[row[0]], HOSTS[row[1]], *row[2:]] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *named, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    print(rule)
    for number, row in enumerate((titles, *named)):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
        if number == 0:
            print(rule)
    print(rule)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reach", description=__doc__)
    parser.add_argument("--size", type=int, default=64, metavar="MIB")
    parser.add_argument("--only", action="append", default=[], metavar="FROM-TO")
    parser.add_argument("--logs", metavar="FOLDER", help="keep the daemons' logs there")
    given = parser.parse_args()
    react(lambda reactor: cleanly(reactor, _main(reactor, given.size, given.only, given.logs)))
