"""Where a server is: SRV records of a real name server, and the log-in that follows them."""

from __future__ import annotations

from collections import Counter

from twisted.internet.defer import Deferred, fail
from twisted.logger import capturedLogs, formatEvent
from twisted.names.error import DNSServerError
from twisted.trial.unittest import TestCase

from bitween.errors import NotConnected
from bitween.xmpp.session.dns import Place, look_up
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

    async def test_equal_priorities_are_chosen_by_weight(self) -> None:
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


class _Failing:
    """A resolver that cannot tell."""

    def lookupService(self, _name: str, timeout: object) -> Deferred[object]:
        del timeout
        return fail(DNSServerError("it\nfails"))
