"""A client of ``GET /events`` that does not read, at a real socket."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.trial.unittest import TestCase

from bitween.api.events.log import ROOM
from bitween.api.results.event_types import EventType
from bitween.api.service import ApiService
from tests.support.api_rig import TOKEN, World, http_request, site_of
from tests.support.connections import SlowReader


class SlowReaderTests(TestCase):
    """A log that is served on loopback."""

    async def open(self) -> SlowReader:
        """Serve it, and begin to read."""
        self.world = World(reactor)
        self.site = site_of(self.world)
        service = ApiService(
            reactor, "tcp:0:interface=127.0.0.1", self.site, token=TOKEN, jid="alice@example.org"
        )
        service.startService()
        self.addCleanup(service.stopService)
        await service.ready
        assert service.url is not None
        host = service.url.split("/")[2]
        endpoint = clientFromString(reactor, f"tcp:{host}")
        reader: SlowReader = await connectProtocol(endpoint, SlowReader())
        assert reader.transport is not None
        self.addCleanup(lambda: reader.closed)
        self.addCleanup(reader.transport.loseConnection)
        headers = {"Host": "localhost"}
        reader.transport.write(http_request(method="GET", path="/events", headers=headers))
        await reader.until(b"retry: ")
        return reader

    def record(self, count: int, size: int) -> None:
        """Let events happen that carry so many bytes."""
        for number in range(count):
            self.world.log.record(EventType.WARNING, {"n": number, "text": "x" * size})

    def buffered(self) -> int:
        """Bytes that the server holds for the client, beside what the system does."""
        (channel,) = self.site.channels
        transport: Any = channel.transport  # whose buffers are Twisted's own affair
        return len(transport.dataBuffer) + int(transport._tempDataLen)  # noqa: SLF001  # same

    async def test_a_slow_reader_gets_everything_in_order(self) -> None:
        """Little is buffered for it; when it reads, it has all of it, in order."""
        reader = await self.open()
        reader.pause()
        # More than the system's own buffers take, less than the log holds.
        self.record(120, 100_000)
        self.assertLess(self.buffered(), 2**19)
        reader.resume()
        await reader.until(b'"n":119')
        numbers = [reader.received.find(b'"n":%d,' % number) for number in range(120)]
        self.assertNotIn(-1, numbers)
        self.assertEqual(numbers, sorted(numbers))
        self.assertNotIn(b"event: resync", reader.received)

    async def test_a_reader_too_far_behind_gets_a_resync(self) -> None:
        """Missed events are not queued: the client gets resync, and continues from there."""
        reader = await self.open()
        reader.pause()
        self.record(3 * ROOM // 100_000, 100_000)
        self.assertLess(self.buffered(), 2**19)
        reader.resume()
        await reader.until(b"event: resync")
        self.world.log.record(EventType.JOB_DONE, {})
        await reader.until(b"event: job_done")
        self.assertLess(len(reader.received), ROOM)
