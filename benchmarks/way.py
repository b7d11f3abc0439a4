"""What the ways of carrying bytes have in common, in the benchmark of transfers."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from benchmarks.content import Content
from benchmarks.programs import Program


class Way(ABC):
    """
    A way to carry content from one process to another.

    :cvar name: what it is called in the table.
    :cvar slow: whether it takes so long that once is enough.
    :ivar into: the folder that the other side gets it into; to be empty before each fetch.
    """

    name: ClassVar[str]
    slow: ClassVar[bool] = False

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        """
        :param directory: one of its own, for what it has to write down.
        :raises Absent: if it cannot run here.
        """
        self._reactor = reactor
        self._directory = directory
        self._programs: list[Program] = []
        self._content = content
        self.into = os.path.join(directory, "into")
        os.makedirs(directory)

    @abstractmethod
    async def offer(self) -> None:
        """Have one side ready to give it."""

    async def prepare(self) -> None:  # noqa: B027  # most need nothing
        """Do what comes before the clock is started."""

    @abstractmethod
    async def fetch(self) -> None:
        """Have the other side get it, until it says that it has all."""

    async def tidy(self) -> None:  # noqa: B027  # same
        """Undo what one fetch left behind."""

    async def stop(self) -> None:
        """End everything."""
        for program in self._programs:
            await program.stop()
        self._programs.clear()

    def _run(self, *command: str, environment: Mapping[str, str] | None = None) -> Program:
        program = Program(self._reactor, command, environment)
        self._programs.append(program)
        return program

    def _write(self, name: str, content: str | bytes) -> str:
        path = os.path.join(self._directory, name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path


class OwnWay(Way):
    """
    Two of our own processes that stay, of which the giver can be limited.

    :ivar limit: bytes a second that the giver may send, 0 for any number; set before :meth:`offer`.
    """

    limit: int = 0

    @abstractmethod
    def processes(self) -> tuple[int, int]:
        """The process ids of the giver and the taker."""
