"""What of the log reaches its reader."""

from __future__ import annotations

import io
import sys
import warnings

from twisted.internet.tcp import Port
from twisted.logger import LogBeginner, Logger, LogPublisher, textFileLogObserver
from twisted.python.log import LogPublisher as LegacyLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from bitween.util.log_filter import filter_log


class LogFilterTests(SynchronousTestCase):
    """Through a log of its own, as twistd begins one."""

    def written(self, *, debug: bool = False) -> str:
        """What is written of the events of a start."""
        publisher = LogPublisher()
        beginner = LogBeginner(publisher, io.StringIO(), sys, warnings)
        legacy = LegacyLogPublisher(observerPublisher=publisher, publishPublisher=publisher)
        twistd = Logger("twisted.scripts._twistd_unix.UnixAppLogger", observer=publisher)
        # Before the log begins, while twistd looks for its plugins.
        legacy.msg(
            format="Unable to write to plugin cache %(path)s: error number %(errno)d",
            path="/usr/lib/twisted/plugins/dropin.cache",
            errno=30,
        )
        filter_log(beginner, debug=debug)
        file = io.StringIO()
        beginner.beginLoggingTo([textFileLogObserver(file)], redirectStandardIO=False)
        self.addCleanup(setattr, warnings, "showwarning", warnings.showwarning)
        twistd.info("twistd {version} starting up.", version="26")
        twistd.info("reactor class: {reactor}.", reactor="epoll")
        legacy.msg(f"{Port} starting on 5000")
        mine = Logger("bitween.xmpp.session.client.Client", observer=publisher)
        mine.debug("tried this")
        mine.info("online")
        mine.warn("not connected")
        channel = Logger("bitween.api.http.channel.BoundedChannel", observer=publisher)
        channel.info("Timing out client: {peer}", peer="127.0.0.1")
        Logger("twisted.web.http", observer=publisher).error("something failed")
        Logger("twisted.internet.base", observer=publisher).info("Received SIGTERM, shutting down.")
        twistd.info("Server Shut Down.")
        return file.getvalue()

    def test_what_matters_is_shown(self) -> None:
        """The start, what bitween says, errors of anybody, and the signal that ends it."""
        written = self.written()
        for words in (
            *("starting up", "online", "not connected", "something failed", "Received SIGTERM"),
        ):
            self.assertIn(words, written)

    def test_what_does_not_is_left_out(self) -> None:
        """Ports, the reactor's class, idle clients, and the plugin cache of a read-only install."""
        written = self.written()
        for words in (
            *("plugin cache", "reactor class", "starting on", "tried this", "Shut Down"),
            "Timing out",
        ):
            self.assertNotIn(words, written)

    def test_debugging_shows_everything(self) -> None:
        """Then all of it is shown."""
        written = self.written(debug=True)
        for words in ("plugin cache", "reactor class", "starting on", "tried this", "Shut Down"):
            self.assertIn(words, written)
