"""Listening on loopback, at a port that the system chooses."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

# Its methods are those of interfaces that differ in what they say of factories and addresses.
reactor: Any = _reactor


def listen(test: TestCase, factory: Factory[Any]) -> int:
    """Take TCP connections until the test's end; the port."""
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    test.addCleanup(port.stopListening)
    return int(port.getHost().port)


def serve_datagrams(test: TestCase, protocol: Any) -> int:
    """Take UDP datagrams until the test's end; the port."""
    port = reactor.listenUDP(0, protocol, interface="127.0.0.1")
    test.addCleanup(port.stopListening)
    return int(port.getHost().port)


#: A port at which nobody listens, and that nobody is given who takes any.
CLOSED_PORT = 1
