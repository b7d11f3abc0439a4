"""Logging in where the DNS records of a domain say, to a real Prosody."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from bitween.model.connection import ConnectionState, ConnectionStatus
from bitween.testing.private_prosody import PrivateProsody
from bitween.util.backoff import Backoff
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.fakes.loopback import CLOSED_PORT, listen
from tests.support.fakes.name_server import NameServer
from tests.support.waiting import in_time

DIRECT = "_xmpps-client._tcp."
STARTTLS = "_xmpp-client._tcp."


class FollowingTests(TestCase):
    """Logging in where the records say."""

    def setUp(self) -> None:
        """Start a Prosody, and a name server that knows its host by another name."""
        self.prosody = PrivateProsody()
        self.addCleanup(self.prosody.close)
        self.prosody.start()
        self.jid = self.prosody.add_account("alice", "secret")
        self.names = NameServer(self)
        self.names.use_for_hosts(self)
        self.names.address("xmpp.example.org", "127.0.0.1")
        self.states: list[ConnectionState] = []

    def online(self) -> Deferred[None]:
        """Log in without being told where; fires when that has succeeded."""
        with open(self.prosody.ca_file, "rb") as file:
            account = Account(self.jid, "secret", ca_pem=file.read())
        client = Client(
            reactor,
            account,
            self.fail,
            resolver=self.names.resolver,
            backoff=Backoff(lambda: 0.0),
        )
        messenger = Messenger(reactor, client)
        online: Deferred[None] = Deferred()

        def changed(status: ConnectionStatus) -> None:
            self.states.append(status.state)
            if status.state is ConnectionState.ONLINE and not online.called:
                online.callback(None)

        messenger.client.changes.subscribe(changed)
        self.addCleanup(messenger.client.stopService)
        messenger.client.startService()
        return in_time(online, "the log-in succeeds")

    async def test_starttls_verifies_the_jids_domain(self) -> None:
        """The certificate is the JID's domain's, whatever the host is called."""
        self.names.srv(f"{STARTTLS}localhost", (0, 0, self.prosody.port, "xmpp.example.org"))
        await self.online()

    async def test_direct_tls_is_used_where_the_record_says_so(self) -> None:
        """TLS begins with the connection where the record is of that service."""
        port = self.prosody.direct_tls_port
        self.names.srv(f"{DIRECT}localhost", (0, 0, port, "xmpp.example.org"))
        await self.online()
        self.assertIn(f"{STARTTLS}localhost", self.names.asked)

    async def test_the_server_after_one_that_is_down_is_tried_at_once(self) -> None:
        """Servers that refuse the connection, or have no address, cost no back-off."""
        self.names.srv(
            f"{STARTTLS}localhost",
            (0, 0, CLOSED_PORT, "xmpp.example.org"),
            (1, 0, 5222, "unknown.example.org"),
            (2, 0, self.prosody.port, "xmpp.example.org"),
        )
        await self.online()
        self.assertNotIn(ConnectionState.WAITING, self.states)

    async def test_a_server_that_is_of_no_use_is_tried_last(self) -> None:
        """One that takes connections and ends them does not keep us from the next one."""
        self.names.srv(
            f"{STARTTLS}localhost",
            (0, 0, listen(self, Factory.forProtocol(_Rude)), "xmpp.example.org"),
            (1, 0, self.prosody.port, "xmpp.example.org"),
        )
        await self.online()

    async def test_the_user_may_name_the_place(self) -> None:
        """Then nothing is looked up, with STARTTLS and with direct TLS."""
        with open(self.prosody.ca_file, "rb") as file:
            ca_pem = file.read()
        for port, direct_tls in ((self.prosody.port, False), (self.prosody.direct_tls_port, True)):
            account = Account(
                self.jid, "secret", ("127.0.0.1", port), ca_pem, direct_tls=direct_tls
            )
            client = Client(reactor, account, self.fail, resolver=self.names.resolver)
            messenger = Messenger(reactor, client)
            online: Deferred[None] = Deferred()
            messenger.client.changes.subscribe(
                lambda status, online=online: (  # type: ignore[misc]  # bound in the loop
                    online.callback(None) if status.state is ConnectionState.ONLINE else None
                )
            )
            messenger.client.startService()
            await in_time(online, "the log-in succeeds")
            await messenger.client.stopService()
        self.assertEqual(self.names.asked, [])


class _Rude(Protocol):
    """Ends every connection."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
