"""SOCKS5, however the network cuts it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.xmpp.streams.socks import Negotiation
from tests.support.portions import cut

NAME = "a" * 40
REQUEST = b"\x05\x01\x00\x03\x28" + NAME.encode() + b"\x00\x00"
REPLIES = {
    "name": b"\x05\x00\x00\x03\x28" + NAME.encode() + b"\x00\x00",
    "empty name": b"\x05\x00\x00\x03\x00\x00\x00",
    "IPv4": b"\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90",
    "IPv6": b"\x05\x00\x00\x04" + bytes(16) + b"\x00\x00",
}


class NegotiationTests(SynchronousTestCase):
    """The client's part."""

    @given(st.sampled_from(sorted(REPLIES)), st.lists(st.integers(0, 99)), st.binary(max_size=50))
    def test_it_does_not_matter_how_the_words_are_cut(
        self, kind: str, places: list[int], early: bytes
    ) -> None:
        """One request goes out, and what follows the reply is kept."""
        talk = Negotiation(NAME)
        sent, rest = b"", b""
        for portion in cut(b"\x05\x00" + REPLIES[kind] + early, places):
            if talk.done:
                rest += portion
            else:
                sent += talk.feed(portion)
        self.assertTrue(talk.done)
        self.assertEqual((sent, talk.rest + rest), (REQUEST, early))

    def test_every_refusal_is_an_error_in_words(self) -> None:
        """Each is an error in words."""
        for said in (
            b"\x05\xff",
            b"HTTP/1.1 400 Bad Request",
            b"\x04\x00",
            b"\x05\x00\x05\x02\x00\x03\x00",
            b"\x05\x00\x04\x00\x00\x03\x00",
            b"\x05\x00\x05\x00\x00\x09\x00",
        ):
            with self.assertRaises(InvalidValue):
                Negotiation(NAME).feed(said)

    @given(st.lists(st.binary(max_size=400), max_size=5))
    def test_nonsense_ends_or_waits(self, portions: list[bytes]) -> None:
        """Nothing else is raised."""
        talk = Negotiation(NAME)
        try:
            for portion in portions:
                if not talk.done:
                    talk.feed(portion)
        except InvalidValue:
            self.assertFalse(talk.done)
