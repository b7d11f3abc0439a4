"""Our handlers on a stream in memory, logged in, with a roster of four."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.jid import JID
from twisted.words.xish import domish

from bitween.errors import XMPPError
from bitween.model.events import (
    MessengerEvent,
)
from bitween.xmpp.extensions.caps import Caps
from bitween.xmpp.namespaces import NS_SHARES
from bitween.xmpp.roster.presence import OwnPresence
from bitween.xmpp.roster.roster import (
    Roster,
)
from bitween.xmpp.session.send_budget import send_budget
from bitween.xmpp.shares.pep import Pep
from bitween.xmpp.shares.published_list import PublishedList
from tests.support.fakes.lists import Memory

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.test.helpers import TestableStreamManager  # isort: skip

HASH = "a" * 40
PUBSUB = "http://jabber.org/protocol/pubsub"
ROSTER = (
    "<query xmlns='jabber:iq:roster'>"
    "<item jid='bob@localhost' name='Bob' subscription='both'>"
    "<group>b</group><group>a</group></item>"
    "<item jid='carol@localhost' subscription='to'/>"
    "<item jid='dave@localhost' subscription='from'/>"
    "<item jid='erin@localhost' subscription='none' ask='subscribe'/>"
    "</query>"
)


def xml(text: str) -> Any:
    """Parse a stanza as a stream would."""
    roots: list[Any] = []
    parser = domish.elementStream()
    parser.DocumentStartEvent = lambda _: None
    parser.ElementEvent = roots.append
    parser.DocumentEndEvent = lambda: None
    parser.parse(f"<stream xmlns='jabber:client'>{text}".encode())
    return roots[0]


def item_of(resource: str, name: str = "n") -> str:
    """A PEP item of one share."""
    return (
        f"<item id='{resource}'><user_shares xmlns='{NS_SHARES}'><resource resource='{resource}'>"
        f"<share_item name='{name}' hash='{HASH}' size='1'/></resource></user_shares></item>"
    )


def event_of(sender: str, content: str) -> str:
    """A notification."""
    return (
        f"<message from='{sender}' to='alice@localhost/here' type='headline'>"
        f"<event xmlns='{PUBSUB}#event'>{content}</event></message>"
    )


class Manager(TestableStreamManager):
    """Stands for the client: a session that is up."""

    def __init__(self, clock: Clock) -> None:
        self.jid = JID("alice@localhost/here")
        self.online = False
        self.given_up: list[XMPPError] = []
        super().__init__(clock)
        self.stub.xmlstream.features = {}
        self.stub.xmlstream.iqDefaultTimeout = 30
        self.stub.xmlstream._callLater = clock.callLater  # noqa: SLF001  # Twisted's
        self.caps = Caps()
        self.caps.setHandlerParent(self)
        self.presence = OwnPresence(self.caps)

    @property
    def in_session(self) -> bool:
        """Whether there is a session."""
        return self.online

    def session_is_ready(self) -> None:
        """The roster is here."""
        self.online = True

    def give_up_session(self, error: XMPPError) -> None:
        """The session is of no use."""
        self.given_up.append(error)


class HandlerCase(SynchronousTestCase):
    """A stream in memory with our handlers on it, logged in."""

    def setUp(self) -> None:
        """Log in, with a roster of four."""
        self.clock = Clock()
        self.told: list[MessengerEvent] = []
        self.manager = Manager(self.clock)
        self.contacts = Roster(self.clock, self.told.append, self.manager.presence)
        self.own = PublishedList(Memory())
        budget = send_budget(self.clock)
        self.pep = Pep(self.clock, budget, self.contacts.trusts, self.told.append, self.own)
        for handler in (self.contacts, self.pep):
            handler.setHandlerParent(self.manager)
        self.answer(ROSTER)
        self.told.clear()
        self.output.clear()

    @property
    def output(self) -> list[Any]:
        """What was sent."""
        found: list[Any] = self.manager.stub.output
        return found

    def receive(self, text: str) -> None:
        """Let a stanza come in."""
        self.manager.stub.send(xml(text))

    def answer(self, content: str, index: int = -1, sender: str = "") -> None:
        """Answer the request that was sent last."""
        sent = self.output[index]
        origin = f"from='{sender}'" if sender else ""
        self.receive(f"<iq type='result' id='{sent['id']}' {origin}>{content}</iq>")

    def sent(self) -> list[tuple[str, str | None, str | None]]:
        """Name, type and recipient of what was sent since the last look."""
        stanzas = [(e.name, e.getAttribute("type"), e.getAttribute("to")) for e in self.output]
        self.output.clear()
        return stanzas


REFUSED = (
    "<error type='cancel'>"
    "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
)
