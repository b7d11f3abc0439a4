"""Homes behind routers: who reaches whom, by which way, and who does not."""

from __future__ import annotations

import os
import socket

from bitween.xmpp.streams.stream_limits import MAX_OF_CONTACT
from tests.support.harness import PATIENCE
from tests.support.neighbourhood_case import SIZE, NeighbourhoodCase
from tests.support.swarms import write

#: The beginning of a handshake (BEP 3), without the info-hash.
# libtorrent asks the IP filter after the TLS handshake: a fatal alert, "record overflow" (RFC 8446
# section 6), is all that it says to what is no TLS.
_NOT_TLS = b"\x15\x03\x03\x00\x02\x02\x16"
_HANDSHAKE = b"\x13BitTorrent protocol" + bytes(8)


class OpenWaysTests(NeighbourhoodCase):
    """Hosts of which one can be dialled."""

    hosts = frozenset({"public4", "cone1", "beside", "mapped"})

    async def test_whoever_can_be_dialled_is_reached(self) -> None:
        """A public host, one at home, and one whose router maps a port; also who dials them."""
        await self.begin()
        await self.assert_way("public4", "cone1", "ipv4")
        await self.assert_way("cone1", "beside", "lan")
        await self.assert_way("mapped", "cone1", "mapped")
        # Nobody can dial this one: it is asked to dial.
        await self.assert_way("cone1", "public4", "ipv4")


class ClosedWaysTests(NeighbourhoodCase):
    """Hosts of which none can be dialled."""

    hosts = frozenset({"cone1", "cone2", "public4", "walled1", "walled2"})

    async def test_a_hole_is_punched_or_the_server_relays(self) -> None:
        """Routers that keep ports, and firewalls, are passed; else the proxy helps."""
        await self.begin()
        await self.assert_way("cone1", "cone2", "punched")
        await self.assert_way("public4", "walled1", "relay")
        await self.assert_way("walled1", "walled2", "punched")


class SymmetricRouterTests(NeighbourhoodCase):
    """A host at home, and one behind a router that shows everybody another port."""

    hosts = frozenset({"cone1", "sym1"})

    async def test_the_server_relays_at_once(self) -> None:
        """Both know from STUN, and from each other, why there is no other way."""
        await self.begin()
        await self.assert_way("cone1", "sym1", "relay", "your router uses another port")
        await self.assert_way("sym1", "cone1", "relay", "their router uses another port")
        # Streams are few: what is finished makes room for what comes next.
        for _ in range(MAX_OF_CONTACT):
            await self.assert_way("cone1", "sym1", "relay")


class StrangerTests(NeighbourhoodCase):
    """A BitTorrent client that belongs to no contact."""

    hosts = frozenset({"public", "public4"})

    async def test_a_stranger_is_cut_off(self) -> None:
        """Who knows address, port and info-hash gets not even a handshake; a contact gets it."""
        await self.begin()
        giver = self.here.daemons["public4"]
        path = os.path.join(self.directory, "shared")
        write(path, os.urandom(SIZE))
        info_hash = await giver.share(path)
        status = await giver.call("Api.status")
        port = next(p for a, p in status["listen"] if a == self.here.nodes["public4"].ipv4)
        # The server's host is no contact's.
        with self.here.server.entered():
            place = (self.here.nodes["public4"].ipv4, port)
            stranger = socket.create_connection(place, PATIENCE)
        with stranger:
            stranger.sendall(_HANDSHAKE + bytes.fromhex(info_hash) + b"-XX0000-" + bytes(12))
            self.assertEqual(_read(stranger), _NOT_TLS)
            self.assertEqual(_read(stranger), b"")
        await self.here.daemons["public"].finds(info_hash)
        await self.here.daemons["public"].download(info_hash)


def _read(stranger: socket.socket) -> bytes:
    """What a stranger receives until the connection ends."""
    try:
        return stranger.recv(1000)
    except ConnectionResetError:
        return b""
