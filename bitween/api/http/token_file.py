"""The token file: the secret of the first token."""

from __future__ import annotations

import os
import secrets

from bitween.errors import ConfigurationError
from bitween.storage.api_location import read_private

_MIN_LENGTH = 16


def load_or_make_token(path: str) -> str:
    """
    Read the token, or make one and save it for the next start.

    :param path: a file that only our own user can read; created with mode 600.
    :raises ConfigurationError: if other users can read the file, or it contains no valid token.
    """
    try:
        token = read_private(path).strip()
    except FileNotFoundError:
        return _make_token(path)
    if len(token) < _MIN_LENGTH or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"the token file {path!r} contains no token of at least {_MIN_LENGTH} ASCII characters",
            "remove it, and a new one is made",
        )
    return token


def _make_token(path: str) -> str:
    token = secrets.token_urlsafe(32)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the token file {path!r}: {error.strerror}", "choose another --token-file"
        ) from None
    return token
