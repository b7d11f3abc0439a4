"""A folder of files for a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from twisted.trial.unittest import SynchronousTestCase

from bitween.messages.catalogue import load_english


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without a superuser's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    # Another user may not be able to read what is imported.
    load_english()
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class FolderCase(SynchronousTestCase):
    """Has a folder to put files into."""

    def setUp(self) -> None:
        """Make it."""
        self.above = os.path.abspath(self.mktemp())
        self.folder = os.path.join(self.above, "folder")
        os.makedirs(self.folder)

    def write_bytes(self, name: bytes) -> None:
        """Write a file whose name is not UTF-8."""
        path = os.path.join(os.fsencode(self.folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"content")

    def write(self, name: str, content: bytes = b"content") -> str:
        """Write a file in the folder."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path
