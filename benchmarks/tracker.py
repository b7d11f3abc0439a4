"""A tracker (BEP 3, BEP 23) that names one peer to everybody."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from bitween.model.metainfo import bencode

_INTERVAL = 1800


class Tracker:
    """The tracker; it listens on 127.0.0.1."""

    def __init__(self, reactor: Any, address: str, port: int) -> None:
        """
        :param address: of the one peer, IPv4.
        :param port: of the one peer.
        """
        peer = socket.inet_aton(address) + port.to_bytes(2, "big")
        self._listening = reactor.listenTCP(0, Site(_Announce(peer)), interface="127.0.0.1")

    def named_in(self, torrent: bytes) -> bytes:
        """
        Name this tracker in a torrent.

        :param torrent: a .torrent file that holds nothing but the info dictionary.
        """
        url = f"http://127.0.0.1:{self._listening.getHost().port}/announce"
        return b"d" + bencode("announce") + bencode(url) + torrent[1:]

    async def stop(self) -> None:
        """Listen no longer."""
        await maybeDeferred(self._listening.stopListening)


class _Announce(Resource):
    isLeaf = True

    def __init__(self, peer: bytes) -> None:
        super().__init__()
        self._answer = bencode({"interval": _INTERVAL, "peers": peer})

    def render_GET(self, _: Request) -> bytes:
        return self._answer
