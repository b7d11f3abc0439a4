"""Stream management: a session that outlives its links (XEP-0198)."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import IQ, TLSInitiatingInitializer
from twisted.words.xish import domish

from bitween.errors import NotConnected
from bitween.model.connection import ConnectionState
from bitween.xmpp.namespaces import NS_SM
from bitween.xmpp.session.sasl import LogInInitializer
from bitween.xmpp.session.stream import MAX_HELD, MAX_HELD_SIZE
from bitween.xmpp.session.stream_management import MAX_STANZAS
from tests.support.client_case import ClientCase, Transport

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.subprotocols import XMPPHandler  # isort: skip


FEATURES = (
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
    f"<sm xmlns='{NS_SM}'/></stream:features>"
)


RESOURCE = "alice@localhost/given"


class Watcher(XMPPHandler):
    """A handler that notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def connectionInitialized(self) -> None:
        """A session begins."""
        self.told.append("begun")
        self.xmlstream.addObserver("/message", lambda message: self.told.append(str(message.body)))
        self.parent.session_is_ready()

    def connectionLost(self, reason: Any) -> None:
        """It is over."""
        super().connectionLost(reason)
        self.told.append("lost")


class SessionCase(ClientCase):
    """A client and the server's side of its negotiation after the log-in."""

    def setUp(self) -> None:
        """Watch what handlers are told."""
        super().setUp()
        self.watcher = Watcher()
        self.watcher.setHandlerParent(self.client)

    def negotiate(self) -> Any:
        """Connect, and come to where the log-in has succeeded."""
        stream = self.connect()
        before = (TLSInitiatingInitializer, LogInInitializer)
        stream.initializers = [one for one in stream.initializers if not isinstance(one, before)]
        self.transport.clear()
        stream.dataReceived(FEATURES.encode())
        return stream

    def bind(self, stream: Any, token: str | None = "t", early: str = "") -> None:
        """Give a resource, something that was waiting for it, and stream management."""
        (bind_id,) = re.findall("id='([0-9a-f]+)'", self.sent())
        stream.dataReceived(
            f"<iq type='result' id='{bind_id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<jid>{RESOURCE}</jid></bind></iq>".encode()
        )
        self.assertIn("<enable", self.sent())
        stream.dataReceived(early.encode())
        resumption = "" if token is None else f"resume='true' id='{token}'"
        stream.dataReceived(f"<enabled xmlns='{NS_SM}' {resumption}/>".encode())

    def begin(self, token: str | None = "t") -> Any:
        """Have a session."""
        stream = self.negotiate()
        self.bind(stream, token)
        self.assertIs(self.state, ConnectionState.ONLINE)
        return stream

    def come_back(self) -> Any:
        """Let a new connection come about, up to where the session may be resumed."""
        self.reactor.advance(2)
        return self.negotiate()

    def resume(self, stream: Any, handled: int, further: str = "") -> None:
        """Resume the session, and send something in the same breath."""
        answer = f"<resumed xmlns='{NS_SM}' previd='t' h='{handled}'/>{further}"
        stream.dataReceived(answer.encode())

    def sent(self) -> str:
        """What was sent since the last look."""
        text = str(self.transport.value().decode())
        self.transport.clear()
        return text


def message(body: str) -> domish.Element:
    """A stanza."""
    element = domish.Element((None, "message"))
    element.addElement("body", content=body)
    return element


