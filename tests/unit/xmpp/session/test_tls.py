"""Which certificates a client accepts, by handshakes in memory."""

from __future__ import annotations

import contextlib
import datetime as dt
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import ConfigurationError
from bitween.testing.certificates import Issued, ThrowAwayAuthority
from bitween.xmpp.session.tls import (
    MAX_NAMES,
    CertificateForAnother,
    CertificateNotAccepted,
    connection_options,
)


class Protocol:
    """
    Stands for the TLS protocol of the client.

    :ivar error: why the server's certificate is refused; ``None`` if it is not.
    """

    error: BaseException | None = None
    # Twisted asks it for the protocols that it speaks (ALPN).
    factory = SimpleNamespace(wrappedFactory=None)

    def failVerification(self, failure: Failure) -> None:
        """Note why."""
        self.error = failure.value


def nameless() -> Issued:
    """A certificate that vouches for itself, without a subject alternative name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def refusal(domain: str, issued: Issued, ca_pem: bytes) -> BaseException | None:
    """Why a client of a domain refuses a server's certificate; ``None`` if it accepts it."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate(crypto.load_certificate(crypto.FILETYPE_PEM, issued.certificate_pem))
    context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, issued.key_pem))
    server = SSL.Connection(context)
    server.set_accept_state()
    protocol = Protocol()
    client: Any = connection_options(domain, ca_pem).clientConnectionForTLS(protocol)
    client.set_connect_state()
    for _ in range(4):
        for side, other in ((client, server), (server, client)):
            try:
                side.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                return protocol.error
            with contextlib.suppress(SSL.WantReadError):
                other.bio_write(side.bio_read(2**16))
    return protocol.error


class CertificateTests(SynchronousTestCase):
    """The server's certificate and the domain of the JID (RFC 6120 §13.7.2)."""

    def setUp(self) -> None:
        """Have an authority that the client trusts."""
        self.authority = ThrowAwayAuthority()

    def refusal(self, domain: str, *names: str) -> BaseException | None:
        """Why a client of a domain refuses a certificate for these names."""
        return refusal(domain, self.authority.issue(names), self.authority.certificate_pem)

    def test_a_certificate_for_the_domain_is_accepted(self) -> None:
        """One of its names has to be the domain."""
        self.assertIsNone(self.refusal("example.org", "example.com", "example.org"))

    def test_a_certificate_for_other_domains_is_refused_with_their_names(self) -> None:
        """The error lists the names, without control characters."""
        error = self.refusal("example.org", "example.com", "e\x1bvil.net")
        assert isinstance(error, CertificateForAnother)
        self.assertEqual(error.domain, "example.org")
        self.assertTrue(error.names.startswith("example.com, e"), error.names)
        self.assertTrue(error.names.isprintable())

    def test_a_long_list_of_names_is_cut(self) -> None:
        """The error lists some names, and shows that there are more."""
        names = [f"{number}.example.com" for number in range(MAX_NAMES + 1)]
        error = self.refusal("example.org", *names)
        assert isinstance(error, CertificateForAnother)
        self.assertEqual(error.names, ", ".join([*names[:MAX_NAMES], "…"]))

    def test_a_certificate_without_names_is_refused(self) -> None:
        """The subject's common name does not count, and the error lists no name."""
        issued = nameless()
        error = refusal("example.org", issued, issued.certificate_pem)
        assert isinstance(error, CertificateForAnother)
        self.assertEqual(error.names, "")

    def test_a_certificate_of_an_unknown_authority_is_refused(self) -> None:
        """The names do not matter then."""
        issued = ThrowAwayAuthority().issue(["example.org"])
        error = refusal("example.org", issued, self.authority.certificate_pem)
        self.assertIsInstance(error, CertificateNotAccepted)

    def test_a_ca_file_without_a_certificate_is_an_error(self) -> None:
        """It is found when the daemon starts."""
        with self.assertRaises(ConfigurationError):
            connection_options("example.org", b"no certificate")
