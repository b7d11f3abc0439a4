"""The service around the torrents: ports, limits, errors, the state directory."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

from twisted.internet import reactor

from bitween.bittorrent.engine import alerts
from bitween.bittorrent.engine.session import Session
from bitween.bittorrent.engine.session_settings import rate_limited_peers
from bitween.bittorrent.swarm import Swarm
from bitween.errors import StartupError, StoreError
from bitween.model.address import PeerAddress
from bitween.model.events import ListeningChanged, SharesChanged, SwarmEvent
from bitween.model.torrent import InfoHash, TorrentState
from bitween.model.torrent_options import Limits
from bitween.storage.database import Database
from bitween.storage.torrent_record import TorrentRecord
from bitween.util.cooperate import SLICE
from tests.support.swarms import HERE, LOOPBACK, AlertTap, SwarmCase, address_of, tree, when, write
from tests.support.waiting import reactor_turn


def taken_port(case: SwarmCase) -> int:
    """A port on which another program listens until the test is over."""
    listener = socket.create_server(("127.0.0.1", 0))
    case.addCleanup(listener.close)
    return int(listener.getsockname()[1])


def waiting_rooms(address: tuple[str, int]) -> list[int]:
    """How many connections the sockets of this process that listen there let wait."""
    return [room for fd in os.listdir("/proc/self/fd") for room in _waiting_room(int(fd), address)]


def _waiting_room(fd: int, address: tuple[str, int]) -> Iterator[int]:
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return
    except OSError:  # that of the listing, which is over
        return
    with socket.socket(fileno=os.dup(fd)) as opened:
        if (
            opened.family is socket.AF_INET
            and opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            and opened.getsockname() == address
        ):
            # tcpi_sacked of struct tcp_info, which is this for sockets that listen.
            yield struct.unpack_from(
                "=I", opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32), 28
            )[0]


class UnreadableDatabase(Database):
    """A database whose disk fails once it is open."""

    @property
    def listen_port(self) -> int | None:
        """Cannot be read."""
        raise StoreError("the disk fails")

    @listen_port.setter
    def listen_port(self, port: int) -> None:
        raise StoreError(f"{port} cannot be written")


class WatchedSession(Session):
    """A session that remembers whether it was closed."""

    closed = False

    def close(self) -> None:
        """Close, and remember it."""
        super().close()
        self.closed = True


class ListeningTests(SwarmCase):
    """Which port it is."""

    async def test_a_port_in_use(self) -> None:
        """A port that was asked for and is taken is an error that names it."""
        port = taken_port(self)
        swarm = self.new_swarm(options=replace(LOOPBACK, listen=("127.0.0.1", port)))
        swarm.startService()
        self.addCleanup(self.stop, swarm)
        with self.assertRaises(StartupError) as raised:
            await swarm.ready
        self.assertIn(str(port), raised.exception.message)
        self.assertIn("--listen", raised.exception.hint)

    async def test_an_unreadable_port(self) -> None:
        """A start fails if the database cannot tell the port, and leaves no session behind."""
        sessions: list[WatchedSession] = []

        def new_session(*args: Any) -> WatchedSession:
            sessions.append(WatchedSession(*args))
            return sessions[-1]

        store = UnreadableDatabase.open(os.path.join(self.folder("state"), "bitween.db"))
        swarm = Swarm(cast(Any, reactor), store, LOOPBACK, new_session=new_session)
        swarm.startService()
        self.addCleanup(self.stop, swarm)
        await self.assertFailure(swarm.ready, StoreError)
        self.assertEqual([session.closed for session in sessions], [True])

    async def test_many_may_wait(self) -> None:
        """A crowd that connects at once waits to be let in; the kernel turns nobody away."""
        swarm = await self.start()
        (listening,) = swarm.listening
        self.assertEqual(waiting_rooms(listening), [128])

    async def test_a_remembered_port_in_use(self) -> None:
        """The port of the last run is given up for another one if it is taken."""
        state, port = self.folder("state"), taken_port(self)
        store = Database.open(os.path.join(state, "bitween.db"))
        store.listen_port = port
        store.close()
        swarm = await self.start(state)
        ((address, chosen),) = swarm.listening
        self.assertEqual(address, "127.0.0.1")
        self.assertNotEqual(chosen, port)
        await self.stop(swarm)
        store = Database.open(os.path.join(state, "bitween.db"))
        self.addCleanup(store.close)
        self.assertEqual(store.listen_port, chosen)

    async def test_an_address_that_is_not_ours(self) -> None:
        """An address of no interface of this machine is an error that names it."""
        swarm = self.new_swarm(options=replace(LOOPBACK, listen=("192.0.2.77", 0)))
        swarm.startService()
        self.addCleanup(self.stop, swarm)
        with self.assertRaises(StartupError) as raised:
            await swarm.ready
        self.assertIn("192.0.2.77", raised.exception.message)

    async def test_a_mapped_port(self) -> None:
        """A router's forwarding is told, with the address that the router has."""
        tap = AlertTap()
        swarm = await self.start(tap=tap)
        told: list[SwarmEvent] = []
        swarm.events.subscribe(told.append)
        tap.inject(alerts.PortMapped(1, 6881, True), alerts.PortMapped(2, 6881, False))
        self.assertEqual(swarm.mapped, ())
        tap.inject(alerts.ExternalAddress("198.51.100.7"))
        self.assertEqual(swarm.mapped, (PeerAddress("198.51.100.7", 6881),))
        self.assertEqual(swarm.external, ("198.51.100.7",))
        tap.inject(alerts.PortNotMapped(1, "no"))
        self.assertEqual(swarm.mapped, ())
        self.assertEqual(told.count(ListeningChanged()), 2)


