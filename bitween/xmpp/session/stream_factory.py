"""Makes the streams of one account: where its server is, how to log in, what TLS must verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.python.failure import Failure

from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.jids import parse_account
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.dns import Place, look_up, system_resolver
from bitween.xmpp.session.key_derivation import KeyDerivation
from bitween.xmpp.session.negotiation import StreamAuthenticator
from bitween.xmpp.session.passwords import Password
from bitween.xmpp.session.request_budget import RequestBudget
from bitween.xmpp.session.sasl import LogInInitializer
from bitween.xmpp.session.stream import Stream
from bitween.xmpp.session.stream_management import StreamManagement
from bitween.xmpp.session.tls import connection_options

_ALPN = (b"xmpp-client",)


class StreamFactory:
    """
    Finds the server's places, and makes a stream for one of them.

    :ivar jid: the JID to log in as, with the resource to request if there is one.
    :ivar server_name: the server, as the user knows it.
    """

    def __init__(
        self, reactor: Any, account: Account, resolver: Any = None, *, log_traffic: bool = False
    ) -> None:
        """
        :param reactor: provides ``IReactorPluggableNameResolver`` and ``IReactorTime``.
        :param account: the account, and where its server is if the user has said so.
        :param resolver: the ``IResolver`` for SRV records; the system's name servers by default.
        :param log_traffic: whether the stream goes to the logger ``bitween.xmpp.traffic``.
        :raises InvalidValue: if the JID is malformed.
        :raises ConfigurationError: if ``ca_pem`` holds no certificate.
        """
        self.jid = parse_account(account.jid)
        self._reactor = reactor
        self._server = account.server
        self._direct_tls = account.direct_tls
        self._resolver = resolver
        self._log_traffic = log_traffic
        self._tls = {
            direct: connection_options(self.jid.host, account.ca_pem, _ALPN if direct else ())
            for direct in (False, True)
        }
        self._log_in = partial(
            LogInInitializer,
            password=Password(account.password),
            keys=KeyDerivation(reactor),
            plain_allowed=account.plain_allowed,
        )
        self.server_name = str(self.jid.host)
        if account.server is not None:
            host, port = account.server
            self.server_name = f"{host}:{port}"

    async def places(self) -> Sequence[Place]:
        """Find out where the server is, best first."""
        if self._server is not None:
            return [Place(*self._server, self._direct_tls)]
        if self._resolver is None:
            self._resolver = system_resolver(self._reactor)
        return await look_up(self._resolver, self.jid.host)

    def make(
        self,
        place: Place,
        budget: TokenBucket,
        requests: RequestBudget,
        link_lost: Callable[[Stream, Failure], None],
        session: StreamManagement | None,
    ) -> Stream:
        """
        Make the stream for a connection to a place.

        :param budget: charged with what is sent.
        :param requests: decides whose requests are answered.
        :param link_lost: called with the stream and the reason when the connection is lost.
        :param session: the session to resume, if there is one.
        """
        authenticator = StreamAuthenticator(
            self.jid,
            self._tls[place.direct_tls],
            self._log_in,
            direct_tls=place.direct_tls,
            session=session if session is not None and session.resumable else None,
        )
        return Stream(
            authenticator,
            self._reactor,
            budget,
            link_lost,
            knows=requests.knows,
            answers=requests.allows,
            log_traffic=self._log_traffic,
        )
