"""Read the TOML file: the same options under the same names."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from typing import Any

from bitween.errors import ConfigurationError
from bitween.model.text import quoted
from bitween.settings.directories import config_home
from bitween.settings.table import OPTIONS, Kind

_TYPES = {
    Kind.FLAG: "true or false",
    Kind.LIST: "a list of strings",
    Kind.TEXT: "a string or a number",
}


def read_config(path: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """
    Read the settings of a file.

    :param path: ``None`` for the default place, where there may be none.
    :param environ: environment variables, for the default place; see :mod:`.directories`.
    :returns: texts, lists of texts and flags by the name of the option, as the command line has
        them.
    :raises ConfigurationError: naming the file, the key and what it should be.
    """
    if path is None:
        path = os.path.join(config_home(environ), "bitween", "config.toml")
        if not os.path.exists(path):
            return {}
    return {key: _checked(path, key, value) for key, value in _read_toml(path).items()}


def _read_toml(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            # TOML has no byte order mark, but some editors write one.
            return tomllib.loads(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {quoted(path)}: {error.strerror}", "check --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{quoted(path)} is not valid TOML: {error}", "correct the file"
        ) from None


def _checked(path: str, key: str, value: object) -> object:
    """Check a value's type; numbers become the text that the command line would have given."""
    if key not in OPTIONS:
        known = ", ".join(sorted(OPTIONS))
        raise ConfigurationError(f"unknown key {key!r} in {quoted(path)}", f"known are {known}")
    kind = OPTIONS[key].kind
    if not _fits(kind, value):
        raise ConfigurationError(
            f"{key!r} in {quoted(path)} has the wrong type", f"it should be {_TYPES[kind]}"
        )
    text = str(value) if kind is Kind.TEXT else value
    check_not_empty(f"{key!r} in {quoted(path)}", text)
    return text


def _fits(kind: Kind, value: object) -> bool:
    if kind is Kind.FLAG:
        return isinstance(value, bool)
    if kind is Kind.LIST:
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def check_not_empty(name: str, value: object) -> None:
    """
    Refuse what an unset variable leaves: as a path, it would be the current directory.

    :param name: what the error message calls the option.
    :param value: a text, a list of texts or a flag.
    :raises ConfigurationError: naming the option.
    """
    if value == "" or (isinstance(value, list) and "" in value):
        raise ConfigurationError(f"{name} is empty", "leave it out, or give a value")