class HurriedReactor:
    """The reactor, on which every look at the time is a slice later."""

    def __init__(self) -> None:
        self._now = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def seconds(self) -> float:
        """A time that runs."""
        self._now += SLICE
        return self._now


class StartTests(SwarmCase):
    """A start with several torrents."""

    async def three(self) -> None:
        """Share three files, and stop."""
        self.state, self.files = self.folder("state"), self.folder("files")
        swarm = await self.start(self.state)
        for name in ("one", "two", "three"):
            await self.share(swarm, write(os.path.join(self.files, name), name.encode()))
        await self.stop(swarm)

    def hurried(self) -> Swarm:
        """The same again, with a turn of the reactor after every step."""
        store = Database.open(os.path.join(self.state, "bitween.db"))
        swarm = Swarm(cast(Any, HurriedReactor()), store, LOOPBACK)
        self.addCleanup(self.stop, swarm)
        return swarm

    async def test_loading_leaves_turns_to_others(self) -> None:
        """Others have their turn while torrents are loaded; the swarm is ready after the last."""
        await self.three()
        swarm = self.hurried()
        seen: list[int] = []

        def look() -> None:
            seen.append(len(swarm.library))
            if not swarm.ready.called:
                cast(Any, reactor).callLater(0, look)

        swarm.startService()
        look()
        await swarm.ready
        # The last look is still to come.
        await reactor_turn()
        self.assertEqual(sorted(set(seen)), [0, 1, 2, 3])

    async def test_shares_are_told_once(self) -> None:
        """No list goes out in which those are missing that are still to be loaded."""
        await self.three()
        swarm = self.hurried()
        told: list[int] = []

        def note(event: SwarmEvent) -> None:
            if isinstance(event, SharesChanged):
                told.append(len(swarm.library.shares))

        swarm.events.subscribe(note)
        swarm.startService()
        await swarm.ready
        self.assertEqual(told, [3])

    async def test_a_stop_meanwhile(self) -> None:
        """One that is stopped before it is ready stops, and has everything at the next start."""
        await self.three()
        swarm = self.hurried()
        swarm.startService()
        await swarm.stopService()
        self.assertNoResult(swarm.ready)
        again = await self.start(self.state)
        self.assertEqual([torrent.name for torrent in again.library], ["one", "two", "three"])
        self.assertTrue(all(torrent.complete for torrent in again.library))


class ObstructiveStore(Database):
    """
    Has a file lie where a download is about to make its folder.

    That stops even a superuser from writing there.
    """

    def put(self, record: TorrentRecord) -> None:
        """Store, and obstruct once the place is chosen."""
        super().put(record)
        if record.root is not None:
            write(os.path.join(record.folder, record.root), b"")


