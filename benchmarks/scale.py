"""
Ten thousand torrents: ``python -m benchmarks.scale [--torrents N]``.

A daemon (``twistd bitween``, with a private Prosody) begins with N small files that an earlier run
shared, sealed.  Measured are the time until its API answers and until all is announced, its memory,
its CPU while nothing happens, ``bt.get_torrents``, and the time that it takes to stop; beside it a
bare libtorrent session with the same torrents, sealed likewise.  Then the same daemon is started
once more, within this process, to see for how long its reactor is held.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.client import HTTPConnectionPool

# First of all: it mends what wokkel needs mended.
from benchmarks.bare_pep import Client  # isort: skip
from wokkel.pubsub import PubSubClient

from benchmarks.cleanly import cleanly
from benchmarks.stalls import Stalls
from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.files.disk import check_files
from bitween.crypto.authority import new_credentials
from bitween.daemon.service import Daemon as DaemonService
from bitween.model.metainfo import HashedFile, info_section, make_torrent, torrent_file
from bitween.model.seal import new_secret, seal_of, sealed
from bitween.model.torrent import FileEntry, InfoHash
from bitween.settings.command_line import Options
from bitween.storage import api_location
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from bitween.testing.private_prosody import PrivateProsody
from bitween.xmpp.session.account import Account
from bitween.xmpp.shares.item_codec import list_state
from tests.support.harness import Daemon, until

TORRENTS = 10_000
SIZE = 100
#: Seconds for which nothing happens.
IDLE = 30.0
ROUNDS = 5

START_AIM = 60
CPU_AIM = 3
ANSWER_AIM = 100
STALL_AIM = 50
EXIT_AIM = 20

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Bare:
    """A bare session: seconds to add all, megabytes, and percent of a core while idle."""

    start: float
    memory: float
    idle: float


class _Watcher(PubSubClient):
    """Tells when our item speaks of the whole list."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self._revision = revision
        self.announced: Deferred[float] = Deferred()

    def itemsReceived(self, event: Any) -> None:
        """Look which revision that is."""
        for item in event.items:
            if list_state(item)[1] == self._revision and not self.announced.called:
                self.announced.callback(time.perf_counter())


async def _main(reactor: Any, count: int) -> None:
    with ExitStack() as stack:
        directory = tempfile.mkdtemp(prefix="bitween-benchmark-")
        stack.callback(shutil.rmtree, directory)
        files = os.path.join(directory, "files")
        database = os.path.join(directory, "torrents.sqlite")
        _fill(files, database, count)
        bare = await _bare_in_process(database)
        prosody = stack.enter_context(PrivateProsody())
        prosody.add_account("alice", "secret")
        daemon = Daemon(prosody, HTTPConnectionPool(reactor), f"{directory}/alice", "alice")
        shutil.copy(database, os.path.join(daemon.state_dir, "bitween.sqlite"))
        print(f"{count} torrents, beside a bare libtorrent session with the same:")
        await _as_process(reactor, prosody, daemon, count, bare)
        await _in_process(reactor, prosody, daemon, count)


def _fill(files: str, database: str, count: int) -> None:
    """Write files, and a database that has them shared."""
    os.makedirs(files)
    store = Database.open(database)
    for number in range(count):
        name = f"a file of some words and a number {number:05}.bin"
        path = os.path.join(files, name)
        content = os.urandom(SIZE)
        with open(path, "wb") as file:
            file.write(content)
        info_hash, torrent = make_torrent(
            name, [HashedFile((), SIZE)], 2**16, hashlib.sha1(content).digest()
        )
        seal = seal_of(info_section(torrent), new_secret())
        store.put(
            TorrentRecord(
                info_hash=InfoHash(info_hash),
                name=name,
                folder=files,
                root=name,
                added=float(number),
                shared=True,
                complete=True,
                torrent_file=torrent,
                signature=check_files(files, [FileEntry(name, SIZE)]).signature,
                seal=seal,
            )
        )
    store.close()


async def _as_process(
    reactor: Any, prosody: PrivateProsody, daemon: Daemon, count: int, bare: _Bare
) -> None:
    observer = Client(reactor, prosody, "alice")
    watcher = _Watcher(count)
    watcher.setHandlerParent(observer.service)
    observer.service.startService()
    await observer.presence.online
    try:
        began = time.perf_counter()
        await daemon.start()
        answering = time.perf_counter() - began
        announced = await watcher.announced - began
        pid = api_location.read(os.path.join(daemon.state_dir, api_location.FILE_NAME)).pid
        _say("start until the API answers, s", answering, bare.start)
        _say(f"start until all is announced, s (aim: {START_AIM})", announced)
        _say("memory, MB", _memory(pid), bare.memory)
        _say(f"CPU while idle, % (aim: {CPU_AIM})", await _idle(reactor, pid), bare.idle)
        for fields in (["hash", "name", "state"], None):
            await _answer(daemon, pid, fields)
    finally:
        began = time.perf_counter()
        await daemon.stop()
        _say(f"exit, s (aim: {EXIT_AIM})", time.perf_counter() - began)
        observer.service.stopService()


