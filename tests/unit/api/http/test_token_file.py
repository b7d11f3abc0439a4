"""Tests for :mod:`bitween.api.http.token_file`."""

from __future__ import annotations

import os
import stat

from twisted.trial.unittest import SynchronousTestCase

from bitween.api.http.token_file import load_or_make_token
from bitween.errors import ConfigurationError


class TokenTests(SynchronousTestCase):
    """The token file."""

    def setUp(self) -> None:
        """Choose a place."""
        self.path = os.path.join(os.path.abspath(self.mktemp()), "token")

    def test_the_token_is_made_once_and_private(self) -> None:
        """The first start makes it, for its owner only, and later ones read it."""
        token = load_or_make_token(self.path)
        self.assertGreaterEqual(len(token), 40)
        self.assertEqual(load_or_make_token(self.path), token)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_byte_order_mark(self) -> None:
        """Some editors begin a file with one; it is no part of the token."""
        token = load_or_make_token(self.path)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(f"\ufeff{token}\r\n")
        self.assertEqual(load_or_make_token(self.path), token)

    def test_open_to_others(self) -> None:
        """A file that others can read is refused, with what to do."""
        load_or_make_token(self.path)
        os.chmod(self.path, 0o644)
        error = self.assertRaises(ConfigurationError, load_or_make_token, self.path)
        self.assertEqual(error.hint, f"chmod 600 {self.path}")

    def test_no_token_in_it(self) -> None:
        """An empty, short or unsendable token is refused."""
        load_or_make_token(self.path)
        for content in ("", "\n", "short", "ä" * 20, "two words that are long"):
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(content)
            self.assertRaises(ConfigurationError, load_or_make_token, self.path)

    def test_place_that_cannot_be_written(self) -> None:
        """That is an error, not a traceback."""
        self.assertRaises(ConfigurationError, load_or_make_token, "/dev/null/token")