class LimitTests(SwarmCase):
    """Rate limits."""

    async def _seconds_for(self, size: int, upload: int, download: int) -> float:
        alice = await self.start(options=replace(LOOPBACK, limits=Limits(upload=upload)))
        bob = await self.start(options=replace(LOOPBACK, limits=Limits(download=download)))
        path = write(os.path.join(self.folder(), "file"), os.urandom(size))
        info_hash = await self.share(alice, path)
        began = cast(Any, reactor).seconds()
        await self.fetch(bob, info_hash, alice)
        return float(cast(Any, reactor).seconds() - began)

    async def test_the_upload_limit_holds_on_loopback(self) -> None:
        """1.5 MB at 500 kB/s take their time, though both are on one machine."""
        self.assertGreater(await self._seconds_for(1_500_000, 500_000, 0), 1.5)

    def test_whom_limits_hold_for(self) -> None:
        """Peers on local networks only if that is wished; our own relays and the world always."""
        world = ("192.0.2.1", "127.0.0.1", "2001:db8::1", "::1", "100.64.0.1", "172.32.0.1")
        local = ("10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.7.7", "fd00::1", "fe80::1")
        for lan in (False, True):
            classes = rate_limited_peers(lan)
            self.assertNotIn(0, [classes.access(address) for address in world])
            self.assertEqual({bool(classes.access(address)) for address in local}, {lan})

    async def test_the_download_limit_holds_on_loopback(self) -> None:
        """The same for the other direction."""
        self.assertGreater(await self._seconds_for(1_500_000, 0, 500_000), 1.5)


class TroubleTests(SwarmCase):
    """What goes wrong."""

    async def test_a_disk_that_refuses(self) -> None:
        """A download that cannot be written stands still, and says which file and why."""
        alice = await self.start()
        bob = Swarm(cast(Any, reactor), ObstructiveStore.open(self.mktemp()), LOOPBACK)
        bob.startService()
        bob.allow_peers_from([HERE])
        self.addCleanup(self.stop, bob)
        folder = self.folder("holiday")
        write(os.path.join(folder, "sub", "file"), os.urandom(100_000))
        info_hash = await self.share(alice, folder)
        downloads = self.folder("downloads")
        await bob.download(info_hash, "", downloads)

        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).error != "")
        torrent = bob.library.get(info_hash)
        self.assertEqual(torrent.state, TorrentState.ERROR)
        self.assertIn("holiday", torrent.error)
        self.assertNotIn(info_hash, bob.library.shares)

    async def test_a_damaged_database(self) -> None:
        """It is set aside, and the swarm starts with nothing."""
        state = self.folder("state")
        write(os.path.join(state, "bitween.db"), b"this is no database " * 1000)
        swarm = await self.start(state)
        self.assertEqual(len(swarm.library), 0)
        self.assertTrue(any("damaged" in name for name in tree(state)))
        self.flushLoggedErrors()

    async def test_state_is_requested_again_after_lost_alerts(self) -> None:
        """After libtorrent's alerts overflowed, all state is requested again, and work goes on."""
        tap = AlertTap()
        alice, bob = await self.start(), await self.start(tap=tap)
        path = write(os.path.join(self.folder(), "file"), os.urandom(100_000))
        info_hash = await self.share(alice, path)
        tap.dropping = True
        await bob.download(info_hash, "", self.folder("downloads"))
        bob.offer_peers(info_hash, [address_of(alice)])
        # What libtorrent says of adding the torrent is lost, as if its queue had been full.
        tap.session.statuses()
        tap.dropping = False
        tap.inject(alerts.Dropped())
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)

    async def test_metadata_that_cannot_be_read(self) -> None:
        """A stored torrent that makes no sense is shown with its error; the others are loaded."""
        state = self.folder("state")
        alice = await self.start(state)
        path = write(os.path.join(self.folder(), "file"), os.urandom(1000))
        info_hash = await self.share(alice, path)
        await self.stop(alice)
        bad = InfoHash("ab" * 20)
        store = Database.open(os.path.join(state, "bitween.db"))
        (record,) = store.torrents()
        store.put(replace(record, info_hash=bad, torrent_file=b"nonsense"))
        store.close()
        alice = await self.start(state)
        self.assertEqual(alice.library.get(bad).state, TorrentState.ERROR)
        self.assertTrue(alice.library.get(info_hash).complete)
        await alice.remove(bad, delete_data=True)
