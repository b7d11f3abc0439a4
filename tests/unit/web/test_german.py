"""What the daemon says, in German: nothing that it can say is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bitween
import bitween.web
from bitween.api.results.faults import KINDS
from bitween.xmpp.session.connection_errors import _CREDENTIALS, _NETWORK_WORDS, _STREAM_WORDS

_ROOT = Path(bitween.__file__).parent
_STRINGS = (files(bitween.web) / "static" / "strings.js").read_text(encoding="utf-8")
#: Arguments of a finding that has nothing to be done about it: check, verdict, text.
_WITHOUT_FIX = 3
#: By the name of the kind of error.
_REASONS = {kind.__name__: reason for kind, (_, reason) in KINDS.items()}
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


def error_key(name: str, call: ast.Call) -> str:
    """Which text is about an error that is made, by the name of its kind."""
    return f"{_REASONS[name]}.{keyword(call, 'detail')}"


def finding_key(call: ast.Call) -> str:
    """Which text is about a finding that is made."""
    check, verdict, *_ = call.args
    assert isinstance(check, ast.Constant), ast.unparse(call)
    assert isinstance(verdict, ast.Attribute), ast.unparse(call)
    parts = [str(check.value), verdict.attr.lower(), keyword(call, "detail")]
    return ".".join(filter(None, parts))


def obstacle_texts(call: ast.Call) -> tuple[str, bool, set[str]]:
    """The detail of an obstacle that is made, whether something helps, and which values it has."""
    given = {**dict(zip(("reason", "fix", "detail", "values"), call.args, strict=False))}
    given |= {str(k.arg): k.value for k in call.keywords}
    detail, values = given.get("detail"), given.get("values")
    assert isinstance(detail, ast.Constant), f"without a detail: {ast.unparse(call)}"
    keys = values.keys if isinstance(values, ast.Dict) else []
    names = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return str(detail.value), "fix" in given, names


class GermanTests(SynchronousTestCase):
    """The table in ``strings.js``, held against the source."""

    def setUp(self) -> None:
        """Read it."""
        self.texts = german()

    def test_every_kind_of_error_has_a_german_text(self) -> None:
        """Each kind of error has a text, and one without places: only details have values."""
        reasons = set(_REASONS.values())
        self.assertEqual(reasons - self.texts.keys(), set())
        self.assertEqual([reason for reason in reasons if "{" in self.texts[reason]], [])

    def test_every_detail_has_a_german_text(self) -> None:
        """What exactly went wrong is told for each kind of error that says it."""
        known = {
            *(f"not_connected.{condition}" for condition in _STREAM_WORDS),
            *(f"not_connected.{detail}" for _, detail, _ in _NETWORK_WORDS),
            *(f"credentials_refused.{detail}" for detail, _, _ in _CREDENTIALS.values()),
        }
        for name, call in calls():
            if name in _REASONS and keyword(call, "detail"):
                known.add(error_key(name, call))
        self.assertEqual(known - self.texts.keys(), set())
        reasons = set(_REASONS.values())
        written = {key for key in self.texts if "." in key and key.partition(".")[0] in reasons}
        self.assertEqual(written - known, set())

    def test_every_finding_has_a_german_text(self) -> None:
        """Each outcome of each check has a text, and what to do about it as well."""
        found = [call for name, call in calls() if name == "Finding"]
        self.assertGreater(len(found), 20)
        keys = {finding_key(call) for call in found}
        fixes = {f"{finding_key(call)}.fix" for call in found if len(call.args) > _WITHOUT_FIX}
        self.assertEqual((keys | fixes) - self.texts.keys(), set())

    def test_every_obstacle_has_a_german_text(self) -> None:
        """Each has a word for itself, and a text about it and what helps, with values it has."""
        found = [obstacle_texts(call) for name, call in calls() if name == "Obstacle"]
        self.assertGreater(len(found), 5)
        keys = {f"obstacle.{detail}" for detail, _, _ in found}
        keys |= {f"obstacle.{detail}.fix" for detail, helps, _ in found if helps}
        self.assertEqual({key for key in self.texts if key.startswith("obstacle.")}, keys)
        for detail, _, values in found:
            places = set(re.findall(r"\{(\w+)\}", self.texts[f"obstacle.{detail}"]))
            self.assertLessEqual(places, values, detail)

    def test_every_place_has_its_value(self) -> None:
        """What is to be put into a text is among what the source gives with it."""
        checked = 0
        for name, call in calls():
            values = next((k.value for k in call.keywords if k.arg == "values"), None)
            if not isinstance(values, ast.Dict) or name not in {"Finding", *_REASONS}:
                continue
            key = finding_key(call) if name == "Finding" else error_key(name, call)
            if (
                key not in self.texts
            ):  # its detail comes from a table; the tests above tell of others
                continue
            places = set(re.findall(r"\{(\w+)\}", self.texts[key]))
            given = {key.value for key in values.keys if isinstance(key, ast.Constant)}
            self.assertLessEqual(places, given, key)
            checked += 1
        self.assertGreater(checked, 20)

    def test_no_line_is_unreadable(self) -> None:
        """Every line of the table is read here."""
        table = re.search(r"(?ms)^const heardInGerman = \{\n(.*?)^\};$", _STRINGS)
        assert table is not None
        lines = [line for line in table[1].splitlines() if line]
        self.assertEqual([line for line in lines if not re.match(_LINE, line)], [])
