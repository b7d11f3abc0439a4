"""What contacts can have us dial, and from where they are let in."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.dial_policy import MAX_FAILED, MAX_PORTS, DialPolicy
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.network_link import Link

BOB, CAROL = "bob@example.org", "carol@example.org"
AN_HOUR, A_DAY = MAX_FAILED.values()
HOME = ip_network("192.168.1.0/24")


def at(text: str, port: int = 6881) -> PeerAddress:
    """An address."""
    return PeerAddress.parse(text, port)


class DialPolicyTests(SynchronousTestCase):
    """We are at home behind a router at 20.0.0.9, and have IPv6."""

    def setUp(self) -> None:
        """Serve nothing else here."""
        self.clock = Clock()
        self.candidates: tuple[Candidate, ...] = (
            Candidate(at("192.168.1.5")),
            Candidate(at("2a00::5")),
            Candidate(at("20.0.0.9"), CandidateKind.REFLEXIVE),
        )
        self.links: tuple[Link, ...] = (
            (ip_interface("127.0.0.1/8"), ip_interface("::1/128")),
            (ip_interface("192.168.1.5/24"), ip_interface("2a00::5/64")),
            (ip_interface("172.17.0.1/16"),),
        )
        self.served: set[PeerAddress] = set()
        self.policy = DialPolicy(self.clock, self, lambda address: address in self.served)

    def test_public_addresses_are_dialled_from_port_1024_on(self) -> None:
        """Public addresses are dialled, from port 1024 on."""
        for text in ("20.0.0.1", "2a00:1::1"):
            self.assertTrue(self.policy.may_dial(at(text, 1024)))
            self.assertFalse(self.policy.may_dial(at(text, 1023)))
            self.assertFalse(self.policy.needs_proof(at(text)))

    def test_local_addresses_need_proof(self) -> None:
        """In our networks, with proof alone; a router's public address is not in one of them."""
        for text, near in (
            ("192.168.1.7", True),
            ("172.17.0.2", True),
            ("2a00::7", True),
            ("192.168.2.7", False),
            ("20.0.0.9", False),
            ("100.64.0.1", False),
        ):
            self.assertFalse(self.policy.may_dial(at(text)), text)
            self.assertEqual(self.policy.needs_proof(at(text)), near, text)
        self.assertTrue(self.policy.may_dial(at("192.168.1.7"), [HOME]))
        self.assertFalse(self.policy.may_dial(at("192.168.1.7", 80), [HOME]))
        self.assertFalse(self.policy.may_dial(at("172.17.0.2"), [HOME]))

    def test_only_what_a_proof_would_help_needs_one(self) -> None:
        """No low port, no address of this machine, and none that is dialled anyway."""
        self.assertTrue(self.policy.needs_proof(at("192.168.1.7", 1024)))
        self.assertFalse(self.policy.needs_proof(at("192.168.1.7", 1023)))
        self.assertFalse(self.policy.needs_proof(at("192.168.1.5", 7000)))
        self.links = ((ip_interface("20.0.1.9/24"),),)
        self.assertFalse(self.policy.needs_proof(at("20.0.1.7")))

    def test_trusted_networks_need_no_proof(self) -> None:
        """The person who runs the daemon says that no proof is needed there."""
        policy = DialPolicy(self.clock, self, lambda _: False, [ip_network("10.8.0.0/24")])
        self.assertTrue(policy.may_dial(at("10.8.0.7")))
        self.assertFalse(policy.may_dial(at("10.8.1.7")))
        self.assertFalse(policy.may_dial(at("10.8.0.7", 22)))

    def test_this_machine_is_dialled_for_our_own_user_only(self) -> None:
        """Neither dialled nor let in from, proof or not, but for a daemon of our own user."""
        other = at("192.168.1.5", 7000)
        for address in (other, at("172.17.0.1", 7000)):
            self.assertFalse(self.policy.may_dial(address, [HOME]))
            self.assertFalse(self.policy.may_connect_from(address))
            self.served.add(address)
            self.assertTrue(self.policy.may_dial(address))
            self.assertTrue(self.policy.may_connect_from(address))
        self.served.add(at("192.168.1.5"))
        self.assertFalse(self.policy.may_dial(at("192.168.1.5")))

    def test_loopback_counts_where_there_is_nothing_else(self) -> None:
        """It counts where we have nothing else, for a daemon of our own user."""
        address = at("127.0.0.1", 7000)
        self.served.add(address)
        self.assertFalse(self.policy.may_dial(address))
        self.assertFalse(self.policy.may_connect_from(address))
        self.candidates = (Candidate(at("127.0.0.1")),)
        self.assertTrue(self.policy.may_dial(address))
        self.assertTrue(self.policy.may_connect_from(address))
        self.assertFalse(self.policy.may_dial(at("127.0.0.1", 7001)))
        self.assertFalse(self.policy.may_connect_from(at("127.0.0.1", 7001)))

    def test_who_is_let_in(self) -> None:
        """From our own networks without proof: the source address of a connection proves enough."""
        self.assertTrue(self.policy.may_connect_from(at("192.168.1.7")))
        self.assertTrue(self.policy.may_connect_from(at("20.0.0.1", 22)))
        self.assertFalse(self.policy.may_connect_from(at("fe80::1")))

    def test_no_proof_makes_a_link_local_address_dialled(self) -> None:
        """It names another machine on each link."""
        link = ip_network("fe80::/64")
        self.assertFalse(self.policy.may_dial(at("fe80::1"), [link]))

    def test_a_contact_behind_our_router_may_connect(self) -> None:
        """The router's public address is none of this machine."""
        self.assertTrue(self.policy.may_connect_from(at("20.0.0.9", 7000)))
        self.assertFalse(self.policy.is_this_machine("20.0.0.9"))

    def hosts(self, first: int, count: int) -> list[PeerAddress]:
        """Addresses of so many different hosts."""
        return [at(f"20.0.{n // 200}.{n % 200 + 1}") for n in range(first, first + count)]

    def test_dialled_addresses_are_budgeted_per_contact(self) -> None:
        """It is each contact's own, counts each address once, and comes back with time."""
        addresses = self.hosts(0, AN_HOUR + 5)
        self.assertEqual(self.policy.within_budget(BOB, addresses), addresses[:AN_HOUR])
        self.assertEqual(self.policy.within_budget(BOB, addresses), addresses[:AN_HOUR])
        self.assertEqual(self.policy.within_budget(CAROL, addresses[-1:]), addresses[-1:])
        self.policy.connected(BOB, addresses[0])
        self.assertEqual(self.policy.within_budget(BOB, addresses[-2:]), addresses[-2:-1])
        self.clock.advance(3601)
        self.assertEqual(self.policy.within_budget(BOB, addresses[-2:]), addresses[-2:])

    def test_the_budget_of_a_day(self) -> None:
        """Who goes on hour by hour comes to an end; an address that stays the same does not."""
        same = at("20.1.0.1")
        dialled = []
        for hour in range(12):
            new = self.hosts(hour * AN_HOUR, AN_HOUR - 1)
            dialled += self.policy.within_budget(BOB, [same, *new])
            self.clock.advance(3601)
        self.assertEqual(dialled.count(same), 12)
        self.assertEqual(len(set(dialled)), A_DAY)
        self.clock.advance(86400)
        self.assertEqual(self.policy.within_budget(BOB, [at("20.2.0.1")]), [at("20.2.0.1")])

    def test_the_ports_of_a_host(self) -> None:
        """Few of one address are tried, however they are named over the day."""
        dialled: set[PeerAddress] = set()
        for hour in range(12):
            ports = [at("20.0.0.1", 2000 + 10 * hour + n) for n in range(10)]
            dialled |= set(self.policy.within_budget(BOB, ports))
            self.clock.advance(3601)
        self.assertEqual(len(dialled), MAX_PORTS)
        self.assertEqual(self.policy.within_budget(BOB, [at("20.0.0.2")]), [at("20.0.0.2")])