class ResumptionTests(SessionCase):
    """A link is lost, and the session goes on over another one."""

    def test_stanzas_are_counted_and_acknowledged(self) -> None:
        """Ours are asked after, the server's are reported, and nothing else is counted."""
        stream = self.begin()
        self.client.send(message("one"))
        self.client.send(message("two"))
        self.assertEqual(self.sent().count(f"<r xmlns='{NS_SM}'/>"), 1)
        stream.dataReceived(f"<a xmlns='{NS_SM}' h='1'/>".encode())
        self.assertEqual(self.sent(), f"<r xmlns='{NS_SM}'/>")
        stream.dataReceived(f"<message/><presence/><r xmlns='{NS_SM}'/>".encode())
        self.assertEqual(self.sent(), f"<a xmlns='{NS_SM}' h='2'/>")

    def test_handlers_notice_nothing(self) -> None:
        """They neither lose a session nor begin one, and stanzas reach them as before."""
        self.lose(self.begin())
        stream = self.come_back()
        self.assertIn("<resume xmlns='urn:xmpp:sm:3' previd='t' h='0'/>", self.sent())
        self.resume(stream, 0, "<message><body>hello</body></message>")
        stream.dataReceived(b"<message><body>again</body></message>")
        self.assertEqual(self.watcher.told, ["begun", "hello", "again"])
        self.assertIs(self.state, ConnectionState.ONLINE)
        self.assertEqual(self.client.status.jid, RESOURCE)

    def test_the_status_tells_the_truth_meanwhile(self) -> None:
        """It is waiting or connecting, says why, and that the session may still be resumed."""
        self.lose(self.begin())
        self.told.clear()
        stream = self.come_back()
        self.assertEqual(
            [(status.state, status.resuming) for status in self.told],
            [(ConnectionState.CONNECTING, True)],
        )
        self.assertIn("was lost", self.client.status.error)
        self.assertEqual((self.client.online, self.client.in_session), (False, True))
        self.resume(stream, 0)
        status = self.client.status
        self.assertEqual((status.state, status.resuming), (ConnectionState.ONLINE, False))

    def test_what_was_lost_is_sent_again(self) -> None:
        """Also what was sent while there was no link; what had arrived is not."""
        stream = self.begin()
        self.client.send(message("arrived"))
        self.client.send(message("lost"))
        self.lose(stream)
        self.client.send(message("late"))
        stream = self.come_back()
        self.sent()
        self.resume(stream, 1)
        self.assertEqual(re.findall("<body>(.*?)</body>", self.sent()), ["lost", "late"])
        stream.dataReceived(f"<a xmlns='{NS_SM}' h='3'/>".encode())
        self.assertEqual(list(self.client.xmlstream.management.unacknowledged), [])

    def test_requests_stay_open(self) -> None:
        """An answer that comes over the new link counts, one of a stranger does not."""
        stream = self.begin()
        request = IQ(self.client.xmlstream, "get")
        answer: Deferred[Any] = request.send("bob@localhost")
        self.lose(stream)
        self.assertNoResult(answer)
        self.resume(self.come_back(), 0)
        for sender in ("mallory@localhost", "bob@localhost"):
            self.assertNoResult(answer)
            self.client.xmlstream.dataReceived(
                f"<iq type='result' id='{request['id']}' from='{sender}'/>".encode()
            )
        self.successResultOf(answer)

    def test_requests_still_time_out(self) -> None:
        """No request waits longer than 30 s, link or not."""
        stream = self.begin()
        answer: Deferred[Any] = IQ(self.client.xmlstream, "get").send("bob@localhost")
        self.lose(stream)
        self.resume(self.come_back(), 0)
        self.reactor.advance(31)
        self.failureResultOf(answer)

    def test_a_ping_of_the_old_link_says_nothing_of_the_new_one(self) -> None:
        """A time-out that is due after the resumption does not end it."""
        stream = self.begin()
        self.reactor.advance(25)
        self.lose(stream)
        stream = self.come_back()
        self.resume(stream, 0)
        self.reactor.advance(9)
        self.assertFalse(self.transport.aborted)
        self.assertIs(self.state, ConnectionState.ONLINE)

    def test_again_and_again(self) -> None:
        """A session may be resumed any number of times, if its links last a while."""
        self.lose(self.begin())
        for _ in range(10):
            stream = self.come_back()
            self.resume(stream, 0)
            self.reactor.advance(11)
            self.lose(stream)
        self.assertEqual(self.watcher.told, ["begun"])

    def test_a_stanza_that_kills_every_link_is_not_sent_for_ever(self) -> None:
        """When links break right after the resumption, the session is given up."""
        stream = self.begin()
        self.client.send(message("poison"))
        self.lose(stream)
        for n in range(3):
            self.assertEqual(self.watcher.told, ["begun"])
            self.reactor.advance(2.0 ** (n + 1))
            stream = self.negotiate()
            self.resume(stream, 0)
            self.lose(stream)
        self.assertEqual(self.watcher.told, ["begun", "lost"])

    def test_a_connection_that_fails_meanwhile(self) -> None:
        """A try that comes to nothing leaves the session as it was."""
        self.lose(self.begin())
        self.reactor.advance(2)
        self.refuse_connection()
        self.assertIs(self.state, ConnectionState.WAITING)
        self.reactor.advance(3)
        self.lose(self.connect())
        self.reactor.advance(5)
        self.resume(self.negotiate(), 0)
        self.assertEqual(self.watcher.told, ["begun"])


