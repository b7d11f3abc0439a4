"""A progress bar, on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bitween.cli.output import Output
from bitween.messages.quantities import duration_text, rate_text, size_text
from bitween.model.text import printable


@dataclass(frozen=True, slots=True)
class Step:
    """
    The progress of an operation.

    :param done: bytes.
    :param total: bytes, ``None`` while unknown.
    :param rate: bytes/s.
    :param eta: seconds.
    :param note: what it is waiting for.
    """

    done: int
    total: int | None
    rate: float | None = None
    eta: float | None = None
    note: str = ""


@contextmanager
def progress_bar(title: str, output: Output) -> Iterator[Callable[[Step], None]]:
    """
    Show a bar on a terminal, nothing elsewhere.

    :returns: what to call with each step.
    """
    if not output.shows_progress:
        yield lambda _: None
        return
    # 60 ms that only a terminal is worth.
    from rich.console import Console  # noqa: PLC0415  # see above
    from rich.markup import escape  # noqa: PLC0415  # see above
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415  # see above

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, expand=True) as progress:
        # What the numbers leave to it, for rich would cut those as soon as the title.
        shown = printable(title, min(40, max(8, console.width - 55)))
        task = progress.add_task(escape(shown), total=None, text="")

        def show(step: Step) -> None:
            progress.update(task, completed=step.done, total=step.total, text=_text(step))

        yield show


def _text(step: Step) -> str:
    parts = [f"{size_text(step.done)} of {size_text(step.total)}", rate_text(step.rate)]
    if step.eta is not None:
        parts.append(f"{duration_text(step.eta)} left")
    return "  ".join(part for part in (*parts, step.note) if part)
