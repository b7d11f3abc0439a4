"""A throw-away certificate authority."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: From when to when something is valid.
Period = tuple[dt.datetime, dt.datetime]

_VALIDITY = dt.timedelta(days=30)
_CLOCK_SKEW = dt.timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """
    A server's certificate and its private key.

    :param certificate_pem: the certificate, followed by its issuer's.
    """

    certificate_pem: bytes
    key_pem: bytes


class ThrowAwayAuthority:
    """A certificate authority whose private key lives in memory only."""

    def __init__(self, name: str = "bitween throw-away CA", valid: Period | None = None) -> None:
        """:param valid: the default is a month from yesterday on."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        self._certificate = (
            _builder(self._name, self._name, self._key, self._key, valid)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate_pem(self) -> bytes:
        """The trust root."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, domains: Sequence[str], valid: Period | None = None) -> Issued:
        """
        Make a server's certificate.

        :param domains: the names it is valid for, the main one first.
        :param valid: the default is a month from yesterday on.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domains[0])])
        names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in domains])
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        certificate = (
            _builder(subject, self._name, key, self._key, valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .add_extension(purpose, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(
            certificate.public_bytes(serialization.Encoding.PEM) + self.certificate_pem,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    valid: Period | None,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    begin, end = valid or (now - _CLOCK_SKEW, now + _VALIDITY)
    # Python 3.13 verifies strictly (RFC 5280 §4.2.1.1): both identifiers have to be there.
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(own, critical=False)
        .add_extension(authority, critical=False)
    )
