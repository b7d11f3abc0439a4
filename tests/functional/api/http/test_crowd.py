"""Many connections on which nobody shows a token, over real sockets."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.interfaces import IReactorTCP, IReactorTime, IReactorUNIX
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from bitween.api.http.connection_limits import MAX_UNAUTHENTICATED
from tests.support.api_rig import TOKEN, World, http_request, rpc, site_of
from tests.support.connections import Collector

CROWD = 300
#: Seconds in which an answer counts as given at once.
AT_ONCE = 5.0


class CrowdTests(TestCase):
    """A program without a token takes every place that it can get."""

    timeout = 60.0

    def setUp(self) -> None:
        """Serve the API."""
        self.world = World(IReactorTime(reactor))
        self.addCleanup(self.world.bitween.close)
        self.site = site_of(self.world)
        site: Any = self.site
        port: Any = IReactorTCP(reactor).listenTCP(0, site, 1000, interface="127.0.0.1")
        self.addCleanup(site.close)
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    async def test_a_token_is_answered_at_once(self) -> None:
        """A client with a token does not wait for those without, whatever they send."""
        for begins in (
            b"",
            b"GET / HTTP/1.1\r\n",
            b"POST /login HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        ):
            for _ in range(CROWD):
                self.come(begins)  # the system accepts them, and the daemon in its next turns
            self.assertEqual(await self.call(), 200)
            self.assertEqual(await self.call(), 200)
            self.assertLessEqual(len(self.site.channels), MAX_UNAUTHENTICATED + 2)

    async def test_a_local_socket_is_served_at_once(self) -> None:
        """A crowd at the TCP port takes no place from who comes by the Unix socket."""
        path = os.path.join(tempfile.mkdtemp(), "socket")
        self.addCleanup(shutil.rmtree, os.path.dirname(path))
        site: Any = self.site
        port: Any = IReactorUNIX(reactor).listenUNIX(path, site)
        self.addCleanup(port.stopListening)
        for _ in range(CROWD):
            self.come(b"POST /api HTTP/1.1\r\n")
        connection = await connectProtocol(UNIXClientEndpoint(reactor, path), Collector())
        assert connection.transport is not None
        # Longer there than the crowd: it is not cut for coming without a token at first.
        for _ in range(CROWD):
            self.come(b"")
        self.assertEqual(await self.call(), 200)
        headers = {"Host": "localhost", "Connection": "close"}
        connection.transport.write(http_request(rpc("Api.versions"), headers=headers))
        answer = await connection.closed.addTimeout(AT_ONCE, reactor)
        self.assertIn(b" 200 OK", answer)

    def come(self, begins: bytes) -> None:
        """Connect, send the beginning of a request, and stay."""
        connection = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(connection.close)
        connection.sendall(begins)

    async def call(self) -> int:
        """What a program with a token is answered."""
        headers = Headers({"Authorization": [f"Bearer {TOKEN}"]})
        headers.setRawHeaders(b"Content-Type", [b"application/json"])
        url = f"http://127.0.0.1:{self.port}/api".encode()
        body = FileBodyProducer(BytesIO(rpc("Api.versions")))
        agent: Any = Agent(reactor)
        answering = agent.request(b"POST", url, headers, body)
        response = await answering.addTimeout(AT_ONCE, reactor)
        await readBody(response)
        return int(response.code)
