"""Detects that bitween was updated since the daemon started."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class OwnCode:
    """
    The source of a module that child processes run, as it was when the daemon started.

    Daemon and child process exchange messages whose format may change with the next version.

    :ivar paths: the files that are compared.
    """

    def __init__(self, module: str, package: str = _PACKAGE) -> None:
        """
        :param module: its full name.
        :param package: the folder of bitween.
        """
        self.paths = [
            # It holds the version.
            os.path.join(package, "__init__.py"),
            os.path.join(package, *module.split(".")[1:]) + ".py",
        ]
        self._original = self._digest()

    @property
    def is_updated(self) -> bool:
        """Whether a child process that is started now would run other code."""
        return self._digest() != self._original

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for path in self.paths:
            with suppress(OSError), open(path, "rb") as file:
                digest.update(file.read())
            digest.update(b"\0")
        return digest.digest()
