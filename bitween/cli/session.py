"""What every command works with."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from bitween.cli.client import ApiClient
from bitween.cli.output import Output


@dataclass(frozen=True, slots=True)
class CommandSession:
    """
    What a command works with.

    :param pid: the daemon's process, where it is on this machine.
    """

    args: argparse.Namespace
    client: ApiClient
    output: Output
    pid: int | None

    def call(self, method: str, **params: object) -> Any:
        """Call a method of the API; what is ``None`` is left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return self.client.call(method, **given)

    def show(self, result: object, text: str) -> None:
        """
        Print a result.

        :param text: what it says to a person.
        """
        if self.output.as_json:
            self.output.json(result)
        else:
            self.output.line(text)
