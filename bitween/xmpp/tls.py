"""Whom we trust: the platform's authorities, and one more if a file of it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from OpenSSL import crypto
from twisted.internet import ssl
from twisted.internet._sslverify import IOpenSSLTrustRoot  # public nowhere else
from zope.interface import implementer

from bitween.errors import ConfigurationError


@implementer(IOpenSSLTrustRoot)
class _Both:
    """The platform's trust roots and others beside them."""

    def __init__(self, further: IOpenSSLTrustRoot) -> None:
        self._roots = (ssl.platformTrust(), further)

    def _addCACertsToContext(self, context: Any) -> None:
        for root in self._roots:
            root._addCACertsToContext(context)  # noqa: SLF001  # Twisted's interface is named so


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
    return ssl.optionsForClientTLS(
        domain, trustRoot=root, acceptableProtocols=list(protocols) or None
    )
