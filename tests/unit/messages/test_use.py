"""The code and the messages fit: each message is said, and with all of its values."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bitween
from bitween import errors
from bitween.api.results.faults import KINDS
from bitween.model.diagnosis import Verdict
from tests.support.messages import read_messages, values

_SOURCES = [
    path.read_text(encoding="utf-8") for path in Path(bitween.__file__).parent.rglob("*.py")
]
_ENGLISH = {id_: message for id_, message in read_messages("en").items() if "." in id_}
#: The reason of each kind of error, which the ids of its messages begin with.
_REASONS = {kind.__name__: reason for kind, (_, reason) in KINDS.items()}
_ERRORS = "|".join(_REASONS.values())
_CHECKS = "|".join({id_.split(".")[0] for id_ in _ENGLISH} - {*_REASONS.values(), "obstacle"})
_VERDICTS = "|".join(Verdict)
_ID = re.compile(rf'"((?:{_ERRORS}|obstacle)\.[\w-]+|(?:{_CHECKS})\.(?:{_VERDICTS})(?:\.\w+)?)"')


def said() -> Iterator[tuple[str, str, set[str]]]:
    """For each message that is made where its id stands: the class, the id, and the values."""
    for source in _SOURCES:
        for node in ast.walk(ast.parse(source)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr != "of" or not node.args or not isinstance(node.func.value, ast.Name):
                continue
            chosen = node.args[0]
            for id_ in (chosen.body, chosen.orelse) if isinstance(chosen, ast.IfExp) else (chosen,):
                if isinstance(id_, ast.Constant) and id_.value in _ENGLISH:
                    given = {keyword.arg for keyword in node.keywords if keyword.arg}
                    yield node.func.value.id, str(id_.value), given


class UseTests(SynchronousTestCase):
    """The messages in the code."""

    def test_every_message_is_said_and_every_id_is_known(self) -> None:
        """The ids in the code are those of the messages."""
        used = {id_ for source in _SOURCES for id_ in _ID.findall(source)}
        self.assertEqual(used - _ENGLISH.keys(), set())
        self.assertEqual(_ENGLISH.keys() - used, set())

    def test_every_place_has_its_value(self) -> None:
        """What is to be put into a text comes with it."""
        checked = 0
        for _, id_, given in said():
            self.assertLessEqual(values(_ENGLISH[id_]), given, id_)
            checked += 1
        self.assertGreater(checked, 30)

    def test_ids_begin_with_what_says_them(self) -> None:
        """A message of an error has its kind's reason in front, that of an obstacle this word."""
        for name, id_, _ in said():
            group = id_.split(".")[0]
            if hasattr(errors, name):
                self.assertEqual(group, _REASONS[name], id_)
            elif name == "Obstacle":
                self.assertEqual(group, "obstacle", id_)
            else:
                self.assertEqual(name, "Finding", id_)
