"""The twistd plugin: read the options, and hand twistd the daemon as a service."""

from __future__ import annotations

import atexit
import getpass
import os
import sys
from typing import Any, TextIO

from twisted.logger import globalLogBeginner

from bitween.daemon.service import Daemon
from bitween.errors import ConfigurationError
from bitween.settings.command_line import Options
from bitween.settings.settings import AccountSettings
from bitween.storage.credentials import read_password
from bitween.util.log_filter import filter_log
from bitween.util.monotonic import MonotonicClock
from bitween.util.signals import handle_signals, spare_children
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.tls import connection_options

__all__ = ["Options", "makeService"]


def makeService(options: Options) -> Daemon:
    """
    Make the daemon; it starts with the reactor.

    :raises SystemExit: with one line that says what is wrong and what to do.
    """
    from twisted.internet import reactor  # noqa: PLC0415  # importing it installs it

    timed: Any = reactor
    timed.seconds = MonotonicClock()
    try:
        settings = options.settings(os.environ)
        account = _account(settings.account)
    except ConfigurationError as error:
        raise SystemExit(f"bitween: {error}") from None
    spare_children(timed)
    background = options.parent is not None and not options.parent["nodaemon"]
    timed.callWhenRunning(handle_signals, timed, background)
    filter_log(globalLogBeginner, debug=settings.log_traffic)
    return Daemon(reactor, settings, account, _leave, _umask(options))


def _umask(options: Options) -> int:
    """
    The umask for downloads: that of ``twistd --umask``, or else the user's own.

    In the background, twistd would deny other users everything; with ``-n``, nothing.
    """
    given = options.parent.get("umask") if options.parent is not None else None
    if given is not None:
        return int(given)
    current = os.umask(0o077)
    os.umask(current)
    return current


def _account(settings: AccountSettings) -> Account:
    """
    The account, with what logs it in.

    :raises ConfigurationError: if there is no password, or no certificate in the CA file.
    """
    ca_pem = _read_ca_file(settings) if settings.ca_file is not None else None
    password = read_password(settings.password_file, os.environ, sys.stdin, getpass.getpass)
    return Account(
        settings.jid,
        password,
        settings.server,
        ca_pem,
        plain_allowed=settings.allow_plain,
        direct_tls=settings.direct_tls,
    )


def _read_ca_file(settings: AccountSettings) -> bytes:
    """
    Read the further trust root.

    :raises ConfigurationError: if that cannot be read, or holds no certificate.
    """
    path = settings.ca_file or ""
    try:
        with open(path, "rb") as file:
            ca_pem = file.read()
        # This only checks them: the options are made where they are used.
        connection_options(settings.jid.partition("@")[2], ca_pem)
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path!r}: {error.strerror}", "check --ca-file"
        ) from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path!r}: {error.message}", error.hint) from None
    return ca_pem


def _same_file(one: TextIO, other: TextIO) -> bool:
    try:
        return os.path.sameopenfile(one.fileno(), other.fileno())
    except OSError:
        return False


def _leave(reason: str, status: int) -> None:
    """
    Print the reason on standard error, and make the process end with an exit status.

    twistd offers no way to set the exit status of a daemon that was running.
    """
    stdout, stderr = sys.__stdout__, sys.__stderr__
    if stderr is not None and not (stdout and _same_file(stdout, stderr)):
        print(f"bitween: {reason}", file=stderr, flush=True)

    def leave() -> None:
        for stream in (stdout, stderr):
            if stream is not None:
                stream.flush()
        os._exit(status)

    # Run last of all, after twistd has removed its pid file.
    atexit.register(leave)
