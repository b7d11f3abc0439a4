"""What is shared only if the user has said so twice, or never."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bitween.errors import ConfirmationNeeded, ForbiddenPath
from bitween.model.text import clean_path, quoted
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
#: Files of the same kind.
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
_CONFIRM = "confirm to share it all the same"


class ShareGuard:
    """Keeps what is hardly ever meant from being shared with every contact by a slip."""

    def __init__(self, private: Sequence[str] = (), hidden: bool = True) -> None:
        """
        :param private: paths of the daemon's own secrets.
        :param hidden: whether files and folders count whose name begins with a dot.
        """
        self._private = tuple(map(os.path.realpath, private))
        self._hidden = hidden

    def forbid(self, path: str) -> None:
        """
        See whether a path may be shared, or downloaded to, at all.

        :raises ForbiddenPath: if it is something of the daemon's own, or lies in that.
        """
        real = os.path.realpath(path)
        for private in self._private:
            if _lies_in(real, private):
                raise ForbiddenPath(
                    f"{quoted(path)} belongs to bitween itself",
                    "it holds the account's and the API's secrets: nothing there is shared, and"
                    " nothing is downloaded to it",
                    detail="own",
                    values={"path": path},
                )

    def doubts(self, path: str) -> Iterator[None]:
        """
        Look for a reason to ask back before a path is shared, one entry of a folder a step.

        :param path: absolute, and there.
        :raises ConfirmationNeeded: if there is one.
        """
        real = os.path.realpath(path)
        _doubt_place(path, real)
        if os.path.isfile(real):
            yield from _doubting_torrent_file(path, real)
            return
        for name in self._keys_in(real):
            if name:
                raise _keys(path, f"{quoted(path)} holds {quoted(name)}", name)
            yield

    def _keys_in(self, folder: str) -> Iterator[str]:
        """Every entry below a folder: its path where it holds keys, else nothing."""
        waiting = [folder]
        while waiting:
            above = waiting.pop()
            # What cannot be read is reported when it is hashed; it may only just have gone.
            with suppress(OSError), os.scandir(above) as entries:
                for entry in entries:
                    if entry.name.startswith(".") and not self._hidden:
                        continue
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if _is_key(entry.name, is_folder):
                        yield os.path.relpath(entry.path, folder)
                    elif is_folder:
                        waiting.append(entry.path)
                    yield ""


def _doubt_place(path: str, real: str) -> None:
    parts = real.split(os.sep)
    for number, part in enumerate(parts, 1):
        if _is_key(part, is_folder=number < len(parts) or os.path.isdir(real)):
            raise _keys(path, f"{quoted(path)} is or lies in {quoted(part)}", part)
    if real == "/":
        raise ConfirmationNeeded(
            f"{quoted(path)} is the whole machine: all contacts could download everything on it",
            _CONFIRM,
            detail="root",
            values={"path": path},
        )
    homes = {os.path.realpath(home) for home in _homes()} - {"/"}
    if real in homes:
        raise ConfirmationNeeded(
            f"{quoted(path)} is a home directory: all contacts could download everything in it",
            _CONFIRM,
            detail="home",
            values={"path": path},
        )
    if any(_lies_in(home, real) for home in homes):
        raise ConfirmationNeeded(
            f"{quoted(path)} holds a home directory: all contacts could download everything in it",
            _CONFIRM,
            detail="homes",
            values={"path": path},
        )


def _doubting_torrent_file(path: str, real: str) -> Iterator[None]:
    if not real.endswith(SUFFIX) or os.path.getsize(real) > MAX_LENGTH:
        return
    try:
        with open(real, "rb") as file:
            content = file.read(MAX_LENGTH)
        info_hash = yield from reading_info_hash(content)
    except (OSError, ValueError):
        return
    raise ConfirmationNeeded(
        f"{quoted(path)} describes a torrent; its content is not in it",
        f"to download the content from contacts, get {info_hash}; to share the .torrent file"
        " itself, confirm",
        detail="torrent_file",
        values={"path": path, "hash": info_hash},
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


def _keys(path: str, what: str, name: str) -> ConfirmationNeeded:
    return ConfirmationNeeded(
        f"{what}, which may hold keys or passwords: all contacts could download them",
        _CONFIRM,
        detail="keys",
        values={"path": path, "name": clean_path(name)},
    )
