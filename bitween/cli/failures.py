"""Why a command ends without having done what was asked, and the exit status that says so."""

from __future__ import annotations

from typing import ClassVar

from bitween.errors import BitweenError

#: What to do where no daemon was found: one with a state directory of its own may run all the same.
START_OR_NAME = (
    "start one with bitween daemon; if yours runs with a --state-dir, name the same directory here"
)


class CommandFailed(BitweenError):
    """The daemon said no, or what was asked for cannot be done."""

    exit_status: ClassVar[int] = 1


class Refused(CommandFailed):
    """
    The daemon answered with an error.

    :ivar reason: the word for its kind, as ``docs/api.rst`` lists them; may be empty.
    """

    def __init__(self, message: str, hint: str, reason: str, detail: str = "") -> None:
        super().__init__(message, hint, detail=detail)
        self.reason = reason


class WrongUsage(CommandFailed):
    """The command line does not make sense."""

    exit_status = 2


class NoDaemon(CommandFailed):
    """There is no daemon to talk to."""

    exit_status = 3
