"""Tests of the TLS authority of a share."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from bitween.crypto.authority import authority_of, new_credentials
from bitween.model.seal import derived

SECRET = bytes(range(32))
# What every version, and every other program, derives of this secret.
AUTHORITY = """\
-----BEGIN CERTIFICATE-----
MIIBJjCBzaADAgECAgEBMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBXNoYXJlMCAX
DTIwMDEwMTAwMDAwMFoYDzIwOTkwMTAxMDAwMDAwWjAQMQ4wDAYDVQQDDAVzaGFy
ZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKLoYrE/FAAzVgrQ1Joj0L0JHWuW
6fsyfNGH/eEjZfoAw7cqXl0M8Y9njC40ejf7Qn55pGc7/ZdzFwwQwh4xvUGjFjAU
MBIGA1UdEwEB/wQIMAYBAf8CAQAwCgYIKoZIzj0EAwIDSAAwRQIgTEf2FZNMjv4a
qubdgD/UGru3DG3P9mANoUTU5Kw49tECIQDUPLCk2MXBwSs0JSsjMtrTGrep6gqP
JjruxYr8OB7Wlw==
-----END CERTIFICATE-----
"""


class AuthorityTests(SynchronousTestCase):
    """The certificate that all who hold the secret share."""

    def test_known_certificate(self) -> None:
        """The same secret makes the same certificate, byte for byte, in every version."""
        self.assertEqual(authority_of(SECRET), AUTHORITY)
        self.assertEqual(authority_of(SECRET), authority_of(SECRET))

    def test_another_secret_makes_another_authority(self) -> None:
        """One different bit is enough."""
        self.assertNotEqual(authority_of(bytes([1, *SECRET[1:]])), AUTHORITY)

    def test_certificate_is_what_the_protocol_describes(self) -> None:
        """Names, serial number, constraints and dates."""
        root = x509.load_pem_x509_certificate(authority_of(SECRET).encode())
        self.assertEqual(root.subject.rfc4514_string(), "CN=share")
        self.assertEqual(root.issuer, root.subject)
        self.assertEqual(root.serial_number, 1)
        constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertTrue(constraints.critical)
        self.assertEqual((constraints.value.ca, constraints.value.path_length), (True, 0))
        self.assertEqual(
            (root.not_valid_before_utc, root.not_valid_after_utc),
            (
                dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
                dt.datetime(2099, 1, 1, tzinfo=dt.UTC),
            ),
        )
        root.verify_directly_issued_by(root)


class CredentialsTests(SynchronousTestCase):
    """What each peer draws for itself."""

    def test_certificate_is_signed_by_the_authority(self) -> None:
        """So all who hold the secret accept it, under any name."""
        made = new_credentials(SECRET)
        self.assertEqual(made.authority, AUTHORITY)
        certificate = x509.load_pem_x509_certificate(made.certificate.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.encode()))
        (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        self.assertEqual(name.value, "*")
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["*"])

    def test_key_belongs_to_the_certificate(self) -> None:
        """And each call draws another one."""
        made = new_credentials(SECRET)
        key = load_pem_private_key(made.key.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        certificate = x509.load_pem_x509_certificate(made.certificate.encode())
        self.assertEqual(certificate.public_key(), key.public_key())
        self.assertNotEqual(new_credentials(SECRET).key, made.key)

    def test_key_is_not_shown(self) -> None:
        """A private key must not get into a log."""
        self.assertNotIn("PRIVATE", repr(new_credentials(SECRET)))


class DerivedTests(SynchronousTestCase):
    """The derivation of keys."""

    def test_it_is_hkdf(self) -> None:
        """It gives the same as the library's, for sizes of one block and of several."""
        for size in (16, 32, 48, 100):
            expected = HKDF(hashes.SHA256(), size, None, b"purpose").derive(SECRET)
            self.assertEqual(derived(SECRET, b"purpose", size), expected)
