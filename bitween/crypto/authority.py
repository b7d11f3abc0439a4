"""
The TLS authority of a share, which derives from its secret.

All peers that hold the secret derive the same authority, byte for byte, and each signs a
certificate of its own with it.  libtorrent takes the authority for the only root of the torrent's
connections, so two peers meet only if both hold the secret.

The format is that of "Sealed transfers" in ``docs/protocol.rst``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bitween.model.seal import derived

_PURPOSE = b"bitween 2 authority"
_KEY_SIZE = 48
# The order of P-256 (FIPS 186-4).
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CURVE = ec.SECP256R1()

# The hours of machines differ, and a share lasts as long as its owner likes.
_BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_END = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


_ISSUER = _common_name("share")
# Any name: libtorrent asks for that of the torrent.
_SUBJECT = _common_name("*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    What a TLS peer of a share needs; all of it is PEM.

    :param authority: the certificate of the share's authority.
    :param certificate: that of this peer, signed by the authority.
    :param key: the private key of this peer.
    """

    authority: str
    certificate: str
    key: str = field(repr=False)


def authority_of(secret: bytes) -> str:
    """
    The certificate of the authority of a share.

    :param secret: the secret of the share.
    :returns: PEM, the same for all who hold the secret.
    """
    return _pem(_authority(_authority_key(secret)))


def new_credentials(secret: bytes) -> Credentials:
    """
    Draw a key, and sign a certificate for it with the authority of a share.

    :param secret: the secret of the share.
    """
    signer = _authority_key(secret)
    authority = _authority(signer)
    key = ec.generate_private_key(_CURVE)
    builder = _dated().subject_name(_SUBJECT).issuer_name(authority.subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    names = x509.SubjectAlternativeName([x509.DNSName("*")])
    certificate = builder.add_extension(names, critical=False).sign(signer, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Credentials(_pem(authority), _pem(certificate), private.decode("ascii"))


def _authority_key(secret: bytes) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(derived(secret, _PURPOSE, _KEY_SIZE), "big")
    return ec.derive_private_key(number % (_ORDER - 1) + 1, _CURVE)


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    builder = _dated().subject_name(_ISSUER).issuer_name(_ISSUER)
    builder = builder.public_key(key.public_key()).serial_number(1)
    limits = x509.BasicConstraints(ca=True, path_length=0)
    builder = builder.add_extension(limits, critical=True)
    # RFC 6979: without chance in the signature all derive the same certificate.
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)


def _dated() -> x509.CertificateBuilder:
    return x509.CertificateBuilder().not_valid_before(_BEGIN).not_valid_after(_END)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")
