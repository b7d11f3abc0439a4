"""The texts of the messages: complete in every language, and filled in."""

from __future__ import annotations

from string import Formatter

from twisted.trial.unittest import SynchronousTestCase

from bitween.api.results.faults import KINDS
from bitween.messages import catalogue
from bitween.messages.catalogue import LANGUAGES, english, load_english
from tests.support.messages import forms, read_messages, values

_HINTS = {"", "size", "duration"}
#: What the words of an error that is not translated are called where its kind introduces them.
_WORDS = {"english"}


class LanguageTests(SynchronousTestCase):
    """The files of the languages."""

    def setUp(self) -> None:
        """Read them."""
        self.languages = {language: read_messages(language) for language in LANGUAGES}

    def test_every_language_has_every_message_in_the_same_order(self) -> None:
        """A translator finds each line where it stands in English."""
        ids = [id_ for id_ in self.languages["en"] if "." in id_]
        for language, known in self.languages.items():
            self.assertEqual([id_ for id_ in known if "." in id_], ids, language)

    def test_translations_have_the_same_values_and_advice(self) -> None:
        """They use no value that the English message has not, and say what helps where it does."""
        for language, known in self.languages.items():
            for id_, message in known.items():
                original = self.languages["en"].get(id_, message)
                self.assertEqual("fix" in message, "fix" in original, (language, id_))
                self.assertLessEqual(values(message), values(original), (language, id_))

    def test_places_are_formatted_as_the_page_and_the_daemon_can(self) -> None:
        """Each place names a value, and no format that is unknown."""
        for language, known in self.languages.items():
            for id_, message in known.items():
                parsed = [place for form in forms(message) for place in Formatter().parse(form)]
                for _, name, hint, conversion in parsed:
                    if name is not None:
                        self.assertRegex(name, r"^\w+$", (language, id_))
                        self.assertIn(hint, _HINTS, (language, id_))
                        self.assertIsNone(conversion, (language, id_))

    def test_every_kind_of_error_is_introduced_in_other_languages(self) -> None:
        """An error that is not translated has at least a general text in front of its words."""
        reasons = {reason for _, reason in KINDS.values()}
        for language, known in self.languages.items():
            kinds = {id_: message for id_, message in known.items() if "." not in id_}
            if language == "en":
                self.assertLessEqual(kinds.keys(), reasons)
            else:
                self.assertEqual(kinds.keys(), reasons, language)
            for id_, message in kinds.items():
                self.assertLessEqual(values(message), _WORDS, (language, id_))


class EnglishTests(SynchronousTestCase):
    """What the daemon says."""

    def test_values_are_filled_in(self) -> None:
        """The text and the fix get the values that they name."""
        values = {"jid": "b@x", "through": "proxy.x", "reason": "no port", "fix": "open one"}
        text = "b@x: by relay at proxy.x (no port)"
        self.assertEqual(english("way.good.relay", values), (text, "open one"))

    def test_values_may_hold_braces(self) -> None:
        """What stands in a value is never taken for a place."""
        self.assertEqual(english("log-in.good", {"jid": "{x}"}), ("connected as {x}", ""))

    def test_sizes_durations_and_numbers_are_formatted(self) -> None:
        """Bytes and seconds get their units, and large numbers are grouped."""
        text, _ = english("disk.good", {"free": 1_500_000_000, "folder": "/x"})
        self.assertEqual(text, "1.5 GB free in '/x'")
        text, _ = english("clock.good", {"seconds": 61.4})
        self.assertEqual(text, "61 s apart from the server's")
        text, _ = english("contacts.good", {"n": 1000, "total": 2000})
        self.assertEqual(text, "1,000 of 2,000 contacts' devices announce an address to connect to")

    def test_a_number_chooses_the_form(self) -> None:
        """One is singular, everything else plural."""
        for n, text in ((0, "0 days"), (1, "1 day"), (2, "2 days")):
            self.assertEqual(
                english("certificate.good", {"n": n})[0], f"trusted, expires in {text}"
            )

    def test_unknown_messages_and_missing_values_are_errors(self) -> None:
        """They are mistakes of the code, and do not pass unnoticed."""
        self.assertRaises(KeyError, english, "disk.unheard-of", {})
        self.assertRaises(KeyError, english, "disk.bad", {"folder": "/x"})


class UpgradeTests(SynchronousTestCase):
    """An upgrade that replaces the files while a process runs."""

    def test_texts_that_were_loaded_stay(self) -> None:
        """A message is filled in from what was there at the start."""
        load_english()
        self.patch(catalogue, "get_data", lambda *_: b"{}")
        self.assertTrue(english("invalid_value.past_end", {})[0])
