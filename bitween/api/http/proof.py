"""``GET /proof?NONCE``: proves to clients that this daemon knows their token."""

from __future__ import annotations

import os
import re
from ipaddress import IPv6Address, ip_address

from twisted.internet.address import UNIXAddress
from twisted.web.resource import Resource
from twisted.web.server import Request

from bitween.api.http.error_page import ErrorPage
from bitween.api.http.json_stream import encode
from bitween.api.http.tokens import TokenStore
from bitween.model.proof import (
    NONCE_DIGITS,
    PROOF_PATH,
    proof,
    socket_place,
    tcp_place,
    unix_place,
)

#: First part of the path.
PROOF = PROOF_PATH[1:]
_NONCE = re.compile(rb"[0-9a-f]{%d}" % NONCE_DIGITS)


class ProofResource(Resource):
    """Answers with a proof for each token; see :mod:`bitween.model.proof`."""

    isLeaf = True

    def __init__(self, tokens: TokenStore) -> None:
        super().__init__()
        self._tokens = tokens

    def render(self, request: Request) -> bytes:
        """Send the proofs."""
        if request.method != b"GET":
            return ErrorPage(405, "use GET", allow="GET").render(request)
        nonce = request.uri.partition(b"?")[2]
        if not _NONCE.fullmatch(nonce):
            usage = f"the query has to be a nonce of {NONCE_DIGITS} hexadecimal digits"
            return ErrorPage(400, usage).render(request)
        place = _place(request)
        proofs = [proof(digest, nonce.decode(), place) for digest in self._tokens.digests()]
        request.setHeader(b"content-type", b"application/json")
        return encode({"proofs": proofs}).encode("ascii")


def _place(request: Request) -> str:
    here = request.getHost()
    if isinstance(here, UNIXAddress):
        return unix_place(os.fsdecode(here.name or b""))
    # The authenticator has checked that there is one such header, which names this daemon.
    host = request.getHeader(b"host") or b""
    named = tcp_place(host.decode("latin-1"), here.port)
    name, _, port = named.rpartition(":")
    ours = port == str(here.port) and (name == "localhost" or _is_address(name))
    # Another user, who listens at the same port of [::1], could relay a request by name to us.
    if ours and _is_local(here.host, request.getClientAddress().host):
        return socket_place(here.host, here.port)
    return named


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_local(own: str, client: str) -> bool:
    """Whether a connection stays inside the machine or container."""
    return own == client or _is_loopback(own) or _is_loopback(client)


def _is_loopback(address: str) -> bool:
    bare = ip_address(address.partition("%")[0])
    mapped = bare.ipv4_mapped if isinstance(bare, IPv6Address) else None
    return (mapped or bare).is_loopback
