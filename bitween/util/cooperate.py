"""
Runs long work in slices, between which the reactor runs.

Twisted's ``task.Cooperator`` is not used.  It takes one step at a time from each task, and so costs
three times as much for each step, and a turn of the reactor for work that is done in one slice;
many generators here have a hundred thousand steps of a microsecond.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

_T = TypeVar("_T")

#: Seconds of a slice; the reactor waits no longer unless a single step takes longer.
SLICE = 0.01
# Files of a torrent in one step; each takes some microseconds, a hostile one 100.
_BATCH = 16


async def run_in_slices(reactor: IReactorTime, steps: Iterable[object]) -> None:
    """
    Take all steps, with a turn of the reactor after each slice.

    :param reactor: runs after each slice.
    :param steps: each takes a few milliseconds at most; the items are ignored.
    """
    await result_in_slices(reactor, _walk(steps))


async def result_in_slices(reactor: IReactorTime, steps: Generator[object, None, _T]) -> _T:
    """
    Take all steps in slices, and return what the generator returns.

    :param reactor: runs after each slice.
    :param steps: each takes a few milliseconds at most; the items are ignored.
    """
    results: list[_T] = []
    until = reactor.seconds() + SLICE
    for _ in _collecting(steps, results):
        if reactor.seconds() >= until:
            await deferLater(reactor, 0)
            until = reactor.seconds() + SLICE
    return results[0]


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """
    Split a sequence into steps that are worth their overhead.

    :param items: such as the files of a torrent, each of which takes some microseconds.
    :returns: slices of the sequence, in order, each with a few items.
    """
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def at_once(steps: Generator[object, None, _T]) -> _T:
    """Take all steps without a pause, and return what the generator returns."""
    results: list[_T] = []
    for _ in _collecting(steps, results):
        pass
    return results[0]


def _collecting(
    steps: Generator[object, None, _T], results: list[_T]
) -> Generator[object, None, None]:
    """Take the steps, and put what the generator returns into a list."""
    results.append((yield from steps))


def _walk(steps: Iterable[object]) -> Generator[object, None, None]:
    yield from steps
