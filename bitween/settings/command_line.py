"""The command line of ``bitween daemon``, which is that of ``twistd bitween``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from twisted.python import usage

from bitween import __version__
from bitween.settings.config_file import check_not_empty, read_config
from bitween.settings.settings import Settings, make_settings
from bitween.settings.table import OPTIONS, Kind, Option


def _named(kind: Kind) -> list[Option]:
    return [option for option in OPTIONS.values() if option.kind is kind]


class Options(usage.Options):
    """
    The options of the table, and ``--config``.

    :meth:`settings` makes them into :class:`Settings`.
    """

    synopsis = "[options] --jid USER@DOMAIN[/RESOURCE]"
    longdesc = "Shares files with your XMPP contacts over BitTorrent."

    optFlags = [[option.name, None, option.help_line] for option in _named(Kind.FLAG)]
    optParameters = [
        ["config", None, None, "TOML file with these options."],
        *([option.name, None, None, option.help_line] for option in _named(Kind.TEXT)),
    ]

    def __init__(self) -> None:
        super().__init__()
        for option in _named(Kind.LIST):
            self[option.name] = []

    def opt_version(self) -> NoReturn:
        """Print the version and exit."""
        sys.stdout.write(f"bitween {__version__}\n")
        raise SystemExit(0)

    def parseArgs(self, *rest: str) -> None:
        """:raises twisted.python.usage.UsageError: for a stray argument."""
        if rest:
            raise usage.UsageError(f"{rest[0]!r} is not a valid option")

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line.

        :param options: the arguments; ``None`` for those of this process.
        :raises SystemExit: with one line, where twistd would print its whole help and exit with 0.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(f"bitween: {error}; see bitween daemon --help") from None

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """
        Join command line, TOML file and defaults.

        :param environ: environment variables, for the default paths; see :mod:`.directories`.
        :raises ConfigurationError: naming the option and what it should be.
        """
        given = {key: value for key, value in self.items() if value not in (None, 0, [])}
        for key, value in given.items():
            check_not_empty(f"--{key}", value)
        from_file = read_config(given.pop("config", None), environ)
        return make_settings(given, from_file, environ)


def _collector(option: Option) -> Callable[[Options, str], None]:
    def collect(self: Options, text: str) -> None:
        self[option.name].append(text)

    collect.__doc__ = option.help_line
    return collect


# Twisted finds an option that may be repeated as a method of this name.
for _option in _named(Kind.LIST):
    _method: Any = _collector(_option)
    setattr(Options, f"opt_{_option.name.replace('-', '_')}", _method)
