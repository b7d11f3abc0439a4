"""Who asks without end is answered only as far as that holds up nothing else."""

from __future__ import annotations

from twisted.words.xish import domish

from bitween.xmpp.session.request_budget import (
    CONTACT_BURST,
    CONTACT_RATE,
    STRANGERS_BURST,
    STRANGERS_RATE,
)
from bitween.xmpp.session.send_budget import BURST, RATE
from bitween.xmpp.shares.list_codec import ListQuery, page_element
from tests.support.client_case import ClientCase
from tests.support.fakes.lists import listed, numbered

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip
from wokkel.ping import PingHandler  # isort: skip

CONTACT, STRANGER = "bob@localhost/laptop", "mallory@localhost/x"
SECONDS = 120


class CourtesyTests(ClientCase):
    """A flood of requests, each of which a server would answer."""

    def setUp(self) -> None:
        """Log in, with one contact."""
        super().setUp()
        self.client.answer_only(lambda sender: sender.startswith(("bob@", "carol@", "alice@")))
        for handler in (PingHandler(), FallbackHandler()):
            handler.setHandlerParent(self.client)
        self.stream = self.log_in()
        self.transport.clear()

    def ask(self, *senders: str) -> int:
        """Have each of them ping us; gives how many answers they got."""
        before: int = self.transport.value().count(b"<iq")
        for sender in senders:
            self.stream.dataReceived(
                f"<iq type='get' id='p' from='{sender}'><ping xmlns='urn:xmpp:ping'/></iq>".encode()
            )
        after: int = self.transport.value().count(b"<iq")
        return after - before

    def flood(self, *senders: str) -> int:
        """Have them ping us for two minutes; gives the bytes that we have sent meanwhile."""
        for _ in range(SECONDS):
            self.ask(*senders * 50)
            self.reactor.advance(1)
        return len(bytes(self.transport.value()))

    def test_a_strangers_flood_leaves_the_line_free(self) -> None:
        """A flood of one who must not know of us leaves the line to us."""
        said = self.flood(STRANGER)
        self.assertLess(said, STRANGERS_BURST + STRANGERS_RATE * SECONDS + 10_000)
        self.assertEqual(self.client.budget.delay(BURST - RATE), 0)

    def test_many_strangers_leave_the_line_free(self) -> None:
        """So does one of many; and a contact is answered meanwhile."""
        for number in range(SECONDS):
            self.ask(*(f"m{number}-{n}@evil.example/x" for n in range(50)))
            self.reactor.advance(1)
        self.assertEqual(self.client.budget.delay(BURST - RATE), 0)
        self.assertEqual(self.ask(CONTACT), 1)

    def test_a_contacts_flood_leaves_the_line_to_others(self) -> None:
        """A contact has more, and not all; another one is answered meanwhile."""
        said = self.flood(CONTACT)
        self.assertLess(said, CONTACT_BURST + CONTACT_RATE * SECONDS + 10_000)
        self.assertEqual(self.client.budget.delay(BURST - RATE), 0)
        self.assertEqual(self.ask("carol@localhost/phone"), 1)

    def test_once_it_is_over(self) -> None:
        """The same stranger is answered again later."""
        self.flood(STRANGER)
        self.reactor.advance(60)
        self.assertEqual(self.ask(STRANGER), 1)

    def test_our_own_account_and_server(self) -> None:
        """The person's other programs, and the server, are always answered."""
        own = ("alice@localhost/phone", "localhost", "alice@localhost")
        self.assertEqual(self.ask(*own * 1000), 3000)

    def test_pages_of_our_list(self) -> None:
        """They are paced elsewhere, and are no part of it."""
        self.flood(CONTACT)
        self.transport.clear()
        self.send_page()
        self.assertIn(b"urn:bitween:1", self.transport.value())

    def send_page(self) -> None:
        """Give the contact a page."""
        iq = domish.Element((None, "iq"))
        iq["type"], iq["to"], iq["id"] = "result", CONTACT, "l"
        iq.addChild(page_element(listed(numbered(3)), ListQuery("", 0, 0)))
        self.client.send(iq)
