"""The base directories of the XDG specification."""

from __future__ import annotations

import os
from collections.abc import Mapping


def config_home(environ: Mapping[str, str]) -> str:
    """
    Where settings of programs lie.

    :param environ: environment variables; ``XDG_CONFIG_HOME`` counts if it is absolute.
    """
    return _base(environ, "XDG_CONFIG_HOME", ".config")


def state_home(environ: Mapping[str, str]) -> str:
    """
    Where programs keep their state.

    :param environ: environment variables; ``XDG_STATE_HOME`` counts if it is absolute.
    """
    return _base(environ, "XDG_STATE_HOME", ".local/state")


def _base(environ: Mapping[str, str], variable: str, default: str) -> str:
    # The specification has a relative path ignored.
    given = environ.get(variable, "")
    return given if os.path.isabs(given) else os.path.join(os.path.expanduser("~"), default)
