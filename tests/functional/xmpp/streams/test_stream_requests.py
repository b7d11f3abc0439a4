"""What contacts ask of our relays, and how many streams there are."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import BitweenError, RequestRefused
from bitween.xmpp.namespaces import (
    NS_BITWEEN,
    NS_BYTESTREAMS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
)
from bitween.xmpp.streams.stream_limits import MAX_IN_ALL, MAX_OF_CONTACT, REQUESTS, StreamLimiter
from tests.support.streams_case import BOB, LIMIT, StreamsCase, items_query


class RelayRequestTests(StreamsCase):
    """What contacts ask of us."""

    def ask(self, kind: str, attributes: str = "", sender: str = BOB) -> Any:
        """Let a contact ask; return our answer."""
        return self.receive(
            f"<iq type='{kind}' id='r' from='{sender}'>"
            f"<relay xmlns='{NS_BITWEEN}' {attributes}/></iq>"
        )

    def test_what_we_offer_is_told(self) -> None:
        """Without a proxy, the limit in band alone."""
        relay = self.ask("get").relay
        self.assertEqual((relay.getAttribute("proxy"), relay["in-band"]), (None, str(LIMIT)))
        self.answers["localhost", NS_DISCO_ITEMS] = items_query("proxy.localhost")
        self.answers["proxy.localhost", NS_DISCO_INFO] = (
            f"<query xmlns='{NS_DISCO_INFO}'><feature var='{NS_BYTESTREAMS}'/></query>"
        )
        self.proxies.connectionInitialized()
        self.assertEqual(self.ask("get").relay["proxy"], "proxy.localhost")

    def test_what_cannot_be_is_refused(self) -> None:
        """Strangers are not answered."""
        self.assertIsNone(self.ask("get", sender="eve@b.example/x"))
        self.assertIn("item-not-found", self.ask("set", "sid='s'").toXml())
        self.assertIn("bad-request", self.ask("set").toXml())

    def test_who_asks_too_often_waits(self) -> None:
        """And may ask again later."""
        for _ in range(REQUESTS):
            self.assertEqual(self.ask("get")["type"], "result")
        self.assertIn("resource-constraint", self.ask("get").toXml())
        self.reactor.advance(10)
        self.assertEqual(self.ask("get")["type"], "result")

    def test_nothing_leads_there(self) -> None:
        """The error says what would help."""
        self.answers[BOB, NS_BITWEEN] = f"<relay xmlns='{NS_BITWEEN}'/>"
        asked: Deferred[Any] = self.streams.find_relay("bob@b.example", "laptop")
        self.settle()
        self.assertIn("proxy65", self.failureResultOf(asked, RequestRefused).value.hint)


class StreamLimiterTests(SynchronousTestCase):
    """How many streams there are."""

    def test_all_together_are_bounded(self) -> None:
        """The limit holds for all contacts together; ended streams do not count."""
        limiter = StreamLimiter(MemoryReactorClock())
        releases = [limiter.acquire(f"{n // MAX_OF_CONTACT}@x") for n in range(MAX_IN_ALL)]
        with self.assertRaises(BitweenError):
            limiter.acquire("one more@x")
        releases.pop()()
        limiter.acquire("one more@x")
