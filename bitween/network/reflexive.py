"""
Finds our reflexive addresses (RFC 8489) and how a NAT translates them (RFC 4787).

Our XMPP server tells at which address it sees us (XEP-0279) and which STUN servers it has
(XEP-0215).  We ask up to MAX_ASKED STUN servers of each family, from the BitTorrent port:

* they see us at our own address: there is no NAT;
* all see us at the same address and port: the NAT's mapping is endpoint-independent, so contacts
  can punch a hole to that port;
* they see us at different ports: the mapping depends on the destination (a symmetric NAT), so no
  contact can predict the port.

A query runs at the start, when our addresses change, when a session begins, and every INTERVAL
seconds.  The results go to :meth:`~bitween.network.addresses.InterfaceAddresses.note_seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import InvalidValue
from bitween.model.address import LOWEST_PORT, PeerAddress
from bitween.model.candidate import CandidateKind
from bitween.model.nat import Nat, ServerView, StunServer
from bitween.model.same_network import is_in_own_network
from bitween.network.addresses import InterfaceAddresses
from bitween.util.host_names import resolve
from bitween.util.periodic import PeriodicService

if TYPE_CHECKING:
    from bitween.network.stun import StunAnswer

#: Seconds between two queries while nothing is known to have changed.
INTERVAL = 10 * 60.0
#: Addresses of STUN servers that are asked, of each family; two tell whether they agree.
MAX_ASKED = 2


class NatDiscovery(Service):
    """
    Queries STUN servers, and passes the results on to our addresses.

    Call :meth:`query` when a session begins: the network may have changed.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, own: InterfaceAddresses, server_view: Callable[[], Deferred[ServerView]]
    ) -> None:
        """
        :param reactor: provides ``IReactorSocket``, ``IReactorTime`` and
            ``IReactorPluggableNameResolver``.
        :param own: our addresses; they record the results.
        :param server_view: asks our XMPP server how it sees us.
        """
        self._reactor = reactor
        self._own = own
        self._server_view = server_view
        self._hosts: frozenset[PeerAddress] = frozenset()
        self._running: Deferred[None] | None = None
        self._again = False
        self._timer = PeriodicService(reactor, self.query, INTERVAL)
        self._stop_following: Callable[[], None] = lambda: None

    def startService(self) -> None:
        """Begin to query."""
        super().startService()
        self._stop_following = self._own.changes.subscribe(lambda _: self._moved())
        self._timer.startService()
        self.query()

    def stopService(self) -> None:
        """Stop; a query that runs is cancelled."""
        super().stopService()
        self._stop_following()
        self._timer.stopService()
        if self._running is not None:
            self._running.cancel()

    def query(self) -> None:
        """Query now, or again when the query that runs has ended."""
        if not self.running:
            return
        if self._running is not None:
            self._again = True
            return
        self._running = running = Deferred.fromCoroutine(self._query())
        running.addErrback(self._failed)
        running.addCallback(self._ended)

    def _ended(self, _: None) -> None:
        self._running = None
        if self._again:
            self._again = False
            self.query()

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("querying STUN servers failed", failure)

    def _moved(self) -> None:
        hosts = frozenset(c.address for c in self._own.candidates if c.kind is CandidateKind.HOST)
        if hosts != self._hosts:
            self._hosts = hosts
            self.query()

    async def _query(self) -> None:
        port = self._own.port
        view = await self._server_view()
        if port is None:
            return
        answers = await self._ask(await self._endpoints(view), port)
        elsewhere = _elsewhere(answers)
        answers += await self._ask([a for a in elsewhere if self.may_ask(a, view)], port)
        nat = _nat(answers)
        seen = {address.address: address for address in _seen(answers, nat, port)}
        if all(answer.own.is_ipv6 for answer in answers):
            seen.update((address.address, address) for address in _seen_by_server(view, port))
        self._own.note_seen(list(seen.values()), nat)

    async def _endpoints(self, view: ServerView) -> list[PeerAddress]:
        """The addresses of the STUN servers to ask."""
        resolving = [
            Deferred.fromCoroutine(_resolve(self._reactor, server)) for server in view.stun
        ]
        found = dict.fromkeys(
            address for found in await gatherResults(resolving) for address in found
        )
        allowed = [address for address in found if self.may_ask(address, view)]
        four, six = ([a for a in allowed if a.is_ipv6 == is_ipv6] for is_ipv6 in (False, True))
        return [*four[:MAX_ASKED], *six[:MAX_ASKED]]

    def may_ask(self, server: PeerAddress, view: ServerView) -> bool:
        """
        Whether we send a query to a STUN server that the XMPP server names.

        A public XMPP server cannot make us send packets into our own network, and only one on this
        machine can make us send packets to this machine.
        """
        if server.port < LOWEST_PORT:
            return False
        if server.is_loopback:
            return view.here
        own = (candidate.address for candidate in self._own.candidates)
        return view.nearby or (server.is_global and not is_in_own_network(server, own))

    async def _ask(self, servers: Sequence[PeerAddress], port: int) -> list[StunAnswer]:
        if not servers:
            return []
        # Many servers name no STUN server, and importing this module takes 60 ms.
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
        # If the query had to use another port, or each query shows another one, our own port is as
        # good a guess as any, and does not change from query to query.
        known = answer.own.port == port and (answer.own.is_ipv6 or not varies)
        yield answer.seen if known else PeerAddress(answer.seen.address, port)


def _seen_by_server(view: ServerView, port: int) -> Iterator[PeerAddress]:
    """Where the XMPP server sees us; over IPv6 that is a temporary address (RFC 8981)."""
    with suppress(InvalidValue):
        seen = PeerAddress.parse(view.seen, port)
        if not seen.is_ipv6:
            yield seen


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
    """Whether all servers see us at one address and port; ``None`` if that is unknown."""
    if len(answers) < 2:
        return None
    if len({(answer.own.port - answer.seen.port, answer.seen.address) for answer in answers}) == 1:
        return True
    # Queries from two different ports may be translated to unrelated ports.
    return False if len({answer.own for answer in answers}) == 1 else None


async def _resolve(reactor: Any, server: StunServer) -> list[PeerAddress]:
    """The addresses of a server; none if it has none."""
    found: list[PeerAddress] = []
    for address in await resolve(reactor, server.host):
        with suppress(InvalidValue):
            found.append(PeerAddress.parse(address, server.port))
    return found
