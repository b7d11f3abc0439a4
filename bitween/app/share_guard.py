"""
Keeps paths from being shared by mistake.

All contacts can download what is shared.  The daemon's own secrets are never shared; home
directories, folders that may hold keys or passwords, and .torrent files only once the user confirms
it.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bitween.errors import ConfirmationNeeded, ForbiddenPath
from bitween.model.text import visible_path
from bitween.model.torrent_file import MAX_LENGTH, SUFFIX, reading_info_hash

#: Folders that hold keys, passwords or sessions.
KEY_FOLDERS = frozenset(
    {
        ".aws",
        ".azure",
        ".bitcoin",
        ".docker",
        ".electrum",
        ".gnupg",
        ".kube",
        ".mozilla",
        ".password-store",
        ".pki",
        ".ssh",
        ".thunderbird",
        "google-chrome",
        "keyrings",
        "kwalletd",
    }
)
#: Files that hold keys or passwords.
KEY_FILES = frozenset(
    {
        ".git-credentials",
        ".netrc",
        ".pgpass",
        ".pypirc",
        ".vault-token",
        "id_dsa",
        "gshadow",
        "id_ecdsa",
        "id_ecdsa_sk",
        "id_ed25519",
        "id_ed25519_sk",
        "id_rsa",
        "shadow",
        "wallet.dat",
    }
)
_KEY_ENDS = (".kdbx",)


class ShareGuard:
    """Refuses paths, or asks for a confirmation."""

    def __init__(self, private: Sequence[str] = (), hidden: bool = True) -> None:
        """
        :param private: the paths of the daemon's own secrets.
        :param hidden: whether entries are shared whose name begins with a dot.
        """
        self._private = tuple(map(os.path.realpath, private))
        self._hidden = hidden

    def check_allowed(self, path: str) -> None:
        """
        Check that a path may be shared, or downloaded to, at all.

        :raises ForbiddenPath: if it is one of the daemon's secrets, or lies in one.
        """
        real = os.path.realpath(path)
        for private in self._private:
            if _lies_in(real, private):
                raise ForbiddenPath.of("forbidden_path.own", path=visible_path(path))

    def check_intended(self, path: str) -> Iterator[None]:
        """
        Check whether the user must confirm that a path is shared, one entry of a folder a step.

        :param path: absolute; it exists.
        :raises ConfirmationNeeded: if so.
        """
        real = os.path.realpath(path)
        _check_place(path, real)
        if os.path.isfile(real):
            yield from _check_torrent_file(path, real)
            return
        for name in self._find_keys(real):
            if name:
                raise ConfirmationNeeded.of(
                    "confirmation_needed.keys", path=visible_path(path), name=visible_path(name)
                )
            yield

    def _find_keys(self, folder: str) -> Iterator[str]:
        """Walk a folder: the relative path of each entry that may hold keys, else ``""``."""
        folders = [folder]
        while folders:
            current = folders.pop()
            # What cannot be read is reported when it is hashed; it may have just been deleted.
            with suppress(OSError), os.scandir(current) as entries:
                for entry in entries:
                    if entry.name.startswith(".") and not self._hidden:
                        continue
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if _is_key(entry.name, is_folder):
                        yield os.path.relpath(entry.path, folder)
                    elif is_folder:
                        folders.append(entry.path)
                    yield ""


def _check_place(path: str, real: str) -> None:
    shown = visible_path(path)
    parts = real.split(os.sep)
    for number, part in enumerate(parts, 1):
        if _is_key(part, is_folder=number < len(parts) or os.path.isdir(real)):
            raise ConfirmationNeeded.of(
                "confirmation_needed.keys", path=shown, name=visible_path(part)
            )
    if real == "/":
        raise ConfirmationNeeded.of("confirmation_needed.root", path=shown)
    homes = {os.path.realpath(home) for home in _homes()} - {"/"}
    if real in homes:
        raise ConfirmationNeeded.of("confirmation_needed.home", path=shown)
    if any(_lies_in(home, real) for home in homes):
        raise ConfirmationNeeded.of("confirmation_needed.homes", path=shown)


def _check_torrent_file(path: str, real: str) -> Iterator[None]:
    if not real.endswith(SUFFIX) or os.path.getsize(real) > MAX_LENGTH:
        return
    try:
        with open(real, "rb") as file:
            content = file.read(MAX_LENGTH)
        info_hash = yield from reading_info_hash(content)
    except (OSError, ValueError):
        return
    raise ConfirmationNeeded.of(
        "confirmation_needed.torrent_file", path=visible_path(path), hash=info_hash
    )


def _homes() -> Iterator[str]:
    yield os.path.expanduser("~")
    for user in pwd.getpwall():
        # Those of services are often /, /usr/sbin or the like.
        if user.pw_uid == 0 or user.pw_dir.startswith("/home/"):
            yield user.pw_dir


def _is_key(name: str, is_folder: bool) -> bool:
    return name in KEY_FOLDERS if is_folder else name in KEY_FILES or name.endswith(_KEY_ENDS)


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
