"""The folder that the demo shares, and the comparison with its copy."""

from __future__ import annotations

import hashlib
import os

from bitween.cli.demo.daemon import DemoFailed

FOLDER = "Urlaub in Köln ☀"
#: The bytes of each file, by its path in the folder.
FILES = {
    "film.mkv": 24_000_000,
    **{f"pictures/picture {n:02}.jpg": 1_000_000 + 7919 * n for n in range(12)},
    "notes/what we did/Grüße.txt": 2_000,
    "notes/empty": 0,
}


def make_files(folder: str) -> None:
    """Fill a folder with random bytes under the names of :data:`FILES`."""
    for name, size in FILES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(os.urandom(size))


def compare_folders(original: str, copy: str) -> None:
    """
    Compare the SHA-256 sums of two folders.

    :raises DemoFailed: naming a file that differs.
    """
    sums, sums_of_copy = _sums(original), _sums(copy)
    for name in sorted(sums.keys() | sums_of_copy.keys()):
        if sums.get(name) != sums_of_copy.get(name):
            raise DemoFailed(f"{name!r} is not the same in the original and the copy")


def _sums(folder: str) -> dict[str, str]:
    sums = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            sums[os.path.relpath(path, folder)] = digest
    return sums
