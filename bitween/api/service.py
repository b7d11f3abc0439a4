"""The service that listens for HTTP connections, and tells local programs where."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from errno import EADDRINUSE
from urllib.parse import quote

from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.logger import Logger

from bitween.api.http.site import BoundedSite
from bitween.api.site_map import PATH
from bitween.errors import StartupError
from bitween.storage import api_location
from bitween.storage.api_location import ApiLocation

#: Bytes in the path of a Unix socket, by Linux (unix(7)).
_LONGEST_SOCKET = 107

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # for translation only


class ApiService(Service):
    """
    Serves a site at an endpoint, and publishes the address in location files meanwhile.

    :ivar url: the API's, once :attr:`ready` has fired; ``None`` without an endpoint.
    :ivar ready: fires when clients can connect; fails with :class:`StartupError`.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorTime,
        description: str | None,
        site: BoundedSite,
        *,
        token: str,
        jid: str,
        places: Sequence[str] = (),
    ) -> None:
        """
        :param description: a Twisted server endpoint; ``None`` to listen nowhere.
        :param token: the token to write into the location files.
        :param jid: the account's bare JID.
        :param places: the location files; see :func:`bitween.storage.api_location.places`.
        """
        self._reactor = reactor
        self._description = description
        self._site = site
        self._token = token
        self._jid = jid
        self._places = places
        self._port: IListeningPort | None = None
        self._location: ApiLocation | None = None
        self.url: str | None = None
        self.ready: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Start to listen."""
        super().startService()
        Deferred.fromCoroutine(self._listen()).chainDeferred(self.ready)

    def stopService(self) -> Deferred[None]:
        """Stop listening, and close all connections, after what is written has been sent."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        if self._location is not None:
            for place in self._places:
                api_location.remove(place, self._location)
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        await self._site.close()

    async def _listen(self) -> None:
        if self._description is None:
            return
        description = _private(self._description)
        _check_length(description)
        try:
            endpoint = serverFromString(self._reactor, description)
            self._port = await endpoint.listen(self._site)
        except CannotListenError as error:
            raise _startup_error(description, error) from None
        except OSError as error:
            raise StartupError(
                f"cannot listen at {description!r}: {error.strerror}", "choose another with --api"
            ) from None
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise StartupError(
                f"--api: {description!r} is not a valid endpoint ({error})",
                "use tcp:PORT:interface=ADDRESS, unix:PATH or none",
            ) from None
        self.url = self._site.url = _url(description, self._port)
        self._log.info("the API listens at {url}", url=self.url)
        self._publish(ApiLocation(self.url, self._token, os.getpid(), self._jid))

    def _publish(self, here: ApiLocation) -> None:
        self._location = here
        for place in self._places:
            try:
                api_location.write(place, here)
            except OSError:
                self._log.failure(
                    "cannot write {place}, so programs cannot find the API by it", place=place
                )


def _private(description: str) -> str:
    """
    Close a Unix socket to other users: Twisted leaves it open to all of them.

    :raises StartupError: if the description asks for another mode.
    """
    if not description.startswith("unix:"):
        return description
    modes = re.findall(r"(?<!\\):mode=([^:]*)", description)
    if not modes:
        return f"{description}:mode=600"
    if modes != ["600"]:
        raise StartupError(
            f"--api: the socket of {description!r} would be open to other users", "leave out mode="
        )
    return description


def _check_length(description: str) -> None:
    """
    :raises StartupError: if the path of a Unix socket is too long for the system.
    """
    path = re.match("unix:(?:address=)?([^:]*)", description)
    if path is not None and len(os.fsencode(path[1])) > _LONGEST_SOCKET:
        raise StartupError(
            f"--api: the socket's path {path[1]!r} is longer than {_LONGEST_SOCKET} bytes",
            "choose a shorter path",
        )


def _startup_error(description: str, error: CannotListenError) -> StartupError:
    cause = error.socketError
    # Python raises some errors without the system's message, such as for a path that is too long.
    reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    where = f"port {error.port}" if isinstance(error.port, int) else description
    if isinstance(cause, OSError) and cause.errno == EADDRINUSE:
        message = f"the API's {where} is already in use"
    else:
        message = f"the API cannot use {where}: {reason}"
    return StartupError(
        message, "choose another endpoint with --api, e.g. tcp:5001:interface=127.0.0.1"
    )


def _url(description: str, port: IListeningPort) -> str:
    address = port.getHost()
    if isinstance(address, UNIXAddress):
        path = os.path.abspath(os.fsdecode(address.name or b""))
        return f"http+unix://{quote(path, safe='')}{PATH}"
    assert isinstance(address, IPv4Address | IPv6Address)
    host = _ANY_ADDRESS.get(address.host, address.host)
    scheme = "https" if description.startswith(("ssl:", "tls:")) else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}{PATH}"
