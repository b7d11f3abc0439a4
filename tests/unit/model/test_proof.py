"""The proof that the API knows a token, and the places that it is bound to."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.proof import proof, socket_place, tcp_place, token_digest, unix_place

NONCE = "5a" * 32


class ProofTests(SynchronousTestCase):
    """What daemon and client compute alike."""

    def test_it_is_an_hmac_over_place_and_nonce(self) -> None:
        """Programs in other languages compute it, too (docs/api.rst)."""
        digest = sha256(b"secret").hexdigest()
        message = f"bitween api\n127.0.0.1:5000\n{NONCE}".encode()
        expected = hmac.new(digest.encode(), message, sha256).hexdigest()
        self.assertEqual(token_digest(b"secret"), digest)
        self.assertEqual(proof(digest, NONCE, "127.0.0.1:5000"), expected)

    def test_the_port_is_added_where_it_identifies_the_daemon(self) -> None:
        """A name that a proxy could serve stays as it is."""
        for host, place in (
            ("127.0.0.1", "127.0.0.1:5000"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]", "[::1]:5000"),
            ("[::1]:80", "[::1]:80"),
            ("::1", "::1:5000"),
            ("LocalHost", "localhost:5000"),
            ("localhost:80", "localhost:80"),
            ("Example.org", "example.org"),
            ("example.org:80", "example.org:80"),
            ("example.org:http", "example.org:http"),
        ):
            self.assertEqual(tcp_place(host, 5000), place)

    def test_a_place_within_the_machine_is_the_daemon_s_own_address(self) -> None:
        """Without a zone, and an IPv4-mapped address as IPv4."""
        for address, place in (
            ("127.0.0.1", "127.0.0.1:5000"),
            ("::ffff:127.0.0.1", "127.0.0.1:5000"),
            ("::1", "[::1]:5000"),
            ("fe80::1%eth0", "[fe80::1]:5000"),
        ):
            self.assertEqual(socket_place(address, 5000), place)

    def test_a_socket_s_place_is_where_its_links_lead(self) -> None:
        """Client and daemon may name it differently."""
        target, link = self.mktemp(), self.mktemp()
        os.symlink(os.path.abspath(target), link)
        self.assertEqual(unix_place(link), f"unix:{os.path.realpath(target)}")
