"""Long work in slices, between which the reactor has its turn."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

#: Seconds for which the reactor waits at most, if no single step takes longer.
SLICE = 0.01


async def in_slices(reactor: IReactorTime, steps: Iterable[object]) -> None:
    """
    Take all the steps, with a turn of the reactor after every slice of them.

    :param steps: each takes a few milliseconds at most.
    """
    until = reactor.seconds() + SLICE
    for _ in steps:
        if reactor.seconds() >= until:
            await deferLater(reactor, 0)
            until = reactor.seconds() + SLICE
