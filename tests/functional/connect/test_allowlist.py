"""Whom the door is opened to."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.allowlist import GRACE_PERIOD, PeerAllowlist
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Presence
from tests.support.fakes.swarm import FakeSwarm

ANN, BEN = "ann@example.org", "ben@example.org"


def announcement(*addresses: str, resource: str = "home") -> Announcement:
    """An announcement of addresses without shares."""
    candidates = tuple(
        Candidate(PeerAddress.parse(a, 6881), CandidateKind.REFLEXIVE) for a in addresses
    )
    return Announcement(resource, candidates=candidates)


class CountingSwarm(FakeSwarm):
    """
    :ivar told: how many networks it was told of.
    :ivar calls: how often it was told to allow or to deny networks.
    """

    told = 0
    calls = 0

    def allow_peers_from(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        """Count."""
        networks = list(networks)
        self.told += len(networks)
        self.calls += 1
        super().allow_peers_from(networks)

    def deny_peers_from(self, networks: Iterable[IPv4Network | IPv6Network]) -> None:
        """Count."""
        self.calls += 1
        super().deny_peers_from(networks)


class AdmissionTests(SynchronousTestCase):
    """Contacts come, move and go."""

    def setUp(self) -> None:
        """Have nobody there."""
        self.clock, self.catalogue, self.swarm = Clock(), Catalogue(lambda: 0.0), CountingSwarm()
        self.loopback = False
        self.admission = PeerAllowlist(
            self.swarm,
            self.catalogue,
            lambda address: self.loopback or not address.is_loopback,
            self.clock.seconds,
        )

    def change(self, change: CatalogueChange) -> None:
        """Have something change."""
        self.admission.apply(change)

    def come(self, jid: str, *addresses: str, resource: str = "home") -> None:
        """Let a device come online, and announce addresses."""
        self.change(self.catalogue.set_online(jid, resource, True))
        said = announcement(*addresses, resource=resource)
        self.change(self.catalogue.replace_item(jid, resource, [said]))

    def go(self, jid: str) -> None:
        """Let a device go offline."""
        self.change(self.catalogue.set_online(jid, "home", False))

    def admits(self, *networks: str) -> None:
        """Check who is let in."""
        self.assertEqual({str(network) for network in self.swarm.admitted}, set(networks))

    def test_online_contacts_are_admitted_by_address_or_network(self) -> None:
        """Addresses of IPv4 count as they are, of IPv6 with the network, whose others call."""
        self.come(ANN, "192.0.2.1", "2001:db8:1:2::3")
        self.admits("192.0.2.1/32", "2001:db8:1:2::/64")

    def test_an_offline_contacts_addresses_are_not_admitted(self) -> None:
        """An announcement of a device that is offline allows nothing until it is online."""
        self.change(self.catalogue.replace_item(ANN, "home", [announcement("192.0.2.1")]))
        self.admits()
        self.change(self.catalogue.set_online(ANN, "home", True))
        self.admits("192.0.2.1/32")

    def test_a_contact_that_moved_is_admitted_from_there_alone(self) -> None:
        """Who is elsewhere now is let in from there alone."""
        self.come(ANN, "192.0.2.1", "192.0.2.2")
        self.come(ANN, "192.0.2.2", "192.0.2.3")
        self.admits("192.0.2.2/32", "192.0.2.3/32")

    def test_a_shared_address_is_admitted_until_neither_has_it(self) -> None:
        """An address that two have is let in until neither has it."""
        self.come(ANN, "192.0.2.1")
        self.come(BEN, "192.0.2.1")
        self.change(self.catalogue.forget(ANN))
        self.admits("192.0.2.1/32")
        self.change(self.catalogue.forget(BEN))
        self.admits()

    def test_a_contact_that_left_is_shut_out_after_a_while(self) -> None:
        """A device that goes offline may finish its transfers; after a while it is shut out."""
        self.come(ANN, "192.0.2.1")
        self.clock.advance(GRACE_PERIOD)
        self.go(ANN)
        self.clock.advance(GRACE_PERIOD - 1)
        self.admission.expire(online=True)
        self.admits("192.0.2.1/32")
        self.clock.advance(1)
        self.admission.expire(online=True)
        self.admits()

    def test_a_contact_back_in_time_stays_admitted(self) -> None:
        """Who is back in time stays."""
        self.come(ANN, "192.0.2.1")
        self.go(ANN)
        self.clock.advance(GRACE_PERIOD)
        self.change(self.catalogue.set_online(ANN, "home", True))
        self.admission.expire(online=True)
        self.admits("192.0.2.1/32")

    def test_no_contact_leaves_while_we_are_offline(self) -> None:
        """As long as we ourselves are offline, nobody is known to have gone."""
        self.come(ANN, "192.0.2.1")
        self.change(self.catalogue.set_all_offline())
        self.clock.advance(10 * GRACE_PERIOD)
        self.admission.expire(online=False)
        self.admission.expire(online=True)
        self.admits("192.0.2.1/32")
        self.clock.advance(GRACE_PERIOD)
        self.admission.expire(online=True)
        self.admits()

    def test_a_removed_contact_is_shut_out_at_once(self) -> None:
        """Who is a contact no longer is shut out at once."""
        self.come(ANN, "192.0.2.1")
        self.come(BEN, "192.0.2.2")
        self.change(self.catalogue.forget_all_but({BEN}))
        self.admits("192.0.2.2/32")

    def test_candidates_of_a_request_are_admitted_until_forgotten(self) -> None:
        """A device may also connect from an address that only we know, until it is forgotten."""
        self.come(ANN, "192.0.2.1")
        self.admission.allow_candidates(ANN, "home", [PeerAddress.parse("192.0.2.9", 1)])
        self.come(ANN, "192.0.2.2")
        self.admits("192.0.2.2/32", "192.0.2.9/32")
        self.change(self.catalogue.forget(ANN))
        self.admits()

    def test_a_contact_without_announcement_is_admitted_while_online(self) -> None:
        """A device that announced nothing may connect while it is online, and no longer."""
        for number in range(3):
            resource = f"n{number}"
            self.change(self.catalogue.set_online(ANN, resource, True))
            self.admission.allow_candidates(
                ANN, resource, [PeerAddress.parse(f"192.0.2.{number}", 1)]
            )
        self.change(self.catalogue.set_online(ANN, "n0", False))
        self.admits("192.0.2.1/32", "192.0.2.2/32")
        self.admission.allow_candidates(ANN, "n0", [PeerAddress.parse("192.0.2.9", 1)])
        self.change(self.catalogue.set_online(ANN, "n0", True))
        self.admits("192.0.2.1/32", "192.0.2.2/32")
        self.change(self.catalogue.forget(ANN))
        self.admits()

    def test_a_relay_address_is_admitted_while_it_stands(self) -> None:
        """What has a name of its own is let in as long as that is said."""
        self.admission.set("relay", [PeerAddress.parse("127.1.0.2", 1)])
        self.admits("127.1.0.2/32")
        self.admission.set("relay", ())
        self.admits()

    def test_untrusted_loopback_is_not_admitted(self) -> None:
        """What is not believed is not let in, until it is."""
        self.come(ANN, "127.0.0.1", "192.0.2.1")
        self.admits("192.0.2.1/32")
        self.loopback = True
        self.admission.refresh()
        self.admits("192.0.2.1/32", "127.0.0.1/32")
        self.loopback = False
        self.admission.refresh()
        self.admits("192.0.2.1/32")

    def test_a_change_of_one_contact_touches_that_one_only(self) -> None:
        """Of one who comes to many, the door hears of that one alone."""
        for number in range(300):
            self.come(f"c{number}@example.org", f"20.0.{number // 250}.{number % 250}")
        told = self.swarm.told
        self.come(ANN, "192.0.2.1")
        self.assertEqual(self.swarm.told, told + 1)

    def test_the_ip_filter_is_told_of_changes_only(self) -> None:
        """An address that is allowed already, or still, changes nothing."""
        self.come(ANN, "192.0.2.1")
        calls = self.swarm.calls
        self.come(BEN, "192.0.2.1")
        self.change(self.catalogue.forget(ANN))
        self.admission.refresh()
        self.assertEqual(self.swarm.calls, calls)
        self.change(self.catalogue.forget(BEN))
        self.assertEqual(self.swarm.calls, calls + 1)

    def test_a_forgotten_contact_that_returns_is_admitted(self) -> None:
        """The addresses are new ones, although they are the same as before."""
        self.come(ANN, "192.0.2.1")
        self.change(self.catalogue.forget(ANN))
        self.admits()
        self.come(ANN, "192.0.2.1")
        self.admits("192.0.2.1/32")

    def test_nothing_of_a_forgotten_contact_stays_in_memory(self) -> None:
        """Contacts come and go for years."""
        self.come(ANN, "192.0.2.1")
        self.admission.allow_candidates(ANN, "home", [PeerAddress.parse("192.0.2.9", 1)])
        self.go(ANN)
        self.clock.advance(GRACE_PERIOD)
        self.admission.expire(online=True)
        for name in ("_allowed", "_networks", "_private", "_offline_since"):
            self.assertEqual(vars(self.admission)[name], {}, name)

    def test_a_device_that_was_never_online_takes_no_memory(self) -> None:
        """A contact may announce many devices."""
        self.change(self.catalogue.replace_item(ANN, "home", [announcement("192.0.2.1")]))
        self.assertEqual(self.admission._offline_since, {})  # noqa: SLF001  # what the memory holds

    def test_presence_without_an_announcement_withdraws_nothing(self) -> None:
        """The device is online, and what it told us alone still counts."""
        self.change(self.catalogue.set_online(ANN, "home", True))
        self.admission.allow_candidates(ANN, "home", [PeerAddress.parse("192.0.2.1", 1)])
        self.change(CatalogueChange(presences=(Presence(ANN, "home", online=True),)))
        self.admits("192.0.2.1/32")

    def test_ipv6_loopback_is_admitted_alone(self) -> None:
        """Its /64 network would hold addresses that are not this machine."""
        self.loopback = True
        self.come(ANN, "::1")
        self.admits("::1/128")
