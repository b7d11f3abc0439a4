"""Proofs of sharing a network, over real multicast on this machine's interfaces."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable
from ipaddress import IPv4Interface

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SkipTest, TestCase

from bitween.errors import RequestRefused
from bitween.model.network_link import Link
from bitween.network.addresses import network_links
from bitween.network.neighbours import GROUP, PATIENCE, PORT, TOKEN_SIZE, Neighbours

BOB = ("bob@example.org", "laptop")


class NeighbourTests(TestCase):
    """Alice asks bob, whose daemon is on the same machine."""

    def setUp(self) -> None:
        """Find an interface over which others could be reached."""
        self.links = network_links()
        own = [i for link in self.links for i in link if isinstance(i, IPv4Interface)]
        self.interface = next((i for i in own if not i.ip.is_loopback), None)
        if self.interface is None:
            raise SkipTest("this machine has no network")
        self.here = str(self.interface.ip)
        self.sent: list[bytes] = []
        self.bob = self.neighbours()

    def neighbours(self, links: Iterable[Link] | None = None) -> Neighbours:
        """Start one daemon's part, with this machine's interfaces or others."""
        found = Neighbours(reactor, lambda: links or self.links, self.ask)
        found.startService()
        self.addCleanup(found.stopService)
        return found

    def ask(self, jid: str, resource: str, token: bytes) -> Deferred[None]:
        """Have bob asked over XMPP."""
        self.assertEqual((jid, resource), BOB)
        self.sent.append(token)
        self.bob.send(token, [self.here])
        return succeed(None)

    async def test_a_device_in_our_network_proves_it_once(self) -> None:
        """The networks of the interface are shared then; another question is not needed."""
        alice = self.neighbours()
        assert self.interface is not None
        self.assertIn(self.interface.network, await alice.request_proof(*BOB))
        self.assertIn(self.interface.network, alice.shared_networks(*BOB))
        await alice.request_proof(*BOB)
        self.assertEqual(len(self.sent), 1)
        alice.forget(*BOB)
        self.assertEqual(alice.shared_networks(*BOB), ())

    async def test_proofs_end_with_a_change_of_interfaces(self) -> None:
        """When the interfaces have changed, earlier proofs no longer count."""
        alice = self.neighbours()
        await alice.request_proof(*BOB)
        alice.interfaces_changed()
        self.assertFalse(alice.shared_networks(*BOB))

    async def test_a_device_elsewhere_shares_no_network(self) -> None:
        """Who says that it has sent the token, and was not heard, shares nothing; nor does who is
        heard from a network of others; and neither is asked again at once.
        """
        alice = Neighbours(reactor, lambda: self.links, lambda *_: self.told())
        alice.startService()
        self.addCleanup(alice.stopService)
        self.asked = 0
        self.assertEqual(await alice.request_proof(*BOB), frozenset())
        self.assertEqual(await alice.request_proof(*BOB), frozenset())
        self.assertEqual(self.asked, 1)
        far = self.neighbours([(IPv4Interface("10.99.0.1/24"),)])
        self.assertEqual(await far.request_proof(*BOB), frozenset())

    def told(self) -> Deferred[None]:
        """Claim that the token was sent."""
        self.asked += 1
        return succeed(None)

    async def test_a_refusing_neighbour_shares_nothing(self) -> None:
        """Who refuses, or does not know how, shares nothing; nobody waits for it."""
        alice = Neighbours(reactor, lambda: self.links, lambda *_: fail(RequestRefused("no")))
        alice.startService()
        self.addCleanup(alice.stopService)
        self.assertEqual(await alice.request_proof(*BOB), frozenset())

    async def test_what_was_sent_to_us_alone_proves_nothing(self) -> None:
        """Only what came to the group counts: it has passed no router."""
        tokens: list[bytes] = []

        def unicast(_jid: str, _resource: str, token: bytes) -> Deferred[None]:
            tokens.append(token)
            with socket.socket(type=socket.SOCK_DGRAM) as sending:
                sending.sendto(token, (self.here, PORT))
            return succeed(None)

        alice = Neighbours(reactor, lambda: self.links, unicast)
        alice.startService()
        self.addCleanup(alice.stopService)
        self.assertEqual(await alice.request_proof(*BOB), frozenset())
        self.assertEqual(len(tokens), 1)

    async def test_an_unknown_token_proves_nothing(self) -> None:
        """A token that no device was sent proves nothing."""
        carol = ("carol@example.org", "laptop")

        def ask(jid: str, resource: str, token: bytes) -> Deferred[None]:
            # What was sent first arrives first.
            self.bob.send(bytes(TOKEN_SIZE), [self.here])
            if (jid, resource) == carol:
                self.bob.send(token, [self.here])
            return succeed(None)

        alice = Neighbours(reactor, lambda: self.links, ask)
        alice.startService()
        self.addCleanup(alice.stopService)
        bob = alice.request_proof(*BOB)
        self.assertTrue(await alice.request_proof(*carol))
        self.assertFalse(alice.shared_networks(*BOB))
        self.assertFalse(await bob)

    async def test_nothing_is_sent_into_networks_of_others(self) -> None:
        """Who asks from elsewhere makes us send nothing."""
        heard: list[bytes] = []
        # Other programs on this machine may send tokens of their own at the same time.
        elsewhere, here = secrets.token_bytes(TOKEN_SIZE), secrets.token_bytes(TOKEN_SIZE)
        with socket.socket(type=socket.SOCK_DGRAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listening.bind((GROUP, PORT))
            member = socket.inet_aton(GROUP) + socket.inet_aton(self.here)
            listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            listening.settimeout(PATIENCE)
            self.bob.send(elsewhere, ["10.98.0.7", "2001:db8::1"])
            self.bob.send(here, [self.here])
            # What was sent first arrives first.
            while here not in heard:
                heard.append(listening.recv(100))
        self.assertNotIn(elsewhere, heard)

    async def test_a_connection_from_our_network_is_a_proof(self) -> None:
        """A connection of the device proves it, too; one from elsewhere does not."""
        alice = self.neighbours()
        for address in ("10.99.0.1", "127.0.0.1"):
            alice.connected(*BOB, address)
            self.assertFalse(alice.shared_networks(*BOB))
        alice.connected(*BOB, self.here)
        self.assertTrue(alice.shared_networks(*BOB))
