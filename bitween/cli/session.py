"""The arguments, the client and the output of one command."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from bitween.cli.client import ApiClient
from bitween.cli.output import Output


@dataclass(frozen=True, slots=True)
class CommandSession:
    """
    The arguments, the client and the output of one command.

    :param pid: the daemon's process, ``None`` if it is on another machine.
    """

    args: argparse.Namespace
    client: ApiClient
    output: Output
    pid: int | None

    def call(self, method: str, **params: object) -> Any:
        """Call a method of the API; parameters that are ``None`` are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return self.client.call(method, **given)

    def show(self, result: object, text: str) -> None:
        """
        Print a result: as JSON with ``--json``, otherwise as text.

        :param text: the result for a person.
        """
        if self.output.as_json:
            self.output.json(result)
        else:
            self.output.line(text)
