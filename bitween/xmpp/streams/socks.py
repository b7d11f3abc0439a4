"""The client's part of SOCKS5 (RFC 1928), as XEP-0065 uses it: no log-in, one connection."""

from __future__ import annotations

from bitween.errors import InvalidValue

#: Version 5, one method: no authentication (§3).
GREETING = b"\x05\x01\x00"
_CHOSEN = b"\x05\x00"
# Version 5, CONNECT, reserved, a domain name (§4).
_CONNECT = b"\x05\x01\x00\x03"
# The size of an address by its type (§5); a name begins with its length.
_ADDRESS_SIZES = {1: 4, 4: 16}
_NAME = 3


class Negotiation:
    """
    The negotiation with a proxy, without I/O.

    :ivar done: whether the proxy has made the connection.
    :ivar rest: the bytes after the negotiation.
    """

    def __init__(self, name: str) -> None:
        """:param name: what to connect to, ASCII, at most 255 characters."""
        encoded = name.encode("ascii")
        self._request = _CONNECT + bytes([len(encoded)]) + encoded + b"\x00\x00"
        self._read = b""
        self._requested = False
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """
        Take what the proxy sends.

        :returns: the bytes to send.
        :raises InvalidValue: if it refuses, or sends a malformed reply.
        """
        self._read += data
        answer = b""
        if not self._requested and len(self._read) >= 2:
            if self._read[:2] != _CHOSEN:
                raise InvalidValue("the proxy requires a log-in, or is no SOCKS5 proxy")
            self._read = self._read[2:]
            self._requested = True
            answer = self._request
        if self._requested and len(self._read) >= 5:
            self._take_reply(self._read)
        return answer

    def _take_reply(self, reply: bytes) -> None:
        if reply[0] != 5 or reply[1] != 0:
            raise InvalidValue(f"the proxy does not connect (SOCKS5 reply {reply[1]})")
        kind = reply[3]
        address = 1 + reply[4] if kind == _NAME else _ADDRESS_SIZES.get(kind)
        if address is None:
            raise InvalidValue("the proxy sent a malformed reply")
        size = 4 + address + 2
        if len(reply) >= size:
            self.done, self.rest = True, reply[size:]
