"""Resolves host names that come from others."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

#: Seconds until a lookup is given up.
TIMEOUT = 20.0
# RFC 1035 §2.3.4.
_MAX_NAME = 255


def resolve(reactor: Any, host: str) -> Deferred[list[str]]:
    """
    Resolve the IP addresses of a host, which may be an IP address itself.

    A text that is not a host name has none: Twisted's resolver would never answer for it.

    :param reactor: provides ``IReactorPluggableNameResolver`` and ``IReactorTime``.
    :param host: any text from outside.
    :returns: fires with the IP addresses; with none if the host is unknown, or the lookup takes
        longer than :data:`TIMEOUT`.
    """
    if not _is_name(host):
        return succeed([])
    found = _Found()
    reactor.nameResolver.resolveHostName(found, host)
    return found.done.addTimeout(TIMEOUT, reactor, lambda *_: [])


def _is_name(host: str) -> bool:
    try:
        return 0 < len(host.encode("idna")) <= _MAX_NAME and host.isprintable()
    except UnicodeError:
        return False


@implementer(IResolutionReceiver)
class _Found:
    """Collects the addresses of a name."""

    def __init__(self) -> None:
        self._addresses: list[str] = []
        self.done: Deferred[list[str]] = Deferred()

    def resolutionBegan(self, _: IHostResolution) -> None:
        """Do nothing."""

    def addressResolved(self, address: IAddress) -> None:
        """Keep an address."""
        self._addresses.append(address.host)  # type: ignore[attr-defined]  # of TCP, they have one

    def resolutionComplete(self) -> None:
        """Return all addresses."""
        self.done.callback(self._addresses)
