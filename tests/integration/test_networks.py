"""Real interfaces and real NATs, in network namespaces; only the superuser can have them."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from bitween.bittorrent.engine.session import Session
from bitween.model.address import PeerAddress
from bitween.model.swarm_options import SwarmOptions
from bitween.network.addresses import INTERVAL, InterfaceAddresses, interface_addresses
from bitween.network.stun import StunAnswer, ask
from tests.support.fakes.loopback import reactor
from tests.support.fakes.stun_server import StunServer
from tests.support.lab.network import Lab, Nat, Node, NoLab

PORT = 23456
STUN_PORTS = (3478, 3479)


def lab() -> Lab:
    """Have networks, or skip the test."""
    try:
        return Lab()
    except NoLab as error:
        raise SkipTest(str(error)) from None


class NatTests(TestCase):
    """STUN through routers, from the port on which libtorrent listens."""

    async def answers(self, nat: Nat) -> tuple[Node, Node, list[StunAnswer]]:
        """Ask two servers from a home; the router, the host and what they say."""
        with lab() as network:
            server = network.public("server", ipv6=False)
            router, host = network.home("home", nat, "host")
            with server.entered():
                ports = [self.serve(server, port) for port in STUN_PORTS]
            with host.entered():
                session = Session(reactor, SwarmOptions(port_mapping=False), lambda _: None)
                try:
                    session.listen("", PORT, None)
                    servers = [PeerAddress(server.ipv4, port) for port in STUN_PORTS]
                    found = [await ask(reactor, server, PORT) for server in servers]
                finally:
                    session.close()
            for port in ports:
                await port.stopListening()
        return router, host, [answer for answer in found if answer is not None]

    def serve(self, node: Node, port: int) -> Any:
        """Run a STUN server; what listens."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.setblocking(False)
            listening.bind((node.ipv4, port))
            return reactor.adoptDatagramPort(listening.fileno(), socket.AF_INET, StunServer())

    async def test_a_usual_router(self) -> None:
        """Everybody sees us at the router's address and our port."""
        for nat in (Nat.PORT_RESTRICTED, Nat.FULL_CONE):
            router, host, answers = await self.answers(nat)
            expected = StunAnswer(PeerAddress(host.ipv4, PORT), PeerAddress(router.ipv4, PORT))
            self.assertEqual(answers, [expected] * 2)

    async def test_a_symmetric_router(self) -> None:
        """Each server sees us at another port."""
        router, host, answers = await self.answers(Nat.SYMMETRIC)
        self.assertEqual({a.own for a in answers}, {PeerAddress(host.ipv4, PORT)})
        self.assertEqual({a.seen.address for a in answers}, {router.ipv4})
        self.assertEqual(len({a.seen.port for a in answers}), 2)


class InterfaceTests(SynchronousTestCase):
    """A machine whose interfaces change."""

    def test_a_new_address_lease_is_noticed(self) -> None:
        """A new lease is noticed at the next look."""
        clock = Clock()
        seen: list[tuple[PeerAddress, ...]] = []
        with lab() as network:
            host = network.public("host", ipv6=False)

            def read() -> list[str]:
                with host.entered():
                    return interface_addresses()

            own = InterfaceAddresses(clock, (), read)
            own.startService()
            self.addCleanup(own.stopService)
            own.refresh([("0.0.0.0", PORT)], [])  # as libtorrent tells it
            self.assertEqual(own.addresses, (PeerAddress(host.ipv4, PORT),))
            own.changes.subscribe(seen.append)
            host.run("ip", "address", "flush", "dev", "eth0")
            host.run("ip", "address", "add", "20.0.7.7/16", "dev", "eth0")
            clock.advance(INTERVAL)
            self.assertEqual(seen, [(PeerAddress("20.0.7.7", PORT),)])

    def test_temporary_ipv6_addresses_are_chosen_on_request(self) -> None:
        """Temporary addresses are named if that is asked for, in place of the lasting ones."""
        with lab() as network:
            host = network.public("host", ipv4=False)
            for setting in ("use_tempaddr=2", "accept_dad=0", "dad_transmits=0"):
                host.run("sysctl", "-w", f"net.ipv6.conf.eth0.{setting}")
            for address, *flags in (
                ("2a0e:b107:1::1", "mngtmpaddr"),  # of which Linux makes a temporary one
                ("2a0e:b107:2::2", "preferred_lft", "0"),
            ):
                host.run("ip", "address", "add", f"{address}/64", "dev", "eth0", "nodad", *flags)
            with host.entered():
                lasting = interface_addresses()
                # The temporary one is tentative until the kernel comes to look at it again.
                for _ in range(10_000):
                    private = interface_addresses(temporary=True)
                    if set(private) - set(lasting):
                        break
        self.assertIn("2a0e:b107:1::1", lasting)
        self.assertNotIn("2a0e:b107:2::2", lasting + private, "it is deprecated")
        self.assertNotIn("2a0e:b107:1::1", private)
        (temporary,) = set(private) - set(lasting)
        self.assertTrue(temporary.startswith("2a0e:b107:1:"))
        self.assertIn(host.ipv6, private, "there is no other in that network")
