"""
Finds out whether this daemon can be reached: asks contacts to dial it back.

A device is asked about our addresses over XMPP, dials them, and tells which answered.  A test asks
a few devices, of different contacts if possible and in other networks than ours, as a device in our
own network passes no firewall.  Tests run

* when our addresses have changed, SETTLE seconds later;
* when another device comes online and the reachability of an address is still unknown;
* every INTERVAL seconds,

but never more often than every PAUSE seconds.
"""

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
from bitween.model.diagnosis import Finding
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.model.same_network import public_network

#: Seconds until the addresses are tested again.
INTERVAL = 30 * 60.0
#: Seconds for presences and announcements to arrive before a device is asked.
SETTLE = 2.0
#: Seconds between two tests: contacts refuse more frequent requests.
PAUSE = 100.0
#: Answers that are enough for a test, and devices that are asked for them at most.
ANSWERS = 3
MAX_ASKED = 8


@dataclass(frozen=True, slots=True)
class DialBackPeer:
    """
    A device that is online and can be asked to dial us.

    :param candidates: its own.
    :param ours: whether it belongs to our own account.
    """

    jid: str
    resource: str
    candidates: tuple[Candidate, ...]
    ours: bool


#: Asks a device (bare JID, resource) to dial our addresses; fails with a ``BitweenError``.
Ask = Callable[[str, str, Sequence[PeerAddress]], Deferred[DialBack]]


class ReachabilityTest(Service):
    """
    Has contacts dial our addresses, and records for each address whether it was reached.

    It asks no device before :meth:`ask_from`.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        own: ReachedAddressesPort,
        ask: Ask,
    ) -> None:
        """
        :param own: our addresses; they record the results.
        """
        self._clock = clock
        self._own = own
        self._peers: Callable[[], Iterable[DialBackPeer]] = tuple
        self._ask = ask
        self._tested: tuple[PeerAddress, ...] = ()
        self._asked: set[tuple[str, str]] = set()
        self._answered: frozenset[str] = frozenset()
        self._not_before = self._renewal = 0.0
        self._timer: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._stop_following: Callable[[], None] = lambda: None

    def ask_from(self, peers: Callable[[], Iterable[DialBackPeer]]) -> None:
        """
        Set which devices to ask.

        :param peers: gives the devices that can be asked now.
        """
        self._peers = peers

    def startService(self) -> None:
        """Follow our addresses, and begin to test them."""
        super().startService()
        self._stop_following = self._own.changes.subscribe(lambda _: self.refresh())
        self._renewal = self._clock.seconds() + INTERVAL
        self._due_at(self._renewal)
        self.refresh()

    def stopService(self) -> None:
        """Stop; a test that runs is cancelled."""
        super().stopService()
        self._stop_following()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._running is not None:
            self._running.cancel()

    def refresh(self) -> None:
        """Test soon if there is something to learn, for example as a device has come online."""
        if not self.running:
            return
        tested = to_be_tested(self._own.candidates)
        if tested != self._tested:
            self._tested = tested
            self._asked.clear()
        if any(c.reached is None for c in self._own.candidates if c.address in tested):
            self._due_at(max(self._clock.seconds() + SETTLE, self._not_before))

    def finding(self) -> Finding:
        """What is known now, for the diagnosis."""
        tested = [c for c in self._own.candidates if c.reached is not None]
        if not tested:
            return Finding.of("dial-back.unknown")
        open_, both = _families(c for c in tested if c.reached), _families(tested)
        reached, closed = ", ".join(open_), ", ".join(f for f in both if f not in open_)
        asked, port = len(self._answered), str(_port(self._own.candidates))
        if not closed:
            return Finding.of("dial-back.good", reached=reached, n=asked)
        if not reached:
            return Finding.of("dial-back.warning", closed=closed, n=asked, port=port)
        return Finding.of(
            "dial-back.good.partly", reached=reached, closed=closed, n=asked, port=port
        )

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
            self._log.failure("asking contacts to dial us back failed", failure)

    def _ended(self, _: object) -> None:
        self._running = None

    async def _test(self, addresses: Sequence[PeerAddress]) -> None:
        answers: dict[str, list[DialBack]] = {}
        for peer in self._peers_to_ask() if addresses else ():
            if sum(map(len, answers.values())) == ANSWERS:
                break
            self._asked.add((peer.jid, peer.resource))
            self._not_before = self._clock.seconds() + PAUSE
            try:
                answer = await self._ask(peer.jid, peer.resource, addresses)
            except BitweenError as error:
                self._log.debug("{jid} does not dial us: {why}", jid=peer.jid, why=str(error))
                continue
            if answer.reached:
                answers.setdefault(peer.jid, []).append(answer)
        if answers:
            self._answered = frozenset(answers)
            self._own.note_reached(_combined(addresses, chain(*answers.values())))

    def _peers_to_ask(self) -> list[DialBackPeer]:
        """
        The devices that were not asked about these addresses, best first.

        The second device of a contact comes after the first ones of all others.
        """
        ours = _networks(self._own.candidates)
        of_account: Counter[str] = Counter()

        def place(peer: DialBackPeer) -> tuple[bool, bool, int]:
            of_account[peer.jid] += 1
            is_near = bool(_networks(peer.candidates) & ours)
            return peer.ours, is_near, of_account[peer.jid]

        peers = sorted(self._peers(), key=lambda peer: (peer.jid, peer.resource))
        peers.sort(key=place)
        return [p for p in peers if (p.jid, p.resource) not in self._asked][:MAX_ASKED]


def to_be_tested(candidates: Sequence[Candidate]) -> tuple[PeerAddress, ...]:
    """
    Choose the addresses that others are asked to dial.

    IPv4 and IPv6 take turns; addresses that are announced for dialling come first.

    :param candidates: ours, best first.
    """
    best = sorted(candidates, key=lambda c: not c.dialable)
    everywhere = [c.address for c in best if c.address.is_global]
    # A machine without a network has loopback addresses only.
    chosen = everywhere or [c.address for c in best if c.address.is_loopback]
    four, six = ([a for a in chosen if a.is_ipv6 == is_ipv6] for is_ipv6 in (False, True))
    mixed = chain.from_iterable(zip_longest(four, six))
    return tuple(address for address in mixed if address is not None)[:MAX_DIALLED]


def _combined(
    addresses: Sequence[PeerAddress], answers: Iterable[DialBack]
) -> dict[PeerAddress, bool]:
    """Combine several answers: an address was reached if one device reached it."""
    results = [answer.reached for answer in answers]
    return {
        address: any(reached.get(address) for reached in results)
        for address in addresses
        if any(address in reached for reached in results)
    }


def _networks(candidates: Iterable[Candidate]) -> frozenset[object]:
    return frozenset(public_network(c.address) for c in candidates if c.address.is_global)


def _families(candidates: Iterable[Candidate]) -> list[str]:
    return sorted({"IPv6" if c.address.is_ipv6 else "IPv4" for c in candidates})


def _port(candidates: Sequence[Candidate]) -> int:
    """The port on which we listen: that of an interface address, not one that a router maps."""
    return min(candidates, key=lambda c: c.kind is not CandidateKind.HOST).address.port
