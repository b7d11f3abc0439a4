"""Real torrents between two contacts who have nothing but their XMPP servers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from bitween.bittorrent.swarm import Swarm
from bitween.model.events import PresenceChanged
from bitween.network.loopback_gate import LoopbackGate
from bitween.network.relay import Relay
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.person import Person
from tests.support.private_ejabberd import ejabberd_or_skip
from tests.support.swarms import SwarmCase, address_of, read, when, write
from tests.support.two_domains import TwoDomains

RESOURCE = "laptop"
SIZE = 20_000_003


@dataclass
class Peer:
    """A contact with a daemon's parts."""

    jid: str
    person: Person
    messenger: Messenger
    swarm: Swarm
    relay: Relay


class RelayedTransferTests(SwarmCase):
    """Alice shares, Bob fetches through the relay's local address."""

    async def peer(self, server: PrivateServer, jid: str) -> Peer:
        """A user who is online."""
        with open(server.ca_file, "rb") as file:
            account = Account(
                f"{jid}/{RESOURCE}", "secret", (server.host, server.port), file.read()
            )
        messenger = Messenger(reactor, Client(reactor, account, self.fail))
        client = messenger.client
        person = Person(messenger, client.startService, client.stopService)
        self.addCleanup(client.stopService)
        swarm = await self.start()
        gate = LoopbackGate(lambda: swarm.listening)
        relay = Relay(cast(Any, reactor), messenger.streams, lambda: address_of(swarm), gate)
        relay.startService()
        self.addCleanup(relay.stopService)
        person.start()
        await person.online()
        return Peer(jid, person, messenger, swarm, relay)

    async def friends(self, server: PrivateServer, *jids: str) -> tuple[Peer, Peer]:
        """Two contacts who see each other."""
        alice, bob = [await self.peer(server, jid) for jid in jids]
        await alice.person.messenger.add_contact(bob.jid, "")
        await bob.person.until(lambda: bob.person.contact(alice.person) is not None)
        await bob.person.messenger.accept_contact(alice.jid)
        for one, other in ((alice, bob), (bob, alice)):
            await self.sees(one, other)
        return alice, bob

    def sees(self, one: Peer, other: Peer) -> Deferred[None]:
        """Fires when one sees that the other is there."""
        return one.person.until(
            lambda: any(
                isinstance(event, PresenceChanged) and event.jid == other.jid
                for event in one.person.told
            )
        )

    async def transfer(self, alice: Peer, bob: Peer, size: int) -> None:
        """Have Bob fetch what Alice shares, by relay."""
        path = write(os.path.join(self.folder(), "holiday"), os.urandom(size))
        info_hash = await self.share(alice.swarm, path)
        downloads = self.folder("downloads")
        await bob.swarm.download(info_hash, "", downloads)
        place = bob.relay.local_address(alice.jid, RESOURCE)
        bob.swarm.offer_peers(info_hash, [place])
        await when(bob.swarm, lambda: bob.swarm.library.get(info_hash).complete)
        self.assertEqual(read(os.path.join(downloads, "holiday")), read(path))
        self.assertGreater(bob.relay.traffic(alice.jid).downloaded, size)
        self.assertGreater(alice.relay.traffic(bob.jid).uploaded, size)
        self.assertEqual(bob.relay.device_at(place.address), (alice.jid, RESOURCE))

    def serve(self, server: PrivateServer) -> PrivateServer:
        """Have a server run until the test's end."""
        self.addCleanup(server.close)
        server.start()
        return server

    async def test_a_transfer_through_prosodys_proxy(self) -> None:
        """Every byte arrives, and is booked to the contact on either side."""
        server = self.serve(PrivateProsody(limits=True))
        jids = [server.add_account(user, "secret") for user in ("alice", "bob")]
        await self.transfer(*await self.friends(server, *jids), SIZE)

    async def test_a_transfer_through_ejabberds_proxy(self) -> None:
        """The same."""
        server = self.serve(ejabberd_or_skip())
        jids = [server.add_account(user, "secret") for user in ("alice", "bob")]
        await self.transfer(*await self.friends(server, *jids), SIZE)

    async def test_through_the_other_servers_proxy(self) -> None:
        """Where ours has none, and theirs relays for its own users only."""
        server = TwoDomains(limits=True)
        self.serve(server)
        alice = server.add_account("alice", "secret")
        bob = server.add_account_elsewhere("bob", "secret")
        await self.transfer(*await self.friends(server, alice, bob), SIZE)

    async def test_a_small_transfer_in_band(self) -> None:
        """Something small, where there is no proxy at all."""
        server = TwoDomains()
        self.serve(server)
        jids = [server.add_account_elsewhere(user, "secret") for user in ("alice", "bob")]
        await self.transfer(*await self.friends(server, *jids), 5000)
