"""How we log in."""

from __future__ import annotations

from scramp import ScramMechanism
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.sasl import SASLNoAcceptableMechanism

from bitween.xmpp.sasl import Scram, ServerNotAuthentic, choose_mechanism

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


class ScramTests(SynchronousTestCase):
    """RFC 5802, RFC 7677."""

    def test_both_sides_are_convinced(self) -> None:
        """With the right password the server is verified, with and without channel binding."""
        for name in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
            binding = ("tls-unique", b"finished") if name.endswith("PLUS") else None
            client, server = (
                Scram(name, "alice", PASSWORD, binding),
                Server(name, PASSWORD, binding),
            )
            challenge = server.challenge(client.getInitialResponse())
            client.verify(server.proof(client.getResponse(challenge)))
            self.assertTrue(client.verified)

    def test_the_proof_may_come_as_a_challenge(self) -> None:
        """Then the success that follows is empty."""
        client, server = Scram("SCRAM-SHA-1", "alice", PASSWORD), Server("SCRAM-SHA-1", PASSWORD)
        response = client.getResponse(server.challenge(client.getInitialResponse()))
        self.assertEqual(client.getResponse(server.proof(response)), b"")
        client.verify(b"")
        self.assertTrue(client.verified)

    def test_a_server_that_does_not_know_the_password_is_refused(self) -> None:
        """A wrong signature, none, and rubbish are all no proof."""
        for proof in (b"v=" + b"A" * 27 + b"=", b"", b"e=other-error", b"\xff", b"x" * 1000):
            client, server = Scram("SCRAM-SHA-256", "alice", PASSWORD), Server("SCRAM-SHA-256", "x")
            client.getResponse(server.challenge(client.getInitialResponse()))
            self.assertRaises(ServerNotAuthentic, client.verify, proof)
            self.assertFalse(client.verified)

    def test_success_without_an_exchange_is_refused(self) -> None:
        """A server cannot skip the proof by saying success at once."""
        client = Scram("SCRAM-SHA-256", "alice", PASSWORD)
        client.getInitialResponse()
        self.assertRaises(ServerNotAuthentic, client.verify, b"")

    def test_malformed_challenges_are_refused(self) -> None:
        """Another nonce, too few iterations and rubbish end the log-in."""
        for challenge in (b"", b"\xff\xfe", b"r=x,s=QSXCR+Q6sek8bf92,i=4096", b"r=,s=,i=1"):
            client = Scram("SCRAM-SHA-1", "alice", PASSWORD)
            client.getInitialResponse()
            self.assertRaises(ServerNotAuthentic, client.getResponse, challenge)


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
