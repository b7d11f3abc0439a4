"""
Finds out which devices of contacts share a network with us.

The addresses that a device announces prove nothing: a private address stands for another machine in
every home.  So we send the device a token over XMPP, and it sends the token to a multicast group
that no router forwards.  If we receive the token, we share a network with the device.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, ip_address
from typing import Any

from twisted.application.service import Service
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import CannotListenError, MulticastJoinError
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError
from bitween.model.network_link import Link, Network

#: The group (administratively scoped, RFC 2365 §6.1) and the port of tokens.
GROUP, PORT = "239.255.98.119", 27681
#: bytes of a token.
TOKEN_SIZE = 16
#: Seconds after which a token is sent again: wireless networks often lose multicasts.
REPEATS = (0.1, 0.3)
#: Seconds for a device to answer, and for its token to arrive after that.
PATIENCE = 3.0
ARRIVAL = 0.5
#: Seconds until a device that proved nothing is asked again.
PAUSE = 60.0

#: Asks a resource (bare JID, resource) to send a token to the group; fails with a BitweenError.
Ask = Callable[[str, str, bytes], Deferred[None]]


@dataclass(slots=True)
class _Device:
    """
    What is known of one device.

    :ivar shared: the networks that it shares with us.
    :ivar asked: when it was last asked; reactor seconds.
    """

    shared: frozenset[Network] = frozenset()
    asked: float | None = None
    waiting: list[Deferred[frozenset[Network]]] = field(default_factory=list)


class Neighbours(Service):
    """Asks devices for proof, and gives proof to devices that ask us."""

    _log = Logger()

    def __init__(self, reactor: Any, links: Callable[[], Iterable[Link]], ask: Ask) -> None:
        """
        :param reactor: provides ``IReactorMulticast`` and ``IReactorTime``.
        :param links: gives the addresses of each network interface of this machine.
        """
        self._reactor = reactor
        self._links = links
        self._ask = ask
        self._devices: dict[tuple[str, str], _Device] = {}
        self._tokens: dict[bytes, tuple[str, str]] = {}
        self._asking: set[Deferred[None]] = set()
        self._repeats: set[Any] = set()
        self._joined: set[str] = set()
        # Provides IListeningPort and IMulticastTransport.
        self._port: Any = None

    def startService(self) -> None:
        """Listen for tokens."""
        super().startService()
        try:
            # Bound to the group's address, it receives no unicast from outside the network.
            self._port = self._reactor.listenMulticast(
                PORT, _Tokens(self._heard), interface=GROUP, listenMultiple=True
            )
        except CannotListenError as error:
            self._log.warn(
                "contacts in the same network are not recognised: {error}", error=error.socketError
            )
            return
        self.interfaces_changed()

    def stopService(self) -> Deferred[None] | None:
        """Stop listening."""
        super().stopService()
        for asking in list(self._asking):
            asking.cancel()
        for call in self._repeats:
            call.cancel()
        self._repeats.clear()
        port, self._port = self._port, None
        stopping: Deferred[None] | None = port.stopListening() if port is not None else None
        return stopping

    def interfaces_changed(self) -> None:
        """Forget all proofs, and join the group on the new interfaces."""
        self._devices = {key: _Device(waiting=d.waiting) for key, d in self._devices.items()}
        if self._port is None:
            return
        addresses = {str(interface.ip) for interface in self._multicasting()}
        for address in addresses - self._joined:
            self._port.joinGroup(GROUP, address).addErrback(self._not_joined)
        self._joined = addresses

    def shared_networks(self, jid: str, resource: str) -> Collection[Network]:
        """The networks that a device is known to share with us."""
        device = self._devices.get((jid, resource))
        return device.shared if device else ()

    def request_proof(self, jid: str, resource: str) -> Deferred[frozenset[Network]]:
        """
        Have a device prove that it shares a network with us, if it can.

        :returns: the networks; at once if they are known or the device was asked recently.
        """
        key = (jid, resource)
        device = self._devices.setdefault(key, _Device())
        answer: Deferred[frozenset[Network]] = Deferred()
        now = self._reactor.seconds()
        recently = device.asked is not None and now - device.asked < PAUSE
        if device.shared or self._port is None or (recently and not device.waiting):
            answer.callback(device.shared)
            return answer
        device.waiting.append(answer)
        if not recently:
            device.asked = now
            self._begin(key)
        return answer

    def connected(self, jid: str, resource: str, address: str) -> None:
        """
        Note that a device has connected to us from an address, which is a proof, too.

        :param address: an IP address.
        """
        self._note((jid, resource), address)

    def forget(self, jid: str, resource: str) -> None:
        """Forget a device that is offline: it may come back in another network."""
        device = self._devices.pop((jid, resource), None)
        if device is not None:
            _settle(device)

    def send(self, token: bytes, towards: Iterable[str]) -> None:
        """
        Prove to a device which networks we are in, as it has asked for.

        :param token: what the device has sent us, :data:`TOKEN_SIZE` bytes.
        :param towards: the device's IP addresses; the token goes only to networks that have one.
        """
        places = {IPv4Address(a) for a in towards if ":" not in a}
        own = [i for i in self._multicasting() if any(place in i.network for place in places)]
        if self._port is None or not own:
            return
        self._send(token, own)
        for seconds in REPEATS:
            self._later(seconds, token, own)

    def _begin(self, key: tuple[str, str]) -> None:
        asking = Deferred.fromCoroutine(self._prove(key))
        self._asking.add(asking)

        def over(result: object) -> None:
            self._asking.discard(asking)
            if key in self._devices:
                _settle(self._devices[key])
            if isinstance(result, Failure) and not result.check(CancelledError):
                self._log.failure("looking for a neighbour", result)

        asking.addBoth(over)

    async def _prove(self, key: tuple[str, str]) -> None:
        token = secrets.token_bytes(TOKEN_SIZE)
        self._tokens[token] = key
        try:
            await self._ask(*key, token).addTimeout(PATIENCE, self._reactor)
            heard: Deferred[frozenset[Network]] = Deferred()
            if key in self._devices and not self._devices[key].shared:
                self._devices[key].waiting.append(heard)
                await heard.addTimeout(ARRIVAL, self._reactor)
        except (BitweenError, defer.TimeoutError) as why:
            self._log.debug("{who!r} proves no network: {why}", who="/".join(key), why=str(why))
        finally:
            del self._tokens[token]

    def _heard(self, token: bytes, address: str) -> None:
        key = self._tokens.get(token)
        if key is not None:
            self._note(key, address)

    def _note(self, key: tuple[str, str], address: str) -> None:
        place = ip_address(address)
        # A device in one network of an interface is in its others as well.
        networks = {
            interface.network
            for link in self._links()
            if not place.is_loopback and any(place in interface.network for interface in link)
            for interface in link
        }
        if networks:
            device = self._devices.setdefault(key, _Device())
            device.shared |= networks
            _settle(device)

    def _send(self, token: bytes, interfaces: Iterable[IPv4Interface]) -> None:
        for interface in interfaces:
            # The interface may be gone, or support no multicast.
            with suppress(OSError):
                self._port.setOutgoingInterface(str(interface.ip)).addErrback(
                    lambda failure: failure.trap(OSError)
                )
                self._port.write(token, (GROUP, PORT))

    def _later(self, seconds: float, token: bytes, interfaces: Iterable[IPv4Interface]) -> None:
        def due() -> None:
            self._repeats.discard(call)
            self._send(token, interfaces)

        call = self._reactor.callLater(seconds, due)
        self._repeats.add(call)

    def _multicasting(self) -> list[IPv4Interface]:
        return [
            interface
            for link in self._links()
            for interface in link
            if isinstance(interface, IPv4Interface) and not interface.ip.is_loopback
        ]

    def _not_joined(self, failure: Failure) -> None:
        failure.trap(MulticastJoinError)
        self._log.debug("no multicast: {why}", why=failure.getErrorMessage())


class _Tokens(DatagramProtocol):
    """Receives tokens."""

    noisy = False

    def __init__(self, heard: Callable[[bytes, str], None]) -> None:
        self._heard = heard

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        if len(datagram) == TOKEN_SIZE:
            self._heard(datagram, addr[0])


def _settle(device: _Device) -> None:
    """Answer the pending requests for proof."""
    waiting, device.waiting = device.waiting, []
    for answer in waiting:
        if not answer.called:
            answer.callback(device.shared)
