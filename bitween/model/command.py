"""The commands that a person can run by chat, and their answers: plain values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """
    A question that a command asks before it runs.

    :param title: what the answer is for.
    :param text: what to answer, or why the last answer is not accepted.
    :param field: the name of the answer.
    :param label: stands beside the input field.
    :param choices: the answers to choose from, each with its label; if empty, any text will do.
    """

    title: str
    text: str
    field: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """
    The outcome of a command; any part may be empty.

    :param text: one line.
    :param facts: pairs of label and value.
    :param columns: the headings of a table.
    :param rows: its rows, each as long as the headings.
    :param failed: whether the command failed.
    :param title: what the report is about.
    """

    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    failed: bool = False
    title: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole report as lines of text, for programs that draw no tables."""
        facts = (f"{label}: {value}" for label, value in (*self.facts, *self.row_facts))
        return (*filter(None, (self.text,)), *facts)

    @property
    def row_facts(self) -> tuple[tuple[str, str], ...]:
        """The table as pairs of label and value: the first column, and all others."""
        return tuple((row[0], ", ".join(row[1:])) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Command:
    """
    An entry of the menu.

    :param name: for programs.
    :param title: for a person.
    :param run: called with the answers so far, by field; returns the next question, or the report.
    """

    name: str
    title: str
    run: Callable[[Mapping[str, str]], Awaitable[Question | Report]]
