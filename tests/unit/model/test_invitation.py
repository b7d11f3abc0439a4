"""``xmpp:`` links."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.invitation import invitation_link, invited

_LOCAL = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters=" @/"), min_size=1
)


class InvitationTests(SynchronousTestCase):
    """Made, and read again."""

    def test_invitations_are_escaped(self) -> None:
        """What is no plain letter is escaped as RFC 5122 §2.7 has it."""
        self.assertEqual(invitation_link("bob@example.net"), "xmpp:bob@example.net?subscribe")
        self.assertEqual(
            invitation_link("nasty!#$%()*+,-.;=?[\\]^_`{|}~node@example.com"),
            "xmpp:nasty!%23$%25()*+,-.;=%3F%5B%5C%5D%5E_%60%7B%7C%7D~node@example.com?subscribe",
        )
        self.assertEqual(
            invitation_link("ji\u0159i@\u010dechy.example"),
            "xmpp:ji%C5%99i@%C4%8Dechy.example?subscribe",
        )

    @given(_LOCAL)
    def test_invitations_survive_a_round_trip(self, local: str) -> None:
        """The JID that a link was made of is read from it."""
        jid = f"{local}@example.net"
        self.assertEqual(invited(invitation_link(jid)), jid)

    def test_only_the_jid_of_a_link_counts(self) -> None:
        """Whatever a link says beside the JID, that is all that counts."""
        for link in (
            "xmpp:bob@example.net",
            " XMPP:bob@example.net \n",
            "xmpp:bob@example.net?roster;name=Bob;group=Friends",
            "xmpp:bob@example.net?message;body=hi%3F#fragment",
            "xmpp://alice@example.org/bob@example.net?subscribe",
            "bob@example.net",
        ):
            self.assertEqual(invited(link), "bob@example.net")
        self.assertEqual(invited("xmpp:"), "")
        self.assertEqual(invited("xmpp:///bob@example.net"), "bob@example.net")
