"""What a pipe does with ends that go, against the clock."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.network.pipe import LINGER, MAX_HELD, End, Pipe

GONE = Failure(ConnectionDone())


class Transport(StringTransport):
    """A connection that never has everything written."""

    protocol: End
    aborted = False
    half_closed = False

    def abortConnection(self) -> None:
        """Note it, and end."""
        self.aborted = True
        self.protocol.connectionLost(GONE)

    def loseWriteConnection(self) -> None:
        """Note it."""
        self.half_closed = True


class PipeTests(SynchronousTestCase):
    """Two ends in memory."""

    def setUp(self) -> None:
        """A pipe whose ends are not connected."""
        self.clock = Clock()
        self.closed: list[Pipe] = []
        self.passed: list[tuple[int, int]] = []
        self.pipe = Pipe(
            self.clock, lambda up, down: self.passed.append((up, down)), self.closed.append
        )

    def connect(self, end: End) -> Transport:
        """Have an end connected."""
        transport = Transport()
        transport.protocol = end
        end.makeConnection(transport)
        return transport

    def test_who_does_not_take_the_rest_is_cut_off(self) -> None:
        """After a while."""
        self.connect(self.pipe.near)
        far = self.connect(self.pipe.far)
        self.pipe.near.dataReceived(b"rest")
        self.pipe.near.connectionLost(GONE)
        self.assertTrue(far.disconnecting)
        self.assertEqual(far.value(), b"rest")
        self.clock.advance(LINGER - 1)
        self.assertFalse(far.aborted)
        self.clock.advance(1)
        self.assertTrue(far.aborted)
        self.assertEqual(self.closed, [self.pipe])

    def test_the_clock_is_left_alone_when_both_have_gone(self) -> None:
        """Nothing is left to be called."""
        self.connect(self.pipe.near)
        self.connect(self.pipe.far)
        self.pipe.near.connectionLost(GONE)
        self.pipe.far.connectionLost(GONE)
        self.assertEqual((self.closed, self.clock.getDelayedCalls()), ([self.pipe], []))

    def test_little_is_read_ahead(self) -> None:
        """Earlier data goes first when the other end is connected."""
        near = self.connect(self.pipe.near)
        self.pipe.near.dataReceived(b"a" * MAX_HELD)
        self.assertEqual(near.producerState, "producing")
        self.pipe.near.dataReceived(b"b")
        self.assertEqual(near.producerState, "paused")
        far = self.connect(self.pipe.far)
        self.assertEqual(far.value(), b"a" * MAX_HELD + b"b")
        self.assertEqual(near.producerState, "producing")
        self.assertEqual(sum(up for up, _ in self.passed), MAX_HELD + 1)

    def test_an_end_that_comes_too_late_is_cut_off(self) -> None:
        """The other one has gone before there was anybody to talk to."""
        self.connect(self.pipe.near)
        self.pipe.near.connectionLost(GONE)
        self.assertEqual(self.closed, [self.pipe])
        self.assertTrue(self.connect(self.pipe.far).aborted)

    def test_closing_both_ways_closes_the_pipe(self) -> None:
        """Closed both ways, it is closed altogether."""
        near, far = self.connect(self.pipe.near), self.connect(self.pipe.far)
        self.pipe.near.readConnectionLost()
        self.assertTrue(far.half_closed)
        self.assertFalse(near.disconnecting)
        self.pipe.far.readConnectionLost()
        self.assertTrue(near.half_closed)
        self.pipe.near.writeConnectionLost()
        self.assertTrue(near.disconnecting)

    def test_an_abort_cuts_both(self) -> None:
        """Whatever is connected, and what is not yet."""
        near = self.connect(self.pipe.near)
        self.pipe.abort()
        self.assertTrue(near.aborted)
        self.assertEqual(self.closed, [self.pipe])