class EarlyTests(SessionCase):
    """Servers hand over what is for a resource as soon as it is bound (ejabberd does)."""

    def test_what_comes_before_the_session_begins(self) -> None:
        """A message is read then, not lost; it came before anything was counted."""
        stream = self.negotiate()
        self.bind(stream, early="<message><body>one</body></message>" * 2)
        self.assertEqual(self.watcher.told, ["begun", "one", "one"])
        stream.dataReceived(b"<message><body>two</body></message>")
        self.assertEqual(self.watcher.told[3:], ["two"])
        self.sent()
        stream.dataReceived(f"<r xmlns='{NS_SM}'/>".encode())
        self.assertEqual(self.sent(), f"<a xmlns='{NS_SM}' h='1'/>")

    def test_what_comes_before_the_binding(self) -> None:
        """There is no session whose it could be: nothing is answered, nothing kept for later."""
        self.client.answer_only(lambda _: False)
        stream = self.negotiate()
        before = self.transport.value()
        stream.dataReceived(
            b"<message><body>one</body></message>"
            b"<iq type='get' id='d' from='mallory@localhost/x'><query xmlns='urn:x'/></iq>"
        )
        self.assertEqual(self.transport.value(), before)
        self.bind(stream)
        self.assertEqual(self.watcher.told, ["begun"])

    def test_what_is_kept_is_bounded(self) -> None:
        """A server cannot fill the memory before the session begins."""
        many = "<message><body>x</body></message>" * (2 * MAX_HELD)
        self.bind(self.negotiate(), early=many)
        self.assertEqual(len(self.watcher.told), 1 + MAX_HELD)
        self.watcher.told.clear()
        self.client.give_up_session(NotConnected("gone"))
        self.lose(self.client.xmlstream)
        large = f"<message><body>{'x' * (MAX_HELD_SIZE // 2)}</body></message>" * 4
        self.bind(self.come_back(), early=large)
        self.assertEqual(len(self.watcher.told), 3)


class BindingTests(SessionCase):
    """Which account a session is of."""

    def answer(self, jid: str) -> Any:
        """Have the server bind a JID; the stream."""
        stream = self.negotiate()
        (bind_id,) = re.findall("id='([0-9a-f]+)'", self.sent())
        stream.dataReceived(
            f"<iq type='result' id='{bind_id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            f"<jid>{jid}</jid></bind></iq>".encode()
        )
        return stream

    def test_an_account_of_another_domain(self) -> None:
        """A server cannot speak for it; shown as ours, it would be told to contacts."""
        for jid in (
            "alice@evil.example/here",
            "alice@\u2024\u2024/x",
            "localhost/x",
            "alice@localhost",
        ):
            stream = self.answer(jid)
            self.assertTrue(self.transport.aborted, jid)
            self.lose(stream)
            self.assertIn("the server binds the session to", self.client.status.error)
            self.assertEqual(self.client.jid.full(), "alice@localhost/here")
            self.reactor.advance(60)

    def test_another_account_of_the_domain(self) -> None:
        """It may be the same account's proper name; the log says so."""
        with capturedLogs() as logged:
            self.answer("alicia@localhost/here").dataReceived(
                f"<enabled xmlns='{NS_SM}'/>".encode()
            )
        self.assertEqual(self.client.jid.full(), "alicia@localhost/here")
        lines = [formatEvent(event) for event in logged]
        self.assertIn(
            "the server has logged us in as alicia@localhost, not as alice@localhost", lines
        )


