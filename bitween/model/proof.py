"""
How the API proves that it knows a client's token, before the client sends it.

A client sends a nonce; the answer holds, for each token, an HMAC (RFC 2104) with the token's digest
as key over the nonce and the place that the client has connected to.  A process that listens where
a daemon did cannot make one, and cannot get one from the daemon at another place.
"""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

#: The path of a proof: with GET, and the nonce as the query.
PROOF_PATH = "/proof"
#: Hexadecimal digits of a nonce.
NONCE_DIGITS = 64

_PURPOSE = "bitween api"


def token_digest(token: bytes) -> str:
    """The digest of a token, in hexadecimal; it does not reveal the token."""
    return sha256(token).hexdigest()


def proof(digest: str, nonce: str, place: str) -> str:
    """
    The answer to a nonce at a place, which needs the token or its digest.

    :param digest: of the token, as :func:`token_digest` returns it.
    :param nonce: :data:`NONCE_DIGITS` hexadecimal digits, drawn by the client.
    :param place: the address of the daemon that the client has connected to, as
        :func:`tcp_place`, :func:`socket_place` or :func:`unix_place` returns it.
    :returns: hexadecimal digits.
    """
    message = f"{_PURPOSE}\n{place}\n{nonce}"
    return hmac.new(digest.encode("ascii"), message.encode(), sha256).hexdigest()


def tcp_place(host: str, port: int) -> str:
    """
    The place of a TCP connection.

    :param host: the ``Host`` header.
    :param port: used if the header has none, and no name that a proxy could serve.
    """
    bare = host.lower()
    name, colon, digits = bare.rpartition(":")
    if colon and digits.isdigit() and not name.endswith(":"):
        return bare
    try:
        ip_address(bare.strip("[]"))
    except ValueError:
        return f"{bare}:{port}" if bare == "localhost" else bare
    return f"{bare}:{port}"


def socket_place(address: str, port: int) -> str:
    """
    The place of a connection within the machine, whatever name the client used.

    ``localhost`` may be two addresses, on which different users listen.

    :param address: the IP address of the daemon's end.
    """
    bare = ip_address(address.partition("%")[0])
    if isinstance(bare, IPv6Address) and bare.ipv4_mapped is not None:
        bare = bare.ipv4_mapped
    return f"[{bare}]:{port}" if bare.version == 6 else f"{bare}:{port}"


def unix_place(path: str) -> str:
    """The place of a connection to a Unix socket."""
    return f"unix:{os.path.realpath(path)}"
