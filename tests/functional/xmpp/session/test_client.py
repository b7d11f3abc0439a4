"""The connection: forged answers, back-off, keep-alive, clean close, refusals; traffic log."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.sasl import SASLAuthError
from twisted.words.protocols.jabber.xmlstream import IQ
from twisted.words.xish import domish
from twisted.words.xish.xmlstream import STREAM_END_EVENT

from bitween.errors import (
    ConfigurationError,
    CredentialsRefused,
    InvalidValue,
    NotConnected,
)
from bitween.model.connection import ConnectionState
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from bitween.xmpp.session.stream import MAX_OVERDRAWN
from bitween.xmpp.session.stream_management import StreamManagement
from tests.support.client_case import SECRET, ClientCase

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.subprotocols import XMPPHandler  # isort: skip


class AnswerTests(ClientCase):
    """Answers are taken only from who was asked."""

    def ask(self, stream: Any, to: str | None) -> tuple[list[Any], str]:
        """Send a request; gives the list into which its answer goes, and its id."""
        answers: list[Any] = []
        request = IQ(stream, "get")
        request.addElement(("urn:x", "query"))
        request.send(to).addBoth(answers.append)
        return answers, request["id"]

    def reply(self, stream: Any, stanza_id: str, sender: str | None) -> None:
        """Let an answer come in."""
        origin = f"from='{sender}'" if sender is not None else ""
        stream.dataReceived(f"<iq type='result' id='{stanza_id}' {origin}/>".encode())

    def test_a_strangers_answer_is_refused(self) -> None:
        """Another sender cannot answer, even if it knows the id."""
        stream = self.log_in()
        for to in ("bob@localhost", "localhost", None):
            answers, stanza_id = self.ask(stream, to)
            forgers = ["mallory@localhost", "bob@localhost/x", "localhost.evil"]
            if to == "bob@localhost":
                forgers += ["localhost", "alice@localhost"]
            for forger in forgers:
                self.reply(stream, stanza_id, forger)
            self.assertEqual(answers, [], to)
            self.reply(stream, stanza_id, to)
            self.assertEqual(len(answers), 1, to)
        self.assertEqual(stream.forged, 11)

    def test_our_server_may_leave_its_name_out(self) -> None:
        """What goes to our server or account may be answered by either name, or none."""
        stream = self.log_in()
        for to in ("localhost", "alice@localhost", None):
            for sender in (None, "localhost", "alice@localhost", "alice@localhost/here"):
                answers, stanza_id = self.ask(stream, to)
                self.reply(stream, stanza_id, sender)
                self.assertEqual(len(answers), 1, (to, sender))

    def test_an_answer_counts_once(self) -> None:
        """What nobody asked, or nobody asks any more, is refused."""
        stream = self.log_in()
        _, stanza_id = self.ask(stream, None)
        self.reply(stream, stanza_id, None)
        self.reply(stream, stanza_id, None)
        self.reply(stream, "H_1", None)
        self.assertEqual(stream.forged, 2)

    def test_ids_cannot_be_guessed(self) -> None:
        """They are long, and have nothing to do with each other."""
        stream = self.log_in()
        ids = {self.ask(stream, None)[1] for _ in range(100)}
        self.assertEqual(len(ids), 100)
        self.assertEqual({len(stanza_id) for stanza_id in ids}, {24})

    def test_no_answer_is_an_answer(self) -> None:
        """A request fails after 30 s."""
        stream = self.log_in()
        answers, _ = self.ask(stream, "bob@localhost")
        self.reactor.advance(29)
        self.assertEqual(answers, [])
        self.reactor.advance(2)
        self.assertEqual(len(answers), 1)


class RequestTests(ClientCase):
    """Requests are answered only to those who may know that we are there."""

    def ask(self, stream: Any, sender: str, kind: str = "get") -> str:
        """Let a request come in; what is sent upon it."""
        self.transport.clear()
        query = "<query xmlns='http://jabber.org/protocol/disco#info'><x/></query>"
        stream.dataReceived(f"<iq type='{kind}' id='d' from='{sender}'>{query}</iq>".encode())
        return str(self.transport.value().decode())

    def test_a_stranger_gets_what_the_server_would_say(self) -> None:
        """No handler sees the request, and the answer repeats nothing of it."""
        seen: list[Any] = []
        self.client.answer_only(lambda sender: sender.startswith("bob@"))
        stream = self.log_in()
        stream.addObserver("/iq", seen.append)
        for kind in ("get", "set"):
            answer = self.ask(stream, "mallory@localhost/x", kind)
            self.assertIn("<service-unavailable", answer)
            self.assertNotIn("disco#info", answer)
        self.assertEqual(seen, [])
        self.assertEqual(self.ask(stream, "bob@localhost/x"), "")
        self.assertEqual(len(seen), 1)

    def test_what_is_no_request_gets_no_answer(self) -> None:
        """An error upon an error would never end."""
        self.client.answer_only(lambda _: False)
        stream = self.log_in()
        for kind in ("error", "result", "nonsense"):
            self.assertEqual(self.ask(stream, "mallory@localhost/x", kind), "")

    def test_messages_leave_no_trace(self) -> None:
        """Every one is kept out of archives and from the account's other devices."""
        stream = self.log_in()
        self.transport.clear()
        message = domish.Element((None, "message"))
        message["to"] = "bob@localhost"
        stream.send(message)
        sent = self.transport.value().decode()
        for hint in ("<no-store xmlns='urn:xmpp:hints'", "no-copy", "urn:xmpp:carbons:2"):
            self.assertIn(hint, sent)


