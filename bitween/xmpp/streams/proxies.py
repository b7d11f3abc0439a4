"""Finds the proxies that relay streams (XEP-0065), and decides which of them may be dialled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.words.xish import domish

from bitween.errors import InvalidValue, NotConnected, RequestRefused
from bitween.model.address import PeerAddress
from bitween.model.dial_budget import DialBudget
from bitween.model.text import printable
from bitween.util.host_names import resolve
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_BYTESTREAMS, NS_DISCO_INFO, NS_DISCO_ITEMS
from bitween.xmpp.session.errors import no_session, request_error

#: Components of a server that are asked.
MAX_ITEMS = 20
# Domains whose components are remembered.
_MAX_DOMAINS = 256
_MAX_HOST = 255
_LOWEST_PORT = 1024

#: Different addresses that one contact can make us dial in a day as proxies that relay nothing: the
#: administrator of a server can claim that a proxy is at any host.
MAX_FAILED = {86400.0: 16}
#: Of these, ports of one host.
MAX_PORTS = 2


@dataclass(frozen=True, slots=True)
class Proxy:
    """
    A proxy, and where it takes connections.

    :param host: a name or an IP address.
    """

    jid: str
    host: str
    port: int


class Proxies(Extension):
    """
    Finds proxies, and remembers them for the session.
    """

    _log = Logger()

    def __init__(
        self, reactor: Any, is_at_home: Callable[[PeerAddress], bool] = lambda _: False
    ) -> None:
        """
        :param reactor: provides ``IReactorPluggableNameResolver`` and ``IReactorTime``.
        :param is_at_home: whether a public address is in one of our own networks.
        """
        super().__init__()
        self._reactor = reactor
        self._is_at_home = is_at_home
        self._components: dict[str, tuple[str, ...]] = {}
        self._budget = DialBudget(reactor.seconds, MAX_FAILED, MAX_PORTS)
        self._own: tuple[str, ...] | None = None
        self._addresses: dict[str, Proxy] = {}

    def connectionInitialized(self) -> None:
        """Forget what was found in the last session."""
        self._components.clear()
        self._addresses.clear()
        self._own = None

    async def own(self) -> tuple[str, ...]:
        """The JIDs of our own server's proxies."""
        if self._own is None:
            components = await self.components(self.parent.jid.host)
            asked = [Deferred.fromCoroutine(self._is_proxy(jid)) for jid in components]
            kinds = [await kind for kind in asked]
            found = tuple(jid for jid, is_one in zip(components, kinds, strict=True) if is_one)
            if not components:
                return found
            self._own = found
        return self._own

    async def components(self, domain: str) -> tuple[str, ...]:
        """The JIDs that a server names as its own components (XEP-0030 §4)."""
        if domain not in self._components:
            items = await self._ask(domain, NS_DISCO_ITEMS)
            if items is None:
                return ()
            jids = (item.getAttribute("jid", "") for item in items.elements())
            while len(self._components) >= _MAX_DOMAINS:
                del self._components[next(iter(self._components))]
            self._components[domain] = tuple(dict.fromkeys(filter(None, jids)))[:MAX_ITEMS]
        return self._components[domain]

    async def address(self, jid: str) -> Proxy:
        """
        Ask a proxy where it takes connections (XEP-0065 §4).

        :param jid: the proxy's.
        :raises RequestRefused: if it does not say; a proxy may serve its own users only.
        :raises NotConnected: if there is no session.
        """
        if jid not in self._addresses:
            try:
                answer = await self.send_iq("get", domish.Element((NS_BYTESTREAMS, "query")), jid)
            except Exception as error:
                raise request_error(error) from None
            # ejabberd's name a resource, too: the node of the cluster.
            bare = split(jid)[0]
            named = [p for p in proxies_in(answer.firstChildElement()) if split(p.jid)[0] == bare]
            if not named:
                raise RequestRefused.of("request_refused.proxy_unknown", proxy=printable(jid))
            while len(self._addresses) >= _MAX_DOMAINS:
                del self._addresses[next(iter(self._addresses))]
            self._addresses[jid] = named[0]
        return self._addresses[jid]

    async def checked(self, offered: Proxy, domain: str) -> Proxy:
        """
        Check that a contact's offer is a proxy of a server.

        :param offered: the proxy as the contact names it.
        :param domain: the contact's.
        :returns: where to connect to.
        :raises RequestRefused: if it belongs neither to the contact's server nor to ours, or is
            offered at an address that its server's administrator has not set.
        """
        servers = (domain, self.parent.jid.host)
        listed = [jid for server in servers for jid in await self.components(server)]
        bare = split(offered.jid)[0]
        # A domain itself is no proxy: the offer could make us dial any port there.
        if bare not in listed or bare in servers:
            raise RequestRefused.of("request_refused.foreign_proxy", proxy=printable(offered.jid))
        try:
            return await self.address(offered.jid)
        except RequestRefused:
            # It serves its own users only.  Its administrator controls what the names of the server
            # and of the proxy resolve to, as well as what a proxy answers.
            if not await self._is_proxy(offered.jid):
                raise
            names = bare, domain
            if offered.host in names:
                return offered
            for name in names:
                if offered.host in await self.resolve(name):
                    return offered
            raise

    async def resolve(self, host: str) -> list[str]:
        """
        The IP addresses of a name, or of one itself, at which a proxy may be.

        :raises NotConnected: if there is no session.
        """
        found = await resolve(self._reactor, host)
        return [address for address in found if self._may_dial(address)]

    async def places(self, jid: str, proxy: Proxy, most: int) -> list[str]:
        """
        Choose the addresses at which to dial a checked proxy of a contact's offer.

        :param jid: the contact's bare JID.
        :param most: addresses.
        """
        ours = split(proxy.jid)[0] in await self.components(self.parent.jid.host)
        found = [a for a in await self.resolve(proxy.host) if ours or self._is_elsewhere(a)]
        chosen = found[:most]
        return [a for a in chosen if self._budget.take(jid, PeerAddress(_plain(a), proxy.port))]

    def relayed(self, jid: str, address: str, port: int) -> None:
        """
        Note that a proxy of a contact's offer relays: it does not count against the budget.

        :param jid: the contact's bare JID.
        :param address: the IP address, one of those that :meth:`places` chose.
        """
        self._budget.give_back(jid, PeerAddress(_plain(address), port))

    def _is_elsewhere(self, address: str) -> bool:
        """
        Whether the proxy of another server may be at an IP address.

        The administrator of that server, who could be a contact, controls what its names resolve
        to: that must not be in our own network.  The address of our own server is an exception,
        since it may serve several domains.
        """
        proxy, server = _parsed(address), _parsed(self._session.transport.getPeer().host)
        if proxy is None:
            return False
        here = server is not None and proxy.address == server.address
        return here or (proxy.is_global and not self._is_at_home(proxy))

    def _may_dial(self, address: str) -> bool:
        """
        Whether a proxy may be at an IP address.

        A foreign DNS name must not lead us into our own network: proxies may be on this machine, in
        a private network or in our home network only if our server is there too.
        """
        proxy, server = _parsed(address), _parsed(self._session.transport.getPeer().host)
        if proxy is None:
            return False
        if proxy.is_global and not self._is_at_home(proxy):
            return True
        if server is None or (proxy.is_loopback and not server.is_loopback):
            return False
        return not server.is_global or (proxy.is_global and self._is_at_home(server))

    @property
    def _session(self) -> Any:
        """
        The stream.

        :raises NotConnected: if there is no session; it may have ended in the meantime.
        """
        if self.xmlstream is None:
            raise no_session()
        return self.xmlstream

    async def _is_proxy(self, jid: str) -> bool:
        info = await self._ask(jid, NS_DISCO_INFO)
        return info is not None and any(
            feature.getAttribute("var") == NS_BYTESTREAMS for feature in info.elements()
        )

    async def _ask(self, to: str, uri: str) -> Any:
        """Return the element that answers; ``None`` after an error."""
        try:
            answer = await self.send_iq("get", domish.Element((uri, "query")), to)
            return answer.firstChildElement()
        except NotConnected:
            raise
        except Exception as error:
            self._log.debug("{to} does not say: {why}", to=to, why=str(request_error(error)))
            return None


def proxies_in(query: Element) -> Iterator[Proxy]:
    """
    Read the proxies in a ``query`` (XEP-0065 §12); malformed ones are left out.

    So are low ports, where other services are: an offer must not make us dial a mail server.
    """
    hosts: Iterable[Element] = () if query is None else query.elements(NS_BYTESTREAMS, "streamhost")
    for element in hosts:
        jid, host = element.getAttribute("jid", ""), element.getAttribute("host", "")
        port = element.getAttribute("port", "")
        number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
        known = _LOWEST_PORT <= number < 65536
        if jid and known and 0 < len(host) <= _MAX_HOST:
            yield Proxy(jid, host, number)


def _plain(host: str) -> str:
    """Return an IP address without its zone."""
    return host.partition("%")[0]


def _parsed(host: str) -> PeerAddress | None:
    """Parse an IP address, without its zone; ``None`` if it cannot be dialled."""
    try:
        return PeerAddress.parse(_plain(host), 1)
    except InvalidValue:
        return None
