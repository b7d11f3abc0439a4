"""
The catalogue at full strength: ``python -m benchmarks.catalogue``.

Half a million shares, of 500 contacts with a thousand each: how long a start takes that reads them
from the disk and how long it holds the reactor, how much memory they take, how long a search takes
beside a plain look at one name after the other, and what one more share costs in a list of any
length beside replacing the list.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from operator import itemgetter
from statistics import median, quantiles
from typing import Any

from twisted.internet.task import Clock, deferLater, react
from twisted.internet.utils import getProcessOutputAndValue

from benchmarks.stalls import Stalls
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.catalogue.query import folded
from bitween.model.catalogue.search import Filter
from bitween.model.torrent import InfoHash
from bitween.storage.catalogue_cache import CatalogueCache
from bitween.util.cooperate import run_in_slices
from bitween.util.gc_freeze import loading_for_good

CONTACTS = 500
SHARES = 1000
LENGTHS = (100, 1000, 10_000)
ROUNDS = 10
ANNOUNCING = 10

MEMORY_AIM = 400
SEARCH_AIM = 100
STALL_AIM = 50
DELTA_AIM = 2

#: Queries by what they are; the last word of some names is "holiday", of all of them "mkv".
QUERIES = {
    "prefix": "holi",
    "substring": "olida",
    "several words": "mkv holi",
    "nothing": "xyzzy",
    "a common part": "an",
    "everything": "",
    "info-hash": "0123456789",
}

#: Searches for what counts by its size, of which half is over 550 GB.
BY_SIZE = {
    "largest first": ("", "largest", Filter()),
    "largest over 550 GB": ("", "largest", Filter(min_size=550 * 10**9)),
    "over 550 GB": ("", "match", Filter(min_size=550 * 10**9)),
    "both, a common part": ("an", "largest", Filter(min_size=550 * 10**9)),
}

_ADDRESS = (PeerAddress.parse("192.0.2.7", 6881),)


class Names:
    """Makes shares whose names are four words; the same ones in every run."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 9)))
            for _ in range(5000)
        ]
        self._words[17] = "holiday"

    def shares(self, count: int) -> list[Share]:
        """Shares that nobody else has."""
        return [self.share() for _ in range(count)]

    def share(self) -> Share:
        """One of them."""
        info_hash = InfoHash(f"{self._random.getrandbits(160):040x}")
        name = " ".join(self._random.choices(self._words, k=4)).title() + ".mkv"
        return Share(info_hash, name, self._random.getrandbits(40))


async def _main(reactor: Any) -> None:
    directory = tempfile.mkdtemp(prefix="bitween-benchmark-")
    path = os.path.join(directory, "catalogue.sqlite")
    try:
        await _filled(path)
        catalogue = await _loaded(reactor, path)
        for number in range(0, CONTACTS, 2):
            catalogue.set_online(_jid(number), "desk", True)
        await _search(reactor, catalogue)
        _delta(catalogue, Names(seed=2))
    finally:
        shutil.rmtree(directory)


async def _filled(path: str) -> None:
    """Have a database written by a process of its own, so that this one's memory is untouched."""
    arguments = ("-m", "benchmarks.catalogue", "--fill", path)
    _, err, status = await getProcessOutputAndValue(sys.executable, arguments, os.environ)
    if status != 0:
        raise SystemExit(err.decode())


def _fill(path: str) -> None:
    catalogue, names = Catalogue(), Names()
    store = CatalogueCache.open(Clock(), path)
    for number in range(CONTACTS):
        store.note(_say(catalogue, _jid(number), names.shares(SHARES)))
    store.close()


async def _loaded(reactor: Any, path: str) -> Catalogue:
    catalogue = Catalogue()
    before = _memory()
    started = time.perf_counter()
    stalls = Stalls(reactor)
    store = CatalogueCache.open(reactor, path)

    def load() -> Iterator[None]:
        for portion in store.load():
            catalogue.restore(*portion)
            yield
        yield from catalogue.prepare()

    with loading_for_good():
        await run_in_slices(reactor, load())
    taken, longest, memory = time.perf_counter() - started, stalls.stop(), _memory() - before
    store.close()
    print(f"start with {CONTACTS * SHARES} shares of {CONTACTS} contacts:")
    print(f"  time                  {taken:8.2f} s")
    print(f"  memory                {memory:8.0f} MB   (aim: {MEMORY_AIM})")
    print(f"  longest stall         {longest * 1e3:8.1f} ms   (aim: {STALL_AIM})")
    return catalogue


