"""
The file with the secret of this device's keys.

It is made at the first start.  A file that cannot be read is never replaced: contacts would see
another key, as if another device had taken the place of this one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from bitween.errors import ConfigurationError, StartupError
from bitween.model import base64url
from bitween.storage.api_location import read_private_bytes
from bitween.util import private_file

#: The file's name in the state directory.
FILE_NAME = "device-key"

_HEAD = "bitween device key 1"
_LENGTH = 64
_CHECK_LENGTH = 16


def load_or_make_device_secret(path: str, make: Callable[[], bytes]) -> bytes:
    """
    Read the secret, or make one and save it for good.

    :param path: a file that only our own user can read; created with mode 600.
    :param make: draws a secret of 64 bytes.
    :raises StartupError: if the file is damaged, open to others, or cannot be read or written.
    """
    try:
        return _parsed(read_private_bytes(path), path)
    except FileNotFoundError:
        secret = make()
        _save(path, secret)
        return secret
    except ConfigurationError as error:
        raise StartupError(error.message, error.hint) from None
    except OSError as error:
        raise StartupError(
            f"cannot read the device key {path!r}: {error.strerror}", "check the disk"
        ) from None


def _parsed(content: bytes, path: str) -> bytes:
    """
    :raises StartupError: if the file is not as :func:`_save` wrote it.
    """
    try:
        head, encoded, check = content.decode("ascii").splitlines()
        secret = base64url.decode(encoded, _LENGTH)
        if (head, check) == (_HEAD, _check(secret)):
            return secret
    except ValueError:
        pass
    raise StartupError(
        f"the device key {path!r} is damaged",
        "restore it from a backup; if there is none remove it: then a new key is made, and contacts"
        " see this device as changed until they verify it",
    )


def _save(path: str, secret: bytes) -> None:
    """
    Write the file and flush it to the disk, before the public key is announced.

    :raises StartupError: if it cannot be written.
    """
    try:
        private_file.replace(path, f"{_HEAD}\n{base64url.encode(secret)}\n{_check(secret)}\n")
        private_file.flush_folder(os.path.dirname(path))
    except OSError as error:
        raise StartupError(
            f"cannot write the device key {path!r}: {error.strerror}",
            "check the disk, or choose another --state-dir",
        ) from None


def _check(secret: bytes) -> str:
    """Return digits by which a changed file is noticed."""
    return hashlib.sha256(b"bitween device key" + secret).hexdigest()[:_CHECK_LENGTH]
