"""What a command prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, TextIO

from bitween.model.text import printable

_HASH_WIDTH = 12
_GAP = 2
_NUMBERS = frozenset({"index", "size", "done", "down", "up", "peers", "shares"})
#: Columns that may be cut, and how far.
_ELASTIC = frozenset(
    {"name", "path", "who", "jid", "nick", "pending", "state", "subject", "error", "text"}
)
_NARROWEST = 8
#: From this width of a terminal on there is room for whole info-hashes.
_WIDE = 132


class Output:
    """
    Prints for a person on a terminal, for a program otherwise.

    Everything that is shown is made printable first: names come from strangers.
    """

    def __init__(self, as_json: bool, out: TextIO, err: TextIO) -> None:
        """:param as_json: whether results are printed as the API gives them."""
        self.as_json = as_json
        self._out = out
        self._err = err

    @property
    def shows_progress(self) -> bool:
        """Whether messages go to a terminal."""
        return self._err.isatty()

    def json(self, result: object) -> None:
        """Print a result as JSON: in one line, unless it goes to a terminal."""
        # ASCII only, so that nothing in it can disturb a terminal.
        print(json.dumps(result, indent=2 if self._out.isatty() else None), file=self._out)

    def line(self, text: str) -> None:
        """Print one line of a result."""
        print(printable(text, sys.maxsize), file=self._out)

    def note(self, text: str) -> None:
        """Print something that is not part of the result, in one line or more."""
        with suppress(OSError):  # there is no other place to print it
            for line in text.split("\n"):
                print(printable(line, sys.maxsize), file=self._err)

    def prompt(self, text: str) -> None:
        """Ask for an answer on the same line."""
        print(printable(text, sys.maxsize), end="", file=self._err, flush=True)

    def flush(self) -> None:
        """Send out what was printed, for a program that reads it as it comes."""
        self._out.flush()

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = ""
    ) -> None:
        """
        Print a table: fit to the terminal, or else with tabs between whole cells.

        A column called ``hash`` is cut to what still tells torrents apart where room is short.

        :param headings: one for each column, shown on a terminal only; a column's heading decides
            how it is aligned, and whether it may be cut.
        :param rows: each has a cell for each heading.
        :param empty: printed instead of a table without rows.
        """
        if empty and not rows:
            self.note(empty)
            return
        rows = [[printable(cell, sys.maxsize) for cell in row] for row in rows]
        if not self._out.isatty():
            for row in rows:
                print("\t".join(row), file=self._out)
            return
        self._pretty_table(headings, rows)

    def _pretty_table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.cells import cell_len  # noqa: PLC0415  # 60 ms that only a terminal is worth
        from rich.console import Console  # noqa: PLC0415  # the same
        from rich.table import Table  # noqa: PLC0415  # the same
        from rich.text import Text  # noqa: PLC0415  # the same

        console = Console(file=self._out)
        rows = [
            [_cell(*pair, console.width) for pair in zip(headings, row, strict=True)]
            for row in rows
        ]
        widths = [max(map(cell_len, column)) for column in zip(headings, *rows, strict=True)]
        room = console.width - _GAP * (len(headings) - 1)
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for heading, width in zip(headings, _fitted(headings, widths, room), strict=True):
            justify: Literal["left", "right"] = "right" if heading in _NUMBERS else "left"
            table.add_column(heading, justify=justify, width=width, no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row))  # a plain string would be read as markup
        console.print(table)


def _cell(heading: str, cell: str, width: int) -> str:
    return cell[:_HASH_WIDTH] if heading == "hash" and width < _WIDE else cell


def _fitted(headings: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """Narrow the widest of the columns that can do with less, until all have room."""
    fitted = list(widths)
    elastic = [index for index, heading in enumerate(headings) if heading in _ELASTIC]
    while sum(fitted) > room:
        widest = max(elastic, key=lambda index: fitted[index])
        if fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted
