"""
What a long share list costs on the wire: ``python -m benchmarks.lists``.

Alice shares 100, 1,000 and 10,000 things, on a private Prosody.  Measured are the bytes that she
sends and the CPU time that she takes, for the first publish and for one share more, while nobody
else is there; then what one follower receives who has nothing, and who has all but the last.
Beside it, in the same run, the whole list in one item, as the prototype publishes it; above the
servers' limit for a stanza that is built and written down, but not sent.

Except for the budget, which is wider here so that it does not take minutes, everything is as in a
daemon; the list is kept in a database.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

# First of all: it mends what wokkel needs mended.
from bitween.model.candidate import Candidate

from bitween.xmpp.messenger import Messenger  # isort: skip
from twisted.words.xish.xmlstream import STREAM_CONNECTED_EVENT

from bitween.app.application import ApplicationOptions, Bitween
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.share_list import ListMemory, ShareList
from bitween.model.torrent import InfoHash
from bitween.storage.database import Database
from bitween.testing.private_prosody import PrivateProsody
from bitween.xmpp.session import send_budget
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from bitween.xmpp.shares.item_codec import OwnPlaces, whole_item
from tests.support.fakes.ports import ports_around

COUNTS = (100, 1_000, 10_000)
ROUNDS = 30
AIM = 2
HERE = [Candidate(PeerAddress.parse(ip, 6881)) for ip in ("127.0.0.1", "192.0.2.7")]
# What a stanza has around the item.
_STANZA = 250


@dataclass(frozen=True, slots=True)
class _Cost:
    """Bytes, and seconds of CPU."""

    size: float
    seconds: float


class _Side:
    """One person's messenger and catalogue, with a meter on the stream."""

    def __init__(
        self, reactor: Any, prosody: PrivateProsody, user: str, memory: ListMemory | None
    ) -> None:
        with open(prosody.ca_file, "rb") as file:
            ca_pem = file.read()
        server = (prosody.host, prosody.port)
        account = Account(f"{user}@{prosody.domain}/laptop", "secret", server, ca_pem)
        self.messenger = Messenger(reactor, Client(reactor, account, lambda _: None), memory=memory)
        options = ApplicationOptions("/nonexistent")
        ports = ports_around(self.messenger, reactor)
        self.bitween = Bitween(ports, options, reactor, lambda: None)
        self.sent = self.received = 0
        self._waiting: list[tuple[Callable[[], object], Deferred[None]]] = []
        self.messenger.client.factory.addBootstrap(STREAM_CONNECTED_EVENT, self._connected)

    def until(self, holds: Callable[[], object]) -> Deferred[None]:
        """Wait; looked at whenever something came in."""
        waiting: Deferred[None] = Deferred()
        self._waiting.append((holds, waiting))
        return waiting

    async def start(self) -> None:
        """Come online, and wait until there is nothing more to do."""
        self.messenger.client.startService()
        await self.until(lambda: self.messenger.client.online)
        await self.until(self.idle)

    def idle(self) -> bool:
        """Whether no request waits for its answer."""
        return not self.messenger.client.xmlstream.iqDeferreds

    def knows(self, jid: str) -> int:
        """The number of known shares of a contact's laptop; -1 until the list is complete."""
        listing = self.bitween.shares.catalogue.listings(jid).get("laptop")
        complete = listing is not None and listing.announcement.complete
        return len(listing.announcement.shares) if listing and complete else -1

    def widen(self) -> None:
        """Let it send at once what would take minutes at the rate that servers allow."""
        limit = self.messenger.client.budget
        # As a constructor argument nobody else would want it.
        limit._rate = limit._burst = limit._left = 10**9  # noqa: SLF001  # see above

    def _connected(self, stream: Any) -> None:
        charge, read = stream.rawDataOutFn, stream.dataReceived

        def sends(data: bytes) -> None:
            self.sent += len(data)
            charge(data)

        def receives(data: bytes) -> None:
            self.received += len(data)
            read(data)
            for entry in list(self._waiting):
                holds, waiting = entry
                if holds():
                    self._waiting.remove(entry)
                    waiting.callback(None)

        stream.rawDataOutFn, stream.dataReceived = sends, receives


@dataclass(frozen=True, slots=True)
class _Figures:
    """What was measured for one length of the list."""

    count: int
    first: _Cost
    one_more: _Cost
    whole: _Cost
    catch_up: int
    follow: int


