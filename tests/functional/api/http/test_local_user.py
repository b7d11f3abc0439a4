"""Whose a connection on this machine is, over real sockets."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorProcess, IReactorTCP
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from bitween.api.http.local_user import owner_of
from tests.support.api_rig import PORT, TOKEN, World, site_of

NOBODY = 65534
# Sends what it is given to a port, and prints what comes; another user may not read our Python.
_CLIENT = 'exec 3<>"/dev/tcp/$0/$1" && cat >&3 && cat <&3'


class Client(ProcessProtocol):
    """A program of some user; :ivar said: fires with what it printed."""

    def __init__(self, sends: bytes) -> None:
        self._sends = sends
        self._out = b""
        self.said: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """Give it what it is to send."""
        assert self.transport is not None
        self.transport.write(self._sends)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Keep what it prints."""
        self._out += data

    def processEnded(self, _: Failure) -> None:
        """Tell it."""
        self.said.callback(self._out)


class Owner(Protocol):
    """Says to each client who it is."""

    def dataReceived(self, _: bytes) -> None:
        """Say it."""
        transport: Any = self.transport
        client, here = transport.getPeer(), transport.getHost()
        owner = owner_of((client.host, client.port), (here.host, here.port))
        transport.write(json.dumps(owner).encode())
        transport.loseConnection()


class LocalUserTests(TestCase):
    """Clients of two users."""

    async def ask(self, sends: bytes, factory: Any, host: str, uid: int | None = None) -> bytes:
        """What a client of a user gets for what it sends."""
        listening = "::" if ":" in host else "127.0.0.1"
        port: Any = IReactorTCP(reactor).listenTCP(0, factory, interface=listening)
        self.addCleanup(port.stopListening)
        if uid is not None and os.geteuid() != 0:
            raise SkipTest("only root can be another user")
        client = Client(sends)
        command = ["bash", "-c", _CLIENT, host, str(port.getHost().port)]
        IReactorProcess(reactor).spawnProcess(client, "/bin/bash", command, uid=uid)
        return await client.said

    async def test_our_own_connections_are_recognised(self) -> None:
        """The kernel tells, whichever kind of socket each side has."""
        factory = Factory.forProtocol(Owner)
        for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            self.assertEqual(await self.ask(b"x", factory, host), str(os.geteuid()).encode(), host)

    async def test_another_users_connection_is_not_ours(self) -> None:
        """Another user's program is not us."""
        factory = Factory.forProtocol(Owner)
        self.assertEqual(await self.ask(b"x", factory, "127.0.0.1", NOBODY), str(NOBODY).encode())

    def test_unknown_and_remote_connections_have_no_user(self) -> None:
        """Of a connection that is not there, and of one far away, nothing is known."""
        self.assertIsNone(owner_of(("127.0.0.1", 1), ("127.0.0.1", 2)))
        self.assertIsNone(owner_of(("2001:db8::1", 1), ("fe80::1%eth0", 2)))

    async def test_a_link_of_ours(self) -> None:
        """Another user who has seen the link cannot log in with it, nor use it up; we can."""
        site = site_of(World(Clock()))
        site.url = f"http://127.0.0.1:{PORT}/api"
        rpc = b'{"jsonrpc": "2.0", "id": 1, "method": "Api.login_link"}'
        answer = await self.ask(request("/api", rpc), site, "127.0.0.1")
        url = json.loads(answer.partition(b"\r\n\r\n")[2])["result"]["url"]
        code = json.dumps({"code": url.partition("=")[2]}).encode()
        theirs = await self.ask(request("/login", code), site, "127.0.0.1", NOBODY)
        self.assertIn(b" 401 ", theirs)
        ours = await self.ask(request("/login", code), site, "127.0.0.1")
        self.assertIn(b'"session"', ours)


def request(path: str, body: bytes) -> bytes:
    """A request of a program, after which the connection ends."""
    secret = f"Authorization: Bearer {TOKEN}\r\n" if path == "/api" else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{secret}"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
