"""Signal handlers of the daemon: it stops cleanly, or reopens its log."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import FilteringLogObserver, globalLogPublisher
from twisted.python.logfile import BaseLogFile

# Signals that a terminal sends to all its processes: Ctrl-C, Ctrl-\, and when it is closed.
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


def handle_signals(reactor: Any, background: bool) -> None:
    """
    Handle SIGHUP and SIGQUIT; the reactor itself stops on SIGINT and SIGTERM.

    A signal that was ignored when the daemon started, as ``nohup`` does, stays ignored.

    :param reactor: is running.
    :param background: whether there is no terminal that could be closed; then SIGHUP reopens the
        log, as logrotate expects of a daemon.
    """
    logs = list(_log_files()) if background else []
    for log in logs:
        # Otherwise the umask of downloads would decide who may read the next log file.
        log.defaultMode = stat.S_IMODE(os.stat(log.path).st_mode)

    def reopen() -> None:
        for log in logs:
            log.reopen()

    _handle(reactor, signal.SIGHUP, reopen if background else lambda: _stop(reactor))
    _handle(reactor, signal.SIGQUIT, lambda: _stop(reactor))


def spare_children(reactor: Any) -> None:
    """
    Keep the signals of a terminal from child processes.

    The daemon ends its children itself, and needs them until then to stop cleanly.

    :param reactor: provides ``IReactorProcess``; its ``spawnProcess`` is replaced.
    """
    spawn = reactor.spawnProcess

    def spawn_spared(*args: Any, **options: Any) -> Any:
        with _blocked_signals():
            return spawn(*args, **options)

    reactor.spawnProcess = spawn_spared


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Block these signals; a process that starts meanwhile inherits this."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FROM_TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handle(reactor: Any, number: signal.Signals, do: Callable[[], None]) -> None:
    if signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, lambda *_: reactor.callFromThread(do))


def _stop(reactor: Any) -> None:
    # It may be stopping already.
    with suppress(ReactorNotRunning):
        reactor.stop()


def _log_files() -> Iterator[BaseLogFile]:
    """The files that twistd writes the log to."""
    for observer in globalLogPublisher._observers:  # noqa: SLF001  # nothing else tells them
        if isinstance(observer, FilteringLogObserver):
            observer = observer._observer  # noqa: PLW2901, SLF001  # same
        file = getattr(observer, "_outFile", None)
        if isinstance(file, BaseLogFile):
            yield file
