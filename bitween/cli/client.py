"""A client of the JSON-RPC API for programs that may block."""

from __future__ import annotations

import hmac
import http.client
import json
import os
import secrets
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from bitween.cli.failures import START_OR_NAME, CommandFailed, NoDaemon, Refused, WrongUsage
from bitween.model.proof import (
    NONCE_DIGITS,
    PROOF_PATH,
    proof,
    socket_place,
    tcp_place,
    token_digest,
    unix_place,
)
from bitween.model.text import quoted

_CONNECT_TIMEOUT = 10.0
_API_PATH = "/api"
_METHOD_NOT_FOUND = -32601
#: What stands before each message about a parameter (JSON-RPC 2.0 §5.1).
_OF_JSON_RPC = "Invalid params: "
#: Bytes of the longest answer to a nonce.
_MAX_PROOFS = 16_384


class ApiClient:
    """
    Calls methods of one daemon.

    :ivar url: where the daemon is.
    """

    def __init__(self, url: str, token: str, ca_file: str | None = None) -> None:
        """
        :param url: as a rendezvous file holds it; the path may be left out, and ``http://`` too.
        :param token: the bearer token.
        :param ca_file: certificates to trust for ``https://``; the system's by default.
        :raises WrongUsage: if that is no URL that can be called.
        """
        self.url = url
        self._token = token
        self._ca_file = ca_file
        self._address = _split(url)

    def call(self, method: str, **params: object) -> Any:
        """
        Call a method with named parameters, and wait for its result, however long that takes.

        :raises CommandFailed: if the daemon returns an error.
        :raises NoDaemon: if the daemon cannot be reached.
        """
        return self.call_with(method, params)

    def call_with(self, method: str, params: Sequence[object] | Mapping[str, object]) -> Any:
        """
        Like :meth:`call`, with parameters by position or by name.

        :param params: values of JSON, in order or by the name of the parameter.
        :raises CommandFailed: if the daemon returns an error.
        :raises NoDaemon: if the daemon cannot be reached.
        """
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, body = self._post(json.dumps(call).encode("ascii"))
        if status != 200:
            raise _http_failure(self.url, status, body)
        try:
            answer = json.loads(body)
            error = answer.get("error")
            if error is None:
                return answer["result"]
            raise _refusal(method, error)
        except (ValueError, AttributeError, KeyError, TypeError):
            raise NoDaemon(f"what answers at {self.url} is not a bitween daemon") from None

    def reached(self, link: str) -> str:
        """
        Return a link of the daemon with the address at which this client reaches it.

        :param link: a URL that the daemon made; it is returned unchanged if this client reaches the
            daemon at a Unix socket.
        """
        if self._address.scheme == "http+unix":
            return link
        path, query, fragment = urlsplit(link)[2:5]
        return urlunsplit(self._address._replace(path=path, query=query, fragment=fragment))

    def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        connection = self._connection()
        try:
            connection.connect()
            if self._address.scheme != "https":  # where the certificate is the proof
                self._have_it_proved(connection)
            connection.sock.settimeout(None)  # a call may take any time
            path = self._address.path
            connection.request("POST", _API_PATH if path in ("", "/") else path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except ssl.SSLCertVerificationError as error:
            raise CommandFailed(
                f"the certificate of {self.url} is not trusted: {error.verify_message}",
                "pass the issuing CA with --ca-file",
            ) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise NoDaemon(f"no daemon answers at {self.url}: {reason}", START_OR_NAME) from None
        except http.client.HTTPException:
            raise NoDaemon(f"what answers at {self.url} is not a bitween daemon") from None
        finally:
            connection.close()

    def _have_it_proved(self, connection: http.client.HTTPConnection) -> None:
        """
        Have the daemon prove that it knows the token, before it gets it over the same connection.

        After a daemon was killed, another program may listen at its port.

        :raises CommandFailed: if the proof fails.
        """
        nonce = secrets.token_hex(NONCE_DIGITS // 2)
        # A new connection would not be the one of the proof.
        connection.auto_open = 0
        connection.request("GET", f"{PROOF_PATH}?{nonce}")
        response = connection.getresponse()
        body = response.read(_MAX_PROOFS)
        try:
            proofs: Any = json.loads(body)["proofs"] if response.status == 200 else None
            given = [text for text in proofs if isinstance(text, str) and text.isascii()]
        except (ValueError, KeyError, TypeError):
            raise NoDaemon(
                f"what answers at {self.url} does not prove that it is your daemon",
                "it did not get the token; if it is a daemon of an earlier version, restart it",
            ) from None
        digest = token_digest(self._token.encode())
        wanted = [proof(digest, nonce, place) for place in self._places(connection.sock)]
        if not any(hmac.compare_digest(one, text) for one in wanted for text in given):
            raise CommandFailed(
                f"what answers at {self.url} rejected the token, or is not your daemon",
                "it did not get the token; pass another with --token-file, or restart the daemon",
            )

    def _places(self, connected: socket.socket) -> Sequence[str]:
        """Where we are connected: by the name given and, if that is local, by address."""
        address = self._address
        if address.scheme == "http+unix":
            return [unix_place(unquote(address.netloc))]
        host = address.hostname or ""
        host = f"[{host}]" if ":" in host else host
        port = address.port or http.client.HTTP_PORT
        explicit = port != http.client.HTTP_PORT
        named = tcp_place(f"{host}:{port}" if explicit else host, port)
        if host != "localhost":
            return [named]
        return [named, socket_place(*connected.getpeername()[:2])]

    def _connection(self) -> http.client.HTTPConnection:
        address = self._address
        if address.scheme == "http+unix":
            return _UnixConnection(unquote(address.netloc))
        host, port = address.hostname or "", address.port
        if address.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=_CONNECT_TIMEOUT)
        trusted = _trusting(self._ca_file)
        return http.client.HTTPSConnection(host, port, timeout=_CONNECT_TIMEOUT, context=trusted)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_CONNECT_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fsencode(self._path))


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise WrongUsage(f"{ca_file!r} holds no certificate", "it should be a PEM file") from None
    except OSError as error:
        raise WrongUsage(f"cannot read {ca_file!r}: {error.strerror}", "check --ca-file") from None


def _split(url: str) -> SplitResult:
    try:
        address = urlsplit(url if "://" in url else f"http://{url}")
        named = bool(address.netloc) and (address.port is None or address.port > 0)
    except ValueError:
        named = False
    if not named or address.scheme not in ("http", "https", "http+unix"):
        raise WrongUsage(
            f"{url!r} is not the URL of a daemon", "it looks like http://127.0.0.1:5000"
        )
    return address


def _refusal(method: str, error: Mapping[str, Any]) -> Refused:
    """A JSON-RPC error in the words of the command line, which has no "params"."""
    if error["code"] == _METHOD_NOT_FOUND:
        return Refused(
            f"the API has no method {quoted(method)}", "bitween call rpc.discover lists them", ""
        )
    data = error.get("data") or {}
    message = error["message"].removeprefix(_OF_JSON_RPC)
    return Refused(message, *(data.get(key, "") for key in ("hint", "reason", "id")))


def _http_failure(url: str, status: int, body: bytes) -> CommandFailed:
    if status == 401:
        return CommandFailed(
            f"the daemon at {url} rejected the token", "pass the right one with --token-file"
        )
    if status == 404:
        return NoDaemon(f"what answers at {url} is not a bitween daemon")
    text = body.decode("utf-8", "replace").strip()
    return CommandFailed(
        f"the daemon at {url} rejected the call: {text or f'HTTP status {status}'}"
    )
