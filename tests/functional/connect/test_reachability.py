"""Whether we can be reached, as contacts tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.reachability import (
    ANSWERS,
    INTERVAL,
    MAX_ASKED,
    PAUSE,
    SETTLE,
    DialBackPeer,
    ReachabilityTest,
    to_be_tested,
)
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.diagnosis import Verdict
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.network.addresses import InterfaceAddresses


def at(text: str, port: int = 6881) -> PeerAddress:
    """An address."""
    return PeerAddress.parse(text, port)


FOUR, SIX = at("20.0.0.9"), at("2a00::5")


def witness(name: str, *addresses: str, ours: bool = False) -> DialBackPeer:
    """A device that can be asked."""
    return DialBackPeer(name, "pc", tuple(Candidate(at(address)) for address in addresses), ours)


class ReachabilityTestTests(SynchronousTestCase):
    """Contacts are asked when there is something to learn, and not more often."""

    def setUp(self) -> None:
        """We have a public address of each family, and no device is online."""
        self.clock = Clock()
        self.machine = ["192.168.1.5", "2a00::5"]
        self.own = InterfaceAddresses(self.clock, [("20.0.0.9", None)], lambda: self.machine)
        self.there: list[DialBackPeer] = []
        self.asked: list[str] = []
        self.named: Sequence[PeerAddress] = ()
        self.answers: list[Deferred[DialBack]] = []
        self.cancelled: list[Deferred[DialBack]] = []
        self.announced: list[tuple[Candidate, ...]] = []
        self.own.changes.subscribe(lambda _: self.announced.append(self.own.candidates))
        self.test = ReachabilityTest(self.clock, self.own, self.ask)
        self.test.ask_from(lambda: self.there)
        self.own.refresh([("0.0.0.0", 6881), ("::", 6881)], [])
        self.test.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Nothing goes on after that."""
        if self.test.running:
            self.test.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def ask(self, jid: str, resource: str, addresses: Sequence[PeerAddress]) -> Deferred[DialBack]:
        """Note who is asked; the test answers."""
        self.assertTrue(resource.startswith("pc"))
        self.asked.append(jid)
        self.named = addresses
        self.answers.append(Deferred(self.cancelled.append))
        return self.answers[-1]

    def comes(self, *witnesses: DialBackPeer, after: float = SETTLE) -> None:
        """Let some come online, and time pass."""
        self.there.extend(witnesses)
        self.test.refresh()
        self.clock.advance(after)

    def answer(self, **reached: bool) -> None:
        """Answer the oldest question."""
        by_name = {"four": FOUR, "six": SIX}
        self.answers.pop(0).callback(DialBack({by_name[n]: r for n, r in reached.items()}))

    def reached(self) -> dict[str, bool | None]:
        """What is announced of our public addresses."""
        return {
            c.address.address: c.reached for c in self.own.candidates if c.address in (FOUR, SIX)
        }

    def test_who_comes_is_asked(self) -> None:
        """What they say goes with our addresses, by one change for all of it."""
        self.comes(witness("bob"), witness("carol"))
        self.assertEqual(self.asked, ["bob"])
        self.assertEqual(list(self.named), [FOUR, SIX])
        self.answer(four=False, six=True)
        self.assertEqual(self.asked, ["bob", "carol"])
        self.assertEqual(len(self.announced), 1)
        self.answer(four=False)
        self.assertEqual(self.reached(), {"20.0.0.9": False, "2a00::5": True})
        self.assertEqual(len(self.announced), 2)

    def test_one_who_comes_through_is_enough(self) -> None:
        """A device behind a strict firewall may be unable to dial."""
        self.comes(witness("bob"), witness("carol"))
        self.answer(four=False, six=False)
        self.answer(four=True)
        self.assertEqual(self.reached(), {"20.0.0.9": True, "2a00::5": False})

    def test_a_moment_is_waited_for_others(self) -> None:
        """At the log-in, presences come one after the other."""
        self.comes(witness("bob"), after=SETTLE / 2)
        self.comes(witness("carol"), after=SETTLE / 4)
        self.assertEqual(self.asked, [])
        self.clock.advance(SETTLE / 4)
        self.assertEqual(self.asked, ["bob"])

    def test_contacts_elsewhere_are_asked_first(self) -> None:
        """Who is elsewhere tells more than who is at home with us, our own devices the least."""
        self.comes(
            witness("a-home", "20.0.0.9"),
            witness("b-home", "2a00::77"),
            witness("xena", "192.168.1.5"),
            witness("alice", "20.0.0.1", ours=True),
            witness("zoe", "20.0.0.1"),
            witness("yves"),
        )
        for _ in range(6):
            self.answer()
        self.assertEqual(self.asked, ["xena", "yves", "zoe", "a-home", "b-home", "alice"])

    def test_one_with_many_devices(self) -> None:
        """A contact with many devices does not outvote the others, which are asked as well."""
        crowd = [replace(witness("bob"), resource=f"pc{n}") for n in range(MAX_ASKED)]
        self.comes(*crowd, witness("carol"), witness("dave"))
        for _ in range(ANSWERS):
            self.answer(four=True)
        self.assertEqual(self.asked, ["bob", "carol", "dave"])

    def test_a_few_answers_will_do(self) -> None:
        """Nobody more is asked after that; who refuses, or dialled nothing, does not count."""
        self.comes(*(witness(f"w{n}") for n in range(9)))
        self.answers.pop(0).errback(RequestRefused("no"))
        self.answer()
        for _ in range(ANSWERS):
            self.answer(four=True, six=True)
        self.assertEqual(self.answers, [])
        self.assertEqual(len(self.asked), 2 + ANSWERS)
        self.assertIn(f"{ANSWERS} were asked", self.test.finding().text)

    def test_not_everybody_is_asked(self) -> None:
        """A roster of those who all refuse is not gone through to the end."""
        self.comes(*(witness(f"w{n:02}") for n in range(20)))
        for _ in range(MAX_ASKED):
            self.answers.pop(0).errback(RequestRefused("no"))
        self.assertEqual(len(self.asked), MAX_ASKED)

    def test_what_is_known_is_not_asked_again(self) -> None:
        """Until half an hour has passed."""
        self.comes(witness("bob"))
        self.answer(four=True, six=True)
        self.comes(witness("carol"), after=PAUSE * 2)
        self.assertEqual(self.asked, ["bob"])
        self.clock.advance(INTERVAL)
        self.assertEqual(self.asked, ["bob", "bob"])
        self.answer(four=False, six=True)
        self.answer()
        self.assertEqual(self.asked, ["bob", "bob", "carol"])
        self.assertEqual(self.reached(), {"20.0.0.9": False, "2a00::5": True})

    def test_what_is_unknown_is_asked_of_whoever_is_new(self) -> None:
        """After a pause; those who could not tell are left alone."""
        self.comes(witness("bob"))
        self.answer(four=True)
        self.comes(witness("carol"))
        self.assertEqual(self.asked, ["bob"])
        self.clock.advance(PAUSE)
        self.assertEqual(self.asked, ["bob", "carol"])
        self.answer(six=False)
        self.assertEqual(self.reached(), {"20.0.0.9": True, "2a00::5": False})

    def test_nobody_is_pestered(self) -> None:
        """As long as nobody new comes, the same ones are not asked about the unknown."""
        self.comes(witness("bob"))
        self.answer(four=True)
        for _ in range(20):
            self.comes(after=PAUSE / 2)
        self.assertEqual(self.asked, ["bob"])

    def test_new_addresses_start_a_new_test(self) -> None:
        """Everybody may be asked about new ones; what was known of the old ones is forgotten."""
        self.comes(witness("bob"))
        self.answer(four=True, six=True)
        self.machine[:] = ["192.168.1.5"]
        self.own.refresh([("0.0.0.0", 6881), ("::", 6881)], [])
        self.clock.advance(PAUSE)
        self.assertEqual(self.asked, ["bob"], "nothing of what is left is unknown")
        self.machine.append("2a00::5")
        self.own.refresh([("0.0.0.0", 6881), ("::", 6881)], [])
        self.assertEqual(self.reached(), {"20.0.0.9": True, "2a00::5": None})
        self.clock.advance(SETTLE)
        self.assertEqual(self.asked, ["bob", "bob"])
        self.answer(six=True)

    def test_addresses_that_change_while_somebody_dials(self) -> None:
        """Then there is another test."""
        self.comes(witness("bob"))
        self.own.refresh([("0.0.0.0", 7000), ("::", 7000)], [])
        self.answer(four=True, six=True)
        self.clock.advance(PAUSE)
        self.assertEqual(self.asked, ["bob", "bob"])
        self.assertEqual([a.port for a in self.named], [7000, 7000])

    def test_the_end_does_not_wait_for_answers(self) -> None:
        """The service stops without waiting for an answer."""
        self.comes(witness("bob"))
        self.test.stopService()
        self.assertEqual(self.cancelled, self.answers)

    def test_a_stopped_service_asks_no_device(self) -> None:
        """Neither when one comes online nor when our addresses change."""
        self.test.stopService()
        self.comes(witness("bob"))
        self.own.refresh([("0.0.0.0", 7000), ("::", 7000)], [])
        self.assertEqual((self.asked, self.clock.getDelayedCalls()), ([], []))
        self.test.startService()
        self.clock.advance(SETTLE)
        self.assertEqual(self.asked, ["bob"])

    def test_a_service_that_starts_again_renews_what_is_known(self) -> None:
        """After an interval: nothing is unknown, and what is known may be out of date."""
        self.comes(witness("bob"))
        self.answer(four=True, six=True)
        self.test.stopService()
        self.test.startService()
        self.clock.advance(INTERVAL - 1)
        self.assertEqual(self.asked, ["bob"])
        self.clock.advance(1)
        self.assertEqual(self.asked, ["bob", "bob"])
        self.answer(four=True, six=True)

    def test_a_stopped_service_follows_nothing(self) -> None:
        """Our addresses outlive it."""
        subscribers = self.own.changes._subscribers  # noqa: SLF001  # who follows
        following = len(subscribers)
        self.test.stopService()
        self.assertEqual(len(subscribers), following - 1)

    def test_an_unforeseen_error_is_logged(self) -> None:
        """The next test takes place all the same."""
        self.comes(witness("bob"))
        self.answers.pop(0).errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.asked, ["bob", "bob"])

    def test_without_an_address_no_device_is_asked(self) -> None:
        """There is nothing to dial."""
        self.own.refresh([], [])
        self.comes(witness("bob"), after=INTERVAL)
        self.assertEqual(self.asked, [])

    def test_a_test_without_answers_changes_nothing(self) -> None:
        """What is known, and from how many contacts, stays."""
        self.comes(witness("bob"))
        self.answer(four=True, six=True)
        self.clock.advance(INTERVAL)
        self.answers.pop(0).errback(RequestRefused("no"))
        self.assertIn("reach us over IPv4, IPv6; 1 was asked", self.test.finding().text)

    def test_the_port_of_a_finding_is_that_of_an_interface(self) -> None:
        """A user forwards a port to it; one that a router maps is mapped already."""
        self.own.refresh([("0.0.0.0", 6881), ("::", 6881)], [at("20.0.0.7", 7000)])
        self.own.note_reached({FOUR: False})
        self.assertEqual(self.test.finding().values["port"], "6881")

    def test_a_finding_counts_who_was_asked(self) -> None:
        """One contact or more."""
        self.comes(witness("bob"))
        self.answer(four=True, six=True)
        self.assertIn("; 1 was asked", self.test.finding().text)

    def test_each_interval_renews_the_test(self) -> None:
        """Not before it has passed, and not only the first one."""
        self.comes(witness("bob"))
        for count in (1, 2, 3):
            self.assertEqual(self.asked, ["bob"] * count)
            self.answer(four=True, six=True)
            self.clock.advance(INTERVAL - SETTLE - 1)
            self.assertEqual(self.asked, ["bob"] * count)
            self.clock.advance(SETTLE + 1)

    def test_a_test_waits_for_the_one_before(self) -> None:
        """A device may take long to answer."""
        self.comes(witness("bob"))
        self.clock.advance(INTERVAL)
        self.assertEqual(self.asked, ["bob"])
        self.answer(four=True, six=True)
        self.clock.advance(SETTLE)
        self.assertEqual(self.asked, ["bob", "bob"])

    def test_findings_say_what_would_help(self) -> None:
        """In words, with what would help."""
        finding = self.test.finding()
        self.assertEqual((finding.check, finding.verdict), ("dial-back", Verdict.UNKNOWN))
        self.assertIn("no contact could be asked", finding.text)
        self.assertIn("as soon as a contact", finding.fix)
        self.own.note_reached({FOUR: False})
        finding = self.test.finding()
        self.assertIs(finding.verdict, Verdict.WARNING)
        self.assertIn("do not reach us over IPv4;", finding.text)
        self.assertIn("TCP and UDP port 6881", finding.fix)
        self.own.note_reached({SIX: True})
        finding = self.test.finding()
        self.assertEqual((finding.verdict, finding.detail), (Verdict.GOOD, "partly"))
        self.assertIn("reach us over IPv6, not over IPv4;", finding.text)
        self.assertTrue(finding.fix)
        self.own.note_reached({FOUR: True})
        finding = self.test.finding()
        self.assertIn("reach us over IPv4, IPv6;", finding.text)
        self.assertEqual((finding.verdict, finding.fix), (Verdict.GOOD, ""))


