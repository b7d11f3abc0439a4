"""A daemon within a namespace, whose API is asked through a Unix socket."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from tests.support.harness import Daemon
from tests.support.lab.network import Node
from tests.support.lab.services import LabProsody


class LabDaemon(Daemon):
    """
    One daemon on one host.

    :ivar node: that host.
    """

    _flags = ()

    def __init__(self, node: Node, server: LabProsody, at: Node, pool: Any, directory: str) -> None:
        """:param at: where the server is."""
        self.node = node
        self._at = f"[{at.ipv6}]" if node.ipv6 and not node.ipv4 else at.ipv4
        self._socket = os.path.join(directory, "api.socket")
        super().__init__(server, pool, directory, node.name.replace("-", ""))
        self._agent = Agent.usingEndpointFactory(reactor, _Through(self._socket), pool)

    @property
    def url(self) -> str:
        """What to ask of the socket."""
        return f"http://{self.node.name}.localhost/api"

    def _settings(self) -> dict[str, str]:
        return {
            **super()._settings(),
            "--server": f"{self._at}:{self._server.port}",
            "--api": f"unix:{self._socket}",
            "--api-host": f"{self.node.name}.localhost",
            "--listen": "0",
        }

    def _command(self) -> list[str]:
        return self.node.within(super()._command())


@implementer(IAgentEndpointFactory)
class _Through:
    """Leads every request through one socket, whatever its host."""

    def __init__(self, path: str) -> None:
        self._path = path

    def endpointForURI(self, _: URI) -> UNIXClientEndpoint:
        return UNIXClientEndpoint(reactor, self._path)
