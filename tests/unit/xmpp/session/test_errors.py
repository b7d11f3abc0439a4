"""Failures of the connection, in words."""

from __future__ import annotations

from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.error import StreamError
from twisted.words.xish.domish import ParserError

from bitween.errors import CertificateRefused, LogInRefused
from bitween.xmpp.session.connection_errors import connection_error
from bitween.xmpp.session.parser import NoStream
from bitween.xmpp.session.tls import CertificateForAnother


class ConnectionErrorTests(SynchronousTestCase):
    """What a person reads."""

    def test_a_stream_error(self) -> None:
        """The server's reason is told in words."""
        for condition, words in (
            ("system-shutdown", "the server is shutting down"),
            ("conflict", "with the same resource, and this one gives way"),
        ):
            error = connection_error(StreamError(condition), "example.org", in_session=True)
            self.assertIn(words, str(error))

    def test_a_stream_error_without_a_reason(self) -> None:
        """That there is none is said, in words of a person."""
        error = connection_error(StreamError(None), "example.org")
        self.assertIn("example.org closed the stream: no reason given", str(error))

    def test_a_conflict_before_there_is_a_session(self) -> None:
        """Nobody has taken a resource that we do not have yet: that passes."""
        error = connection_error(StreamError("conflict"), "example.org")
        self.assertNotIsInstance(error, LogInRefused)

    def test_a_refused_connection(self) -> None:
        """The server is named."""
        error = connection_error(Refused(), "example.org:5222")
        self.assertIn("example.org:5222 refuses connections", str(error))
        self.assertEqual(
            (error.id, error.values), ("not_connected.refused", {"host": "example.org:5222"})
        )

    def test_what_is_no_xmpp(self) -> None:
        """Who names the port of something else, or of TLS, is told what to look at."""
        error = connection_error(NoStream("syntax error: line 1"), "example.org:443")
        self.assertEqual(error.message, "example.org:443 does not speak XMPP: syntax error: line 1")
        self.assertIn("xmpps://", error.hint)
        error = connection_error(ParserError("syntax error"), "example.org")
        self.assertIn("example.org sent XML that bitween does not take", str(error))
        self.assertEqual(error.hint, "")

    def test_a_certificate_for_another(self) -> None:
        """Both names are told: the one that was wanted, and what it is for."""
        error = connection_error(CertificateForAnother("a.org", "b.org"), "127.0.0.1:5222")
        self.assertIsInstance(error, CertificateRefused)
        self.assertIn("of 127.0.0.1:5222 is not for a.org, but for b.org (", str(error))
        error = connection_error(CertificateForAnother("a.org", ""), "127.0.0.1:5222")
        self.assertIn("is not for a.org (", str(error))

    def test_an_unknown_failure(self) -> None:
        """What it says of itself is told, and can be told apart from the rest."""
        error = connection_error(OSError("odd\nthing"), "example.org")
        self.assertIn("no connection to example.org: odd\ufffdthing", str(error))
        self.assertEqual(error.values, {"host": "example.org", "why": "odd\ufffdthing"})
