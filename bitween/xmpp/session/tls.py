"""Certificate verification: the platform's authorities, and those of a given file."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from twisted.internet import ssl
from twisted.internet._sslverify import IOpenSSLTrustRoot  # public nowhere else
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.python.failure import Failure
from zope.interface import implementer

from bitween.errors import ConfigurationError
from bitween.model.jid import ascii_domain
from bitween.model.text import printable

#: Names of a certificate that the error for a wrong name lists.
MAX_NAMES = 3
_MAX_NAME = 100


@implementer(IOpenSSLTrustRoot)
class _Both:
    """The platform's trust roots, and additional ones."""

    def __init__(self, further: IOpenSSLTrustRoot) -> None:
        self._roots = (ssl.platformTrust(), further)

    def _addCACertsToContext(self, context: Any) -> None:
        for root in self._roots:
            root._addCACertsToContext(context)  # noqa: SLF001  # Twisted's interface is named so


class CertificateNotAccepted(SSL.Error):
    """
    OpenSSL does not accept the server's certificate, or one of those that vouch for it.

    :ivar code: why, one of :class:`OpenSSL.SSL.X509VerificationCodes`.
    :ivar depth: 0 for the server's own certificate, more for an authority's.
    :ivar certificate: the one that is not accepted.
    """

    def __init__(self, code: int, depth: int, certificate: x509.Certificate) -> None:
        super().__init__(f"verification error {code} at depth {depth}")
        self.code = code
        self.depth = depth
        self.certificate = certificate


class CertificateForAnother(SSL.Error):
    """
    The server's certificate is good, but not for the domain.

    :ivar domain: the one that it should be for.
    :ivar names: some of those that it is for, as a text; empty if there are none.
    """

    def __init__(self, domain: str, names: str) -> None:
        super().__init__(f"not for {domain}")
        self.domain = domain
        self.names = names


@implementer(IOpenSSLClientConnectionCreator)
class _Verifying:
    """Twisted's TLS client, which also reports why a certificate is not accepted."""

    def __init__(self, domain: str, creator: IOpenSSLClientConnectionCreator) -> None:
        """:param creator: makes connections; how they verify is replaced."""
        self._domain = domain
        self._creator = creator

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Make a connection."""
        connection = self._creator.clientConnectionForTLS(protocol)
        # The connection refers to its callback, and the protocol to the connection.
        asking = weakref.ref(protocol)

        def verify(_: object, certificate: crypto.X509, code: int, depth: int, ok: int) -> bool:
            try:
                if not ok:
                    raise CertificateNotAccepted(code, depth, certificate.to_cryptography())
                if depth == 0:
                    _check_name(certificate.to_cryptography(), self._domain)
            except (CertificateNotAccepted, CertificateForAnother):
                refused = asking()
                if refused is not None:
                    refused.failVerification(Failure())
                return False
            return True

        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(mode, verify)
        return connection


def _check_name(certificate: x509.Certificate, domain: str) -> None:
    """
    Check that a certificate is a domain's.

    :raises CertificateForAnother: if it is not.
    """
    try:
        if isIPAddress(domain) or isIPv6Address(domain):
            verify_certificate_ip_address(certificate, domain)
        else:
            verify_certificate_hostname(certificate, ascii_domain(domain))
    except (CertificateError, VerificationError):
        raise CertificateForAnother(domain, _names(certificate)) from None


def _names(certificate: x509.Certificate) -> str:
    """Some of the domains that a certificate is for, as far as they can be read."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return ""
    names = extension.value.get_values_for_type(x509.DNSName)
    more = ["…"] if len(names) > MAX_NAMES else []
    return ", ".join([printable(name, _MAX_NAME) for name in names[:MAX_NAMES]] + more)


def connection_options(domain: str, ca_pem: bytes | None, protocols: Sequence[bytes] = ()) -> Any:
    """
    Make what verifies a server's certificate chain, and that it is the domain's.

    :param domain: the domain of the JID, whatever host is dialled (RFC 6120 §13.7.2).
    :param ca_pem: further trust roots.
    :param protocols: what to say that will be spoken (ALPN, RFC 7301).
    :raises ConfigurationError: if there is no certificate in ``ca_pem``.
    """
    root: IOpenSSLTrustRoot = ssl.platformTrust()
    if ca_pem is not None:
        try:
            certificates = x509.load_pem_x509_certificates(ca_pem)
        except ValueError:
            raise ConfigurationError("there is no certificate in it", "check --ca-file") from None
        further = [ssl.Certificate(crypto.X509.from_cryptography(one)) for one in certificates]
        root = _Both(ssl.trustRootFromCertificates(further))
    options = ssl.optionsForClientTLS(
        domain, trustRoot=root, acceptableProtocols=list(protocols) or None
    )
    return _Verifying(domain, options)
