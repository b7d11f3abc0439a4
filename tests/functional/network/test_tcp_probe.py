"""Knocking at addresses, over loopback."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from bitween.model.address import PeerAddress
from bitween.network.tcp_probe import dial
from tests.support.fakes.loopback import CLOSED_PORT


class _Door(Protocol):
    """Notes what comes in until the other side hangs up."""

    def __init__(self, left: Deferred[bytes]) -> None:
        self._left = left
        self._read = b""

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self._read += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Greet."""
        del reason
        self._left.callback(self._read)


class DialTests(TestCase):
    """One TCP connection tells whether an address answers."""

    def setUp(self) -> None:
        """Nobody has knocked."""
        self.left: Deferred[bytes] = Deferred()

    def listen(self, interface: str) -> PeerAddress:
        """Wait for one visitor at an address."""
        factory: Any = Factory.forProtocol(lambda: _Door(self.left))
        try:
            port: Any = IReactorTCP(reactor).listenTCP(0, factory, interface=interface)
        except Exception:
            raise SkipTest(f"there is no {interface} here") from None
        self.addCleanup(port.stopListening)
        return PeerAddress.parse(interface, port.getHost().port)

    async def test_who_answers_is_reached(self) -> None:
        """An open port counts as reached, and is sent nothing."""
        self.assertIs(await dial(reactor, self.listen("127.0.0.1"), 5), True)
        self.assertEqual(await self.left, b"")

    async def test_ipv6_is_dialled_as_well(self) -> None:
        """An address of the other family is dialled over that."""
        self.assertIs(await dial(reactor, self.listen("::1"), 5), True)
        self.assertEqual(await self.left, b"")

    async def test_a_closed_port_is_not_reached(self) -> None:
        """A refusal is an answer, and no error."""
        closed = PeerAddress.parse("127.0.0.1", CLOSED_PORT)
        self.assertIs(await dial(reactor, closed, 5), False)

    def test_the_time_is_kept_by_whoever_connects(self) -> None:
        """The timeout goes down to the connection."""
        memory = MemoryReactorClock()
        dialling = dial(memory, PeerAddress.parse("192.0.2.1", 6881), 3)
        self.assertEqual(memory.tcpClients[0][:2], ("192.0.2.1", 6881))
        self.assertEqual(memory.tcpClients[0][3], 3)
        dialling.cancel()
        self.failureResultOf(dialling, CancelledError)
