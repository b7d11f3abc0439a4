"""How we look from outside."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IResolutionReceiver
from twisted.trial.unittest import TestCase

from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.nat import Nat, ServerView, StunServer
from bitween.network.addresses import InterfaceAddresses
from bitween.network.reflexive import INTERVAL, NatDiscovery, _elsewhere, _nat
from bitween.network.stun import StunAnswer
from tests.support.fakes.loopback import serve_datagrams
from tests.support.fakes.stun_server import Bend, answer
from tests.support.fakes.stun_server import StunServer as FakeServer
from tests.support.mixed_clock import Mixed


class Resolving(Mixed):
    """
    Real sockets, the test's time and the test's names.

    :ivar names: the addresses of each name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, list[str]] = {}
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, host: str, port: int = 0) -> None:
        """Answer from the test's names."""
        assert IResolutionReceiver.providedBy(receiver)
        for address in self.names.get(host, [host]):
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("UDP", address, port))
        receiver.resolutionComplete()


class ToldAddresses(InterfaceAddresses):
    """:ivar told: fires when they were told for the first time what is seen from outside."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: Deferred[None] = Deferred()

    def note_seen(self, seen: Sequence[PeerAddress], nat: Nat | None) -> None:
        """Tell that, too."""
        super().note_seen(seen, nat)
        if not self.told.called:
            self.told.callback(None)


class OutsideViewTests(TestCase):
    """What XMPP and STUN servers tell."""

    def setUp(self) -> None:
        """Have a machine with a private address; its listen socket is on loopback, with STUN."""
        self.reactor = Resolving()
        self.vantage = ServerView(nearby=True)
        self.looks: list[Deferred[ServerView]] = []
        self.answer: Callable[[], Deferred[ServerView]] = self.ask_server
        self.machine = ["127.0.0.1"]
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(held.close)
        held.bind(("127.0.0.1", 0))
        self.port = held.getsockname()[1]
        self.own = ToldAddresses(self.reactor, (), lambda: self.machine)
        self.view = NatDiscovery(self.reactor, self.own, lambda: self.answer())  # noqa: PLW0108  # it is replaced
        self.own.refresh([("127.0.0.1", self.port)], [])

    def ask_server(self) -> Deferred[ServerView]:
        """What the XMPP server tells."""
        self.looks.append(succeed(self.vantage))
        return self.looks[-1]

    def serve(self, bend: Bend = answer, name: str = "127.0.0.1") -> StunServer:
        """Run a STUN server."""
        self.fake = FakeServer(bend)
        return StunServer(name, serve_datagrams(self, self.fake))

    async def start(self, *servers: StunServer, seen: str = "", nearby: bool = True) -> None:
        """Look for the first time, with servers that see us."""
        self.vantage = ServerView(servers, seen, nearby, here=nearby)
        self.view.startService()
        self.addCleanup(self.view.stopService)
        await self.own.told

    def seen(self) -> list[str]:
        """Where we are seen."""
        return [str(c.address) for c in self.own.candidates if c.kind is CandidateKind.REFLEXIVE]

    async def test_behind_a_router(self) -> None:
        """Where a STUN server sees us we can be met, which is no address to be dialled."""
        await self.start(self.serve(lambda r, _: answer(r, ("20.0.0.5", 99))))
        seen = PeerAddress("20.0.0.5", 99)
        self.assertIn(Candidate(seen, CandidateKind.REFLEXIVE), self.own.candidates)
        self.assertNotIn(seen, self.own.addresses)
        self.assertEqual(self.own.nat, Nat(translates=True))

    async def test_without_a_router(self) -> None:
        """What is our own address anyway is no news."""
        await self.start(self.serve())
        self.assertEqual(self.seen(), [])
        self.assertEqual(self.own.nat, Nat(False, endpoint_independent=True))

    async def test_a_usual_router(self) -> None:
        """Two servers that see the same tell that everybody does."""
        servers = [self.serve(lambda r, s: answer(r, ("20.0.0.5", s[1]))) for _ in range(2)]
        await self.start(*servers)
        self.assertEqual(self.seen(), [f"20.0.0.5:{self.port}"])
        self.assertEqual(self.own.nat, Nat(True, endpoint_independent=True))

    async def test_a_symmetric_router(self) -> None:
        """Two servers that see different ports tell that no contact can predict its port."""
        one = self.serve(lambda r, _: answer(r, ("20.0.0.5", 1001)))
        other = self.serve(lambda r, _: answer(r, ("20.0.0.5", 1002)))
        await self.start(one, other)
        # Each look would find other ports: ours does as well, and stays.
        seen = Candidate(PeerAddress("20.0.0.5", self.port), CandidateKind.REFLEXIVE, varies=True)
        self.assertIn(seen, self.own.candidates)
        self.assertEqual(len(self.seen()), 1)
        self.assertEqual(self.own.nat, Nat(True, endpoint_independent=False))

    async def test_one_server_with_another_address(self) -> None:
        """The only server there is is asked at its other address, too, unless that is private."""
        other = self.serve(lambda r, _: answer(r, ("20.0.0.5", 1002)))
        asked, there = self.fake.asked, ("127.0.0.1", other.port)
        one = self.serve(lambda r, _: answer(r, ("20.0.0.5", 1001), there))
        await self.start(one)
        self.assertEqual(len(asked), 1)
        self.assertEqual(self.own.nat, Nat(True, endpoint_independent=False))

    def test_where_another_address_may_be(self) -> None:
        """It is of the same family, and one more answer is enough."""
        own, seen = PeerAddress("192.168.1.5", 1), PeerAddress("20.0.0.5", 1)
        public, six = PeerAddress("20.0.0.9", 2000), PeerAddress("2a0e:b107::5", 2000)
        for others, asked in (
            ([public], [public]),
            ([six], []),
            ([None], []),
            ([public, public], []),
            ([], []),
        ):
            answers = [StunAnswer(own, seen, other) for other in others]
            self.assertEqual(_elsewhere(answers), asked)
        self.assertEqual(_elsewhere([StunAnswer(six, six, public)]), [])

    def test_a_server_cannot_make_us_query_its_targets(self) -> None:
        """Services, our own network, and our machine, as far as the server is not there itself."""
        far, nearby, here = (
            ServerView(),
            ServerView(nearby=True),
            ServerView(nearby=True, here=True),
        )
        self.own.note_seen([PeerAddress("20.0.0.5", 6881)], None)
        for text, port, allowed in (
            ("20.0.0.9", 3478, [far, nearby, here]),
            ("20.0.0.9", 53, []),
            ("20.0.0.5", 3478, [nearby, here]),
            ("192.168.1.1", 3478, [nearby, here]),
            ("127.0.0.1", 3478, [here]),
        ):
            server = PeerAddress(text, port)
            asked = [v for v in (far, nearby, here) if self.view.may_ask(server, v)]
            self.assertEqual(asked, allowed, str(server))

    def test_different_ports_of_ours_prove_no_symmetric_nat(self) -> None:
        """Two of our ports that are seen at two different ports tell nothing about a NAT."""
        answers = [
            StunAnswer(PeerAddress("192.168.1.5", port), PeerAddress("20.0.0.5", seen))
            for port, seen in ((1001, 77), (1002, 99))
        ]
        self.assertEqual(_nat(answers), Nat(translates=True))

    async def test_what_the_xmpp_server_sees(self) -> None:
        """Where there is no STUN, our port is taken to stay the same."""
        await self.start(seen="20.0.0.6")
        self.assertEqual(self.seen(), [f"20.0.0.6:{self.port}"])
        self.assertIsNone(self.own.nat)

    async def test_stun_knows_better(self) -> None:
        """Where STUN answers, the XMPP server is not asked."""
        await self.start(self.serve(lambda r, _: answer(r, ("20.0.0.5", 99))), seen="20.0.0.6")
        self.assertEqual(self.seen(), ["20.0.0.5:99"])

    async def test_nothing_of_use(self) -> None:
        """Loopback, passing IPv6 addresses and nonsense are no candidates."""
        for seen in ("127.0.0.1", "2a0e:b107::77", "nonsense", ""):
            self.vantage = ServerView((), seen, nearby=True)
            self.view.query()
            self.assertEqual(self.seen(), [], seen)
        await self.start()

    async def test_public_servers_cannot_direct_us_into_private_networks(self) -> None:
        """A server on the internet does not make us send anything into private networks."""
        server = self.serve(name="stun.example.org")
        self.reactor.names["stun.example.org"] = ["127.0.0.1", "192.168.1.1", "fd00::1"]
        await self.start(server, nearby=False)
        self.assertEqual(self.fake.asked, [])

    async def test_a_name_without_addresses(self) -> None:
        """A server that cannot be found is as good as none."""
        server = self.serve(name="stun.example.org")
        self.reactor.names["stun.example.org"] = []
        await self.start(server)
        self.assertEqual(self.fake.asked, [])

    async def test_discovery_repeats_every_ten_minutes_and_on_changes(self) -> None:
        """We look again each ten minutes, on a new address, and when we are told to."""
        await self.start()
        self.assertEqual(len(self.looks), 1)
        self.reactor.advance(INTERVAL)
        self.assertEqual(len(self.looks), 2)
        self.machine.append("192.168.1.9")
        self.own.refresh([("0.0.0.0", self.port)], [])  # as libtorrent tells it
        self.assertEqual(len(self.looks), 3)
        self.own.note_reached({PeerAddress("192.168.1.9", self.port): True})
        self.assertEqual(len(self.looks), 3, "it is the same address")
        self.view.query()
        self.assertEqual(len(self.looks), 4)

    async def test_a_query_during_another_follows_it(self) -> None:
        """Who asks for a look while one goes on gets one afterwards."""
        await self.start()
        waiting: list[Deferred[ServerView]] = []

        def slow() -> Deferred[ServerView]:
            waiting.append(Deferred())
            return waiting[-1]

        self.answer = slow
        for _ in range(3):
            self.view.query()
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(ServerView())
        self.assertEqual(len(waiting), 2)
        waiting[1].callback(ServerView())
        self.assertEqual(len(waiting), 2)

    async def test_a_failed_query_is_logged_and_the_next_one_runs(self) -> None:
        """It is logged, and the next one is not kept from happening."""
        await self.start()
        self.answer = lambda: fail(RuntimeError())
        self.view.query()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.answer = self.ask_server
        self.view.query()
        self.assertEqual(len(self.looks), 2)

    def test_what_contacts_see(self) -> None:
        """It counts where nobody else tells."""
        listening = [("127.0.0.1", self.port)]
        self.own.refresh(listening, [], ["20.0.0.8", "127.1.0.1", "no address"])
        self.assertEqual(self.seen(), [f"20.0.0.8:{self.port}"])
        self.own.note_seen([PeerAddress("20.0.0.5", 5)], None)
        self.assertEqual(self.seen(), ["20.0.0.5:5"])
