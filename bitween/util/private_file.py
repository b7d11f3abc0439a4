"""Writes files that only our own user may read, and makes changes of folders durable."""

from __future__ import annotations

import os
import tempfile


def replace(path: str, text: str) -> None:
    """
    Replace a file atomically, with mode 600, and flush it to the disk.

    :raises OSError: if it cannot be written; the file is unchanged then.
    """
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".private-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def flush_folder(folder: str) -> None:
    """
    Flush the names in a folder to the disk, so that a file just made or renamed stays.

    :raises OSError: if that is not possible.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
