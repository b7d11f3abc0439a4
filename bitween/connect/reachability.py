"""Finds out whether we can be reached: asks contacts to dial us."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.connect.ports import ReachedAddressesPort
from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.diagnosis import Finding, Verdict
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.model.same_network import public_network

#: seconds until what is known is looked at anew.
INTERVAL = 30 * 60.0
#: seconds for presences and announcements to come, before somebody is asked.
SETTLE = 2.0
#: seconds from one test to the next: nobody is asked more often than contacts put up with.
PAUSE = 100.0
#: Whose answers are enough, and how many are asked for them.
ANSWERS = 3
MAX_ASKED = 8


@dataclass(frozen=True, slots=True)
class DialBackPeer:
    """
    A resource that is online and can be asked to dial us.

    :param candidates: where it is.
    :param ours: whether it is of our own account.
    """

    jid: str
    resource: str
    candidates: tuple[Candidate, ...]
    ours: bool = False


#: Asks a resource (bare JID, resource) to dial us; fails with a ``BitweenError``.
Ask = Callable[[str, str, Sequence[PeerAddress]], Deferred[DialBack]]


class ReachabilityTest(Service):
    """
    Has our addresses dialled by contacts, and notes with each address what came of it.

    That is done when there are new addresses, when somebody new can be asked about those of which
    nothing is known, and all of it anew every :data:`INTERVAL`.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        own: ReachedAddressesPort,
        witnesses: Callable[[], Iterable[DialBackPeer]],
        ask: Ask,
    ) -> None:
        """
        :param own: our addresses; they are told what came of it.
        :param witnesses: who is there now.
        """
        self._clock = clock
        self._own = own
        self.witnesses = witnesses
        self._ask = ask
        self._tested: tuple[PeerAddress, ...] = ()
        self._asked: set[tuple[str, str]] = set()
        self._answered: frozenset[str] = frozenset()
        self._not_before = self._renewal = 0.0
        self._timer: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._stop_following: Callable[[], None] = lambda: None

    def startService(self) -> None:
        """Follow our addresses."""
        super().startService()
        self._stop_following = self._own.changes.subscribe(lambda _: self.look())
        self._renewal = self._clock.seconds() + INTERVAL
        self._due_at(self._renewal)
        self.look()

    def stopService(self) -> None:
        """Ask nobody any more."""
        super().stopService()
        self._stop_following()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is not None:
            self._running.cancel()

    def look(self) -> None:
        """Test soon, if there is something to learn; called whenever somebody new may be there."""
        if not self.running:
            return
        tested = to_be_tested(self._own.candidates)
        if tested != self._tested:
            self._tested = tested
            self._asked.clear()
        if any(c.reached is None for c in self._own.candidates if c.address in tested):
            self._due_at(max(self._clock.seconds() + SETTLE, self._not_before))

    def finding(self) -> Finding:
        """What is known now, for a person."""
        tested = [c for c in self._own.candidates if c.reached is not None]
        if not tested:
            text = "no contact could be asked to connect to this machine"
            fix = "nothing to do: bitween asks as soon as a contact in another network is online"
            return Finding("dial-back", Verdict.UNKNOWN, text, fix)
        open_, both = _families(c for c in tested if c.reached), _families(tested)
        reached, closed = ", ".join(open_), ", ".join(f for f in both if f not in open_)
        asked, port = len(self._answered), _port(self._own.candidates)
        people = "1 was asked" if asked == 1 else f"{asked} were asked"
        values: dict[str, str | float] = {
            "reached": reached,
            "closed": closed,
            "n": asked,
            "port": str(port),
        }
        if not closed:
            text = f"contacts reach us over {reached}; {people}"
            return Finding("dial-back", Verdict.GOOD, text, values=values)
        fix = (
            f"allow TCP and UDP port {port} in the firewalls here and in the router, or enable "
            "UPnP or NAT-PMP there, or forward the port to this machine"
        )
        if reached:
            text = f"contacts reach us over {reached}, not over {closed}; {people}"
            return Finding("dial-back", Verdict.GOOD, text, fix, detail="partly", values=values)
        text = f"contacts do not reach us over {closed}; {people}"
        return Finding("dial-back", Verdict.WARNING, text, fix, values=values)

    def _due_at(self, when: float) -> None:
        if self._timer is not None:
            if self._timer.getTime() <= when:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(when - self._clock.seconds(), self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        if now >= self._renewal:
            self._renewal = now + INTERVAL
            self._asked.clear()
        if self._running is not None:
            self._due_at(now + SETTLE)
            return
        self._due_at(self._renewal)
        running = self._running = Deferred.fromCoroutine(self._test(self._tested))
        running.addErrback(self._failed).addBoth(self._ended)

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("asking contacts to dial us", failure)

    def _ended(self, _: object) -> None:
        self._running = None

    async def _test(self, addresses: Sequence[PeerAddress]) -> None:
        answers: dict[str, list[DialBack]] = {}
        for witness in self._to_be_asked() if addresses else ():
            if sum(map(len, answers.values())) == ANSWERS:
                break
            self._asked.add((witness.jid, witness.resource))
            self._not_before = self._clock.seconds() + PAUSE
            try:
                answer = await self._ask(witness.jid, witness.resource, addresses)
            except BitweenError as error:
                self._log.debug("{jid} does not dial us: {why}", jid=witness.jid, why=str(error))
                continue
            if answer.reached:
                answers.setdefault(witness.jid, []).append(answer)
        if answers:
            self._answered = frozenset(answers)
            self._own.note_reached(_together(addresses, chain(*answers.values())))

    def _to_be_asked(self) -> list[DialBackPeer]:
        """
        Those who have not been asked about these addresses, the best ones first.

        One person's word counts once until others had theirs, however many devices he has.
        """
        ours = _homes(self._own.candidates)
        turns: Counter[str] = Counter()

        def place(witness: DialBackPeer) -> tuple[bool, bool, int]:
            turns[witness.jid] += 1
            return witness.ours, bool(_homes(witness.candidates) & ours), turns[witness.jid]

        there = sorted(self.witnesses(), key=lambda witness: (witness.jid, witness.resource))
        there.sort(key=place)
        return [w for w in there if (w.jid, w.resource) not in self._asked][:MAX_ASKED]


def to_be_tested(candidates: Sequence[Candidate]) -> tuple[PeerAddress, ...]:
    """
    Choose what others are asked to dial: of both families in turn, what is meant for that first.

    :param candidates: ours, best first.
    """
    best = sorted(candidates, key=lambda c: not c.dialable)
    everywhere = [c.address for c in best if c.address.is_global]
    # On a machine without a network, that is what there is.
    found = everywhere or [c.address for c in best if c.address.is_loopback]
    four, six = ([a for a in found if a.is_ipv6 == is_ipv6] for is_ipv6 in (False, True))
    mixed = chain.from_iterable(zip_longest(four, six))
    return tuple(address for address in mixed if address is not None)[:MAX_DIALLED]


def _together(
    addresses: Sequence[PeerAddress], answers: Iterable[DialBack]
) -> dict[PeerAddress, bool]:
    """What several say: one who came through is enough."""
    said = [answer.reached for answer in answers]
    return {
        address: any(reached.get(address) for reached in said)
        for address in addresses
        if any(address in reached for reached in said)
    }


def _homes(candidates: Iterable[Candidate]) -> frozenset[object]:
    return frozenset(public_network(c.address) for c in candidates if c.address.is_global)


def _families(candidates: Iterable[Candidate]) -> list[str]:
    return sorted({"IPv6" if c.address.is_ipv6 else "IPv4" for c in candidates})


def _port(candidates: Sequence[Candidate]) -> int:
    """The port at which we listen: of an address of our own, not of what a router shows."""
    return min(candidates, key=lambda c: c.kind is not CandidateKind.HOST).address.port