async def _search(reactor: Any, catalogue: Catalogue) -> None:
    # Else the collector would go through what only the benchmark has, and that would be a stall.
    with loading_for_good():
        plain = [
            (folded(share.name), share)
            for jid in catalogue.jids()
            for listing in catalogue.listings(jid).values()
            for share in listing.announcement.shares.values()
        ]
    print(f"\nsearch, best match first, {ROUNDS} times each (aim: {SEARCH_AIM} ms):")
    print(f"{ANNOUNCING} contacts announce one more share before each")
    print("                         found   median      p95  longest    stall   plain look")
    names = Names(seed=3)
    by_words = {kind: (query, "match", Filter()) for kind, query in QUERIES.items()}
    for kind, (query, sort, only) in {**by_words, **BY_SIZE}.items():
        times = []
        stalls = Stalls(reactor)
        for _ in range(ROUNDS):
            _disturb(catalogue, names)
            # Of several searches that take no longer than a slice, each is in a turn of its own.
            await deferLater(reactor, 0)
            started = time.perf_counter()
            search = catalogue.searches.begin(query, None, sort, only)
            await run_in_slices(reactor, search.steps())
            await run_in_slices(reactor, search.ordering(50))
            total = catalogue.searches.page(search, 0, 50).total
            times.append((time.perf_counter() - started) * 1e3)
        longest = stalls.stop() * 1e3
        look = median([_plain_look(plain, query) for _ in range(3)])
        ratio = look / median(times)
        print(
            f"  {kind:20} {total:8} {median(times):8.1f} {_p95(times):8.1f}"
            f" {max(times):8.1f} {longest:8.1f}"
            f"   {look:8.1f} ms: {ratio:.1f} times as long"
        )


def _plain_look(names: Sequence[tuple[str, Share]], query: str) -> float:
    """How long it takes, in milliseconds, to look at one name after the other."""
    started = time.perf_counter()
    words = query.split()
    found = [(name, share) for name, share in names if all(word in name for word in words)]
    found.sort(key=itemgetter(0))
    return (time.perf_counter() - started) * 1e3


def _disturb(catalogue: Catalogue, names: Names) -> None:
    """Have something change, so that neither the search before nor all its lists serve again."""
    online = "desk" in catalogue.online(_jid(1))
    catalogue.set_online(_jid(1), "desk", not online)
    for number in range(2, 2 + ANNOUNCING):
        added = [names.share()]
        catalogue.apply_delta(_jid(number), "desk", added, [], list_id="x", revision=2)


def _delta(catalogue: Catalogue, names: Names) -> None:
    print("\none more share in a list, in microseconds:")
    print("  length     as a delta   by replacing the list")
    medians = []
    for length in LENGTHS:
        jid = f"list-of-{length}@example.org"
        shares = names.shares(length)
        _say(catalogue, jid, shares)
        deltas, replacements = [], []
        for revision in range(2, 2 + 10 * ROUNDS):
            shares.append(names.share())
            started = time.perf_counter()
            catalogue.apply_delta(jid, "desk", shares[-1:], [], list_id="x", revision=revision)
            deltas.append((time.perf_counter() - started) * 1e6)
        for _ in range(ROUNDS):
            shares.append(names.share())
            said = _announcement(shares)
            started = time.perf_counter()
            catalogue.replace_item(jid, "desk", [said])
            replacements.append((time.perf_counter() - started) * 1e6)
        medians.append(median(deltas))
        print(f"  {length:6} {median(deltas):14.1f} {median(replacements):23.1f}")
    ratio = medians[-1] / medians[0]
    print(f"  at {LENGTHS[-1]} beside {LENGTHS[0]}: {ratio:.2f} (aim: {DELTA_AIM})")


def _say(catalogue: Catalogue, jid: str, shares: Sequence[Share]) -> CatalogueChange:
    return catalogue.replace_item(jid, "desk", [_announcement(shares)])


def _announcement(shares: Sequence[Share]) -> Announcement:
    return Announcement("desk", {share.info_hash: share for share in shares}, _ADDRESS, "x", 1)


def _jid(number: int) -> str:
    return f"contact-{number}@example.org"


def _p95(times: Sequence[float]) -> float:
    # The other method would make out of ten a figure beyond the longest.
    return quantiles(times, n=20, method="inclusive")[-1]


def _memory() -> float:
    """The resident memory of this process in megabytes."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue", description=__doc__)
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.fill:
        _fill(given.fill)
    else:
        react(_main)
