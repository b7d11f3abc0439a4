"""Guests of one host who do not know each other fetch from each other: with real sessions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed

from bitween.bittorrent.swarm import Swarm
from bitween.connect.allowlist import PeerAllowlist
from bitween.connect.connector import PeerConnector
from bitween.connect.context import ConnectContext
from bitween.errors import NotFound
from bitween.model.access import Access
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.events import SwarmEvent, TorrentChanged, TorrentFinished
from bitween.model.introduction import Introduction
from bitween.model.seal import pack
from bitween.model.torrent import InfoHash, Torrent
from bitween.model.torrent_options import Limits
from bitween.network.prober import Prober
from bitween.network.tcp_probe import dial
from tests.support.fakes.connector_ports import FakeConnectorPorts, FakeDialPolicy
from tests.support.metainfo import metainfo
from tests.support.swarms import SEALED, SwarmCase, read, when, write

MIB = 2**20
SIZE = 16 * MIB
LIMIT = 4 * MIB
GUESTS = 8
RESOURCE = "laptop"


class HerePolicy(FakeDialPolicy):
    """All are on this machine."""

    def may_dial(self, address: PeerAddress, shared: object = ()) -> bool:
        """Allow loopback."""
        del shared
        return address.is_loopback

    def may_connect_from(self, address: PeerAddress) -> bool:
        """Allow loopback."""
        return address.is_loopback


class Daemon:
    """
    What of a daemon connects peers.

    :ivar others: the daemons that it can send something to, by bare JID.
    """

    def __init__(self, jid: str, swarm: Swarm) -> None:
        self.jid = jid
        self.swarm = swarm
        self.catalogue = Catalogue()
        self.others: dict[str, Daemon] = {}
        fakes = FakeConnectorPorts(quick=True, policy=HerePolicy())
        prober = Prober(reactor, partial(dial, cast(Any, reactor)))
        clock = cast(Any, reactor)
        self.allowlist = PeerAllowlist(
            swarm, self.catalogue, lambda address: address.is_loopback, clock.seconds
        )
        self.connector = PeerConnector(
            ConnectContext(
                clock=clock,
                swarm=swarm,
                catalogue=self.catalogue,
                ports=replace(fakes.ports, prober=prober, wants=self),
                allowlist=self.allowlist,
                own_candidates=lambda: (self.candidate,),
            )
        )
        swarm.events.subscribe(self._swarm_event)

    @property
    def candidate(self) -> Candidate:
        """Where it is."""
        return Candidate(PeerAddress(*self.swarm.listening[0]))

    def knows(self, other: Daemon, *shares: Share) -> None:
        """Let it learn what a contact announces."""
        self.others[other.jid] = other
        announcement = Announcement(
            RESOURCE,
            {share.info_hash: share for share in shares},
            (other.candidate.address,),
            candidates=(other.candidate,),
            sealed=True,
        )
        for change in (
            self.catalogue.set_online(other.jid, RESOURCE, True),
            self.catalogue.replace_item(other.jid, RESOURCE, [announcement]),
        ):
            self.allowlist.apply(change)
            self.connector.apply(change)

    def want(self, jid: str, resource: str, info_hash: InfoHash) -> Deferred[bool]:
        """Tell it to a contact."""
        del resource
        granting = self.others[jid].connector.introducer.want(self.jid, RESOURCE, info_hash)
        return granting.addCallback(lambda _: True)

    def done(self, jid: str, resource: str, info_hash: InfoHash, *, seeds: bool) -> Deferred[bool]:
        """Tell it to a contact."""
        self.others[jid].connector.introducer.done(self.jid, resource, info_hash, seeds)
        return succeed(True)

    def introduce(self, jid: str, resource: str, introduction: Introduction) -> Deferred[bool]:
        """Tell it to a contact."""
        del resource
        try:
            self.others[jid].connector.introduced.introduce(
                self.jid, RESOURCE, introduction, 3600.0
            )
        except NotFound:
            return succeed(False)
        return succeed(True)

    def _swarm_event(self, event: SwarmEvent) -> None:
        if isinstance(event, TorrentFinished):
            self.connector.update_sources(event.torrent.info_hash)
        elif isinstance(event, TorrentChanged):
            self.connector.torrent_changed(event.torrent)


class GuestsTests(SwarmCase):
    """One host with little upload, and guests who do not know each other."""

    async def daemon(self, number: int, **limits: int) -> Daemon:
        """Start one, at an address of its own."""
        options = replace(SEALED, listen=(f"127.3.0.{number + 1}", 0), limits=Limits(**limits))
        swarm = self.new_swarm(options=options)
        swarm.startService()
        self.addCleanup(self.stop, swarm)
        await swarm.ready
        daemon = Daemon(f"user{number}@localhost", swarm)
        self.addCleanup(daemon.connector.close)
        return daemon

    async def host(self, access: Access | None = None) -> tuple[Daemon, Torrent]:
        """Start the host, who shares a film."""
        host = await self.daemon(0, upload=LIMIT)
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(SIZE))
        secret = bytes(range(32))
        torrent = await host.swarm.share(
            metainfo(path), os.path.dirname(path), secret=secret, access=access
        )
        return host, torrent

    async def guests(self, count: int, host: Daemon, torrent: Torrent) -> list[Daemon]:
        """Start guests who begin to fetch it."""
        assert torrent.seal is not None
        share = Share(torrent.info_hash, torrent.name, SIZE, seal=pack(torrent.seal))
        guests = [await self.daemon(number + 1) for number in range(count)]
        for guest in guests:
            host.knows(guest)
            guest.knows(host, share)
            await guest.swarm.download(
                torrent.info_hash, "", self.folder("downloads"), seal=torrent.seal
            )
            guest.connector.update_sources(torrent.info_hash)
        return guests

    async def complete(self, guests: Sequence[Daemon], info_hash: InfoHash) -> None:
        """Wait until all guests have it."""
        for guest in guests:
            await when(guest.swarm, partial(_is_complete, guest.swarm, info_hash))

    def sent(self, daemon: Daemon, info_hash: InfoHash) -> int:
        """How many bytes of content a daemon has sent."""
        return daemon.swarm.library.get(info_hash).progress.uploaded

    async def test_guests_fetch_from_each_other(self) -> None:
        """The host sends little more than once what all have in the end, sealed all the way."""
        host, torrent = await self.host()
        guests = await self.guests(GUESTS, host, torrent)
        await self.complete(guests, torrent.info_hash)
        sent = self.sent(host, torrent.info_hash)
        self.assertLess(sent, SIZE * GUESTS / 2, f"{sent / SIZE:.2f} copies")
        original = read(os.path.join(torrent.save_path, "film.mkv"))
        for guest in guests:
            fetched = guest.swarm.library.get(torrent.info_hash)
            self.assertEqual(read(os.path.join(fetched.save_path, "film.mkv")), original)
            peers = guest.swarm.peers(torrent.info_hash)
            self.assertTrue(all(peer.sealed for peer in peers))
        members = host.connector.introducer.members(torrent.info_hash)
        self.assertEqual(len(members), GUESTS)

    async def test_a_guest_that_has_it_gives_to_the_next(self) -> None:
        """The next one does not know it, and the host gives hardly anything any more."""
        host, torrent = await self.host()
        (first,) = await self.guests(1, host, torrent)
        await self.complete([first], torrent.info_hash)
        host.swarm.limit(Limits(upload=MIB // 4))
        second = await self.daemon(2)
        host.knows(second)
        assert torrent.seal is not None
        share = Share(torrent.info_hash, torrent.name, SIZE, seal=pack(torrent.seal))
        second.knows(host, share)
        await second.swarm.download(
            torrent.info_hash, "", self.folder("downloads"), seal=torrent.seal
        )
        second.connector.update_sources(torrent.info_hash)
        await self.complete([second], torrent.info_hash)
        await when(first.swarm, lambda: self.sent(first, torrent.info_hash) > SIZE / 4)

    async def test_without_introductions_nobody_meets(self) -> None:
        """Each guest has one peer: the host."""
        host, torrent = await self.host(Access(introductions=False))
        guests = await self.guests(2, host, torrent)
        await self.complete(guests, torrent.info_hash)
        self.assertGreater(self.sent(host, torrent.info_hash), 1.5 * SIZE)


def _is_complete(swarm: Swarm, info_hash: InfoHash) -> bool:
    return swarm.library.get(info_hash).complete
