"""Which addresses of a contact are dialled for it, and which are not."""

from __future__ import annotations

from ipaddress import ip_interface

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.dial_policy import MAX_PORTS, DialPolicy
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.model.network_link import Link
from bitween.network.addresses import InterfaceAddresses
from bitween.network.dial_back import TIMEOUT, DialBacks

BOB = "bob@example.org"


def at(text: str, port: int = 6881) -> PeerAddress:
    """An address."""
    return PeerAddress.parse(text, port)


def links(*addresses: str) -> Link:
    """An interface that has these addresses."""
    return tuple(ip_interface(f"{a}/{64 if ':' in a else 24}") for a in addresses)


class DialBackTests(SynchronousTestCase):
    """Nobody can have others dialled."""

    def setUp(self) -> None:
        """We have an address of each family; nothing is really dialled."""
        self.reactor = MemoryReactorClock()
        self.machine = ["192.168.1.5", "2a00::5"]
        self.announced: list[Candidate] = []

    def dial_backs_from(self, own: InterfaceAddresses) -> DialBacks:
        """Those of a daemon at these addresses; every port of this machine is a BitTorrent one."""
        policy = DialPolicy(Clock(), own, lambda _: True)
        return DialBacks(self.reactor, own, lambda *_: self.announced, policy)

    def dial(self, *addresses: PeerAddress) -> list[tuple[str, int, float]]:
        """The addresses that are dialled, and for how long at most, if a device asks for these."""
        own = InterfaceAddresses(
            Clock(), [("20.0.0.9", None)], lambda: self.machine, lambda: [links(*self.machine)]
        )
        own.refresh([("0.0.0.0", 6881), ("::", 6881)], [])
        self.dial_backs = self.dial_backs_from(own)
        self.dialling = self.dial_backs.dial_back(BOB, "laptop", addresses)
        return [(client[0], client[1], client[3]) for client in self.reactor.tcpClients]

    def announce(self, *addresses: PeerAddress) -> tuple[PeerAddress, ...]:
        """Let the one who asks announce these."""
        self.announced = [Candidate(address, CandidateKind.MAPPED) for address in addresses]
        return addresses

    def test_what_it_announces_is_dialled(self) -> None:
        """Both families, with a limit of time."""
        dialled = self.dial(*self.announce(at("20.0.0.1"), at("2a00:1::1")))
        self.assertEqual(dialled, [("20.0.0.1", 6881, TIMEOUT), ("2a00:1::1", 6881, TIMEOUT)])
        self.assertNoResult(self.dialling)

    def test_a_cancelled_request_leaves_nothing(self) -> None:
        """A cancelled request leaves nothing behind."""
        self.dial(*self.announce(at("20.0.0.1"), at("20.0.0.2")))
        self.dialling.cancel()
        self.failureResultOf(self.dialling, CancelledError)

    def test_what_it_does_not_announce_is_not(self) -> None:
        """Another address, or another port, may belong to someone else."""
        self.announce(at("20.0.0.1"))
        self.assertEqual(self.dial(at("20.0.0.2"), at("20.0.0.1", 6882)), [])
        self.assertEqual(self.successResultOf(self.dialling), DialBack({}))

    def test_what_is_not_dialled_though_it_is_announced(self) -> None:
        """Services, ourselves and our router, our machine, our neighbours in both families."""
        for address in (
            at("20.0.0.1", 25),
            at("20.0.0.9"),
            at("20.0.0.9", 9999),
            at("2a00::5", 9999),
            at("2a00::6"),
            at("127.0.0.1"),
            at("192.168.1.1", 8080),
            at("100.64.0.1"),
            at("169.254.169.254", 8080),
            at("fd00::1"),
            at("fe80::1"),
            at("::ffff:192.168.1.1", 8080),
            # A router's, in QEMU's network among others; and of IPv4, what NAT64 and 6to4 lead to.
            at("fec0::2"),
            at("64:ff9b::192.168.1.1", 8080),
            at("2002:c0a8:101::1", 8080),
            at("::127.0.0.1"),
        ):
            self.assertEqual(self.dial(*self.announce(address)), [], str(address))

    def test_a_family_that_we_lack(self) -> None:
        """That says nothing of the one who asks."""
        self.machine.remove("2a00::5")
        self.assertEqual(self.dial(*self.announce(at("2a00:1::1"))), [])

    def test_a_machine_without_a_network(self) -> None:
        """There, daemons on one machine dial each other."""
        own = InterfaceAddresses(Clock(), (), lambda: ["127.0.0.1"], lambda: [links("127.0.0.1")])
        own.refresh([("127.0.0.1", 6881)], [])
        self.announce(at("127.0.0.1"), at("127.0.0.1", 7000))
        dial_backs = self.dial_backs_from(own)
        dial_backs.dial_back(BOB, "laptop", [c.address for c in self.announced])
        self.assertEqual([c[:2] for c in self.reactor.tcpClients], [("127.0.0.1", 7000)])

    def test_not_all_at_once(self) -> None:
        """There is a limit, no matter how many addresses a device names."""
        addresses = self.announce(*(at(f"20.0.1.{n}") for n in range(10)))
        self.assertEqual(len(self.dial(*addresses)), MAX_DIALLED)

    def test_dial_backs_per_contact_are_bounded(self) -> None:
        """Nobody looks around among other people's ports by having us dial one after the other."""
        self.dial()
        for port in range(2000, 2000 + 4 * MAX_PORTS):
            addresses = self.announce(at("20.0.0.1", port))
            self.dial_backs.dial_back(BOB, "laptop", addresses)
        self.assertEqual(len(self.reactor.tcpClients), MAX_PORTS)
