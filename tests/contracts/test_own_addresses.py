"""What whatever knows our own addresses has to do: the one that reads interfaces, and the fake."""

from __future__ import annotations

from ipaddress import ip_interface

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.ports import OwnAddressesPort
from bitween.model.address import PeerAddress
from bitween.model.candidate import CandidateKind
from bitween.network.addresses import InterfaceAddresses
from tests.support.fakes.own_addresses import FakeOwnAddresses

HERE = "192.0.2.1"
MAPPED = PeerAddress("198.51.100.7", 4000)


class Contract:
    """Keeps the suite itself from being run."""

    class OwnAddressesTests(SynchronousTestCase):
        """The suite; ``make`` gives the addresses of a machine with one interface."""

        own: OwnAddressesPort

        def make(self) -> OwnAddressesPort:
            """The addresses of a machine that is at :data:`HERE`."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Listen at one port, and follow the changes."""
            self.own = self.make()
            self.own.refresh([(HERE, 6881)], [])
            self.seen: list[tuple[PeerAddress, ...]] = []
            self.own.changes.subscribe(self.seen.append)

        def test_contacts_can_dial_the_listen_sockets(self) -> None:
            """Each address is that of a candidate."""
            self.assertEqual(self.own.addresses, (PeerAddress(HERE, 6881),))
            self.assertEqual([c.address for c in self.own.candidates], [PeerAddress(HERE, 6881)])
            self.assertIs(self.own.candidates[0].kind, CandidateKind.HOST)

        def test_a_change_is_handed_out_once(self) -> None:
            """Reading the same again is no change."""
            for _ in range(2):
                self.own.refresh([(HERE, 7000)], [])
            self.assertEqual(self.seen, [(PeerAddress(HERE, 7000),)])
            self.assertEqual(self.own.addresses, self.seen[0])

        def test_without_a_socket_there_is_no_address(self) -> None:
            """Nothing can be dialled then."""
            self.own.refresh([], [])
            self.assertEqual((self.own.addresses, self.own.candidates), ((), ()))
            self.assertEqual(self.seen, [()])

        def test_the_plain_port_is_kept_apart(self) -> None:
            """Who knows no sealed transfers dials there, and only there."""
            self.assertEqual(self.own.plain_addresses, ())
            self.own.refresh([(HERE, 6881)], [], plain_listening=[(HERE, 7000)])
            self.assertEqual(self.own.plain_addresses, (PeerAddress(HERE, 7000),))
            self.assertEqual(self.own.addresses, (PeerAddress(HERE, 6881),))
            self.assertEqual(self.seen, [(PeerAddress(HERE, 6881),)])

        def test_one_port_may_be_for_all(self) -> None:
            """Without sealed transfers, the plain addresses are all that there are."""
            sockets = [(HERE, 6881)]
            self.own.refresh(sockets, [MAPPED], plain_listening=sockets, plain_mapped=[MAPPED])
            self.assertEqual(set(self.own.plain_addresses), {PeerAddress(HERE, 6881), MAPPED})

        def test_mapped_addresses_can_be_dialled(self) -> None:
            """They are told from those of interfaces."""
            self.own.refresh([(HERE, 6881)], [MAPPED])
            self.assertEqual(set(self.own.addresses), {PeerAddress(HERE, 6881), MAPPED})
            kinds = {c.address: c.kind for c in self.own.candidates}
            self.assertIs(kinds[MAPPED], CandidateKind.MAPPED)

        def test_external_addresses_are_for_hole_punching_only(self) -> None:
            """They are candidates, not addresses to dial."""
            self.own.refresh([(HERE, 6881)], [], ["203.0.113.9"])
            self.assertEqual(self.own.addresses, (PeerAddress(HERE, 6881),))
            last = self.own.candidates[-1]
            self.assertEqual(last.address, PeerAddress("203.0.113.9", 6881))
            self.assertFalse(last.dialable)

        def test_routers_are_unknown_at_first(self) -> None:
            """Nothing has asked a server yet."""
            self.assertIsNone(self.own.nat)


class InterfaceAddressesContractTests(Contract.OwnAddressesTests):
    """The addresses of network interfaces."""

    def make(self) -> OwnAddressesPort:
        """Make a machine with one."""
        link = (ip_interface(f"{HERE}/24"),)
        return InterfaceAddresses(Clock(), (), lambda: [HERE], lambda: [link])


class FakeOwnAddressesTests(Contract.OwnAddressesTests):
    """The addresses of tests."""

    def make(self) -> OwnAddressesPort:
        """Make them."""
        return FakeOwnAddresses()
