"""An XMPP account, and how to reach its server."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """
    How to reach and use an XMPP account.

    :param jid: ``user@domain``, or with a resource; without one the server chooses.
    :param server: host and port in place of the look-up of RFC 6120 §3.2.
    :param ca_pem: PEM of further trust roots.
    :param plain_allowed: whether the password may be sent to the server, over verified TLS, where
        the server offers nothing better.
    :param direct_tls: whether ``server`` expects TLS from the first byte on (XEP-0368).
    :param proven: whether the account has logged in in an earlier run.
    """

    jid: str
    password: str = field(repr=False)
    server: tuple[str, int] | None = None
    ca_pem: bytes | None = field(default=None, repr=False)
    plain_allowed: bool = False
    direct_tls: bool = False
    proven: bool = False