def _shares(count: int) -> list[Share]:
    return [Share(InfoHash(f"{n:040x}"), f"share number {n}.mkv", n * 1000) for n in range(count)]


async def _published(side: _Side, shares: Sequence[Share]) -> _Cost:
    """Announce, and wait until the server has taken it."""
    side.widen()
    sent, began = side.sent, time.process_time()
    side.messenger.announce(shares, HERE)
    await side.until(lambda: side.sent > sent and side.idle())
    return _Cost(side.sent - sent, time.process_time() - began)


def _republished(shares: list[Share]) -> _Cost:
    """Build the item of a whole list, and write it down, as for every change before."""
    listed = ShareList("whole")
    listed.update(shares)
    began = time.process_time()
    text = whole_item("laptop", listed, OwnPlaces(tuple(HERE)), 10**9).toXml().encode()
    return _Cost(len(text) + _STANZA, time.process_time() - began)


def _middle(costs: Sequence[_Cost]) -> _Cost:
    return _Cost(median(c.size for c in costs), median(c.seconds for c in costs))


async def _measure(reactor: Any, count: int) -> _Figures:
    with ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix="bitween-benchmark-")
        stack.callback(shutil.rmtree, directory)
        prosody = stack.enter_context(PrivateProsody())
        for user in ("alice", "bob"):
            prosody.add_account(user, "secret")
        store = Database.open(os.path.join(directory, "alice.sqlite"))
        stack.callback(store.close)
        alice = _Side(reactor, prosody, "alice", store)
        bob = _Side(reactor, prosody, "bob", None)
        try:
            await alice.start()
            # In the end they are as many as a reader takes.
            shares = _shares(count - ROUNDS - 1)
            first = await _published(alice, shares)
            ones = []
            for number in range(len(shares), count - 1):
                shares = [*shares, _shares(number + 1)[-1]]
                ones.append(await _published(alice, shares))
            catch_up, follow = await _followed(reactor, alice, bob, shares)
        finally:
            for side in (alice, bob):
                await side.messenger.client.stopService()
    return _Figures(count, first, _middle(ones), _republished(shares), catch_up, follow)


async def _followed(
    reactor: Any, alice: _Side, bob: _Side, shares: Sequence[Share]
) -> tuple[int, int]:
    """What a follower receives to have the whole list, and then for one share more."""
    await bob.start()
    me, other = bob.messenger.own_jid, alice.messenger.own_jid
    bob.widen()
    received = bob.received
    asked = alice.until(lambda: any(c.pending for c in alice.messenger.contacts))
    caught_up = bob.until(lambda: bob.knows(other) == len(shares))
    await bob.messenger.add_contact(other, "")
    await asked
    alice.widen()
    await alice.messenger.accept_contact(me)
    await caught_up
    catch_up = bob.received - received
    await deferLater(reactor, 1)
    received = bob.received
    followed = bob.until(lambda: bob.knows(other) == len(shares) + 1)
    await _published(alice, [*shares, _shares(20_000)[-1]])
    await followed
    return catch_up, bob.received - received


async def _main(reactor: Any) -> None:
    figures = [await _measure(reactor, count) for count in COUNTS]
    print("bytes and milliseconds of CPU (both, of the publisher, with its database)")
    print("  shares       first publish        one more        the whole list again")
    rate = send_budget.RATE
    rate = send_budget.RATE
    for f in figures:
        print(f"  {f.count:6}   {_text(f.first)}   {_text(f.one_more)}   {_text(f.whole)}")
    print("bytes that a follower receives, and how long the list takes at 2.5 kB/s")
    print("  shares       has nothing        one more")
    for f in figures:
        print(f"  {f.count:6}   {f.catch_up:10} {f.catch_up / rate:5.0f} s   {f.follow:8}")
    least, most = figures[0].one_more, figures[-1].one_more
    print(
        f"one more at {COUNTS[-1]} / at {COUNTS[0]}: {most.size / least.size:.2f} in bytes, "
        f"{most.seconds / least.seconds:.2f} in CPU; the aim is at most {AIM}"
    )
    for f in figures:
        print(
            f"the whole list again / one more at {f.count}: "
            f"{f.whole.size / f.one_more.size:.0f} in bytes"
        )


def _text(cost: _Cost) -> str:
    return f"{cost.size:9.0f} B {cost.seconds * 1000:6.1f} ms"


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(_main(reactor)))
