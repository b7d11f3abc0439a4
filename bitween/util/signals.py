"""What signals do to the daemon: it ends cleanly, or opens its log again."""

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

# What a terminal sends to everything that runs in it: Ctrl-C, Ctrl-\, and that it is closed.
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


def handle_signals(reactor: Any, background: bool) -> None:
    """
    Take SIGHUP and SIGQUIT; the reactor itself ends on SIGINT and SIGTERM.

    What whoever started us had ignored, as ``nohup`` does, stays so.

    :param reactor: is running.
    :param background: whether no terminal is there that could be closed; SIGHUP opens the log again
        then, as logrotate expects of a daemon.
    """
    logs = list(_log_files()) if background else []
    for log in logs:
        # Otherwise the umask that downloads have would decide who may read the next one.
        log.defaultMode = stat.S_IMODE(os.stat(log.path).st_mode)

    def reopen() -> None:
        for log in logs:
            log.reopen()

    _handle(reactor, signal.SIGHUP, reopen if background else lambda: _stop(reactor))
    _handle(reactor, signal.SIGQUIT, lambda: _stop(reactor))


def spare_children(reactor: Any) -> None:
    """
    Have child processes hear nothing of what a terminal sends.

    They end when we end them, and until then we may need them to end cleanly.
    """
    spawn = reactor.spawnProcess

    def spawn_spared(*args: Any, **options: Any) -> Any:
        with _held_back():
            return spawn(*args, **options)

    reactor.spawnProcess = spawn_spared


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold these signals back, which a process that begins meanwhile goes on doing."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FROM_TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handle(reactor: Any, number: signal.Signals, do: Callable[[], None]) -> None:
    if signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, lambda *_: reactor.callFromThread(do))


def _stop(reactor: Any) -> None:
    # It may be ending already.
    with suppress(ReactorNotRunning):
        reactor.stop()


def _log_files() -> Iterator[BaseLogFile]:
    """The files into which twistd has the log written."""
    for observer in globalLogPublisher._observers:  # noqa: SLF001  # nothing else tells them
        if isinstance(observer, FilteringLogObserver):
            observer = observer._observer  # noqa: PLW2901, SLF001  # same
        file = getattr(observer, "_outFile", None)
        if isinstance(file, BaseLogFile):
            yield file
