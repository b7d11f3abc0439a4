"""The errors of commands, with their exit statuses."""

from __future__ import annotations

from typing import ClassVar

from bitween.errors import BitweenError

#: The hint where no daemon was found: one with its own state directory may still be running.
START_OR_NAME = (
    "start one with bitween daemon; if yours runs with a --state-dir, pass the same directory here"
)


class CommandFailed(BitweenError):
    """The daemon rejected the call, or the command cannot do its work."""

    exit_status: ClassVar[int] = 1


class Refused(CommandFailed):
    """
    The daemon answered with an error.

    :ivar reason: the kind of error, one of those in ``docs/api.rst``; may be empty.
    :ivar message_id: which error it is; empty if only the message says it.
    """

    def __init__(self, message: str, hint: str, reason: str, message_id: str = "") -> None:
        super().__init__(message, hint)
        self.reason = reason
        self.message_id = message_id


class WrongUsage(CommandFailed):
    """The command line is not valid."""

    exit_status = 2


class NoDaemon(CommandFailed):
    """There is no daemon to talk to."""

    exit_status = 3
