"""Asks the user before something that cannot be undone."""

from __future__ import annotations

import sys

from bitween.cli.failures import CommandFailed, WrongUsage
from bitween.cli.session import CommandSession

_YES = frozenset({"y", "yes"})


def confirm(session: CommandSession, warning: str, question: str) -> None:
    """
    Ask the user on a terminal, unless ``--yes`` has answered already.

    :param warning: what would be done, in one sentence.
    :param question: what to ask, such as ``Delete?``.
    :raises CommandFailed: if the answer is not yes.
    :raises WrongUsage: if there is no terminal to ask on.
    """
    if session.args.yes:
        return
    if not (sys.stdin and sys.stdin.isatty() and session.output.shows_progress):
        raise WrongUsage(warning, "confirm it with --yes")
    session.output.note(warning)
    session.output.prompt(f"{question} [y/N] ")
    if sys.stdin.readline().strip().casefold() not in _YES:
        raise CommandFailed("nothing was done")
