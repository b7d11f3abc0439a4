"""In which forms a password is tried."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.xmpp.session.passwords import Password, password_forms


class PasswordTests(SynchronousTestCase):
    """RFC 4013, RFC 8265."""

    def test_most_passwords_have_one_form(self) -> None:
        """Where all ways of preparing agree, the server is asked once."""
        for password in ("secret", "a b, c = d", "pässword", "пароль", "密码", "🔑 key 🦄"):
            self.assertEqual(password_forms(password), (password,))

    def test_the_example_of_rfc_4013(self) -> None:
        """Soft hyphens vanish, compatibility characters are replaced; prohibited texts stay."""
        self.assertEqual(password_forms("I\u00adX")[0], "IX")
        self.assertEqual(password_forms("\u00aa")[0], "a")
        self.assertEqual(password_forms("\u2168")[0], "IX")
        self.assertEqual(password_forms("a\u0007"), ("a\u0007",))
        self.assertEqual(password_forms("\u0627\u0031"), ("\u0627\u0031",))

    def test_each_way_to_prepare_is_tried(self) -> None:
        """SASLprep folds compatibility characters, PRECIS composes, and last it is as typed."""
        self.assertEqual(password_forms("ﬁe\u0301"), ("fié", "ﬁé", "ﬁe\u0301"))

    def test_characters_newer_than_unicode_3_2(self) -> None:
        """They are no reason to refuse a password, also beside those that are changed."""
        self.assertEqual(password_forms("ﬁ🔑"), ("fi🔑", "ﬁ🔑"))

    def test_the_right_one_comes_first_from_then_on(self) -> None:
        """A server that was found to want another form is told that one first."""
        password = Password("ﬁ")
        password.worked("ﬁ")
        self.assertEqual(password.forms, ("ﬁ", "fi"))

    @given(st.text())
    def test_any_text_has_forms(self, text: str) -> None:
        """The last one is the text itself, and none comes twice."""
        forms = password_forms(text)
        self.assertIn(text, forms)
        self.assertEqual(len(forms), len(set(forms)))
