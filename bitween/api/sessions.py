"""Browsers that have logged in, and the links with which they do."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

from twisted.internet.interfaces import IReactorTime

from bitween.api.access import Access

#: Seconds after which a session ends in which nothing is asked.
IDLE = 24 * 3600.0
#: Sessions at a time; one more ends the one that was idle for longest.
MAX_SESSIONS = 100
#: Seconds for which a log-in link can be used, once.
LINK_LIFE = 60.0
#: Links at a time; one more makes the oldest useless.
MAX_LINKS = 10


@dataclass(frozen=True, slots=True)
class _Session:
    access: Access
    ends: float


class Sessions:
    """
    Sessions by a random id, and codes that begin one; none outlives the daemon.

    Only digests are held, so that the time of a comparison tells nothing of an id.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        # Least recently used first.
        self._sessions: dict[bytes, _Session] = {}
        # When they end, oldest first.
        self._codes: dict[bytes, float] = {}

    def begin(self, access: Access) -> str:
        """Begin a session; its id, to be told to the browser only."""
        session = secrets.token_urlsafe(32)
        self._use(_digest(session.encode()), access)
        if len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def access(self, session: bytes) -> Access | None:
        """What a session may do, if it has not ended; it lives on for that."""
        digest = _digest(session)
        known = self._sessions.pop(digest, None)
        if known is None or known.ends <= self._clock.seconds():
            return None
        self._use(digest, known.access)
        return known.access

    def end(self, session: bytes) -> None:
        """End a session, if there is one of that id."""
        self._sessions.pop(_digest(session), None)

    def end_all(self) -> None:
        """End every session, and make every code useless."""
        self._sessions.clear()
        self._codes.clear()

    def make_code(self) -> str:
        """A code that begins one session with full access, within :data:`LINK_LIFE`."""
        code = secrets.token_urlsafe(32)
        self._codes[_digest(code.encode())] = self._clock.seconds() + LINK_LIFE
        if len(self._codes) > MAX_LINKS:
            del self._codes[next(iter(self._codes))]
        return code

    def redeem(self, code: bytes) -> str | None:
        """Begin the session of a code; its id, or ``None`` if the code is of no use any more."""
        ends = self._codes.pop(_digest(code), None)
        if ends is None or ends <= self._clock.seconds():
            return None
        return self.begin(Access.FULL)

    def _use(self, digest: bytes, access: Access) -> None:
        self._sessions[digest] = _Session(access, self._clock.seconds() + IDLE)


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()
