"""``net.``: the way between us and our contacts."""

from __future__ import annotations

from bitween.api.results.encoding import network as encoding
from bitween.api.results.shapes import network as shapes
from bitween.api.rpc.namespace import Namespace, reads
from bitween.app.application import Bitween


class NetMethods(Namespace):
    """``net.``: the way between us and our contacts."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    async def jsonrpc_diagnose(self) -> shapes.Diagnosis:
        """Look at log-in, server, addresses, ways to contacts and disk; say what would help."""
        return {"findings": [encoding.finding(f) for f in await self._bitween.diagnosis.run()]}
