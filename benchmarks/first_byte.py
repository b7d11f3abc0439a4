"""When the first byte of a transfer is there."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, INotify
from twisted.python.filepath import FilePath


class FirstByte:
    """
    Notes when something is first written to a file below a folder.

    :ivar at: the reactor's time; ``None`` until then.
    """

    def __init__(self, reactor: Any, folder: str) -> None:
        self._seconds = reactor.seconds
        self.at: float | None = None
        self._watch: INotify | None = INotify(reactor)
        self._watch.startReading()
        self._watch.watch(
            FilePath(folder.encode()),
            IN_CREATE | IN_MODIFY | IN_MOVED_TO,
            autoAdd=True,
            callbacks=[self._happened],
            recursive=True,
        )

    def stop(self) -> None:
        """Watch no longer."""
        if self._watch is not None:
            self._watch.loseConnection()
            self._watch = None

    def _happened(self, _: object, path: FilePath[bytes], __: int) -> None:
        # To watch on would take a share of the processor from what is measured.
        # Some make a file as long as it will be before there is anything in it.
        if self.at is None and path.isfile() and os.stat(path.path).st_blocks:
            self.at = self._seconds()
            self.stop()