class ChoiceTests(SynchronousTestCase):
    """What others are asked to dial."""

    def test_both_families_and_what_is_meant_for_it_first(self) -> None:
        """Where we were seen is dialled if there is room; private addresses are not."""
        candidates = [
            Candidate(at("20.0.0.8"), CandidateKind.REFLEXIVE),
            *(Candidate(at(address)) for address in ("10.0.0.1", "20.0.0.1", "20.0.0.2")),
            *(Candidate(at(address)) for address in ("20.0.0.3", "2a00::1", "fd00::1")),
        ]
        tested = to_be_tested(candidates)
        self.assertEqual(
            [a.address for a in tested], ["20.0.0.1", "2a00::1", "20.0.0.2", "20.0.0.3"]
        )
        self.assertEqual(len(tested), MAX_DIALLED)
        self.assertEqual(to_be_tested(candidates[:2]), (at("20.0.0.8"),))

    def test_loopback_is_tested_where_there_is_nothing_else(self) -> None:
        """It is tested where there is nothing else."""
        self.assertEqual(to_be_tested([Candidate(at("127.0.0.1"))]), (at("127.0.0.1"),))
        self.assertEqual(to_be_tested([Candidate(at("127.0.0.1")), Candidate(FOUR)]), (FOUR,))
        self.assertEqual(to_be_tested([Candidate(at("10.0.0.1"))]), ())
        self.assertEqual(to_be_tested([]), ())
