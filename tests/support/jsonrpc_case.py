"""A JSON-RPC resource with example methods."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.rpc.namespace import Namespace
from bitween.api.rpc.params import Between, Path
from bitween.errors import UnknownTorrent
from bitween.model.torrent import InfoHash
from tests.support.api_rig import Answer, Connection, bare_site, http_request, rpc


class Examples(Namespace):
    """Methods for the tests."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: Deferred[str] = Deferred()
        self.cancelled = False

    def jsonrpc_subtract(self, minuend: int, subtrahend: int) -> int:
        """The difference."""
        return minuend - subtrahend

    def jsonrpc_sum(self, numbers: list[int]) -> int:
        """The sum."""
        return sum(numbers)

    def jsonrpc_update(self, a: int = 0, b: int = 0) -> None:
        """Do nothing, as the specification's example."""

    def jsonrpc_echo(self, text: str | None = None) -> str | None:
        """The text itself."""
        return text

    def jsonrpc_hash(self, hash: InfoHash) -> str:  # noqa: A002  # as in the API
        """The hash in lower case."""
        return hash

    def jsonrpc_path(self, path: Path) -> str:
        """The path itself."""
        return path

    def jsonrpc_choose(
        self, sort: Literal["name", "size"] = "name", limit: Annotated[int, Between(0, 10)] = 5
    ) -> list[object]:
        """What was chosen."""
        return [sort, limit]

    def jsonrpc_flag(self, flag: bool) -> bool:
        """The flag itself."""
        return flag

    def jsonrpc_refuse(self) -> None:
        """Fail as our own code does."""
        raise UnknownTorrent("there is no such torrent", "look again")

    def jsonrpc_break(self) -> None:
        """Fail as a fault in our code does."""
        raise RuntimeError("secret /path/of/ours")

    def jsonrpc_nan(self) -> float:
        """Answer what JSON cannot hold."""
        return float("nan")

    async def jsonrpc_later(self) -> str:
        """Answer when the test says so."""
        try:
            return await self.pending
        except CancelledError:
            self.cancelled = True
            raise


class JsonRpcCase(SynchronousTestCase):
    """A resource with the examples below ``t.``."""

    def setUp(self) -> None:
        """Serve the examples."""
        self.examples = Examples()
        self.site = bare_site({"t": self.examples}, Clock())
        self.connection = Connection(self.site)

    def post(self, body: bytes | str) -> Answer:
        """The answer to one request."""
        connection = Connection(self.site)
        connection.send(http_request(body if isinstance(body, bytes) else body.encode()))
        connection.transport.loseConnection()
        return connection.only_answer()

    def error_of(self, method: str, params: object) -> dict[str, Any]:
        """The error object of a call that must fail."""
        error: dict[str, Any] = self.post(rpc(method, params)).json["error"]
        return error

    def assertAnswers(self, body: str, answer: object) -> None:
        """Hold that the body is answered with this document."""
        self.assertEqual(self.post(body).json, answer)

    def assertSilence(self, body: str) -> None:
        """Hold that the body is answered with nothing."""
        answer = self.post(body)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertNotIn("content-type", answer.headers)
