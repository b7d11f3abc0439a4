"""The whole site of the API in memory, for tests of what it lets in."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.api_rig import Answer, Connection, World, http_request, rpc, site_of

CALL = rpc("Api.versions")


class GateCase(SynchronousTestCase):
    """The whole API in memory, with one further host name."""

    def setUp(self) -> None:
        """Serve it."""
        self.clock = Clock()
        self.world = World(self.clock)
        self.site = site_of(self.world, ["Files.example.org"])

    def request(
        self,
        headers: Mapping[str, str | None],
        *,
        method: str = "POST",
        path: str = "/api",
        peer: str = "127.0.0.1",
        host: str = "127.0.0.1",
    ) -> Answer:
        """The answer to one request on a connection of its own."""
        connection = Connection(self.site, peer, host)
        connection.send(http_request(CALL, method, path, headers))
        connection.transport.loseConnection()
        return connection.only_answer()

    def assertStatus(
        self, status: int, headers: Mapping[str, str | None], host: str = "127.0.0.1"
    ) -> None:
        """Hold that a request with these headers gets this status."""
        self.assertEqual(self.request(headers, host=host).status, status, headers)
