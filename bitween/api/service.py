"""The service that listens for API calls, and tells local programs where."""

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

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # they are being translated


class ApiService(Service):
    """
    Serves a site at an endpoint, and writes that into rendezvous files while it does.

    :ivar url: what to POST to, once :attr:`ready` has fired; ``None`` without an endpoint.
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
        :param description: of a Twisted server endpoint; ``None`` to serve nobody.
        :param token: what a client must show, told to those who may read the rendezvous files.
        :param jid: the account's bare JID.
        :param places: the rendezvous files, see :func:`bitween.storage.api_location.places`.
        """
        self._reactor = reactor
        self._description = description
        self._site = site
        self._token = token
        self._jid = jid
        self._places = places
        self._port: IListeningPort | None = None
        self._rendezvous: ApiLocation | None = None
        self.url: str | None = None
        self.ready: Deferred[None] = Deferred()

    def startService(self) -> None:
        """Begin to listen."""
        super().startService()
        Deferred.fromCoroutine(self._listen()).chainDeferred(self.ready)

    def stopService(self) -> Deferred[None]:
        """Listen no more, and end all connections, what is answered being sent first."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        if self._rendezvous is not None:
            for place in self._places:
                api_location.remove(place, self._rendezvous)
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
                f"--api: {description!r} describes no endpoint ({error})",
                "say tcp:PORT:interface=ADDRESS, unix:PATH or none",
            ) from None
        self.url = self._site.url = _url(description, self._port)
        self._log.info("the API is at {url}", url=self.url)
        self._publish(ApiLocation(self.url, self._token, os.getpid(), self._jid))

    def _publish(self, here: ApiLocation) -> None:
        self._rendezvous = here
        for place in self._places:
            try:
                api_location.write(place, here)
            except OSError:
                self._log.failure("cannot write {place}, so it helps nobody find us", place=place)


def _private(description: str) -> str:
    """
    Close a Unix socket to other users, which Twisted leaves open to all of them.

    :raises StartupError: if the description asks for another mode.
    """
    if not description.startswith("unix:"):
        return description
    modes = re.findall(r"(?<!\\):mode=([^:]*)", description)
    if not modes:
        return f"{description}:mode=600"
    if modes != ["600"]:
        raise StartupError(
            f"--api: the socket of {description!r} would be open to others", "leave out mode="
        )
    return description


def _check_length(description: str) -> None:
    """
    :raises StartupError: for a Unix socket that the system would not make.
    """
    path = re.match("unix:(?:address=)?([^:]*)", description)
    if path is not None and len(os.fsencode(path[1])) > _LONGEST_SOCKET:
        raise StartupError(
            f"--api: the socket's path {path[1]!r} is longer than {_LONGEST_SOCKET} bytes",
            "choose a shorter one",
        )


def _startup_error(description: str, error: CannotListenError) -> StartupError:
    cause = error.socketError
    # Python itself raises some without the system's words, such as for a path that is too long.
    reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    where = f"port {error.port}" if isinstance(error.port, int) else description
    if isinstance(cause, OSError) and cause.errno == EADDRINUSE:
        said = f"the API's {where} is already in use"
    else:
        said = f"the API cannot use {where}: {reason}"
    return StartupError(
        said, "choose another endpoint with --api, e.g. tcp:5001:interface=127.0.0.1"
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
