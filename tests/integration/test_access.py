"""Who may use the API of a real daemon."""

from __future__ import annotations

import json
import os
from io import BytesIO
from typing import Any

from twisted.internet import reactor
from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from tests.support.harness import Daemon, ProsodyTestCase


class AccessTests(ProsodyTestCase):
    """Tokens that outlive the daemon that made them."""

    async def status_with(self, daemon: Daemon, token: str) -> int:
        """What a client of the metrics gets."""
        headers = Headers({"Authorization": [f"Bearer {token}"]})
        url = daemon.url.removesuffix("api") + "metrics"
        response = await Agent(reactor, pool=self.pool).request(b"GET", url.encode(), headers)
        await readBody(response)
        return int(response.code)

    async def test_tokens_survive_a_kill_and_a_stop(self) -> None:
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

    async def test_staying_logged_in(self) -> None:
        """A browser that wants to stays logged in over a kill and a clean stop; others do not."""
        daemon = self.daemon(self.server("alice"), "alice")
        await daemon.start()
        stays, goes = [await self.log_in(daemon, remember) for remember in (True, False)]
        self.assertEqual([await self.status_with(daemon, s) for s in (stays, goes)], [200, 200])
        path = os.path.join(daemon.state_dir, "sessions.json")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        await daemon.kill9()
        await daemon.start()
        self.assertEqual([await self.status_with(daemon, s) for s in (stays, goes)], [200, 401])
        (known,) = (await daemon.call("session.list"))["sessions"]
        await daemon.stop()
        await daemon.start()
        self.assertEqual(await self.status_with(daemon, stays), 200)
        await daemon.call("session.revoke", session=known["session"])
        await daemon.stop()
        await daemon.start()
        self.assertEqual(await self.status_with(daemon, stays), 401)
        self.assertNotIn(stays, daemon.log)

    async def log_in(self, daemon: Daemon, remember: bool) -> str:
        """The secret of a browser that logs in."""
        body = json.dumps({"token": daemon.token, "remember": remember}).encode()
        url = daemon.url.removesuffix("api") + "login"
        headers = Headers({"Content-Type": ["application/json"]})
        agent: Any = Agent(reactor, pool=self.pool)
        producer = FileBodyProducer(BytesIO(body))
        response = await agent.request(b"POST", url.encode(), headers, producer)
        session: str = json.loads(await readBody(response))["session"]
        return session

    async def test_a_daemon_with_damaged_tokens_does_not_start(self) -> None:
        """A daemon that cannot tell whom to let in does not start, and says why."""
        daemon = self.daemon(self.server("alice"), "alice")
        path = os.path.join(daemon.state_dir, "tokens.json")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write("[")
        self.assertIn(path, await self.refusal_of(daemon))
