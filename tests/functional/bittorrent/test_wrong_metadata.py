"""Peers that send wrong metadata (BEP 9)."""

from __future__ import annotations

import os
import re
from typing import Any, cast

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from bitween.bittorrent.swarm import Swarm
from bitween.model.torrent import InfoHash
from tests.support.swarms import SwarmCase, address_of, when, write

#: Bytes of the metadata that the liar announces: one block.
SIZE = 1000
#: The identifier of messages of the extension protocol (BEP 10), and ours for ut_metadata.
EXTENDED, UT_METADATA = 20, 3


class Liar(Protocol):
    """
    A peer that answers each request for metadata with zeros.

    :ivar asked: how often it was asked.
    :ivar lost: fires when the connection ends.
    """

    def __init__(self, info_hash: InfoHash) -> None:
        self.asked = 0
        self.lost: Deferred[None] = Deferred()
        self._info_hash = bytes.fromhex(info_hash)
        self._buffer = b""
        self._theirs = 0
        self._greeted = False

    def connectionMade(self) -> None:
        """Greet, and announce metadata."""
        flags = bytes([0, 0, 0, 0, 0, 0x10, 0, 0])
        greeting = b"\x13BitTorrent protocol" + flags + self._info_hash + b"-LI0001-" + bytes(12)
        cast(Any, self.transport).write(greeting)
        handshake = b"d1:md11:ut_metadatai%dee13:metadata_sizei%dee" % (UT_METADATA, SIZE)
        self._send(0, handshake)

    def dataReceived(self, data: bytes) -> None:
        """Answer requests."""
        self._buffer += data
        if not self._greeted:
            if len(self._buffer) < 68:
                return
            self._greeted, self._buffer = True, self._buffer[68:]
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < 4 + length:
                return
            message, self._buffer = self._buffer[4 : 4 + length], self._buffer[4 + length :]
            if message[:1] == bytes([EXTENDED]):
                self._take(message[1], message[2:])

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002  # the interface's
        """Tell that it is over."""
        self.lost.callback(None)

    def _take(self, kind: int, content: bytes) -> None:
        if kind == 0:
            found = re.search(rb"11:ut_metadatai(\d+)e", content)
            assert found is not None
            self._theirs = int(found[1])
        elif b"8:msg_typei0e" in content:
            self.asked += 1
            header = b"d8:msg_typei1e5:piecei0e10:total_sizei%dee" % SIZE
            self._send(self._theirs, header + bytes(SIZE))

    def _send(self, kind: int, content: bytes) -> None:
        message = bytes([EXTENDED, kind]) + content
        cast(Any, self.transport).write(len(message).to_bytes(4, "big") + message)


class WrongMetadataTests(SwarmCase):
    """A download by hash."""

    async def lie(self, swarm: Swarm, info_hash: InfoHash) -> Liar:
        """Connect a liar."""
        address = address_of(swarm)
        endpoint = TCP4ClientEndpoint(reactor, address.address, address.port)
        liar = cast(Liar, await connectProtocol(endpoint, Liar(info_hash)))
        self.addCleanup(cast(Any, liar.transport).abortConnection)
        return liar

    async def test_a_liar_is_disconnected(self) -> None:
        """It is asked a bounded number of times, and an honest peer is heard afterwards."""
        alice, bob = await self.start(), await self.start()
        path = write(os.path.join(self.folder(), "film.mkv"), os.urandom(100_000))
        info_hash = await self.share(alice, path)
        await bob.download(info_hash, "", self.folder("downloads"))
        liar = await self.lie(bob, info_hash)
        await liar.lost
        self.assertGreaterEqual(liar.asked, 5)
        self.assertLess(liar.asked, 20_000)
        bob.offer_peers(info_hash, [address_of(alice)])
        await when(bob, lambda: bob.library.get(info_hash).complete)
