"""JIDs as persons type them."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.words.protocols.jabber.jid import JID, InvalidFormat

from bitween.errors import InvalidValue
from bitween.model.jid import Jid, ascii_domain, parse_jid, registered_domain
from bitween.model.preparation import (
    Prohibited,
    nameprep,
    nodeprep,
    opaque_string,
    resourceprep,
    saslprep,
)
from bitween.xmpp.jids import stamped

SPECIAL = st.sampled_from("aAßﬁıİ \u00a0\u00ad\u200b\u0301\u0627\u05d01²Ⅸ🔑\u1e9e\u0130\"&'/:<>@")


class JidTests(SynchronousTestCase):
    """RFC 7622, RFC 6122."""

    def refusal(self, text: object) -> InvalidValue:
        """Why a text is refused."""
        error: InvalidValue = self.assertRaises(InvalidValue, parse_jid, text)
        return error

    def test_the_canonical_form(self) -> None:
        """Case does not count in names, and does in resources."""
        self.assertEqual(
            parse_jid("Alice@Example.ORG/Home office"), Jid("alice", "example.org", "Home office")
        )
        self.assertEqual(parse_jid("straße@bücher.example.").bare, "strasse@bücher.example")
        self.assertEqual(parse_jid("a@b/c@d/e"), Jid("a", "b", "c@d/e"))

    def test_characters_newer_than_unicode_3_2(self) -> None:
        """They are taken as servers take them, in each part that may have them."""
        self.assertEqual(parse_jid("🦄@example.org/🔑"), Jid("🦄", "example.org", "🔑"))
        self.assertEqual(parse_jid("Ꭰ\U0001e900@example.org").user, "ꭰ\U0001e922")

    def test_what_is_none(self) -> None:
        """A JID has a name and a domain, and nothing that disturbs."""
        for text in (
            *("", "alice", "@example.org", "alice@", "alice@exa mple.org", "a@b..c", "a@-_.org"),
            *("a@b\n", "a\u202e@b.org", "\ud800@b", "a" * 1024 + "@b.org", "x" * 4000, None, 7),
        ):
            error = self.refusal(text)
            self.assertTrue(error.hint)
            self.assertNotIn("\n", str(error))

    def test_a_wrong_character_is_named_with_its_escape(self) -> None:
        """XEP-0106 has a way to write what cannot stand before the @."""
        for text, char, escaped in (
            ("o'neil@example.org", "'", "o\\27neil@example.org"),
            ("john doe@example.org", " ", "john\\20doe@example.org"),
            ("a@b@example.org", "@", "a\\40b@example.org"),
            ('"q"@example.org', '"', "\\22q\\22@example.org"),
        ):
            error = self.refusal(text)
            self.assertIn(f"the character {char} ", error.message)
            self.assertIn(escaped, error.hint)
            self.assertEqual(parse_jid(escaped).bare, escaped)

    def test_a_refusal_says_what_is_missing(self) -> None:
        """An account's name or a domain, if the text could be a JID otherwise."""
        for text in ("a", "alice", "@example.org", "alice@", "alice/home"):
            self.assertEqual(self.refusal(text).id, "invalid_value.jid_without_account", text)
        for malformed in ("", "x" * 4000, 7, "a@b..c"):
            self.assertEqual(self.refusal(malformed).id, "invalid_value.jid")
        self.assertEqual(self.refusal("x" * 100).values["jid"], "x" * 80)

    def test_no_escape_is_offered_for_what_has_none(self) -> None:
        """Nor for a space at the edge, nor for a text with invisible characters."""
        for text in ("a\u2ff0@example.org", " bob@example.org", "o'neil\u2066@example.org"):
            self.assertEqual(self.refusal(text).id, "invalid_value.jid_bad_local")

    def test_a_domain_that_dns_cannot_hold_is_refused(self) -> None:
        """A label has 63 characters at most."""
        self.assertEqual(parse_jid(f"a@{'b' * 63}.org").host, f"{'b' * 63}.org")
        self.assertEqual(self.refusal(f"a@{'b' * 64}.org").id, "invalid_value.jid")

    def test_invisible_characters_make_no_name(self) -> None:
        """Neither those that preparation drops nor those that are newer than its tables."""
        for text in ("\u00ad@example.org", "a\u2066@example.org"):
            self.assertEqual(self.refusal(text).id, "invalid_value.jid")

    def test_the_bare_jid_of_a_server(self) -> None:
        """It has no account's name."""
        self.assertEqual(Jid("", "example.org", "").bare, "example.org")

    def test_each_part_has_1023_octets_at_most(self) -> None:
        """Octets, and not characters."""
        for part in ("a" * 1023, "é" * 511):
            self.assertEqual(parse_jid(f"{part}@b.org/{part}"), Jid(part, "b.org", part))
        for text in (f"{'é' * 512}@b.org", f"a@b.org/{'a' * 1024}"):
            self.refusal(text)

    def test_a_refusal_names_the_text_for_translations(self) -> None:
        """It is cut, and harmless."""
        error = self.refusal("a@b\n" + "x" * 100)
        self.assertEqual(error.id, "invalid_value.jid")
        self.assertEqual(error.values["jid"], "a@b\ufffd" + "x" * 76)
        self.assertEqual(self.refusal("o'neil@b.org").values["char"], "'")

    def test_domains_for_dns(self) -> None:
        """By the standard of 2008, else by that of 2003."""
        self.assertEqual(ascii_domain("bücher.example"), "xn--bcher-kva.example")
        self.assertEqual(ascii_domain("B\u00dcCHER.example"), "xn--bcher-kva.example")
        self.assertEqual(ascii_domain("localhost"), "localhost")
        self.assertEqual(ascii_domain("☃.example"), "xn--n3h.example")
        self.assertRaises(UnicodeError, ascii_domain, "a..b")

    @given(st.text(SPECIAL, min_size=1))
    def test_it_agrees_with_twisted(self, text: str) -> None:
        """Where Twisted knows all the characters, both prepare them alike."""
        for prepare, jid, part in (
            (nodeprep, (text, "host", None), "user"),
            (resourceprep, ("user", "host", text), "resource"),
        ):
            try:
                theirs = getattr(JID(tuple=jid), part) or ""
            except InvalidFormat:
                continue
            self.assertEqual(prepare(text), theirs)

    @given(st.text())
    def test_any_text_is_prepared_or_prohibited(self, text: str) -> None:
        """Nothing else comes of it, whatever it is."""
        for prepare in (nodeprep, resourceprep, saslprep, nameprep):
            with contextlib.suppress(Prohibited):
                self.assertIsInstance(prepare(text), str)
        with contextlib.suppress(InvalidValue):
            parse_jid(text)

    def test_what_a_server_has_stamped_is_taken(self) -> None:
        """Nothing is prepared, nor refused."""
        jid = stamped("🦄@example.org/🔑@/x")
        self.assertEqual((jid.user, jid.host, jid.resource), ("🦄", "example.org", "🔑@/x"))
        self.assertEqual(jid.full(), "🦄@example.org/🔑@/x")
        self.assertEqual(jid.userhostJID().full(), "🦄@example.org")