class StayingTests(ClientCase):
    """States, back-off and keep-alive."""

    def test_a_network_failure_is_tried_again(self) -> None:
        """The state says why and when another try comes; nothing is fatal."""
        self.assertIs(self.state, ConnectionState.CONNECTING)
        delays = []
        for _ in range(8):
            self.refuse_connection()
            self.assertIs(self.state, ConnectionState.WAITING)
            self.assertIn("refuses connections", self.client.status.error)
            next_try = self.client.status.next_try
            delays.append(self.connects_after())
            self.assertAlmostEqual(next_try or 0.0, self.reactor.seconds(), delta=1)
            self.assertIsNone(self.client.status.next_try)
        self.assertEqual(delays, [1, 2, 4, 8, 16, 32, 40, 40])
        self.assertEqual(self.fatal, [])

    def test_back_off_is_reset_by_a_session_only(self) -> None:
        """A TCP connection that leads to nothing does not make the next try come sooner."""
        delays = []
        for _ in range(3):
            self.lose(self.connect())
            delays.append(self.connects_after())
        self.assertEqual(delays, [1, 2, 4])
        stream = self.log_in()
        self.reactor.advance(11)
        self.lose(stream)
        self.assertEqual(self.connects_after(), 1)

    def test_online_and_off_again(self) -> None:
        """The status follows, with the reason."""
        stream = self.log_in()
        self.assertIs(self.state, ConnectionState.ONLINE)
        self.assertEqual(self.client.status.error, "")
        self.lose(stream)
        self.assertIs(self.state, ConnectionState.WAITING)
        self.assertIn("was lost", self.client.status.error)

    def test_a_negotiation_that_hangs_is_given_up(self) -> None:
        """After 30 s the connection is cut."""
        stream = self.connect()
        self.reactor.advance(31)
        self.assertTrue(self.transport.aborted)
        self.lose(stream)
        self.assertIn("stopped answering", self.client.status.error)

    def test_a_dead_link_is_noticed(self) -> None:
        """A ping after 25 s that gets no answer within 10 s ends the connection."""
        stream = self.log_in()
        self.transport.clear()
        self.reactor.advance(25)
        self.assertIn(b"urn:xmpp:ping", self.transport.value())
        self.reactor.advance(9)
        self.assertFalse(self.transport.aborted)
        self.reactor.advance(2)
        self.assertTrue(self.transport.aborted)
        self.lose(stream)
        self.assertIn("stopped answering", self.client.status.error)

    def test_after_a_sleep(self) -> None:
        """After a suspend, the client checks at once whether the link is still up."""
        self.log_in()
        self.transport.clear()
        self.client.look_alive()
        self.assertIn(b"urn:xmpp:ping", self.transport.value())
        self.reactor.advance(11)
        self.assertTrue(self.transport.aborted)

    def test_after_a_sleep_without_a_link(self) -> None:
        """Or tries to have one again, without waiting for the time of the next try."""
        for _ in range(5):
            self.refuse_connection()
            self.client.look_alive()
            self.assertIs(self.state, ConnectionState.CONNECTING)
        self.client.look_alive()
        self.assertIs(self.state, ConnectionState.CONNECTING)

    def test_an_answered_ping_keeps_the_link(self) -> None:
        """An error is an answer too."""
        stream = self.log_in()
        for kind in ("result", "error", "result"):
            self.transport.clear()
            self.reactor.advance(25)
            self.assertFalse(self.transport.aborted)
            stanza_id = self.transport.value().decode().split("id='")[1][:24]
            stream.dataReceived(f"<iq type='{kind}' from='localhost' id='{stanza_id}'/>".encode())

    def test_a_slow_server_is_given_time(self) -> None:
        """A ping that stands in line behind a large stanza may take longer."""
        self.log_in()
        self.reactor.advance(24)
        self.client.send("x" * 80_000)
        self.reactor.advance(1)
        self.reactor.advance(12)
        self.assertFalse(self.transport.aborted)
        self.reactor.advance(40)
        self.assertTrue(self.transport.aborted)

    def test_a_server_that_has_us_answer_without_end(self) -> None:
        """
        It is left for a new link, before what it does not read fills the memory.

        Each of its questions is short, and must be answered; that the link is alive, it may prove
        by answering pings.
        """
        stream = self.log_in()
        stream.management = StreamManagement(None)
        asking = b"<r xmlns='urn:xmpp:sm:3'/>" * 1000
        for _ in range(MAX_OVERDRAWN // len(asking)):
            stream.dataReceived(asking)
            self.transport.clear()
            if self.transport.aborted:
                break
        self.assertTrue(self.transport.aborted)
        self.lose(stream)
        self.connects_after()
        self.log_in()
        self.client.xmlstream.dataReceived(b" ")
        self.assertFalse(self.transport.aborted)

    def test_a_stream_that_cannot_be_read(self) -> None:
        """It is cut off, not closed: a server that leaves it open would keep us online to see."""
        stream = self.log_in()
        stream.dataReceived(b"<a></b>")
        self.assertTrue(self.transport.aborted)
        self.lose(stream)
        self.assertIn("does not take", self.client.status.error)
        self.assertGreater(self.connects_after(), 0)

    def test_another_login_with_our_resource_is_not_fought(self) -> None:
        """After ``conflict`` there is no other try, however long the session was, nor later on."""
        stream = self.log_in()
        stream.dataReceived(
            b"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        )
        self.lose(stream)
        self.assertIs(self.state, ConnectionState.FAILED)
        self.assertIn("same resource", self.client.status.error)
        self.assertEqual([error.id for error in self.fatal], ["log_in_refused.conflict"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_conflict_before_the_log_in_is_not_believed(self) -> None:
        """Anybody in between could say so before TLS, and have the daemon end for good."""
        stream = self.connect()
        stream.dataReceived(
            b"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
        )
        self.lose(stream)
        self.assertIs(self.state, ConnectionState.WAITING)
        self.assertEqual(self.fatal, [])

    def test_it_is_not_online_where_a_session_ends(self) -> None:
        """Who is told of the end, and looks, must not take the session for usable."""
        told: list[bool] = []

        class Handler(XMPPHandler):
            def connectionLost(self, reason: Any) -> None:
                super().connectionLost(reason)
                told.append(client.online)

        client = self.client
        Handler().setHandlerParent(client)
        self.lose(self.log_in())
        self.assertEqual(told, [False])

    def test_requests_fail_when_the_session_ends(self) -> None:
        """None is left hanging, and none can be sent without a session."""
        stream = self.log_in()
        request = IQ(stream, "get").send("bob@localhost")
        self.lose(stream)
        self.failureResultOf(request)
        self.assertRaises(NotConnected, self.client.send, "<presence/>")


class RefusalTests(ClientCase):
    """Log-ins that another try would not mend."""

    def refuse(self, stream: Any, condition: str = "not-authorized") -> None:
        """Let the server refuse the log-in."""
        self.client.initializationFailed(Failure(SASLAuthError(condition)))
        self.lose(stream)

    def test_at_the_first_log_in_it_is_fatal(self) -> None:
        """It is reported once, the state is failed, and there is no other try."""
        self.refuse(self.connect())
        (error,) = self.fatal
        self.assertIsInstance(error, CredentialsRefused)
        self.assertTrue(error.hint)
        self.assertIs(self.state, ConnectionState.FAILED)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_later_it_is_not(self) -> None:
        """The state stays failed, and a try is made every minute."""
        self.lose(self.log_in())
        self.reactor.advance(1)
        self.refuse(self.connect())
        self.assertEqual(self.fatal, [])
        self.assertIs(self.state, ConnectionState.FAILED)
        self.told.clear()
        (retry,) = self.reactor.getDelayedCalls()
        self.assertEqual(retry.getTime() - self.reactor.seconds(), 60)
        self.reactor.advance(60)
        self.assertIs(self.state, ConnectionState.FAILED)
        self.log_in()
        self.assertIs(self.state, ConnectionState.ONLINE)

    def test_a_passing_refusal_is_tried_again(self) -> None:
        """A server that cannot check the password at the moment is no reason to give up."""
        self.refuse(self.connect(), "temporary-auth-failure")
        self.assertIs(self.state, ConnectionState.WAITING)
        self.assertEqual(self.fatal, [])

    def test_what_passes_by_itself(self) -> None:
        """A disabled account is waited for; a password that has expired is not."""
        self.refuse(self.connect(), "account-disabled")
        self.assertIs(self.state, ConnectionState.WAITING)
        self.assertIn("disabled", self.client.status.error)
        self.assertEqual(self.fatal, [])
        self.connects_after()
        self.refuse(self.connect(), "credentials-expired")
        self.assertIn("password has expired", self.fatal[0].message)

    def test_a_server_that_sends_us_elsewhere(self) -> None:
        """It is not followed, so that no chain of them leads us anywhere; the place is told."""
        for place in ("evil.example:22", "x" * 500, ""):
            stream = self.connect()
            dialled = len(self.reactor.tcpClients)
            stream.dataReceived(
                b"<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
                + place.encode()
                + b"</see-other-host></stream:error>"
            )
            self.lose(stream)
            self.assertEqual(len(self.reactor.tcpClients), dialled)
            self.assertIn(
                f"sends us to {place[:100] or 'another server'}", self.client.status.error
            )
            self.assertLess(len(self.client.status.error), 300)
            self.assertGreater(self.connects_after(), 0)
        self.assertEqual(self.fatal, [])

    def test_a_server_without_encryption_is_refused(self) -> None:
        """The password is never sent in the clear."""
        stream = self.connect()
        stream.dataReceived(
            b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
            b"<mechanism>PLAIN</mechanism></mechanisms></stream:features>"
        )
        self.assertTrue(self.transport.aborted)
        self.lose(stream)
        self.assertIn("no encryption", self.fatal[0].message)
        self.assertNotIn(b"auth", self.transport.value())

    def test_what_was_sent_before_encryption_began(self) -> None:
        """
        What comes with the bytes that begin TLS is passed over.

        Anybody in between can add it, and what is answered to it would be within TLS.
        """
        stream = self.connect()
        stream.dataReceived(
            b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
            b"</stream:features>"
        )
        self.transport.clear()
        seen: list[Any] = []
        for kind in ("iq", "message", "features", "success"):
            stream.addObserver(f"/{kind}", seen.append)
        stream.addObserver(STREAM_END_EVENT, seen.append)
        self.transport.startTLS = lambda _: None
        stream.dataReceived(
            b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
            b"<iq type='get' id='1' from='mallory@localhost/x'><query xmlns='urn:x'/></iq>"
            b"<message from='mallory@localhost/x'><body>x</body></message>"
            b"<stream:features/><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:stream>"
        )
        self.assertEqual(seen, [])
        self.assertEqual(self.transport.value().count(b"<"), 1, self.transport.value())

    def test_a_wrong_domain_is_refused(self) -> None:
        """A server that does not serve the domain says so."""
        stream = self.connect()
        stream.dataReceived(
            b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
            b"</stream:error>"
        )
        self.lose(stream)
        self.assertIn("does not serve", self.fatal[0].message)

    def test_unusable_settings_are_refused_at_once(self) -> None:
        """A JID that is none, and a file without a certificate, are said at once."""
        for jid in ("", "localhost", "@localhost", "a b@localhost"):
            self.assertRaises(
                InvalidValue, Client, self.reactor, Account(jid, SECRET), self.fatal.append
            )
        account = Account("alice@localhost", SECRET, ca_pem=b"nonsense")
        self.assertRaises(ConfigurationError, Client, self.reactor, account, self.fatal.append)


class ClosingTests(ClientCase):
    """The end."""

    def test_it_says_goodbye(self) -> None:
        """Unavailable presence, then the end of the stream, then of the connection."""
        stream = self.log_in()
        self.transport.clear()
        stopped = self.client.stopService()
        self.assertEqual(self.transport.value(), b"<presence type='unavailable'/></stream:stream>")
        self.assertTrue(self.transport.disconnecting)
        self.assertNoResult(stopped)
        self.lose(stream)
        self.successResultOf(stopped)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_a_server_that_does_not_close_is_cut_off(self) -> None:
        """The end takes no longer than a few seconds."""
        self.log_in()
        self.client.stopService()
        self.reactor.advance(4)
        self.assertTrue(self.transport.aborted)

    def test_without_a_connection_it_ends_at_once(self) -> None:
        """While connecting or waiting there is nothing to close, and no other try."""
        self.lose(self.connect())
        self.successResultOf(self.client.stopService())
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class TrafficTests(ClientCase):
    """The log of the stream."""

    log_traffic = True

    def test_secrets_are_masked(self) -> None:
        """Both directions are logged, but nothing of what a log-in exchanges."""
        with capturedLogs() as events:
            stream = self.log_in()
            stream.send("<presence/>")
            for name in ("auth", "response", "challenge", "success"):
                element = f"<{name} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>c2VjcmV0</{name}>"
                stream.dataReceived(element.encode())
            stream.dataReceived("<message><body>\u202e\u0085</body></message>".encode())
        mine = [event for event in events if event["log_namespace"] == "bitween.xmpp.traffic"]
        text = "\n".join(filter(None, map(formatEvent, mine)))
        self.assertIn("out <presence/>", text)
        self.assertIn("in <challenge", text)
        self.assertNotIn("c2VjcmV0", text)
        self.assertIn("<body>\ufffd\ufffd</body>", text)
