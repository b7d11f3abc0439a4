"""How we log in."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from scramp import ScramMechanism
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.sasl import SASLNoAcceptableMechanism

from bitween.xmpp.session.sasl import channel_bindings, choose_mechanism
from bitween.xmpp.session.scram import MOST_ITERATIONS, Scram, ServerNotAuthentic, TooManyIterations

PASSWORD = "a p4sswörd, with = and ,"
BINDINGS = {"tls-server-end-point": b"hash of the certificate", "tls-unique": b"finished"}
ALL = ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")


class Server:
    """The server's side of an exchange, by scramp."""

    def __init__(self, name: str, password: str, binding: tuple[str, bytes] | None = None) -> None:
        mechanism = ScramMechanism(name)
        salt, stored, server_key, iterations = mechanism.make_auth_info(password)
        known = salt, stored, server_key, iterations
        self.server = mechanism.make_server(lambda _: known, channel_binding=binding)

    def challenge(self, initial: bytes) -> bytes:
        """Answer the first message."""
        self.server.set_client_first(initial.decode())
        return bytes(self.server.get_server_first().encode())

    def proof(self, response: bytes) -> bytes:
        """Check the client, and prove oneself."""
        self.server.set_client_final(response.decode())
        return bytes(self.server.get_server_final().encode())


def respond(client: Scram, challenge: bytes, password: str = PASSWORD) -> bytes:
    """The client's last message, its password hashed as the challenge asks for."""
    asked = client.challenged(challenge)
    return client.final(
        hashlib.pbkdf2_hmac(asked.hash_name, password.encode(), asked.salt, asked.iterations)
    )


class ScramTests(SynchronousTestCase):
    """RFC 5802, RFC 7677, against another implementation's server."""

    def test_both_sides_are_convinced(self) -> None:
        """With the right password the server is verified, with and without channel binding."""
        for name in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"):
            for user in ("alice", "a,b=c", "ünï"):
                binding = ("tls-unique", b"finished") if name.endswith("PLUS") else None
                client, server = Scram(name, user, binding), Server(name, PASSWORD, binding)
                challenge = server.challenge(client.first())
                client.verify(server.proof(respond(client, challenge)))
                self.assertTrue(client.verified)

    def test_the_example_of_rfc_7677(self) -> None:
        """The messages are those of the standard."""
        nonce = "rOprNGfwEbeRWgbNEkqO"
        self.patch(secrets, "token_urlsafe", lambda _: nonce)
        client = Scram("SCRAM-SHA-256", "user")
        self.assertEqual(client.first(), f"n,,n=user,r={nonce}".encode())
        challenge = (
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        )
        self.assertEqual(
            respond(client, challenge, "pencil"),
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        )
        client.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        self.assertTrue(client.verified)

    def test_an_empty_success_after_the_proof(self) -> None:
        """The proof may come as a challenge: then the success that follows is empty."""
        client, server = Scram("SCRAM-SHA-1", "alice"), Server("SCRAM-SHA-1", PASSWORD)
        client.verify(server.proof(respond(client, server.challenge(client.first()))))
        client.verify(b"")
        self.assertTrue(client.verified)

    def test_a_server_that_does_not_know_the_password_is_refused(self) -> None:
        """A wrong signature, none, and rubbish are all no proof."""
        for proof in (
            b"v=" + b"A" * 27 + b"=",
            b"",
            b"e=other-error",
            b"\xff",
            b"x" * 1000,
            b"v=?",
        ):
            client, server = Scram("SCRAM-SHA-256", "alice"), Server("SCRAM-SHA-256", "x")
            respond(client, server.challenge(client.first()))
            self.assertRaises(ServerNotAuthentic, client.verify, proof)
            self.assertFalse(client.verified)

    def test_success_without_an_exchange_is_refused(self) -> None:
        """A server cannot skip the proof by saying success at once."""
        client = Scram("SCRAM-SHA-256", "alice")
        self.assertRaises(ServerNotAuthentic, client.verify, b"")

    def test_malformed_challenges_are_refused(self) -> None:
        """
        Another nonce, too few iterations and rubbish end the log-in.

        So do a mandatory extension and a message beyond any length that makes sense.
        """
        salt = b"s=QSXCR+Q6sek8bf92"
        for challenge in (
            *(b"", b"\xff\xfe", b"r=x," + salt + b",i=4096", b"r=,s=,i=1"),
            *(b"r=%n," + salt + b",i=4096", b"r=%nx," + salt, b"r=%nx,s=?,i=4096"),
            *(
                b"r=%nx," + salt + b",i=" + count
                for count in (b"", b"x", b"-1", b"4095", b"9" * 11)
            ),
            *(
                b"m=new,r=%nx," + salt + b",i=4096",
                b"r=%nx" + b"x" * 5000 + b"," + salt + b",i=4096",
            ),
        ):
            client = Scram("SCRAM-SHA-1", "alice")
            nonce = client.first().rpartition(b"r=")[2]
            said = challenge.replace(b"%n", nonce)
            self.assertRaises(ServerNotAuthentic, client.challenged, said)

    def test_iterations_are_bounded(self) -> None:
        """A server may ask for as many rounds of hashing as is documented, not for one more."""
        for count in (MOST_ITERATIONS, MOST_ITERATIONS + 1, 2**31):
            client = Scram("SCRAM-SHA-1", "alice")
            nonce = client.first().rpartition(b"r=")[2]
            challenge = b"r=%bx,s=QSXCR+Q6sek8bf92,i=%d" % (nonce, count)
            if count == MOST_ITERATIONS:
                self.assertEqual(client.challenged(challenge).iterations, count)
            else:
                self.assertRaises(TooManyIterations, client.challenged, challenge)


