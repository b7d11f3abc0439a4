"""Reads the XMPP password."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, MutableMapping
from typing import TextIO

from bitween.errors import ConfigurationError

VARIABLE = "BITWEEN_PASSWORD"


def read_password(
    password_file: str | None,
    environ: MutableMapping[str, str],
    stdin: TextIO,
    prompt: Callable[[str], str],
) -> str:
    """
    Read the password from the first source that has it: the file, systemd's credentials, the
    environment, a prompt.

    :param password_file: a path, ``-`` for standard input, or ``None``.
    :param environ: the password is removed from it, so that no child process inherits it.
    :param stdin: read only if ``password_file`` is ``-``.
    :param prompt: called with the text to show, only if standard input is a terminal; asks without
        echo, and returns the line that was typed.
    :raises ConfigurationError: if there is none, or the file cannot be used.
    """
    inherited = environ.pop(VARIABLE, None)
    if password_file == "-":  # noqa: S105  # the name of standard input
        return _checked(stdin.readline().removeprefix("\ufeff"), "standard input")
    if password_file is not None:
        return _checked(_first_line(password_file, private=True), password_file)
    credentials = os.path.join(environ.get("CREDENTIALS_DIRECTORY", ""), "xmpp-password")
    if os.path.isabs(credentials) and os.path.exists(credentials):
        # systemd protects this directory itself, in ways that the mode does not show.
        return _checked(_first_line(credentials, private=False), credentials)
    if inherited is not None:
        return _checked(inherited, f"${VARIABLE}")
    if stdin.isatty():
        return _checked(prompt("XMPP password: "), "the prompt")
    raise ConfigurationError("there is no password", "use --password-file FILE")


def _first_line(path: str, *, private: bool) -> str:
    try:
        with open(path, encoding="utf-8-sig") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if private and mode & 0o077:
                raise ConfigurationError(
                    f"the password file {path!r} can be read by others", f"chmod 600 {path}"
                )
            return file.readline()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the password file {path!r}: {error.strerror}", "check --password-file"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"the password file {path!r} is not UTF-8", "save it as such"
        ) from None


def _checked(line: str, source: str) -> str:
    password = line.rstrip("\r\n")
    if not password:
        raise ConfigurationError(f"{source} holds no password", "it stands in the first line")
    return password
