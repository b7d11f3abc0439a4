"""Where a server is: SRV records of a real name server, and the log-in that follows them."""

from __future__ import annotations

from collections import Counter

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import capturedLogs, formatEvent
from twisted.names.error import DNSServerError
from twisted.trial.unittest import TestCase

from bitween.errors import NotConnected
from bitween.model.connection import ConnectionState
from bitween.testing.private_prosody import PrivateProsody
from bitween.util.backoff import Backoff
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.client import Account
from bitween.xmpp.session.dns import Place, look_up
from tests.support.fakes.loopback import CLOSED_PORT, listen
from tests.support.fakes.name_server import NameServer

DIRECT = "_xmpps-client._tcp."
STARTTLS = "_xmpp-client._tcp."
DOMAIN = "example.org"


class LookUpTests(TestCase):
    """What the records come to."""

    def setUp(self) -> None:
        """Start a name server that knows nothing."""
        self.names = NameServer(self)

    def places(self, domain: str = DOMAIN, lot: float = 0.0) -> Deferred[list[Place]]:
        """Look a domain up."""
        return Deferred.fromCoroutine(look_up(self.names.resolver, domain, lambda: lot))

    async def test_both_services_are_merged(self) -> None:
        """Direct TLS and STARTTLS are tried by priority, as if they were one service."""
        self.names.srv(f"{STARTTLS}{DOMAIN}", (5, 0, 5222, "a.net"), (20, 0, 5222, "c.net"))
        self.names.srv(f"{DIRECT}{DOMAIN}", (10, 0, 443, "b.net"))
        self.assertEqual(
            await self.places(),
            [Place("a.net", 5222), Place("b.net", 443, direct_tls=True), Place("c.net", 5222)],
        )

    async def test_weights(self) -> None:
        """Among equals the lot decides, by weight; each comes once."""
        self.names.srv(
            f"{STARTTLS}{DOMAIN}", (1, 0, 1, "none"), (1, 10, 2, "light"), (1, 90, 3, "heavy")
        )
        first: Counter[str] = Counter()
        for n in range(100):
            places = await self.places(lot=n / 100)
            self.assertEqual({place.host for place in places}, {"none", "light", "heavy"})
            first[places[0].host] += 1
        self.assertGreater(first["none"], 0)
        self.assertIn(first["light"], range(8, 13))
        self.assertIn(first["heavy"], range(87, 92))

    async def test_without_records_it_is_the_domain_itself(self) -> None:
        """Also where the name server fails, and where only direct TLS is declined."""
        with capturedLogs() as events:
            self.assertEqual(await self.places(), [Place(DOMAIN, 5222)])
            self.names.srv(f"{DIRECT}{DOMAIN}", (0, 0, 0, "."))
            self.assertEqual(await self.places(), [Place(DOMAIN, 5222)])
        # That is no news.
        mine = [e for e in events if e["log_namespace"] == "bitween.xmpp.session.dns"]
        self.assertEqual(mine, [])
        self.names.broken = True
        self.assertEqual(await self.places(), [Place(DOMAIN, 5222)])

    async def test_a_name_server_that_fails(self) -> None:
        """The log has one line of it for debugging, and no traceback."""
        with capturedLogs() as events:
            found = await look_up(_Failing(), DOMAIN)
        self.assertEqual(found, [Place(DOMAIN, 5222)])
        lines = [str(formatEvent(event)) for event in events]
        services = ("_xmpps-client._tcp", "_xmpp-client._tcp")
        self.assertEqual(lines, [f"no {one} for {DOMAIN}: it\ufffdfails" for one in services])

    async def test_a_service_that_is_not_offered(self) -> None:
        """A target of ``.`` means that; if nothing else is there, it is said so."""
        self.names.srv(f"{STARTTLS}{DOMAIN}", (0, 0, 0, "."))
        with self.assertRaises(NotConnected):
            await self.places()
        self.names.srv(f"{DIRECT}{DOMAIN}", (0, 0, 443, "b.net"))
        self.assertEqual(await self.places(), [Place("b.net", 443, direct_tls=True)])

    async def test_names_beyond_ascii(self) -> None:
        """The name server is asked in IDNA's spelling."""
        self.names.srv(f"{STARTTLS}xn--bcher-kva.example", (0, 0, 5222, "xmpp.example"))
        self.assertEqual(await self.places("bücher.example"), [Place("xmpp.example", 5222)])

    async def test_a_flood_of_records_is_bounded(self) -> None:
        """No more than ten of each service are tried."""
        records = [(0, 0, n, "a.net") for n in range(1, 20)]
        for service in (STARTTLS, DIRECT):
            self.names.srv(f"{service}{DOMAIN}", *records)
        self.assertEqual(len(await self.places()), 20)


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

    def online(self) -> Deferred[None]:
        """Log in without being told where; fires when that has succeeded."""
        with open(self.prosody.ca_file, "rb") as file:
            account = Account(self.jid, "secret", ca_pem=file.read())
        messenger = Messenger(
            reactor,
            account,
            self.fail,
            resolver=self.names.resolver,
            backoff=Backoff(lambda: 0.0),
        )
        online: Deferred[None] = Deferred()
        online.addTimeout(60, reactor)
        messenger.client.changes.subscribe(
            lambda status: (
                online.callback(None)
                if status.state is ConnectionState.ONLINE and not online.called
                else None
            )
        )
        self.addCleanup(messenger.client.stopService)
        messenger.client.startService()
        return online

    async def test_with_starttls(self) -> None:
        """The certificate is the JID's domain's, whatever the host is called."""
        self.names.srv(f"{STARTTLS}localhost", (0, 0, self.prosody.port, "xmpp.example.org"))
        await self.online()

    async def test_with_direct_tls(self) -> None:
        """TLS begins with the connection where the record is of that service."""
        port = self.prosody.direct_tls_port
        self.names.srv(f"{DIRECT}localhost", (0, 0, port, "xmpp.example.org"))
        await self.online()
        self.assertIn(f"{STARTTLS}localhost", self.names.asked)

    async def test_a_server_that_is_down_is_passed_over(self) -> None:
        """The next one is tried at once."""
        self.names.srv(
            f"{STARTTLS}localhost",
            (0, 0, CLOSED_PORT, "xmpp.example.org"),
            (1, 0, 5222, "unknown.example.org"),
            (2, 0, self.prosody.port, "xmpp.example.org"),
        )
        await self.online()

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
            messenger = Messenger(reactor, account, self.fail, resolver=self.names.resolver)
            online: Deferred[None] = Deferred()
            messenger.client.changes.subscribe(
                lambda status, online=online: (  # type: ignore[misc]  # bound in the loop
                    online.callback(None) if status.state is ConnectionState.ONLINE else None
                )
            )
            messenger.client.startService()
            await online.addTimeout(60, reactor)
            await messenger.client.stopService()
        self.assertEqual(self.names.asked, [])


class _Failing:
    """A resolver that cannot tell."""

    def lookupService(self, _name: str, timeout: object) -> Deferred[object]:
        del timeout
        return fail(DNSServerError("it\nfails"))


class _Rude(Protocol):
    """Ends every connection."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
