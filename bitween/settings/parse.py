"""
Read the text of each option.

Every function takes what the user wrote and returns a checked value, or raises ``InvalidValue``
with a hint.  The caller adds the option's name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar

from bitween.errors import BadPath, InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.disk_path import checked_utf8
from bitween.model.route import RELAY_NETWORK

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)

DEFAULT_XMPP_PORT = 5222
DEFAULT_DIRECT_TLS_PORT = 5223
MAX_NICK = 64
#: Contacts do not dial ports below, which belong to services of other kinds.
LOWEST_PEER_PORT = 1024
# Bits of the prefix of the largest private networks: 10.0.0.0/8, fc00::/7.
_SHORTEST_PREFIX = 7

_DIRECT_TLS = "xmpps://"
_HOST_AND_PORT = re.compile(
    r"\[(?P<v6>[^\]]+)\](?::(?P<p6>\d+))?|(?P<host>[^:]*)(?::(?P<port>\d+))?"
)


def plain(text: str) -> str:
    """Take any text."""
    return text


def each(parse: Callable[[str], _Value]) -> Callable[[Iterable[str]], tuple[_Value, ...]]:
    """
    Read an option that may be repeated, entry by entry.

    :param parse: reads one entry; raises ``InvalidValue``.
    :returns: a function that reads all entries, in order.
    """
    return lambda texts: tuple(parse(text) for text in texts)


def path(text: str) -> str:
    """Return an absolute path, with ``~`` expanded."""
    try:
        return checked_utf8(os.path.abspath(os.path.expanduser(text)))
    except BadPath as error:
        raise InvalidValue(error.message, error.hint) from None


def path_or_stdin(text: str) -> str:
    """Read a path, or ``-`` for standard input."""
    return text if text == "-" else path(text)


def server(text: str) -> tuple[str, int, bool]:
    """
    Read ``[xmpps://]HOST[:PORT]``.

    :returns: host, port, and whether TLS begins with the connection.
    """
    direct_tls = text.startswith(_DIRECT_TLS)
    host, port = _split_port(text.removeprefix(_DIRECT_TLS))
    if not host or "/" in host or port == 0:
        raise InvalidValue(f"{text!r} is not a valid server", "use HOST or HOST:PORT")
    default = DEFAULT_DIRECT_TLS_PORT if direct_tls else DEFAULT_XMPP_PORT
    return host, default if port is None else port, direct_tls


def priority(text: str) -> int:
    """Read the priority of the presence, which is below 0."""
    if not re.fullmatch(r"-[0-9]{1,3}", text) or not -128 <= int(text) <= -1:
        raise InvalidValue(
            f"{text!r} is not a number from -128 to -1",
            "with 0 or more, the daemon would get messages that are meant for chat programs",
        )
    return int(text)


def nick(text: str) -> str:
    """Read a nickname; it may be empty."""
    if not text.isprintable() or len(text) > MAX_NICK:
        raise InvalidValue(
            f"{text!r} is not a valid nickname", f"use up to {MAX_NICK} printable characters"
        )
    return text.strip()


def choice(choices: type[_Choice]) -> Callable[[str], _Choice]:
    """:returns: a function that reads one of the choices."""

    def read(text: str) -> _Choice:
        try:
            return choices(text)
        except ValueError:
            raise InvalidValue(
                f"{text!r} is not a valid choice", f"use one of {', '.join(choices)}"
            ) from None

    return read


def api(text: str) -> str | None:
    """
    Read an endpoint, or ``none``.

    :returns: ``None`` for ``none``.
    """
    return None if text == "none" else text


def listen(text: str) -> tuple[str, int]:
    """
    Read ``[ADDR:]PORT``.

    :returns: address and port; an empty address means all, port 0 one that is chosen once.
    """
    if text.isdigit():
        return "", _peer_port(_port(text))
    address, port = _split_port(text)
    try:
        checked = PeerAddress.parse(address, port or 1)
    except InvalidValue:
        raise InvalidValue(
            f"{text!r} is not a valid port or address of this machine", "use PORT or ADDRESS:PORT"
        ) from None
    return _peer_host(checked), _peer_port(port or 0)


def announced(text: str) -> tuple[str, int | None]:
    """
    Read ``ADDR[:PORT]``.

    :returns: address and port; ``None`` means the port at which the daemon listens.
    """
    address, port = _split_port(text)
    try:
        checked = PeerAddress.parse(address, 1 if port is None else port)
    except InvalidValue as error:
        raise InvalidValue(error.message, "use ADDRESS or ADDRESS:PORT") from None
    return _peer_host(checked), None if port is None else _peer_port(port)


def private_network(text: str) -> IPv4Network | IPv6Network:
    """Read ``ADDRESS/BITS`` of a private network."""
    try:
        network = ip_network(text)
    except ValueError:
        raise InvalidValue(
            f"{text!r} is not a valid network", "use ADDRESS/BITS, e.g. 10.8.0.0/24"
        ) from None
    if network.is_loopback or network.is_link_local or network.prefixlen < _SHORTEST_PREFIX:
        raise InvalidValue(f"{text!r} is not a private network", "use e.g. 10.8.0.0/24")
    return network


def share_roots(texts: Iterable[str]) -> tuple[str, ...]:
    """
    Read folders, or ``none`` alone.

    :param texts: the paths of folders, or ``none``.
    :returns: absolute paths without duplicates; empty for ``none``.
    """
    texts = tuple(texts)
    if "none" in texts and len(texts) > 1:
        raise InvalidValue("'none' stands beside folders", "use either none or folders")
    return tuple(dict.fromkeys(path(text) for text in texts if text != "none"))


def shares_hidden(text: str) -> bool:
    """
    Read ``share`` or ``skip``.

    :returns: whether hidden files are shared.
    """
    if text not in {"share", "skip"}:
        raise InvalidValue(f"{text!r} is not a valid choice", "use share or skip")
    return text == "share"


def count(text: str) -> int:
    """Read a number of things."""
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise InvalidValue(f"{text!r} is not a valid number", "use 0 or more")
    return int(text)


def decimal(text: str) -> float:
    """Read a number that may have a fraction."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        raise InvalidValue(f"{text!r} is not a valid number", "use e.g. 1.5, or 0")
    return float(text)


def _split_port(text: str) -> tuple[str, int | None]:
    """Split ``HOST:PORT``, ``[v6]:PORT``, ``HOST`` or ``v6``."""
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        if text.count(":") > 1 and "[" not in text:
            return text, None
        raise InvalidValue(f"{text!r} is not a valid host and port", "use HOST:PORT")
    port = match["p6"] or match["port"]
    return match["v6"] or match["host"], None if port is None else _port(port)


def _port(text: str) -> int:
    known = text.isascii() and text.isdigit() and len(text) <= 5
    if not known or int(text) > 65535:
        raise InvalidValue(f"{text!r} is not a valid port", "use 0 to 65535")
    return int(text)


def _peer_host(address: PeerAddress) -> str:
    if not address.is_ipv6 and address.ip in RELAY_NETWORK:
        raise InvalidValue(
            f"{address.address} belongs to the relay, which uses {RELAY_NETWORK}",
            "use another address",
        )
    return address.address


def _peer_port(port: int) -> int:
    if 0 < port < LOWEST_PEER_PORT:
        raise InvalidValue(
            f"contacts do not dial ports below {LOWEST_PEER_PORT}, such as {port}",
            f"use one from {LOWEST_PEER_PORT} to 65535",
        )
    return port
