"""Our own addresses."""

from __future__ import annotations

from collections.abc import Iterator

import netifaces
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.nat import Nat
from bitween.network.addresses import (
    INTERVAL,
    InterfaceAddresses,
    interface_addresses,
    network_links,
)

EVERYWHERE = [("0.0.0.0", 6881), ("::", 6881)]  # as libtorrent reports them
MACHINE = ["127.0.0.1", "192.168.1.5", "::1", "fe80::1%eth0", "2001:db8::5"]


class InterfaceAddressesTests(SynchronousTestCase):
    """What the interfaces, the settings and the mapping come to."""

    def setUp(self) -> None:
        """Have a machine with usual addresses, and follow their changes."""
        self.machine = list(MACHINE)
        self.clock = Clock()
        self.seen: list[list[str]] = []

    def watch(self, *announce: tuple[str, int | None]) -> InterfaceAddresses:
        """Watch the machine."""
        watcher = InterfaceAddresses(self.clock, announce, lambda: self.machine)
        watcher.changes.subscribe(lambda found: self.seen.append([str(a) for a in found]))
        watcher.startService()
        self.addCleanup(watcher.stopService)
        return watcher

    def test_what_others_can_dial(self) -> None:
        """Loopback and link-local addresses say nothing to another machine."""
        self.watch().refresh(EVERYWHERE, [])
        self.assertEqual(self.seen, [["192.168.1.5:6881", "[2001:db8::5]:6881"]])

    def test_a_machine_without_a_network(self) -> None:
        """Where there is only loopback, it is announced: daemons on this machine can use it."""
        self.machine[:] = ["127.0.0.1", "::1"]
        self.watch().refresh(EVERYWHERE, [])
        self.assertEqual(self.seen, [["127.0.0.1:6881", "[::1]:6881"]])

    def test_sockets_that_are_bound_one_by_one(self) -> None:
        """A socket for each address, as libtorrent opens them, comes to the same."""
        sockets = [("127.0.0.1", 7), ("192.168.1.5", 7), ("::1", 7), ("fe80::1%eth0", 7)]
        self.watch().refresh([*sockets, ("2001:db8::5", 7), ("2001:db8::dead", 7)], [])
        self.assertEqual(
            self.seen, [["192.168.1.5:7", "[2001:db8::5]:7"]], "the last one is deprecated"
        )

    def test_one_listen_address(self) -> None:
        """Who listens at one address is found at that address alone."""
        self.watch().refresh([("127.0.0.1", 7)], [])
        self.assertEqual(self.seen, [["127.0.0.1:7"]])

    def test_how_we_came_by_them(self) -> None:
        """Each address has a kind; that of an interface comes before all others."""
        watcher = self.watch(("203.0.113.7", None), ("192.168.1.5", None))
        watcher.refresh(EVERYWHERE, [PeerAddress.parse("198.51.100.7", 4000)])
        self.assertEqual(
            {str(c.address): c.kind.value for c in watcher.candidates},
            {
                "192.168.1.5:6881": "host",
                "[2001:db8::5]:6881": "host",
                "203.0.113.7:6881": "said",
                "198.51.100.7:4000": "mapped",
            },
        )

    def test_where_a_forwarded_port_leads(self) -> None:
        """Where servers see us, that is our router's address, whatever peers say."""
        mapped = [PeerAddress("8.8.8.8", 7), PeerAddress("100.64.0.7", 7)]
        watcher = self.watch()
        watcher.refresh([], mapped)
        self.assertEqual({str(a) for a in watcher.addresses}, {"8.8.8.8:7", "100.64.0.7:7"})
        watcher.note_seen([PeerAddress("192.168.7.7", 9)], None)
        self.assertIn("8.8.8.8:7", map(str, watcher.addresses))
        watcher.note_seen([PeerAddress("2620:fe::9", 9), PeerAddress("9.9.9.9", 9)], None)
        self.assertEqual({str(a) for a in watcher.addresses}, {"9.9.9.9:7", "100.64.0.7:7"})

    def test_what_was_reached(self) -> None:
        """It is told once, and forgotten with the address."""
        watcher = self.watch()
        watcher.refresh(EVERYWHERE, [])
        reached = {PeerAddress.parse("192.168.1.5", 6881): False}
        for _ in range(2):
            watcher.note_reached(reached)
        self.assertEqual([c.reached for c in watcher.candidates], [False, None])
        self.assertEqual(len(self.seen), 2)
        for port in (7000, 6881):
            watcher.refresh([("0.0.0.0", port)], [])
            self.assertEqual([c.reached for c in watcher.candidates], [None])

    def test_a_symmetric_router(self) -> None:
        """It is told beside where we are seen over IPv4, as long as it is known."""
        watcher = self.watch()
        watcher.refresh(EVERYWHERE, [])
        seen = [PeerAddress("9.9.9.9", 6881), PeerAddress("2620:fe::9", 6881)]
        for agree, varying in ((False, {"9.9.9.9"}), (None, set()), (True, set())):
            watcher.note_seen(seen, Nat(True, endpoint_independent=agree))
            self.assertEqual(
                {c.address.address for c in watcher.candidates if c.varies}, varying, agree
            )
        self.assertEqual(len(self.seen), 3)

    def test_announced_and_mapped_addresses_are_added(self) -> None:
        """Announced and mapped addresses come beside those of the interfaces."""
        self.machine[:] = ["192.168.1.5"]
        watcher = self.watch(("198.51.100.1", None), ("198.51.100.2", 9))
        watcher.refresh(EVERYWHERE[:1], [PeerAddress.parse("8.8.8.8", 7)])
        self.assertEqual(
            set(self.seen[0]),
            {"192.168.1.5:6881", "198.51.100.1:6881", "198.51.100.2:9", "8.8.8.8:7"},
        )

    def test_a_change_is_noticed(self) -> None:
        """A new network is noticed at the next look, and told once."""
        self.watch().refresh(EVERYWHERE[:1], [])
        self.machine[:] = ["10.0.0.9"]
        self.clock.advance(INTERVAL)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.seen, [["192.168.1.5:6881"], ["10.0.0.9:6881"]])

    def test_a_failing_look_is_not_the_last(self) -> None:
        """An error while reading is logged, and the next look happens."""
        answers: Iterator[list[str] | OSError] = iter(
            [["192.168.1.5"], OSError("no interfaces"), ["10.0.0.9"]]
        )

        def read() -> list[str]:
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return answer

        watcher = InterfaceAddresses(self.clock, (), read)
        watcher.startService()
        self.addCleanup(watcher.stopService)
        watcher.refresh(EVERYWHERE[:1], [])
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.clock.advance(INTERVAL)
        self.assertEqual([str(a) for a in watcher.addresses], ["10.0.0.9:6881"])

    def test_the_real_machine(self) -> None:
        """Every machine has a loopback address, at least."""
        self.assertIn("127.0.0.1", interface_addresses())


class OddInterfaceTests(SynchronousTestCase):
    """What the operating system says of interfaces that are unlike the others."""

    def test_one_of_them_hides_none_of_the_others(self) -> None:
        """A tunnel without a mask is in no network, and what has just gone is nowhere."""
        known: dict[str, dict[int, list[dict[str, str]]]] = {
            "eth0": {netifaces.AF_INET: [{"addr": "192.0.2.5", "netmask": "255.255.255.0"}]},
            "tun0": {netifaces.AF_INET: [{"addr": "198.51.100.1", "peer": "198.51.100.2"}]},
            "wg0": {netifaces.AF_INET: [{"peer": "198.51.100.3"}]},
        }

        def addresses(name: str) -> dict[int, list[dict[str, str]]]:
            if name not in known:
                raise ValueError("You must specify a valid interface name.")
            return known[name]

        self.patch(netifaces, "interfaces", lambda: ["gone0", *known])
        self.patch(netifaces, "ifaddresses", addresses)
        self.assertEqual(interface_addresses(), ["192.0.2.5", "198.51.100.1"])
        links = [[str(interface) for interface in link] for link in network_links()]
        self.assertEqual(links, [[], ["192.0.2.5/24"], [], []])
