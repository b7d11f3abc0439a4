"""
The HTTP site: bounds how many clients there are, what each may send and how long it may take.

Twisted's ``Site`` accepts connections, and has the resources of the site map answer.  This one adds
what a server needs that any web page in the user's browser can reach:

* :mod:`.channel` sets a deadline for receiving a request, and limits the head.
* :mod:`.request` has each request checked by its headers (:mod:`.authentication`), before its body
  is read, limits the body, and sets the headers that every answer has.
* :mod:`.connection_limits` decides which connections make room when there are too many.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import DeferredList
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.web import http
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from bitween.api.http.access import Caller
from bitween.api.http.channel import DEADLINE, UNAUTHENTICATED_DEADLINE, BoundedChannel
from bitween.api.http.connection_limits import ConnectionLimits
from bitween.api.http.error_page import ErrorPage
from bitween.api.http.network import network_of
from bitween.api.http.request import BodyReceiver, BoundedRequest

_Check = Callable[[Request], Caller | ErrorPage]
_ChooseReceiver = Callable[[BoundedRequest, int | None], BodyReceiver | ErrorPage | None]


def _keep_in_memory(_request: BoundedRequest, _length: int | None) -> None:
    """Have every body kept until it is complete."""


class BoundedSite(Site):
    """
    A site with a bounded number of connections, which it can close.

    :ivar check: finds the caller of a request by its headers, or the error to answer.
    :ivar body_receiver: chooses what takes a body; see :class:`.request.RequestSite`.
    :ivar url: the API's, while the site is served.
    """

    requestFactory = BoundedRequest  # type: ignore[assignment]  # a subclass with the same arguments
    protocol = BoundedChannel  # type: ignore[assignment]  # in place of a proxy that chooses HTTP/2
    displayTracebacks = False
    noisy = False

    def __init__(
        self,
        resource: IResource,
        reactor: IReactorTime,
        check: _Check,
        body_receiver: _ChooseReceiver = _keep_in_memory,
    ) -> None:
        """
        :param check: called with each request when its headers are complete; returns its caller, or
            the error to answer.
        :param body_receiver: called after the check with the request and the bytes of its body,
            ``None`` if the client does not say; returns what takes the body, the error to answer,
            or ``None`` to keep the body in memory.
        """
        # Parsing forms would hand every body to the email package, and nothing here is a form.
        super().__init__(resource, timeout=DEADLINE, reactor=reactor, parsePOSTFormSubmission=False)
        self.check = check
        self.body_receiver = body_receiver
        self.url: str | None = None
        self._limits: ConnectionLimits[BoundedChannel] = ConnectionLimits(reactor)

    @property
    def channels(self) -> frozenset[BoundedChannel]:
        """Every connection."""
        return self._limits.connections

    def buildProtocol(  # type: ignore[override]  # the same proxy
        self, addr: IAddress | None
    ) -> BoundedChannel:
        """Accept a connection; another one may have to make room for it."""
        channel = super().buildProtocol(addr)
        assert isinstance(channel, BoundedChannel)
        if isinstance(addr, UNIXAddress):
            self._limits.add_local(channel)
        else:
            channel.timeOut = UNAUTHENTICATED_DEADLINE
            self._limits.add(channel, network_of(getattr(addr, "host", "")))
        return channel

    def authenticate(self, request: BoundedRequest) -> bool:
        """Count a request's connection as authenticated; false if all places are in use."""
        return self._limits.authenticate(request.channel, request.caller)

    def connection_lost(self, channel: BoundedChannel) -> None:
        """Make room for another connection."""
        self._limits.remove(channel)

    def log(self, request: http.Request) -> None:
        """Keep no access log: a command line that waits asks twice a second."""

    def abort_requests(self, unwanted: Callable[[Caller], bool]) -> None:
        """
        Abort the connections of some callers that have requests under way.

        :param unwanted: whether a caller is one of them.
        """
        for channel in self.channels:
            if any(unwanted(request.caller) for request in channel.requests):
                channel.abort()

    async def close(self) -> None:
        """Close every connection, after what is written has been sent."""
        await DeferredList([channel.close() for channel in self.channels])