async def _answer(daemon: Daemon, pid: int, fields: list[str] | None) -> None:
    what = "three fields" if fields else "all fields"
    before, times = _cpu(pid), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await daemon.call("bt.get_torrents", fields=fields)
        times.append(time.perf_counter() - began)
    spent = (_cpu(pid) - before) / ROUNDS
    _say(f"bt.get_torrents, {what}, ms", median(times) * 1e3)
    _say(f"  CPU for it, ms (aim: {ANSWER_AIM} for three fields)", spent * 1e3)


async def _in_process(reactor: Any, prosody: PrivateProsody, daemon: Daemon, count: int) -> None:
    service = _service(reactor, prosody, daemon)
    stalls = Stalls(reactor)
    try:
        service.startService()
        await service.started
        bitween = service.bitween
        assert bitween is not None
        assert len(bitween.torrents.all()) == count

        async def state() -> str:
            return bitween.status.report().connection.state.value

        await until(state, lambda state: state == "online")
        _say(f"longest stall at start, ms (aim: {STALL_AIM})", stalls.stop() * 1e3)
        stalls = Stalls(reactor)
        await deferLater(reactor, IDLE)
        _say(f"longest stall while idle, ms (aim: {STALL_AIM})", stalls.stop() * 1e3)
    finally:
        stalls = Stalls(reactor)
        await service.stopService()
        _say("longest stall at exit, ms", stalls.stop() * 1e3)


def _service(reactor: Any, prosody: PrivateProsody, daemon: Daemon) -> DaemonService:
    options = Options()
    options.parseOptions(
        [
            *("--jid", daemon.jid, "--state-dir", daemon.state_dir),
            *("--download-dir", daemon.downloads),
            *("--api", "none", "--listen", "127.0.0.1:0", "--no-port-mapping"),
        ]
    )
    with open(prosody.ca_file, "rb") as file:
        ca_pem = file.read()
    settings = options.settings({"XDG_CONFIG_HOME": daemon.state_dir})
    account = Account(settings.account.jid, "secret", (prosody.host, prosody.port), ca_pem)
    return DaemonService(reactor, settings, account, lambda why, _: sys.exit(why))


# ---- the bare session


async def _bare_in_process(database: str) -> _Bare:
    arguments = ("-m", "benchmarks.scale", "--bare", database)
    out, err, status = await getProcessOutputAndValue(sys.executable, arguments, os.environ)
    if status != 0:
        raise SystemExit(err.decode())
    return _Bare(**json.loads(out))


def _bare(database: str) -> None:
    store = Database.open(database)
    records = list(store.torrents())
    store.close()
    began = time.perf_counter()
    session = lt.session({"listen_interfaces": "127.0.0.1:0s", "alert_queue_size": 200_000}, 0)
    credentials = {}
    for record in records:
        assert record.torrent_file is not None and record.seal is not None
        info = sealed(info_section(record.torrent_file), record.seal.secret)
        params = lt.load_torrent_buffer(torrent_file(info))
        assert params.ti is not None
        own = credentials[record.seal.sealed_hash] = new_credentials(record.seal.secret)
        params.root_certificate = own.authority
        params.save_path = record.folder
        params.flags = lt.torrent_flags.update_subscribe | lt.torrent_flags.paused
        params.have_pieces = [True] * params.ti.num_pieces()
        session.async_add_torrent(params)
    while credentials:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.add_torrent_alert):
                own = credentials.pop(InfoHash(str(alert.handle.info_hashes().v1)))
                alert.handle.set_ssl_certificate_buffer(own.certificate, own.key, "")
                alert.handle.resume()
    start = time.perf_counter() - began
    memory, pid = _memory(os.getpid()), os.getpid()
    before = _cpu(pid)
    time.sleep(IDLE)
    idle = (_cpu(pid) - before) / IDLE * 100
    print(json.dumps({"start": start, "memory": memory, "idle": idle}))


# ---- of processes


async def _idle(reactor: Any, pid: int) -> float:
    before, began = _cpu(pid), time.perf_counter()
    await deferLater(reactor, IDLE)
    return (_cpu(pid) - before) / (time.perf_counter() - began) * 100


def _cpu(pid: int) -> float:
    """The CPU time of a process in seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    """The resident memory of a process in megabytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _say(what: str, value: float, bare: float | None = None) -> None:
    beside = "" if bare is None else f"   bare: {bare:.2f}"
    print(f"  {what:55} {value:9.2f}{beside}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torrents", type=int, default=TORRENTS)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        _bare(given.bare)
    else:
        react(lambda reactor: cleanly(reactor, _main(reactor, given.torrents)))
