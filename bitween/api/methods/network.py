"""``net.``: diagnosis of the connections to contacts."""

from __future__ import annotations

from bitween.api.results.encoding import network as encoding
from bitween.api.results.shapes import network as shapes
from bitween.api.rpc.namespace import Namespace, reads
from bitween.app.application import Bitween


class NetMethods(Namespace):
    """``net.``: the connections to contacts."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    async def jsonrpc_diagnose(self) -> shapes.Diagnosis:
        """Check log-in, server, addresses, routes to contacts and disk, and suggest fixes."""
        return {"findings": [encoding.finding(f) for f in await self._bitween.diagnosis.run()]}
