"""Browsers that have logged in, and the codes of the links with which they do."""

from __future__ import annotations

import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from bitween.api.http.access import Access, Caller

#: Seconds without a request after which a session ends.
IDLE = 24 * 3600.0
#: The same for a session that stays logged in.
REMEMBERED = 30 * 24 * 3600.0
#: Sessions of one access at a time; one more ends the one of them that was idle for longest.
MAX_SESSIONS = 100
#: Seconds for which a log-in link can be used, once.
LINK_LIFE = 60.0
#: Links at a time; one more makes the oldest useless.
MAX_LINKS = 10
_SECRET = re.compile(rb"[0-9a-f]{8}\.[\w-]{43}", re.ASCII)
# Seconds by which the stored time of the last request may be late: not every request is written.
_LATE = 3600.0


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """
    The log-in of a browser, without its secret.

    :param session_id: names it in a list.
    :param created: seconds since the epoch, as ``used`` is.
    :param used: when its last request came.
    :param remembered: whether it outlives the daemon.
    :param browser: what the browser says that it is.
    """

    session_id: str
    access: Access
    created: float
    used: float
    remembered: bool
    browser: str

    @property
    def life(self) -> float:
        """Seconds without a request after which it ends."""
        return REMEMBERED if self.remembered else IDLE

    @property
    def ends(self) -> float:
        """When it ends if no further request comes."""
        return self.used + self.life

    @property
    def caller(self) -> Caller:
        """Whoever shows its secret."""
        return Caller(self.access, session=self.session_id)


#: Sessions with the SHA-256 digests of their secrets.
Digests = dict[bytes, BrowserSession]


@dataclass(frozen=True, slots=True)
class _Held:
    """
    A session while the daemon runs.

    :param until: when it ends, by the steady clock.
    """

    session: BrowserSession
    until: float


class SessionStore(Protocol):
    """Keeps the sessions that outlive the daemon."""

    def load(self) -> Digests:
        """Read those that were kept last."""

    def keep(self, sessions: Digests) -> None:
        """Keep these and no others."""


class NoStore:
    """Keeps nothing."""

    def load(self) -> Digests:
        """There are none."""
        return {}

    def keep(self, sessions: Digests) -> None:
        """Forget them."""


class BrowserSessions:
    """
    Sessions by their secrets, and codes that begin one.

    Only digests are held, so that neither the time of a comparison nor a stored file tells a
    secret.  While the daemon runs, setting the machine's clock neither ends a session or a code nor
    prolongs it.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        store: SessionStore | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param now: seconds since the epoch.
        :param steady: seconds from an arbitrary beginning, whatever the clock is set to.
        """
        self._now = now
        self._steady = steady
        self._store = store or NoStore()
        # Least recently used first.
        kept = sorted(self._store.load().items(), key=lambda item: item[1].used)
        self._sessions = {digest: self._taken_over(session) for digest, session in kept}
        # When they end by the steady clock, oldest first.
        self._codes: dict[bytes, tuple[float, bool]] = {}

    def begin(self, access: Access, *, remembered: bool = False, browser: str = "") -> str:
        """
        Begin a session.

        :param remembered: whether it outlives the daemon.
        :param browser: what the browser says that it is.
        :returns: its secret, to be told to the browser only; its id stands before a dot.
        """
        session_id, now = secrets.token_hex(4), self._now()
        secret = f"{session_id}.{secrets.token_urlsafe(32)}"
        session = BrowserSession(session_id, access, now, now, remembered, browser)
        self._sessions[_digest(secret.encode())] = self._held(session)
        ended = None
        # Whoever may only look logs nobody out who may do more.
        alike = [digest for digest, h in self._sessions.items() if h.session.access is access]
        if len(alike) > MAX_SESSIONS:
            ended = self._sessions.pop(alike[0])
        if remembered or (ended is not None and ended.session.remembered):
            self._keep()
        return secret

    def find(self, secret: bytes) -> BrowserSession | None:
        """The session of a secret, if it has not ended; it lives on for that."""
        digest, now = _digest(secret), self._now()
        held = self._sessions.pop(digest, None)
        if held is None or held.until <= self._steady():
            return None
        known, used = held.session, replace(held.session, used=now)
        self._sessions[digest] = self._held(used)
        if known.remembered and now // _LATE != known.used // _LATE:
            self._keep()
        return used

    def known(self) -> tuple[BrowserSession, ...]:
        """Those that have not ended, the one that was used last first."""
        now = self._steady()
        return tuple(h.session for h in reversed(self._sessions.values()) if h.until > now)

    def is_alive(self, session_id: str) -> bool:
        """Whether a session of this id has not ended."""
        return any(session.session_id == session_id for session in self.known())

    def end(self, session_id: str) -> bool:
        """End a session; false if there is none of that id."""
        left = {d: h for d, h in self._sessions.items() if h.session.session_id != session_id}
        ended = len(left) < len(self._sessions)
        self._sessions = left
        if ended:
            self._keep()
        return ended

    def end_all(self) -> None:
        """End every session, and make every code useless."""
        self._sessions.clear()
        self._codes.clear()
        self._keep()

    def make_code(self, *, remembered: bool = False) -> str:
        """
        Make a code that begins one session with full access, within :data:`LINK_LIFE`.

        :param remembered: whether that session outlives the daemon.
        """
        code = secrets.token_urlsafe(32)
        self._codes[_digest(code.encode())] = self._steady() + LINK_LIFE, remembered
        if len(self._codes) > MAX_LINKS:
            del self._codes[next(iter(self._codes))]
        return code

    def has_code(self, code: bytes) -> bool:
        """Whether a code is one of ours, be it of use or not."""
        return _digest(code) in self._codes

    def redeem(self, code: bytes, browser: str = "") -> str | None:
        """
        Begin the session of a code.

        :returns: its secret, or ``None`` if the code is of no use any more.
        """
        ends, remembered = self._codes.pop(_digest(code), (-math.inf, False))
        if ends <= self._steady():
            return None
        return self.begin(Access.FULL, remembered=remembered, browser=browser)

    def _keep(self) -> None:
        held = self._sessions.items()
        self._store.keep({d: h.session for d, h in held if h.session.remembered})

    def _held(self, session: BrowserSession) -> _Held:
        return _Held(session, self._steady() + session.life)

    def _taken_over(self, session: BrowserSession) -> _Held:
        """One of an earlier run; if the clock was ahead then, it does not live longer for that."""
        left = min(session.ends - self._now(), session.life)
        return _Held(session, self._steady() + left)


def looks_like_session(secret: bytes) -> bool:
    """Whether a secret could have been that of a session."""
    return _SECRET.fullmatch(secret) is not None


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()
