"""A ladder whose every outcome the test decides, on a clock of the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.ladder import (
    RELAY_AFTER,
    Ladder,
)
from bitween.errors import RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.route import Route, RouteKind

OURS = (Candidate(PeerAddress.parse("10.0.0.1", 6881)),)
NEAR = PeerAddress.parse("10.0.0.2", 6881)
FAR = PeerAddress.parse("9.9.9.9", 6881)
OUTSIDE = PeerAddress.parse("9.9.9.8", 7000)
THEIRS = (Candidate(NEAR), Candidate(FAR, CandidateKind.MAPPED))
RELAYED = Route(RouteKind.RELAY, PeerAddress.parse("127.1.0.1", 40000), "proxy.example.org")


class Steps:
    """Does what the test says, when it says so."""

    def __init__(self) -> None:
        self.probed: list[tuple[PeerAddress, ...]] = []
        self.probes: list[Deferred[PeerAddress | None]] = []
        self.requests: list[Deferred[Sequence[Candidate]]] = []
        self.punched: list[tuple[Candidate, ...]] = []
        self.searches = 0
        self.relays: list[Deferred[Route]] = []

    def search_began(self) -> None:
        """Count it."""
        self.searches += 1

    def probe(self, addresses: Sequence[PeerAddress]) -> Deferred[PeerAddress | None]:
        """Begin to dial."""
        self.probed.append(tuple(addresses))
        self.probes.append(Deferred())
        return self.probes[-1]

    def request_connection(self) -> Deferred[Sequence[Candidate]]:
        """Begin to ask."""
        self.requests.append(Deferred())
        return self.requests[-1]

    def punch(self, candidates: Sequence[Candidate]) -> None:
        """Remember it."""
        self.punched.append(tuple(candidates))

    def find_relay(self) -> Deferred[Route]:
        """Begin to look for one."""
        self.relays.append(Deferred())
        return self.relays[-1]

    @property
    def begun(self) -> tuple[int, int, int]:
        """How many probes, meetings and relays were begun."""
        return len(self.probes), len(self.requests), len(self.relays)


class LadderCase(SynchronousTestCase):
    """One resource."""

    def setUp(self) -> None:
        """Stand at the foot of the ladder."""
        self.clock, self.steps = Clock(), Steps()
        self.found: list[Route] = []
        self.ladder = Ladder(self.clock, self.steps, self.found.append)

    def tearDown(self) -> None:
        """Nothing is left behind by who rests."""
        self.ladder.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def climb(self, theirs: Sequence[Candidate] = THEIRS) -> None:
        """Begin."""
        self.ladder.start(OURS, theirs)

    def climb_to_the_meeting(self) -> None:
        """Have nobody answer, and the other side come."""
        self.climb()
        self.steps.probes[0].callback(None)
        self.steps.requests[0].callback(THEIRS)

    def climb_to_the_relay(self) -> None:
        """Have nothing direct work."""
        self.climb_to_the_meeting()
        self.clock.advance(RELAY_AFTER)
        self.steps.relays[0].callback(RELAYED)

    def refuse(self, step: Deferred[Any], message: str = "no", hint: str = "") -> None:
        """Have a step fail as foreseen."""
        step.errback(RequestRefused(message, hint))
