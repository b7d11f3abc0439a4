"""The manual page says what the command line can do."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import docutils
from twisted.trial.unittest import SynchronousTestCase

import bitween
from bitween.cli.completion import SHELLS, subparsers
from bitween.cli.parser import make_parser

ROOT = Path(bitween.__file__).parent.parent


class ManualTests(SynchronousTestCase):
    """``docs/bitween.rst``, and ``man/bitween.1`` that is made of it."""

    def setUp(self) -> None:
        """Read both."""
        self.source = (ROOT / "docs" / "bitween.rst").read_text(encoding="utf-8")
        self.page = (ROOT / "man" / "bitween.1").read_text(encoding="utf-8")

    def test_every_command_and_option(self) -> None:
        """Each stands in the manual, and nothing there is unknown to the command line."""
        known = set(self._options(make_parser()))
        for name, parser in subparsers(make_parser()).items():
            self.assertIn(f"\n**{name}", self.source)
            known.update(self._options(parser))
        written = set(re.findall(r"\*\*(--?[a-z-]+)\*\*", self.source))
        self.assertEqual(written, known)

    @staticmethod
    def _options(parser: argparse.ArgumentParser) -> list[str]:
        return [option for action in parser._actions for option in action.option_strings]  # noqa: SLF001  # argparse tells nobody

    def test_the_page_is_made_of_it(self) -> None:
        """It is what ``tools/make-man`` makes, to the byte and with any docutils."""
        target = os.path.abspath(self.mktemp())
        subprocess.run((sys.executable, ROOT / "tools" / "make-man", target), check=True)
        made = Path(target).read_text(encoding="utf-8")
        self.assertEqual(self.page, made)
        self.assertNotIn(docutils.__version__, made)

    def test_documented_shells_have_completion_code(self) -> None:
        """Those are offered that there is code for."""
        (argument,) = (
            action
            for action in subparsers(make_parser())["completion"]._actions  # noqa: SLF001  # same
            if action.dest == "shell"
        )
        self.assertEqual(tuple(argument.choices or ()), SHELLS)
