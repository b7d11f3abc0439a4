"""A stream through a SOCKS5 proxy, without a proxy."""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import RequestRefused
from bitween.xmpp.streams.proxied_stream import ProxiedStream


class EndTests(SynchronousTestCase):
    """What is called when the connection is lost."""

    def test_every_callback_is_called_once(self) -> None:
        """A later callback replaces no earlier one; after the end one is called at once."""
        stream = ProxiedStream(Clock(), "name", "bob@localhost", "laptop")
        calls: list[int] = []
        for number in range(3):
            stream.when_ended(partial(calls.append, number))
        stream.connectionLost()
        self.failureResultOf(stream.ready, RequestRefused)
        self.assertEqual(calls, [0, 1, 2])
        stream.when_ended(lambda: calls.append(3))
        self.assertEqual(calls, [0, 1, 2, 3])
