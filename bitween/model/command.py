"""What a person can have a daemon do by chat, and what it answers: plain values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """
    One thing that is to be said first.

    :param title: what it is for.
    :param text: what to say, or why the last answer will not do.
    :param field: the name that the answer comes under.
    :param label: stands beside the place for the answer.
    :param choices: the answers to choose from, each with its label; any text for none.
    """

    title: str
    text: str
    field: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """
    What came of it; any part may be empty.

    :param text: in one line.
    :param facts: labels and values.
    :param columns: the headings of a table.
    :param rows: its rows, each as long as the headings.
    :param failed: whether it could not be done.
    :param title: what it is about.
    """

    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    failed: bool = False
    title: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it in lines of text, for programs that draw no tables."""
        facts = (f"{label}: {value}" for label, value in (*self.facts, *self.row_facts))
        return (*filter(None, (self.text,)), *facts)

    @property
    def row_facts(self) -> tuple[tuple[str, str], ...]:
        """The table as labels and values: the first column, and all others."""
        return tuple((row[0], ", ".join(row[1:])) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Command:
    """
    Something to choose from a menu.

    :param name: for programs.
    :param title: for a person.
    :param run: takes the answers to questions by their field, none at first.
    """

    name: str
    title: str
    run: Callable[[Mapping[str, str]], Awaitable[Question | Report]]
