"""Asks our server for its STUN services (XEP-0215), and for our address (XEP-0279)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.nat import ServerView, StunServer
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_EXTERNAL_SERVICES, NS_IP_CHECK
from bitween.xmpp.session.errors import request_error

#: STUN services that are used, and characters of the name of one (RFC 1035 §2.3.4).
MAX_SERVERS = 4
MAX_NAME = 255
#: RFC 8489 §8.1.
STUN_PORT = 3478


class ExternalAddressQuery(Extension):
    """
    Asks again each time; remembers nothing.
    """

    _log = Logger()

    async def query(self) -> ServerView:
        """Ask; without a session, or an answer, nothing is known."""
        if not self.parent.online:
            return ServerView()
        asking = (
            self._ask(self.parent.jid.host, NS_EXTERNAL_SERVICES, "services"),
            self._ask(self.parent.jid.userhost(), NS_IP_CHECK, "address"),
        )
        running = [Deferred.fromCoroutine(question) for question in asking]
        server = _ip(self.xmlstream.transport.getPeer())
        services, address = [await answer for answer in running]
        stun = tuple(dict.fromkeys(_stun_servers(services)))[:MAX_SERVERS]
        seen = next(_seen(address), "")
        if server is None:
            return ServerView(stun, seen)
        return ServerView(stun, seen, nearby=not server.is_global, here=server.is_loopback)

    async def _ask(self, to: str, uri: str, name: str) -> list[Any]:
        """Return the elements in the answer; none after an error."""
        try:
            answer = await self.send_iq("get", domish.Element((uri, name)), to)
        except Exception as error:
            self._log.debug("{to} does not say: {why}", to=to, why=str(request_error(error)))
            return []
        content = answer.firstChildElement()
        return [] if content is None else list(content.elements())


def _stun_servers(services: list[Any]) -> Iterator[StunServer]:
    for service in services:
        host = service.getAttribute("host", "")
        if (
            service.getAttribute("type") != "stun"
            or service.getAttribute("transport", "udp") != "udp"
            or not 0 < len(host) <= MAX_NAME
            or not host.isascii()
        ):
            continue
        with suppress(InvalidValue):
            # Only the port is checked here.
            port = PeerAddress.parse("192.0.2.1", service.getAttribute("port", STUN_PORT)).port
            yield StunServer(host, port)


def _seen(answer: list[Any]) -> Iterator[str]:
    for element in answer:
        with suppress(InvalidValue):
            if element.name == "ip":
                yield PeerAddress.parse(str(element).strip(), 1).address


def _ip(peer: Any) -> IPv4Address | IPv6Address | None:
    """Return the address of the other side of a connection; ``None`` if it has none."""
    try:
        return ip_address(peer.host)
    except (AttributeError, ValueError):
        return None
