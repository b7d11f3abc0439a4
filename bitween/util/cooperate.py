"""Long work in slices, between which the reactor has its turn."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

_T = TypeVar("_T")

#: Seconds for which the reactor waits at most, if no single step takes longer.
SLICE = 0.01
# Files of a torrent to take in one step, where each takes some microseconds, or a hostile one 100.
_BATCH = 16


async def in_slices(reactor: IReactorTime, steps: Iterable[object]) -> None:
    """
    Take all the steps, with a turn of the reactor after every slice of them.

    :param steps: each takes a few milliseconds at most.
    """
    await result_in_slices(reactor, _walk(steps))


async def result_in_slices(reactor: IReactorTime, steps: Generator[object, None, _T]) -> _T:
    """
    Do the same, and give what the steps return in the end.

    :param steps: each takes a few milliseconds at most.
    """
    results: list[_T] = []
    until = reactor.seconds() + SLICE
    for _ in _collecting(steps, results):
        if reactor.seconds() >= until:
            await deferLater(reactor, 0)
            until = reactor.seconds() + SLICE
    return results[0]


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Part a sequence into steps that are worth the time it takes to count them."""
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def at_once(steps: Generator[object, None, _T]) -> _T:
    """Take all the steps here and now, and give what they return."""
    results: list[_T] = []
    for _ in _collecting(steps, results):
        pass
    return results[0]


def _collecting(
    steps: Generator[object, None, _T], results: list[_T]
) -> Generator[object, None, None]:
    """Take the steps, and put what they return in the end into a list."""
    results.append((yield from steps))


def _walk(steps: Iterable[object]) -> Generator[object, None, None]:
    yield from steps
