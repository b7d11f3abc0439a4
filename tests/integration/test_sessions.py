"""Refusals, certificates and resource conflicts, as a real Prosody makes them."""

from __future__ import annotations

import datetime as dt

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase
from twisted.words.protocols.jabber.xmlstream import STREAM_AUTHD_EVENT

from bitween.errors import (
    CertificateRefused,
    CredentialsRefused,
    LogInRefused,
)
from bitween.model.connection import ConnectionState
from bitween.testing.certificates import ThrowAwayAuthority
from bitween.testing.private_prosody import PrivateProsody
from bitween.util.backoff import Backoff
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.client_case import SECRET

# wokkel can only be imported once the shim of bitween.xmpp has run.
from tests.support.waiting import in_time


class SessionTests(TestCase):
    """Refusals and resource conflicts as a real server makes them."""

    def setUp(self) -> None:
        """Start a Prosody with one account."""
        self.prosody = PrivateProsody()
        self.addCleanup(self.prosody.close)
        self.prosody.start()
        self.prosody.add_account("alice", SECRET)
        with open(self.prosody.ca_file, "rb") as file:
            self.ca_pem = file.read()

    def client(
        self,
        jid: str = "alice@localhost/here",
        password: str = SECRET,
        ca_pem: bytes | None = None,
        proven: bool = False,
    ) -> tuple[Client, Deferred[LogInRefused]]:
        """A started client, and what fires when its log-in is refused."""
        refused: Deferred[LogInRefused] = Deferred()
        server = (self.prosody.host, self.prosody.port)
        account = Account(jid, password, server, ca_pem or self.ca_pem, proven=proven)
        backoff = Backoff(lambda: 0.0)
        client = Client(reactor, account, refused.callback, backoff=backoff)
        self.addCleanup(client.stopService)
        client.startService()
        return client, refused

    def until(self, client: Client, state: ConnectionState) -> Deferred[None]:
        """Fires when the client comes into a state."""
        reached: Deferred[None] = in_time(Deferred(), f"the client is {state}")
        client.changes.subscribe(
            lambda status: (
                None if status.state is not state or reached.called else reached.callback(None)
            )
        )
        return reached

    async def test_refusals_are_told_apart(self) -> None:
        """Wrong password, untrusted certificate and wrong domain each say what to do."""
        other = ThrowAwayAuthority("another").certificate_pem
        cases = [
            self.client(password="wrong"),
            self.client(ca_pem=other),
            self.client(jid="alice@example.org"),
        ]
        errors = await gatherResults([refused for _, refused in cases])
        self.assertEqual(
            [type(error) for error in errors],
            [CredentialsRefused, CertificateRefused, LogInRefused],
        )
        self.assertTrue(all(error.hint and "\n" not in str(error) for error in errors))
        for client, _ in cases:
            self.assertIs(client.status.state, ConnectionState.FAILED)

    async def test_a_certificate_for_another_name_is_refused(self) -> None:
        """That the authority is trusted is not enough: the name has to be the JID's domain."""
        authority = ThrowAwayAuthority()
        self.prosody.certify(authority, ["example.org"])
        self.prosody.restart()
        _, refused = self.client(ca_pem=authority.certificate_pem)
        error = await refused
        self.assertIsInstance(error, CertificateRefused)
        self.assertEqual(error.id, "certificate_refused.name")
        self.assertIn("is not for localhost, but for example.org", error.message)

    async def test_a_certificate_of_an_unknown_authority(self) -> None:
        """It is told apart from one that has expired, with what may be the matter."""
        _, refused = self.client(ca_pem=ThrowAwayAuthority("another").certificate_pem)
        error = await refused
        self.assertEqual(error.id, "certificate_refused.untrusted")
        self.assertIn("--ca-file", error.hint)

    async def test_certificates_outside_of_their_time(self) -> None:
        """
        An expired certificate, an expired authority and one that is not valid yet are waited for.

        Each is said with its date and this machine's clock, which may be what is wrong.
        """
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        past, future = (now - 3 * day, now - 2 * day), (now + 2 * day, now + 3 * day)
        cases = (
            ("expired", None, past, f"expired on {past[1]:%Y-%m-%d}"),
            ("authority_expired", past, None, f"expired on {past[1]:%Y-%m-%d}"),
            ("not_yet_valid", None, future, f"not valid before {future[0]:%Y-%m-%d}"),
        )
        for detail, authority_valid, valid, words in cases:
            authority = ThrowAwayAuthority(valid=authority_valid)
            self.prosody.certify(authority, valid=valid)
            self.prosody.restart()
            client, refused = self.client(ca_pem=authority.certificate_pem)
            await self.until(client, ConnectionState.WAITING)
            cause = client.status.cause
            assert cause is not None
            self.assertEqual(cause.id, f"certificate_refused.{detail}")
            self.assertIn(words, cause.message)
            self.assertRegex(cause.message, r"clock says \d{4}-\d\d-\d\d \d\d:\d\d UTC")
            self.assertFalse(refused.called)
            self.prosody.certify(authority if authority_valid is None else None)
            await client.stopService()

    async def test_an_expired_certificate_that_is_renewed(self) -> None:
        """The log-in succeeds by itself, although it was the first one."""
        now = dt.datetime.now(dt.UTC)
        authority = ThrowAwayAuthority()
        self.prosody.certify(authority, valid=(now - dt.timedelta(2), now - dt.timedelta(1)))
        self.prosody.restart()
        client, _ = self.client(ca_pem=authority.certificate_pem)
        self.ready(client)
        await self.until(client, ConnectionState.WAITING)
        online = self.until(client, ConnectionState.ONLINE)
        self.prosody.certify(authority)
        self.prosody.restart()
        await online

    async def test_an_account_that_has_logged_in_before(self) -> None:
        """
        Then the options were right once: what is wrong now is waited for.

        A laptop that starts in a network whose log-in page is in between is such a case.
        """
        ca_pem = self.ca_pem
        self.prosody.certify()
        self.prosody.restart()
        client, refused = self.client(ca_pem=ca_pem, proven=True)
        failed = self.until(client, ConnectionState.FAILED)
        await failed
        assert client.status.cause is not None
        self.assertEqual(client.status.cause.id, "certificate_refused.untrusted")
        self.assertIsNotNone(client.status.next_try)
        self.assertFalse(refused.called)

    async def test_the_second_login_with_a_resource_wins(self) -> None:
        """The first one gives way for good, and says why."""
        first, gave_way = self.client()
        self.ready(first)
        await self.until(first, ConnectionState.ONLINE)
        second, _ = self.client()
        self.ready(second)
        await self.until(second, ConnectionState.ONLINE)
        error = await gave_way
        self.assertIn("same resource", str(error))
        self.assertIn("--jid", error.hint)
        self.assertIs(first.status.state, ConnectionState.FAILED)
        self.assertTrue(second.online)

    async def test_a_killed_server_is_waited_for(self) -> None:
        """When it is back, so are we, by ourselves."""
        client, _ = self.client()
        self.ready(client)
        await self.until(client, ConnectionState.ONLINE)
        gone, back = (
            self.until(client, state) for state in (ConnectionState.WAITING, ConnectionState.ONLINE)
        )
        self.prosody.kill()
        await gone
        self.prosody.start()
        await back

    @staticmethod
    def ready(client: Client) -> None:
        """Stand for the handler that says when a session can be used."""
        client.factory.addBootstrap(STREAM_AUTHD_EVENT, lambda _: client.session_is_ready())
