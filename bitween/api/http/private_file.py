"""Files of the state directory that hold what only our own user may read."""

from __future__ import annotations

import os
import tempfile


def replace(path: str, text: str) -> None:
    """
    Write a file at once and whole, with mode 600; it outlives a crash.

    :raises OSError: if it cannot be written; then the file is as it was.
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
