"""The API's methods around fakes, without HTTP."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.api_rig import Connection, World, http_request, info_hash, rpc, site_of

BOB = "bob@example.org"


A, B, C = info_hash("a"), info_hash("b"), info_hash("c")


class MethodCase(SynchronousTestCase):
    """The API of a world in memory."""

    def setUp(self) -> None:
        """Serve it."""
        self.clock = Clock()
        self.downloads = self.mktemp()
        self.world = World(self.clock, os.path.abspath(self.downloads))
        self.site = site_of(self.world)

    def answer(self, method: str, params: object) -> dict[str, Any]:
        """The whole answer."""
        connection = Connection(self.site)
        connection.send(http_request(rpc(method, params)))
        answer: dict[str, Any] = connection.only_answer().json
        connection.transport.loseConnection()
        return answer

    def call(self, method: str, *args: object, **kwargs: object) -> Any:
        """The result of a call that must succeed."""
        answer = self.answer(method, kwargs or args)
        self.assertIn("result", answer)
        return answer["result"]

    def reason(self, method: str, *args: object, **kwargs: object) -> str:
        """The reason why a call is refused."""
        reason: str = self.answer(method, kwargs or args)["error"]["data"]["reason"]
        return reason

    def file(self, name: str = "file", content: bytes = b"x") -> str:
        """The path of a file that is there."""
        folder = self.mktemp()
        os.makedirs(folder)
        path = os.path.abspath(os.path.join(folder, name))
        with open(path, "wb") as file:
            file.write(content)
        return path
