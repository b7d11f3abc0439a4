"""Checks which of the services that transfers need the server offers."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger
from twisted.words.xish import domish

from bitween.model.diagnosis import Finding
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_DISCO_INFO, NS_EXTERNAL_SERVICES, NS_IP_CHECK, NS_TIME
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.streams.proxies import Proxies

_DAY = 24 * 3600.0
_EXPIRES_SOON = 7 * _DAY
# Certificates and log-ins are valid to the second; below a minute no harm is seen.
_CLOCK_TOLERANCE = 60.0


class ServerCheck(Extension):
    """
    Asks the server what it is able to do.
    """

    _log = Logger()

    def __init__(self, proxies: Proxies, clock: Callable[[], float] = time.time) -> None:
        """
        :param proxies: finds our server's proxies.
        :param clock: seconds since the epoch.
        """
        super().__init__()
        self._proxies = proxies
        self._now = clock

    async def findings(self) -> list[Finding]:
        """
        Check everything.

        :returns: nothing without a session.
        """
        if not self.parent.online:
            return []
        checks = (self._pep, self._clock, self._proxy, self._stun, self._address_seen)
        running = [Deferred.fromCoroutine(check()) for check in checks]
        return [self._certificate(), *[await finding for finding in running]]

    def _certificate(self) -> Finding:
        transport = self.xmlstream.transport
        if not ISSLTransport.providedBy(transport):
            return Finding.of("certificate.unknown")
        certificate: Any = transport.getPeerCertificate()
        expires = certificate.get_notAfter().decode("ascii")
        left = calendar.timegm(time.strptime(expires, "%Y%m%d%H%M%SZ")) - self._now()
        days = round(left / _DAY)
        soon = left < _EXPIRES_SOON
        return Finding.of("certificate.warning" if soon else "certificate.good", n=days)

    async def _pep(self) -> Finding:
        answer = await self._ask(self.parent.jid.userhost(), NS_DISCO_INFO, "query")
        if answer is None:
            return Finding.of("pep.unknown")
        kinds = {(i.getAttribute("category"), i.getAttribute("type")) for i in _in(answer)}
        if ("pubsub", "pep") in kinds:
            return Finding.of("pep.good")
        return Finding.of("pep.bad")

    async def _clock(self) -> Finding:
        answer = await self._ask(self.parent.jid.host, NS_TIME, "time")
        times = [str(child) for child in _in(answer) if child.name == "utc"]
        try:
            server_time = calendar.timegm(time.strptime(times[0][:19], "%Y-%m-%dT%H:%M:%S"))
        except (IndexError, ValueError):
            return Finding.of("clock.unknown")
        apart = abs(server_time - self._now())
        wrong = apart > _CLOCK_TOLERANCE
        return Finding.of("clock.warning" if wrong else "clock.good", seconds=apart)

    async def _proxy(self) -> Finding:
        proxies = await self._proxies.own()
        if proxies:
            return Finding.of("proxy.good", jid=printable(proxies[0]))
        return Finding.of("proxy.warning")

    async def _stun(self) -> Finding:
        answer = await self._ask(self.parent.jid.host, NS_EXTERNAL_SERVICES, "services")
        if any(service.getAttribute("type") == "stun" for service in _in(answer)):
            return Finding.of("stun.good")
        return Finding.of("stun.warning")

    async def _address_seen(self) -> Finding:
        answer = await self._ask(self.parent.jid.userhost(), NS_IP_CHECK, "address")
        seen = [str(child) for child in _in(answer) if child.name == "ip"]
        if seen:
            return Finding.of("address.good", address=printable(seen[0]))
        return Finding.of("address.warning")

    async def _ask(self, to: str, uri: str, name: str) -> Any:
        """Return the element that answers; ``None`` after an error."""
        try:
            answer = await self.send_iq("get", domish.Element((uri, name)), to)
            return answer.firstChildElement()
        except Exception as error:
            self._log.debug("{to} does not say: {why}", to=to, why=str(request_error(error)))
            return None


def _in(element: Element) -> Iterator[Any]:
    """Iterate over the child elements, if there is an element."""
    if element is not None:
        yield from element.elements()
