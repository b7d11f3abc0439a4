"""What the daemon says, in German: nothing that it can say is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bitween
import bitween.web
from bitween import errors
from bitween.api.faults import KINDS
from bitween.xmpp.failures import _NETWORK_WORDS, _STREAM_WORDS

_ROOT = Path(bitween.__file__).parent
_STRINGS = (files(bitween.web) / "static" / "strings.js").read_text(encoding="utf-8")
_LINE = r'^  "([\w.-]+)": ("[^"]*"|\{ one: "[^"]*", other: "[^"]*" \}),$'


def german() -> dict[str, str]:
    """The texts, with their places for values, by what they say."""
    table = re.search(r"(?ms)^const heardInGerman = \{\n(.*?)^\};$", _STRINGS)
    assert table is not None
    return dict(re.findall(f"(?m){_LINE}", table[1]))


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of something that has a plain name."""
    for path in _ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node.func.id, node


def keyword(call: ast.Call, name: str) -> str:
    """What a keyword is given as a plain text; empty if it is not."""
    for given in call.keywords:
        if given.arg == name:
            assert isinstance(given.value, ast.Constant | ast.Name), ast.unparse(call)
            return str(given.value.value) if isinstance(given.value, ast.Constant) else ""
    return ""


@dataclass(frozen=True)
class Said:
    """A finding as the source has it: what it is, and whether it tells what to do."""

    key: str
    has_fix: bool


def findings() -> Iterator[Said]:
    """Every finding that there can be."""
    for name, call in calls():
        if name != "Finding":
            continue
        check, verdict, _, *fix = call.args
        assert isinstance(check, ast.Constant), ast.unparse(call)
        assert isinstance(verdict, ast.Attribute), ast.unparse(call)
        parts = [str(check.value), verdict.attr.lower(), keyword(call, "detail")]
        yield Said(".".join(filter(None, parts)), bool(fix))


class GermanTests(SynchronousTestCase):
    """The table in ``strings.js``, held against the source."""

    def setUp(self) -> None:
        """Read it."""
        self.texts = german()

    def test_every_reason(self) -> None:
        """Each kind of error has a text, and one without places: only details have values."""
        for _, reason in KINDS.values():
            self.assertIn(reason, self.texts)
            self.assertNotIn("{", self.texts[reason])

    def test_every_detail(self) -> None:
        """What exactly went wrong is told for each kind of error that says it."""
        known = {
            *(f"not_connected.{condition}" for condition in _STREAM_WORDS),
            *(f"not_connected.{detail}" for _, detail, _ in _NETWORK_WORDS),
        }
        for name, call in calls():
            kind = getattr(errors, name, None)
            detail = keyword(call, "detail") if kind in KINDS else ""
            if detail:
                known.add(f"{KINDS[kind][1]}.{detail}")
        self.assertEqual(known - self.texts.keys(), set())
        reasons = {reason for _, reason in KINDS.values()}
        written = {key for key in self.texts if "." in key and key.partition(".")[0] in reasons}
        self.assertEqual(written - known, set())

    def test_every_finding(self) -> None:
        """Each outcome of each check has a text, and what to do about it as well."""
        found = set(findings())
        self.assertGreater(len(found), 20)
        for said in found:
            self.assertIn(said.key, self.texts)
            if said.has_fix:
                self.assertIn(f"{said.key}.fix", self.texts)

    def test_no_line_is_unreadable(self) -> None:
        """Every line of the table is read here."""
        table = re.search(r"(?ms)^const heardInGerman = \{\n(.*?)^\};$", _STRINGS)
        assert table is not None
        lines = [line for line in table[1].splitlines() if line]
        self.assertEqual([line for line in lines if not re.match(_LINE, line)], [])
