"""What the daemon does on signals, and which ones its child processes get."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from typing import IO, Any, cast

from twisted.internet.error import ReactorNotRunning
from twisted.logger import FilteringLogObserver, globalLogPublisher, textFileLogObserver
from twisted.python.logfile import LogFile
from twisted.trial.unittest import SynchronousTestCase

from bitween.util.signals import handle_signals, spare_children

HANDLED = (signal.SIGHUP, signal.SIGQUIT)


class FakeReactor:
    """
    Stops once, and calls at once what another thread or a signal handler asks for.

    :ivar stops: how often it was told to stop.
    :ivar blocked: the signals that were blocked when a process was started.
    """

    def __init__(self) -> None:
        self.stops = 0
        self.blocked: set[int] = set()

    def callFromThread(self, call: Callable[[], None]) -> None:
        """Call it."""
        call()

    def stop(self) -> None:
        """Stop; raises ``ReactorNotRunning`` from the second time on."""
        self.stops += 1
        if self.stops > 1:
            raise ReactorNotRunning

    def spawnProcess(self, name: str, *, env: object = None) -> Any:
        """Note what a child process would inherit."""
        self.blocked = set(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        return name, env


class HandlerTests(SynchronousTestCase):
    """Signals that this process sends itself."""

    def setUp(self) -> None:
        """Restore the handlers of the test runner afterwards."""
        for number in HANDLED:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
            signal.signal(number, signal.SIG_DFL)
        self.reactor = FakeReactor()

    def test_a_closed_terminal_stops_the_daemon(self) -> None:
        """SIGHUP and SIGQUIT stop it in the foreground; a second signal changes nothing."""
        handle_signals(self.reactor, background=False)
        for count, number in enumerate(HANDLED, 1):
            signal.raise_signal(number)
            self.assertEqual(self.reactor.stops, count)

    def test_ignored_signals_stay_ignored(self) -> None:
        """A daemon that was started by ``nohup`` survives the end of its terminal."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        handle_signals(self.reactor, background=False)
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(self.reactor.stops, 0)

    def test_sighup_reopens_the_log_in_the_background(self) -> None:
        """The log that logrotate has renamed is created again, with the mode that it had."""
        folder = self.mktemp()
        os.mkdir(folder)
        log = LogFile("bitween.log", folder)
        self.addCleanup(log.close)
        os.chmod(log.path, 0o600)
        observer = FilteringLogObserver(textFileLogObserver(cast(IO[Any], log)), [])
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.addCleanup(os.umask, os.umask(0o022))
        handle_signals(self.reactor, background=True)
        os.rename(log.path, f"{log.path}.1")
        signal.raise_signal(signal.SIGHUP)
        self.assertEqual(stat.S_IMODE(os.stat(log.path).st_mode), 0o600)
        self.assertEqual(self.reactor.stops, 0)


class ChildrenTests(SynchronousTestCase):
    """Child processes do not get the signals of a terminal."""

    def test_children_start_with_the_signals_of_a_terminal_blocked(self) -> None:
        """Only while they start; arguments and the result pass through."""
        reactor = FakeReactor()
        spare_children(reactor)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self.assertEqual(reactor.spawnProcess("worker", env={}), ("worker", {}))
        self.assertLessEqual({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}, reactor.blocked)
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, []), before)

    def test_signals_are_unblocked_after_a_failed_start(self) -> None:
        """A process that cannot be started leaves the signals as they were."""
        reactor = FakeReactor()
        spare_children(reactor)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self.assertRaises(TypeError, reactor.spawnProcess)
        self.assertEqual(signal.pthread_sigmask(signal.SIG_BLOCK, []), before)
