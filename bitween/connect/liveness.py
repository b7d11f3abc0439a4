"""Whether the resources answer of which we want something: presence alone may be out of date."""

from __future__ import annotations

import math
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError
from bitween.model.catalogue.changes import Key

#: Seconds between two questions to one resource.
ASK_EVERY = 30.0

#: Asks a resource (bare JID, resource); its Deferred may fail with a ``BitweenError``.
Ping = Callable[[str, str], Deferred[bool]]


class Liveness:
    """Remembers which resources answered when they were asked last."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, ping: Ping, changed: Callable[[Key], None]) -> None:
        """:param changed: told of a resource that does not answer any more, or does again."""
        self._clock = clock
        self._ping = ping
        self._changed = changed
        self._asked: dict[Key, float] = {}
        self._answered: dict[Key, bool] = {}
        self._heard: dict[Key, float] = {}

    def answers(self, key: Key) -> bool | None:
        """Whether a resource answers; ``None`` if it was not asked."""
        return self._answered.get(key)

    def ask(self, key: Key) -> None:
        """Ask a resource, unless that was done just now."""
        now = self._clock.seconds()
        if key in self._asked and now - self._asked[key] < ASK_EVERY:
            return
        self._asked[key] = now
        self._ping(*key).addCallbacks(
            self._told, self._not_asked, callbackArgs=(key, now), errbackArgs=(key,)
        ).addErrback(lambda failure: self._log.failure("asking who is there", failure))

    def met(self, key: Key) -> None:
        """Note that a resource is there, as it is connected."""
        self._note(key, answers=True)

    def heard(self, key: Key) -> None:
        """
        Believe that a resource is back which has just shown itself, until it is asked again.

        It may be another run of the same program.  Not more often than it is asked: each time a way
        to it is looked for.
        """
        now = self._clock.seconds()
        if key not in self._asked or now - self._heard.get(key, -math.inf) < ASK_EVERY:
            return
        self._heard[key] = now
        # What is still to be answered was asked of the run before.
        del self._asked[key]
        if self._answered.get(key) is False:
            self._note(key, answers=True)

    def forget(self, key: Key) -> None:
        """Forget a resource that has gone: when it comes back it is asked again."""
        self._heard.pop(key, None)
        self._asked.pop(key, None)
        self._answered.pop(key, None)

    def _told(self, answers: bool, key: Key, asked: float) -> None:
        if self._asked.get(key) != asked:
            return
        self._note(key, answers=answers)

    def _note(self, key: Key, *, answers: bool) -> None:
        before, self._answered[key] = self._answered.get(key, True), answers
        if before is not answers:
            words = "answers again" if answers else "does not answer"
            self._log.info("{who!r} {words}", who="/".join(key), words=words)
            self._changed(key)

    def _not_asked(self, failure: Failure, key: Key) -> None:
        failure.trap(BitweenError)
        self.forget(key)
