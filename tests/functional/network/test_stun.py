"""Asking STUN servers: real datagrams on loopback, and a clock of the test's."""

from __future__ import annotations

import socket
from functools import partial

from aioice import stun
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from bitween.model.address import PeerAddress
from bitween.network.shared_port import socket_towards
from bitween.network.stun import GIVE_UP, StunAnswer, ask
from tests.support.fakes.loopback import CLOSED_PORT, serve_datagrams
from tests.support.fakes.stun_server import Bend, StunServer, answer, error
from tests.support.mixed_clock import Mixed


def _claiming(seen: tuple[str, int], request: stun.Message, _: tuple[str, int]) -> bytes:
    """Answer that everybody is seen there."""
    return answer(request, seen)


def _naming(other: tuple[str, int], request: stun.Message, seen: tuple[str, int]) -> bytes:
    """Answer, and name another address of the server's."""
    return answer(request, seen, other)


class AskTests(TestCase):
    """One question."""

    def setUp(self) -> None:
        """Hold a port as libtorrent does."""
        self.clock = Mixed()
        self.held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.held.close)
        self.held.bind(("127.0.0.1", 0))
        self.port = self.held.getsockname()[1]

    def serve(self, bend: Bend = answer) -> PeerAddress:
        """Run a server."""
        self.server = StunServer(bend)
        return PeerAddress("127.0.0.1", serve_datagrams(self, self.server))

    def ask(self, server: PeerAddress) -> Deferred[StunAnswer | None]:
        """Ask from our port."""
        return ask(self.clock, server, self.port)

    async def test_the_server_reports_our_address(self) -> None:
        """The server tells where it sees us, and it is asked from the port that peers talk to."""
        found = await self.ask(self.serve())
        ours = PeerAddress("127.0.0.1", self.port)
        self.assertEqual(found, StunAnswer(ours, ours))
        self.assertEqual(self.server.asked, [("127.0.0.1", self.port)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def test_a_translated_address_is_reported(self) -> None:
        """What is seen may be another address and port, of either family."""
        for seen in (("20.0.0.5", 77), ("2a0e:b107::5", 78)):
            found = await self.ask(self.serve(partial(_claiming, seen)))
            assert found is not None
            self.assertEqual((found.seen.address, found.seen.port), seen)

    async def test_the_servers_other_address_is_reported(self) -> None:
        """Where the server answers, too, is told along, if that can be an address."""
        for other, expected in (
            (("20.0.0.9", 3479), PeerAddress("20.0.0.9", 3479)),
            (("0.0.0.0", 3479), None),
            (("20.0.0.9", 0), None),
        ):
            found = await self.ask(self.serve(partial(_naming, other)))
            assert found is not None
            self.assertEqual(found.other, expected)
            self.assertEqual(found.seen, found.own)

    async def test_a_port_that_cannot_be_had(self) -> None:
        """Where another program has the port, another one is used, and the answer says so."""
        # One that is for both families holds the port, but is none of this family's.
        other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        other.bind(("::", 0))
        found = await ask(self.clock, self.serve(), other.getsockname()[1])
        assert found is not None
        self.assertEqual(found.own, found.seen)
        self.assertNotEqual(found.own.port, other.getsockname()[1])

    async def test_the_rest_goes_where_it_went(self) -> None:
        """Packets from other hosts reach the first socket, which shares its port no longer."""
        self.held.settimeout(10)
        there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(there.close)
        there.bind(("127.0.0.1", 0))
        ours = socket_towards(PeerAddress("127.0.0.1", there.getsockname()[1]), self.port)
        self.addCleanup(ours.close)
        ours.settimeout(10)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"of others", ("127.0.0.1", self.port))
            there.sendto(b"of the server", ("127.0.0.1", self.port))
            self.assertEqual(self.held.recv(100), b"of others")
            self.assertEqual(ours.recv(100), b"of the server")
        self.assertEqual(self.held.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), 0)

    async def test_a_lost_request(self) -> None:
        """What is not answered is asked again after half a second, and after a second more."""
        asked: list[Deferred[None]] = [Deferred() for _ in range(3)]

        def bend(request: stun.Message, seen: tuple[str, int]) -> bytes | None:
            number = len(self.server.asked) - 1
            asked[number].callback(None)
            return answer(request, seen) if number == 2 else None

        found = self.ask(self.serve(bend))
        await asked[0]
        self.clock.advance(0.5)
        await asked[1]
        self.clock.advance(0.9)
        self.assertEqual(len(self.server.asked), 2)
        self.clock.advance(0.1)
        self.assertIsNotNone(await found)

    async def test_no_answer(self) -> None:
        """After five seconds it is given up."""
        asked: Deferred[None] = Deferred()

        def bend(_: stun.Message, __: tuple[str, int]) -> None:
            if not asked.called:
                asked.callback(None)

        found = self.ask(self.serve(bend))
        await asked
        self.clock.advance(GIVE_UP)
        self.assertIsNone(await found)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def test_a_refusal(self) -> None:
        """An error is an end, and so is a port where nobody is."""
        self.assertIsNone(await self.ask(self.serve(error)))
        self.assertIsNone(await self.ask(PeerAddress("127.0.0.1", CLOSED_PORT)))

    async def test_what_is_no_answer(self) -> None:
        """Rubbish, and answers to questions of others, are passed over."""

        def bend(request: stun.Message, seen: tuple[str, int]) -> bytes:
            other = stun.Message(request.message_method, stun.Class.REQUEST)
            for rubbish in (b"", b"\xff" * 20, bytes(other), answer(other, ("20.0.0.9", 9))):
                self.server.transport.write(rubbish, seen)
            broken = bytearray(answer(request, seen))
            broken[20:22] = b"\x00\x09"
            broken[24:28] = bytes(4)
            self.server.transport.write(bytes(broken[:24]), seen)
            return answer(request, ("20.0.0.7", 7))

        found = await self.ask(self.serve(bend))
        assert found is not None
        self.assertEqual(str(found.seen), "20.0.0.7:7")

    async def test_nonsense(self) -> None:
        """An address that nobody can have is none."""
        self.assertIsNone(
            await self.ask(self.serve(lambda r, _: answer(r, ("0.0.0.0", 5))))
        )  # sent, not bound
        self.assertIsNone(await self.ask(self.serve(lambda r, _: answer(r, ("20.0.0.1", 0)))))

    async def test_given_up(self) -> None:
        """A question that is cancelled leaves nothing behind."""
        asking = self.ask(self.serve(lambda _, __: None))
        asking.cancel()
        self.assertIsNone(await asking)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_way(self) -> None:
        """Where there is no way to a server, that is known at once."""
        # Nobody may send there without having asked for it by SO_BROADCAST.
        asking = ask(self.clock, PeerAddress("255.255.255.255", 1), self.port)
        self.assertIsNone(self.successResultOf(asking))
