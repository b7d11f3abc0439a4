"""``GET /proof``: who does not have a token yet learns that this is the daemon that knows it."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.proof import proof, socket_place, tcp_place, token_digest, unix_place
from tests.support.api_rig import PORT, TOKEN, Answer, Connection, World, http_request, site_of

NONCE = "0123456789abcdef" * 4


class ProofTests(SynchronousTestCase):
    """Asked without a token."""

    def setUp(self) -> None:
        """Serve a world."""
        self.site = site_of(World(Clock()))

    def ask(self, path: str, method: str = "GET", host: str = f"127.0.0.1:{PORT}") -> Answer:
        """One request."""
        connection = Connection(self.site)
        headers = {"Host": host, "Authorization": None}
        connection.send(http_request(b"", method, path, headers=headers))
        return connection.only_answer()

    def test_for_each_token(self) -> None:
        """The proof is one of the token, the nonce and the port; others are others'."""
        proofs = self.ask(f"/proof?{NONCE}").json["proofs"]
        place = f"127.0.0.1:{PORT}"
        digest = token_digest(TOKEN.encode())
        self.assertEqual(proofs, [proof(digest, NONCE, place)])
        for other in (
            proof(digest, NONCE[::-1], place),
            proof(digest, NONCE, "127.0.0.1:1"),
            proof(token_digest(b"other"), NONCE, place),
        ):
            self.assertNotIn(other, proofs)
        self.assertNotIn(TOKEN, str(proofs))

    def test_without_a_port(self) -> None:
        """A Host header without one, as a relay would send, proves our own end only."""
        for host in ("127.0.0.1", "localhost", "[::1]"):
            (given,) = self.ask(f"/proof?{NONCE}", host=host).json["proofs"]
            place = f"127.0.0.1:{PORT}"
            self.assertEqual(given, proof(token_digest(TOKEN.encode()), NONCE, place))

    def test_at_another_address(self) -> None:
        """A relay at the same port of another local address gets a proof for our address only."""
        for host in (f"[::1]:{PORT}", f"localhost:{PORT}", f"127.0.0.1:{PORT}"):
            (given,) = self.ask(f"/proof?{NONCE}", host=host).json["proofs"]
            place = f"127.0.0.1:{PORT}"
            self.assertEqual(given, proof(token_digest(TOKEN.encode()), NONCE, place))

    def test_only_a_nonce_is_answered(self) -> None:
        """Anything but a nonce, and another Host or method, is refused."""
        for query in ("", NONCE[1:], NONCE + "0", NONCE.upper(), "\u0660" * 64):
            self.assertIn(self.ask(f"/proof?{query}".encode().decode("latin-1")).status, {400})
        self.assertEqual(self.ask(f"/proof?{NONCE}", "POST").status, 405)
        self.assertEqual(self.ask(f"/proof?{NONCE}", host="127.0.0.1:1").status, 421)

    def test_a_proxied_name_or_resolved_socket_is_the_place(self) -> None:
        """A name that a proxy serves stands for itself; a socket is where its links lead."""
        self.assertEqual(tcp_place("Files.lan", 5000), "files.lan")
        self.assertEqual(tcp_place("files.lan:80", 5000), "files.lan:80")
        self.assertEqual(tcp_place("[::1]:5000", 5000), "[::1]:5000")
        self.assertEqual(tcp_place("::1", 5000), "::1:5000")
        self.assertEqual(socket_place("::ffff:127.0.0.1", 5000), "127.0.0.1:5000")
        self.assertEqual(socket_place("::1", 5000), "[::1]:5000")
        self.assertEqual(unix_place("/proc/self/../sock"), unix_place("/proc/sock"))
