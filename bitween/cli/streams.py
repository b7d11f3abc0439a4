"""Standard streams that are closed, full or no longer read."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def open_missing(*, output_matters: bool) -> None:
    """
    Put something in the place of standard streams that are closed.

    Otherwise the next file or socket would get their number, and what is printed with it.

    :param output_matters: whether writing to a standard output that was closed fails.
    """
    output = os.O_RDONLY if output_matters else os.O_WRONLY
    for number, mode in enumerate((os.O_RDONLY, output, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    # Python has none in place of those that were closed when it started.
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # stays open
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # same
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # same


def silence(stream: TextIO) -> None:
    """Drop what is still to be printed: Python would complain about it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
