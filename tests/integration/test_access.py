"""Who may use the API of a real daemon."""

from __future__ import annotations

import os

from twisted.internet import reactor
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

from tests.integration.harness import Daemon, ProsodyTestCase


class AccessTests(ProsodyTestCase):
    """Tokens that outlive the daemon that made them."""

    async def status_with(self, daemon: Daemon, token: str) -> int:
        """What somebody gets who looks at the figures."""
        headers = Headers({"Authorization": [f"Bearer {token}"]})
        url = daemon.url.removesuffix("api") + "metrics"
        response = await Agent(reactor, pool=self.pool).request(b"GET", url.encode(), headers)
        await readBody(response)
        return int(response.code)

    async def test_tokens(self) -> None:
        """They are there after a kill and after a clean stop; one that was revoked is not."""
        daemon = self.daemon(self.server("alice"), "alice")
        await daemon.start()
        wall = (await daemon.call("token.new", name="wall", read_only=True))["token"]
        desk = (await daemon.call("token.new", name="desk"))["token"]
        await daemon.kill9()
        await daemon.start()
        self.assertEqual([await self.status_with(daemon, t) for t in (wall, desk)], [200, 200])
        await daemon.call("token.revoke", name="wall")
        await daemon.stop()
        await daemon.start()
        self.assertEqual([await self.status_with(daemon, t) for t in (wall, desk)], [401, 200])
        self.assertNotIn(desk, daemon.log)

    async def test_damaged_tokens(self) -> None:
        """A daemon that cannot tell whom to let in does not start, and says why."""
        daemon = self.daemon(self.server("alice"), "alice")
        path = os.path.join(daemon.state_dir, "tokens.json")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("[")
        self.assertIn(path, await self.refusal_of(daemon))