class ChoiceTests(SynchronousTestCase):
    """The strongest that both can do."""

    def choose(
        self, offered: tuple[str, ...], listed: set[str] | None = None, plain: bool = False
    ) -> str:
        """The name of the chosen mechanism."""
        mechanism = choose_mechanism(
            offered, "alice", PASSWORD, BINDINGS, listed, plain_allowed=plain
        )
        return str(mechanism.name)

    def test_stronger_ones_come_first(self) -> None:
        """SHA-256 before SHA-1, binding before none, PLAIN last."""
        self.assertEqual(self.choose(ALL, {"tls-unique"}), "SCRAM-SHA-256-PLUS")
        self.assertEqual(self.choose(ALL[:4], {"tls-server-end-point"}), "SCRAM-SHA-1-PLUS")
        self.assertEqual(self.choose(ALL[:3], {"tls-unique"}, plain=True), "SCRAM-SHA-256")
        self.assertEqual(self.choose(ALL[:2], plain=True), "SCRAM-SHA-1")
        self.assertEqual(self.choose(ALL[:1], plain=True), "PLAIN")

    def test_binding_only_where_its_type_is_listed(self) -> None:
        """XEP-0440: some servers offer -PLUS where they cannot do it."""
        self.assertEqual(self.choose(ALL), "SCRAM-SHA-256")
        self.assertEqual(self.choose(ALL, {"tls-exporter"}), "SCRAM-SHA-256")

    def test_plain_only_if_allowed(self) -> None:
        """The password is not told to a server that offers nothing better."""
        self.assertRaises(SASLNoAcceptableMechanism, self.choose, ("PLAIN", "DIGEST-MD5"))
        self.assertRaises(SASLNoAcceptableMechanism, self.choose, (), None, True)


class FakeConnection:
    """A TLS connection to a server with a certificate, or with none."""

    def __init__(self, version: str, certificate: x509.Certificate | None) -> None:
        self.version = version
        self.certificate = certificate

    def get_peer_certificate(self, *, as_cryptography: bool) -> x509.Certificate | None:
        """The server's certificate."""
        assert as_cryptography
        return self.certificate

    def get_protocol_version_name(self) -> str:
        """The version of TLS."""
        return self.version

    def get_finished(self) -> bytes:
        """The client's Finished message."""
        return b"finished"


def signed(key: Any, hash_: hashes.SHA384 | None) -> x509.Certificate:
    """A certificate that vouches for itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2036, 1, 1, tzinfo=dt.UTC))
        .sign(key, hash_)
    )


class ChannelBindingTests(SynchronousTestCase):
    """RFC 5929: what ties a log-in to its TLS connection."""

    def test_the_certificate_is_hashed_by_the_function_of_its_signature(self) -> None:
        """SHA-384 stays SHA-384 (§4.1)."""
        certificate = signed(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384())
        encoded = certificate.public_bytes(Encoding.DER)
        self.assertEqual(
            channel_bindings(FakeConnection("TLSv1.3", certificate)),
            {"tls-server-end-point": hashlib.sha384(encoded).digest()},
        )

    def test_signatures_without_a_hash_function_give_no_end_point(self) -> None:
        """What ``tls-server-end-point`` is for Ed25519 is undefined."""
        certificate = signed(ed25519.Ed25519PrivateKey.generate(), None)
        self.assertEqual(channel_bindings(FakeConnection("TLSv1.3", certificate)), {})

    def test_unknown_hash_functions_give_no_end_point(self) -> None:
        """A certificate that cryptography cannot read does not keep us from logging in."""

        class Unreadable:
            @property
            def signature_hash_algorithm(self) -> None:
                raise UnsupportedAlgorithm("1.2.3.4")

        connection = FakeConnection("TLSv1.3", cast(Any, Unreadable()))
        self.assertEqual(channel_bindings(connection), {})

    def test_tls_unique_is_used_up_to_tls_1_2(self) -> None:
        """TLS 1.3 has no such value (RFC 9266)."""
        self.assertEqual(
            channel_bindings(FakeConnection("TLSv1.2", None)), {"tls-unique": b"finished"}
        )
        self.assertEqual(channel_bindings(FakeConnection("TLSv1.3", None)), {})
