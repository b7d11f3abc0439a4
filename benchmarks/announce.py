"""
How long until a contact knows of a new share: ``python -m benchmarks.announce``.

Measured from the call of ``bt.add_path`` (JSON-RPC over HTTP, to a daemon of its own process) to
the moment at which the share stands in the catalogue of a contact's daemon, which runs in this
process. Beside it, and in turns with it, the bare PEP round trip of two plain clients on the same
server.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.web.client import HTTPConnectionPool

from benchmarks.bare_pep import BarePEP
from benchmarks.cleanly import cleanly
from bitween.app.application import Bitween
from bitween.daemon.service import Daemon as DaemonService
from bitween.model.catalogue.changes import CatalogueChange
from bitween.settings.command_line import Options
from bitween.testing.private_prosody import PrivateProsody
from bitween.xmpp.session.account import Account
from tests.support.harness import Daemon, until

ROUNDS = 50
SIZE = 1000
#: Seconds between rounds, in which the byte budget of the publisher recovers.
PAUSE = 1.0
AIM = 10


class _Watcher:
    """Tells when a share's name appears in a catalogue, or is gone from it."""

    def __init__(self, bitween: Bitween, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._waiting: tuple[str, str, Deferred[float]] | None = None
        bitween.shares.changes.subscribe(self._changed)

    def next(self, kind: str, name: str) -> Deferred[float]:
        """
        Wait for one change.

        :param kind: ``appeared`` or ``gone``.
        :returns: fires with the time.
        """
        waiting: Deferred[float] = Deferred()
        self._waiting = kind, name, waiting
        return waiting

    def _changed(self, change: CatalogueChange) -> None:
        if self._waiting is None:
            return
        kind, name, waiting = self._waiting
        if any(holding.share.name == name for holding in getattr(change, kind)):
            self._waiting = None
            waiting.callback(self._seconds())


async def _main(reactor: Any) -> None:
    with ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix="bitween-benchmark-")
        stack.callback(shutil.rmtree, directory)
        prosody = stack.enter_context(PrivateProsody())
        alice = Daemon(
            prosody, HTTPConnectionPool(reactor), f"{directory}/alice", _user(prosody, "alice")
        )
        bob = _in_process(reactor, prosody, directory, _user(prosody, "bob"))
        bare = BarePEP(reactor, prosody)
        try:
            await alice.start()
            bob.startService()
            await bob.started
            bare.startService()
            await bare.prepare()
            await _befriend(alice, bob.bitween)
            whole, bare_trips = await _measure(reactor, alice, bob.bitween, bare, directory)
        finally:
            await alice.stop()
            await bob.stopService()
            await bare.stopService()
    _report(whole, bare_trips)


def _user(prosody: PrivateProsody, name: str) -> str:
    prosody.add_account(name, "secret")
    return name


def _in_process(reactor: Any, prosody: PrivateProsody, directory: str, user: str) -> DaemonService:
    options = Options()
    options.parseOptions(
        [
            *("--jid", f"{user}@{prosody.domain}"),
            *("--state-dir", f"{directory}/{user}/state"),
            *("--download-dir", f"{directory}/{user}/downloads"),
            *("--api", "none", "--listen", "127.0.0.1:0", "--no-port-mapping"),
        ]
    )
    with open(prosody.ca_file, "rb") as file:
        ca_pem = file.read()
    settings = options.settings({"XDG_CONFIG_HOME": directory})
    account = Account(settings.account.jid, "secret", (prosody.host, prosody.port), ca_pem)
    return DaemonService(reactor, settings, account, lambda why, _: sys.exit(why))


async def _befriend(alice: Daemon, bob: Bitween | None) -> None:
    assert bob is not None
    me = bob

    async def status() -> str:
        return me.status.report().connection.state.value

    async def subscription() -> list[str]:
        return [contact.subscription.value for contact in me.contacts.all()]

    await alice.online()
    await until(status, lambda state: state == "online")
    await me.contacts.add(alice.jid)
    await alice.until(
        lambda result: any(contact["pending"] == "in" for contact in result["contacts"]),
        "xmpp.get_contacts",
    )
    await alice.call("xmpp.accept_contact", jid=me.status.report().own_jid)
    await until(subscription, lambda found: found == ["both"])


async def _measure(
    reactor: Any, alice: Daemon, bob: Bitween | None, bare: BarePEP, directory: str
) -> tuple[list[float], list[float]]:
    assert bob is not None
    watcher = _Watcher(bob, reactor.seconds)
    whole, bare_trips = [], []
    for number in range(ROUNDS + 1):
        name = f"round {number}.txt"
        path = _make_file(directory, name)
        appeared = watcher.next("appeared", name)
        began = reactor.seconds()
        job = (await alice.call("bt.add_path", path=path))["job"]
        whole.append(await appeared - began)
        bare_trips.append(await bare.round_trip())
        gone = watcher.next("gone", name)
        await alice.call(
            "bt.del_torrent", hash=(await alice.call("jobs.get", job=job))["result"]["hash"]
        )
        await gone
        await deferLater(reactor, PAUSE)
    return whole[1:], bare_trips[1:]  # the first round warms up


def _make_file(directory: str, name: str) -> str:
    path = os.path.join(directory, name)
    with open(path, "wb") as file:
        file.write(os.urandom(SIZE))
    return path


def _report(whole: Sequence[float], bare: Sequence[float]) -> None:
    print(f"{ROUNDS} rounds, all on loopback, in milliseconds: median, 95th percentile")
    print(f"  bare PEP round trip               {_figures(bare)}")
    print(f"  bt.add_path to contact's catalogue {_figures(whole)}")
    ratio = median(whole) / median(bare)
    print(f"ratio of the medians: {ratio:.1f}; the aim is at most {AIM}")
    print(
        f"A round shares {SIZE} bytes and takes them back; the next begins {PAUSE:.0f} s later.\n"
        "Otherwise what is measured would be the byte budget, by which a daemon stays below the\n"
        "rate limits of servers. Someone who adds many shares sees them announced in few publishes."
    )


def _figures(seconds: Sequence[float]) -> str:
    p95 = quantiles(seconds, n=20)[-1]
    return f"{median(seconds) * 1000:7.2f} {p95 * 1000:7.2f}"


if __name__ == "__main__":
    react(lambda reactor: cleanly(reactor, _main(reactor)))
