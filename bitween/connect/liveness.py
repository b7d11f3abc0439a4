"""
Remembers which devices answer: presence alone may be out of date.

A server shows a device as online for minutes after its connection has died.  So a device that our
torrents need, and that is not connected, is pinged every :data:`ASK_EVERY` seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.connect.contact_log import ContactLog
from bitween.errors import BitweenError
from bitween.model.catalogue.changes import Key

#: Seconds between two pings of one device.
ASK_EVERY = 30.0

#: Pings a device (bare JID, resource); its Deferred may fail with a ``BitweenError``.
Ping = Callable[[str, str], Deferred[bool]]


class Liveness:
    """Remembers what came of the last ping of each device."""

    _log = Logger()

    def __init__(
        self, clock: IReactorTime, ping: Ping, log: ContactLog, changed: Callable[[Key], None]
    ) -> None:
        """:param changed: called with a device that no longer answers, or answers again."""
        self._clock = clock
        self._ping = ping
        self._contact_log = log
        self._changed = changed
        self._asked: dict[Key, float] = {}
        self._answered: dict[Key, bool] = {}
        self._presence_at: dict[Key, float] = {}

    def answers(self, key: Key) -> bool | None:
        """Whether a device answers; ``None`` if that is unknown."""
        return self._answered.get(key)

    def ask(self, key: Key) -> None:
        """Ping a device, unless that was done less than :data:`ASK_EVERY` seconds ago."""
        now = self._clock.seconds()
        if key in self._asked and now - self._asked[key] < ASK_EVERY:
            return
        self._asked[key] = now
        self._ping(*key).addCallbacks(
            self._ping_answered, self._ping_failed, callbackArgs=(key, now), errbackArgs=(key,)
        ).addErrback(lambda failure: self._log.failure("pinging a contact", failure))

    def connected(self, key: Key) -> None:
        """Note that a device is connected, and so is online."""
        self._set(key, answers=True)

    def presence_received(self, key: Key) -> None:
        """
        Assume that a device answers which has just sent presence, until the next ping.

        It may be another run of the same program.  This counts once in :data:`ASK_EVERY` seconds,
        as each time the search for a route begins again.
        """
        now = self._clock.seconds()
        last = self._presence_at.get(key, -math.inf)
        if key not in self._asked or now - last < ASK_EVERY:
            return
        self._presence_at[key] = now
        # A ping whose answer is still to come went to the run before.
        del self._asked[key]
        if self._answered.get(key) is False:
            self._set(key, answers=True)

    def forget(self, key: Key) -> None:
        """Forget a device that is gone: it is pinged again when it comes back."""
        self._presence_at.pop(key, None)
        self._asked.pop(key, None)
        self._answered.pop(key, None)

    def _ping_answered(self, answers: bool, key: Key, asked: float) -> None:
        if self._asked.get(key) == asked:
            self._set(key, answers=answers)

    def _set(self, key: Key, *, answers: bool) -> None:
        before, self._answered[key] = self._answered.get(key, True), answers
        if before is not answers:
            self._contact_log.note(key, "answers again" if answers else "does not answer")
            self._changed(key)

    def _ping_failed(self, failure: Failure, key: Key) -> None:
        failure.trap(BitweenError)
        self.forget(key)