class PreparationTests(SynchronousTestCase):
    """RFC 3454 and its profiles."""

    def test_passwords(self) -> None:
        """Spaces are alike, invisible characters vanish, compatible ones are composed."""
        self.assertEqual(saslprep("a\u00a0b\u1680\u00ad\u2168"), "a b IX")
        self.assertRaises(Prohibited, saslprep, "a\u0007")
        self.assertEqual(opaque_string("\u3000e\u0301\ufb01\u00ad"), " é\ufb01\u00ad")

    def test_a_text_has_one_direction(self) -> None:
        """A right-to-left text begins and ends with such a letter (RFC 3454 §6)."""
        for text in ("\u05d0", "\u05d01\u05d0", "a1"):
            self.assertEqual(saslprep(text), text)
        for text in ("\u05d0a\u05d0", "\u05d01", "1\u05d0"):
            error = self.assertRaises(Prohibited, saslprep, text)
            self.assertEqual(error.char, "")

    def test_the_prohibited_character_is_named(self) -> None:
        """A person can take it out."""
        error = self.assertRaises(Prohibited, nodeprep, "a b")
        self.assertEqual((error.char, str(error)), (" ", " "))


class RegisteredDomainTests(SynchronousTestCase):
    """Whose domain it is."""

    def test_all_domains_of_one_owner(self) -> None:
        """They count as one; those of two owners, and addresses, never do."""
        for host, expected in (
            ("example.org", "example.org"),
            ("a.b.example.org", "example.org"),
            ("a.b.example.org.", "example.org"),
            ("x.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("uk", "uk"),
            ("x.ab.de", "ab.de"),
            ("x.co.example", "co.example"),
            ("localhost", "localhost"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("[::ffff:192.0.2.7]", "[::ffff:192.0.2.7]"),
            ("", ""),
        ):
            self.assertEqual(registered_domain(host), expected)
