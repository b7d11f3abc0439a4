"""Finds out how we look from outside, with the help of our XMPP server and of whom it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import InvalidValue
from bitween.model.address import LOWEST_PORT, PeerAddress
from bitween.model.candidate import CandidateKind
from bitween.model.nat import Nat, ServerView, StunServer
from bitween.model.same_network import is_in_own_network
from bitween.network.addresses import InterfaceAddresses
from bitween.util.host_names import resolve

if TYPE_CHECKING:
    from bitween.network.stun import StunAnswer

#: Seconds until we look again although nothing is known to have changed.
INTERVAL = 10 * 60.0
#: Addresses of STUN servers that are asked, of each family: two tell whether they agree.
MAX_ASKED = 2


class NatDiscovery(Service):
    """
    Looks at us from outside: at the start, when our addresses change, and each ten minutes.

    :meth:`look` is to be called when a session begins, for the network may be another one then.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, own: InterfaceAddresses, vantage: Callable[[], Deferred[ServerView]]
    ) -> None:
        """
        :param reactor: provides ``IReactorSocket``, ``IReactorTime`` and
            ``IReactorPluggableNameResolver``.
        :param own: our addresses; they are told what is seen.
        :param vantage: asks our XMPP server.
        """
        self._reactor = reactor
        self._own = own
        self._vantage = vantage
        self._hosts: frozenset[PeerAddress] = frozenset()
        self._looking: Deferred[None] | None = None
        self._again = False
        self._loop = LoopingCall(self.look)
        self._loop.clock = reactor
        self._stop_following: Callable[[], None] = lambda: None

    def startService(self) -> None:
        """Look from time to time."""
        super().startService()
        self._stop_following = self._own.changes.subscribe(lambda _: self._moved())
        self._loop.start(INTERVAL).addErrback(
            lambda failure: self._log.failure("looking from outside", failure)
        )

    def stopService(self) -> None:
        """Ask nobody any more."""
        super().stopService()
        self._stop_following()
        if self._loop.running:
            self._loop.stop()
        if self._looking is not None:
            self._looking.cancel()

    def look(self) -> None:
        """Look now, or once more when the look that goes on is over."""
        if not self.running:
            return
        if self._looking is not None:
            self._again = True
            return
        self._looking = looking = Deferred.fromCoroutine(self._look())
        looking.addErrback(self._failed)
        looking.addCallback(self._looked)

    def _looked(self, _: None) -> None:
        self._looking = None
        if self._again:
            self._again = False
            self.look()

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("looking from outside", failure)

    def _moved(self) -> None:
        hosts = frozenset(c.address for c in self._own.candidates if c.kind is CandidateKind.HOST)
        if hosts != self._hosts:
            self._hosts = hosts
            self.look()

    async def _look(self) -> None:
        port = self._own.port
        vantage = await self._vantage()
        if port is None:
            return
        answers = await self._ask(await self._endpoints(vantage), port)
        elsewhere = _elsewhere(answers)
        answers += await self._ask([a for a in elsewhere if self._may_ask(a, vantage)], port)
        nat = _nat(answers)
        seen = {address.address: address for address in _seen(answers, nat, port)}
        if all(answer.own.is_ipv6 for answer in answers):
            seen.update((address.address, address) for address in _told(vantage, port))
        self._own.note_seen(list(seen.values()), nat)

    async def _endpoints(self, vantage: ServerView) -> list[PeerAddress]:
        """Whom to ask."""
        resolving = [
            Deferred.fromCoroutine(_resolve(self._reactor, server)) for server in vantage.stun
        ]
        found = dict.fromkeys(
            address for found in await gatherResults(resolving) for address in found
        )
        allowed = [address for address in found if self._may_ask(address, vantage)]
        four, six = ([a for a in allowed if a.is_ipv6 == is_ipv6] for is_ipv6 in (False, True))
        return [*four[:MAX_ASKED], *six[:MAX_ASKED]]

    def _may_ask(self, server: PeerAddress, vantage: ServerView) -> bool:
        """
        Whether something is sent to where the XMPP server says that a STUN server is.

        Nobody there makes us send anything into our own network, unless the XMPP server is in a
        private network, too; or to our own machine, unless it is here.
        """
        if server.port < LOWEST_PORT:
            return False
        if server.is_loopback:
            return vantage.here
        own = (candidate.address for candidate in self._own.candidates)
        return vantage.nearby or (server.is_global and not is_in_own_network(server, own))

    async def _ask(self, servers: Sequence[PeerAddress], port: int) -> list[StunAnswer]:
        if not servers:
            return []
        # Many servers name no STUN: loading what speaks it takes 60 ms.
        from bitween.network.stun import ask  # noqa: PLC0415

        answers = await gatherResults([ask(self._reactor, server, port) for server in servers])
        return [answer for answer in answers if answer is not None]


def _elsewhere(answers: Sequence[StunAnswer]) -> list[PeerAddress]:
    """The other address of the only server that answers over IPv4 (RFC 5780 §4.3)."""
    four = [answer for answer in answers if not answer.own.is_ipv6]
    if len(four) != 1:
        return []
    other = four[0].other
    return [] if other is None or other.is_ipv6 else [other]


def _seen(answers: Sequence[StunAnswer], nat: Nat | None, port: int) -> Iterator[PeerAddress]:
    """Where we are seen, other than at our own addresses."""
    varies = nat is not None and nat.endpoint_independent is False
    for answer in answers:
        if answer.seen == answer.own:
            continue
        # If another port had to be asked from, or each look finds another one, ours is as good a
        # guess as any, and stays the same from look to look.
        known = answer.own.port == port and (answer.own.is_ipv6 or not varies)
        yield answer.seen if known else PeerAddress(answer.seen.address, port)


def _told(vantage: ServerView, port: int) -> Iterator[PeerAddress]:
    """Where the XMPP server sees us; over IPv6 that is an address that passes (RFC 8981)."""
    with suppress(InvalidValue):
        told = PeerAddress.parse(vantage.seen, port)
        if not told.is_ipv6:
            yield told


def _nat(answers: Sequence[StunAnswer]) -> Nat | None:
    four = [answer for answer in answers if not answer.own.is_ipv6]
    if not four:
        return None
    first = four[0]
    translates = first.own.address != first.seen.address
    return Nat(
        translates=translates,
        endpoint_independent=_agree(four) if translates else True,
    )


def _agree(answers: Sequence[StunAnswer]) -> bool | None:
    """Whether all see us at the same place; ``None`` where that says nothing."""
    if len(answers) < 2:
        return None
    if len({(answer.own.port - answer.seen.port, answer.seen.address) for answer in answers}) == 1:
        return True
    # What was asked from two ports of ours may be seen at two that have nothing in common.
    return False if len({answer.own for answer in answers}) == 1 else None


async def _resolve(reactor: Any, server: StunServer) -> list[PeerAddress]:
    """The addresses of a server; none if it has none."""
    found: list[PeerAddress] = []
    for address in await resolve(reactor, server.host):
        with suppress(InvalidValue):
            found.append(PeerAddress.parse(address, server.port))
    return found