class LostSessionTests(SessionCase):
    """A session that is over, and when that is told."""

    def test_a_server_that_forgot_the_session(self) -> None:
        """Upon its refusal the loss is told, requests fail, and a new session begins."""
        stream = self.begin()
        answer: Deferred[Any] = IQ(self.client.xmlstream, "get").send("bob@localhost")
        self.lose(stream)
        stream = self.come_back()
        self.assertEqual(self.watcher.told, ["begun"])
        self.sent()
        stream.dataReceived(
            f"<failed xmlns='{NS_SM}'><item-not-found "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>".encode()
        )
        self.told.clear()
        self.bind(stream)
        self.assertEqual(self.watcher.told, ["begun", "lost", "begun"])
        self.assertEqual(
            [(status.state, status.resuming) for status in self.told],
            [(ConnectionState.CONNECTING, False), (ConnectionState.ONLINE, False)],
        )
        self.failureResultOf(answer)

    def test_it_is_not_kept_for_ever(self) -> None:
        """After a while without a link the loss is told, whatever the server may keep."""
        self.lose(self.begin())
        for _ in range(12):
            self.reactor.advance(10)
            if self.state is ConnectionState.CONNECTING:
                self.refuse_connection()
        self.assertEqual(self.watcher.told, ["begun", "lost"])
        self.assertFalse(self.client.status.resuming)

    def test_without_resumption_the_loss_is_told_at_once(self) -> None:
        """The server may offer stream management and no resumption, or none of it."""
        self.lose(self.begin(token=None))
        self.assertEqual(self.watcher.told, ["begun", "lost"])
        self.reactor.advance(2)
        self.lose(self.log_in())
        self.assertEqual(self.watcher.told[:3], ["begun", "lost", "begun"])
        self.assertEqual(self.watcher.told[-1], "lost")

    def test_a_session_that_the_server_ended(self) -> None:
        """A stream error and a proper end leave nothing to resume."""
        error = b"<stream:error><system-shutdown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        for end in (error + b"</stream:error>", b"</stream:stream>", b"<<<"):
            self.watcher.told.clear()
            stream = self.begin()
            stream.dataReceived(end)
            self.lose(stream)
            self.assertEqual(self.watcher.told, ["begun", "lost"])
            self.reactor.advance(60)

    def test_a_wrong_answer_to_the_resumption(self) -> None:
        """Another session's token ends the try, not the session; a senseless count is survived."""
        self.lose(self.begin())
        stream = self.come_back()
        stream.dataReceived(f"<resumed xmlns='{NS_SM}' previd='other' h='0'/>".encode())
        self.assertTrue(self.transport.aborted)
        self.lose(stream)
        self.assertEqual(self.watcher.told, ["begun"])
        self.reactor.advance(3)
        stream = self.negotiate()
        stream.dataReceived(f"<resumed xmlns='{NS_SM}' previd='t' h='many'/>".encode())
        self.assertIs(self.state, ConnectionState.ONLINE)
        self.lose(stream)
        self.assertEqual(self.watcher.told, ["begun", "lost"])

    def test_a_full_queue_ends_resumption(self) -> None:
        """A client that cannot send everything again does not try to resume."""
        stream = self.begin()
        for _ in range(MAX_STANZAS + 1):
            self.client.send(message("x"))
        self.assertIs(self.state, ConnectionState.ONLINE)
        self.lose(stream)
        self.assertEqual(self.watcher.told, ["begun", "lost"])

    def test_a_refused_log_in_ends_it(self) -> None:
        """When the password was changed meanwhile, the loss is told with the refusal."""
        self.lose(self.begin())
        self.reactor.advance(2)
        stream = self.connect()
        stream.dataReceived(b"<stream:features/>")
        self.lose(stream)
        self.assertIs(self.state, ConnectionState.FAILED)
        self.assertEqual(self.watcher.told, ["begun", "lost"])


class StoppingTests(SessionCase):
    """The end leaves no session behind on the server, as far as that can be reached."""

    def test_the_stream_is_closed(self) -> None:
        """Only a closed stream is not kept for being resumed."""
        stream = self.begin()
        self.sent()
        stopped = self.client.stopService()
        self.assertTrue(self.sent().endswith("</stream:stream>"))
        self.lose(stream)
        self.successResultOf(stopped)
        self.assertEqual(self.watcher.told, ["begun", "lost"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_without_a_link(self) -> None:
        """There is nobody to say it to; the loss is told and no try follows."""
        self.lose(self.begin())
        self.successResultOf(self.client.stopService())
        self.assertEqual(self.watcher.told, ["begun", "lost"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_in_the_middle_of_the_resumption(self) -> None:
        """The new link is closed, and the session is over."""
        self.lose(self.begin())
        stream = self.come_back()
        stopped = self.client.stopService()
        self.assertTrue(self.transport.disconnecting)
        self.lose(stream)
        self.successResultOf(stopped)
        self.assertEqual(self.watcher.told, ["begun", "lost"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class GuardTests(SessionCase):
    """What the negotiation leaves behind."""

    def test_transports_are_not_mixed_up(self) -> None:
        """What is sent after the resumption goes over the new link alone."""
        stream = self.begin()
        old: Transport = self.transport
        self.lose(stream)
        old.clear()
        self.resume(self.come_back(), 0)
        self.sent()
        self.client.send(message("new"))
        self.assertEqual(old.value(), b"")
        self.assertIn("new", self.sent())

    def test_an_error_answer_is_an_error(self) -> None:
        """Refusals reach the requests that were sent before the link broke."""
        stream = self.begin()
        request = IQ(self.client.xmlstream, "get")
        answer: Deferred[Any] = request.send("bob@localhost")
        self.lose(stream)
        self.resume(self.come_back(), 1)
        self.client.xmlstream.dataReceived(
            f"<iq type='error' id='{request['id']}' from='bob@localhost'><error type='cancel'>"
            "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>".encode()
        )
        self.failureResultOf(answer, StanzaError)
