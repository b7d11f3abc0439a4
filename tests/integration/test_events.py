"""Events of real daemons: read as curl reads them, through a real transfer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers

from tests.support.harness import PATIENCE, Daemon, ProsodyTestCase
from tests.support.waiting import described, in_time

Event = dict[str, Any]


class EventReader(Protocol):
    """
    Reads a stream of events as bytes, without any help of an HTTP client.

    :ivar events: all that came, resync among them.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, Event]] = []
        self._rest = b""
        self._name = ""
        self._awaited: list[tuple[Callable[[str, Event], bool], Deferred[Event]]] = []
        self.closed: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Take what came; sizes of chunks stand on lines of their own and are passed over."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            name, _, value = line.partition(b": ")
            if name == b"event":
                self._name = value.decode()
            elif name == b"data":
                self._took(self._name, json.loads(value))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # Twisted's
        """Fire what waits for the end."""
        self.closed.callback(None)

    async def until(self, name: str, holds: Callable[[Any], object] = bool) -> Any:
        """Wait for an event, if it has not come already; what it carries."""

        def wanted(known: str, event: Event) -> bool:
            return known == name and bool(holds(event["data"]))

        for known, event in self.events:
            if wanted(known, event):
                return event["data"]
        awaited: Deferred[Event] = Deferred()
        self._awaited.append((wanted, awaited))
        return (await in_time(awaited, f"{name} where {described(holds)}", PATIENCE))["data"]

    def names(self) -> list[str]:
        """The types of what came."""
        return [name for name, _ in self.events]

    def _took(self, name: str, event: Event) -> None:
        self.events.append((name, event))
        for wanted, awaited in self._awaited:
            if not awaited.called and wanted(name, event):
                awaited.callback(event)


class EventTests(ProsodyTestCase):
    """Daemons that are listened to."""

    async def listen_to(
        self, daemon: Daemon, query: str = "", seen: int | None = None
    ) -> EventReader:
        """Begin to read a daemon's events."""
        host, _, port = daemon.url.split("/")[2].partition(":")
        endpoint = clientFromString(reactor, f"tcp:{host}:{port}")
        reader: EventReader = await connectProtocol(endpoint, EventReader())
        assert reader.transport is not None
        self.addCleanup(lambda: reader.closed)
        self.addCleanup(reader.transport.loseConnection)
        lines = [
            f"GET /events{query} HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: Bearer {daemon.token}",
            *([f"Last-Event-ID: {seen}"] if seen is not None else []),
        ]
        reader.transport.write("\r\n".join([*lines, "", ""]).encode())
        return reader

    async def test_both_sides_see_a_transfer_from_start_to_end(self) -> None:
        """Who shares sees the job and the torrent, who downloads sees it from request to end."""
        server = self.server("alice", "bob")
        alice, bob = self.daemon(server, "alice"), self.daemon(server, "bob")
        await alice.start()
        await bob.start()
        at_alices = await self.listen_to(alice, "?since=0")
        at_bobs = await self.listen_to(bob, "?since=0")
        for reader in (at_alices, at_bobs):
            await reader.until("connection", lambda data: data["state"] == "online")
        await alice.call("xmpp.add_contact", jid=bob.jid)
        request = await at_bobs.until("contact_request")
        self.assertEqual(request["contact"], alice.jid)
        await bob.call("xmpp.accept_contact", jid=alice.jid)
        await at_bobs.until("contact_online", lambda data: data["contact"] == alice.jid)

        path = self.make_file("film.mkv", os.urandom(3 * 2**20))
        await alice.call("bt.add_path", path=path)
        job = await at_alices.until("job_done")
        info_hash = job["result"]["hash"]
        added = await at_alices.until("torrent_added")
        self.assertEqual((added["hash"], added["state"]), (info_hash, "seeding"))

        appeared = await at_bobs.until("share_appeared")
        self.assertEqual(appeared["shares"][0]["hash"], info_hash)
        await bob.call("bt.add_torrent_by_hash", hash=info_hash)
        finished = await at_bobs.until("torrent_finished")
        self.assertEqual((finished["hash"], finished["save_path"]), (info_hash, bob.downloads))
        self.assert_same(path, os.path.join(bob.downloads, "film.mkv"))
        await at_bobs.until(
            "torrent_changed", lambda data: any(t.get("complete") for t in data["torrents"])
        )
        names = at_bobs.names()
        self.assertLess(names.index("torrent_added"), names.index("torrent_finished"))
        ids = [event["id"] for _, event in at_bobs.events]
        self.assertEqual(ids, list(range(ids[0], ids[0] + len(ids))), "no gaps")

    async def test_a_position_of_an_earlier_run_gets_a_resync(self) -> None:
        """A stop ends the streams; a position of the earlier run gets a resync in the next."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        reader = await self.listen_to(alice, "?since=0")
        await reader.until("connection", lambda data: data["state"] == "online")
        seen = reader.events[-1][1]["id"]
        await alice.stop()
        await reader.closed
        await alice.start()
        reader = await self.listen_to(alice, "?since=0", seen)
        await alice.share(self.make_file("film.mkv", b"x" * 1000))
        await reader.until("torrent_added")
        self.assertEqual(reader.names()[0], "resync")
        polled = await alice.call("events.poll", since=seen)
        self.assertEqual((polled["events"], polled["gap"]), ([], True))

    async def test_metrics_show_connection_and_process(self) -> None:
        """A client with the token gets figures of the connection and of the process."""
        alice = self.daemon(self.server("alice"), "alice")
        await alice.start()
        await alice.online()
        headers = Headers({"Authorization": [f"Bearer {alice.token}"]})
        url = alice.url.removesuffix("/api") + "/metrics"
        response = await Agent(reactor, pool=self.pool).request(b"GET", url.encode(), headers)
        text = (await readBody(response)).decode()
        self.assertIn('bitween_xmpp_state{state="online"} 1.0', text)
        self.assertRegex(text, r'bitween_rpc_seconds_count\{method="Api.status"\} [1-9]')
        self.assertRegex(text, r"process_resident_memory_bytes [1-9]")
