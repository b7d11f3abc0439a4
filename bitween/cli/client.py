"""A client of the JSON-RPC API for programs that may block."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from bitween.cli.failures import CommandFailed, NoDaemon, WrongUsage

_CONNECT_TIMEOUT = 10.0
_API_PATH = "/api"


class Client:
    """
    Calls methods of one daemon.

    :ivar url: where the daemon is.
    """

    def __init__(self, url: str, token: str) -> None:
        """
        :param url: as a rendezvous file holds it; the path may be left out, and ``http://`` too.
        :raises WrongUsage: if that is no URL that can be called.
        """
        self.url = url
        self._token = token
        self._address = _split(url)

    def call(self, method: str, **params: object) -> Any:
        """
        Call a method with named parameters, and wait for its result, however long that takes.

        :raises CommandFailed: if the daemon says no.
        :raises NoDaemon: if it cannot be reached.
        """
        return self.call_with(method, params)

    def call_with(self, method: str, params: Sequence[object] | Mapping[str, object]) -> Any:
        """Like :meth:`call`, with parameters by position or by name."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, body = self._post(json.dumps(call).encode("ascii"))
        if status != 200:
            raise _http_failure(self.url, status, body)
        try:
            answer = json.loads(body)
            error = answer.get("error")
            if error is None:
                return answer["result"]
            hint = (error.get("data") or {}).get("hint", "")
            raise CommandFailed(error["message"], hint)
        except (ValueError, AttributeError, KeyError, TypeError):
            raise NoDaemon(f"what answers at {self.url} is no bitween daemon") from None

    def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        connection = self._connection()
        try:
            connection.connect()
            connection.sock.settimeout(None)  # a call may take as long as it likes
            path = self._address.path
            connection.request("POST", _API_PATH if path in ("", "/") else path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except OSError as error:
            reason = error.strerror or str(error)
            raise NoDaemon(
                f"no daemon answers at {self.url}: {reason}", "start one with twistd bitween"
            ) from None
        except http.client.HTTPException:
            raise NoDaemon(f"what answers at {self.url} is no bitween daemon") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        address = self._address
        if address.scheme == "http+unix":
            return _UnixConnection(unquote(address.netloc))
        kind = (
            http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        )
        return kind(address.hostname or "", address.port, timeout=_CONNECT_TIMEOUT)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_CONNECT_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fsencode(self._path))


def _split(url: str) -> SplitResult:
    try:
        address = urlsplit(url if "://" in url else f"http://{url}")
        named = bool(address.netloc) and (address.port is None or address.port > 0)
    except ValueError:
        named = False
    if not named or address.scheme not in ("http", "https", "http+unix"):
        raise WrongUsage(f"{url!r} is no URL of a daemon", "it looks like http://127.0.0.1:5000")
    return address


def _http_failure(url: str, status: int, body: bytes) -> CommandFailed:
    if status == 401:
        return CommandFailed(
            f"the daemon at {url} does not take the token", "name the right one with --token-file"
        )
    if status == 404:
        return NoDaemon(f"what answers at {url} is no bitween daemon")
    text = body.decode("utf-8", "replace").strip()
    return CommandFailed(f"the daemon at {url} refuses: {text or f'HTTP status {status}'}")
