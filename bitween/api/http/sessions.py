"""
Sessions: the log-ins of browsers, and the codes of log-in links.

A browser logs in with a token or with the code of a link (:mod:`.log_in`), and gets a secret.  Its
page sends the secret with each request.  A session ends

* after :data:`IDLE` without a request, or :data:`REMEMBERED` if the browser stays logged in,
* when the user logs out (``/logout``, ``session.revoke``), or a token is revoked,
* when there are more than :data:`MAX_SESSIONS`, if it was idle for longest, and
* when the daemon stops, unless the browser stays logged in: those sessions are saved
  (:mod:`.session_file`).

A code starts one session, once, within :data:`LINK_LIFE`.  Only digests of secrets and codes are
kept, so that neither the time of a comparison nor a stored file reveals one.  While the daemon
runs, ends are counted by a monotonic clock: setting the machine's clock changes none of them.
"""

from __future__ import annotations

import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from bitween.api.http.access import Caller, TokenAccess
from bitween.util.limiter import BoundedDict

#: Seconds without a request after which a session ends.
IDLE = 24 * 3600.0
#: The same for a browser that stays logged in.
REMEMBERED = 30 * 24 * 3600.0
#: Sessions of each access at a time; one more ends the one that was idle for longest.
MAX_SESSIONS = 100
#: Seconds for which a log-in link works, once.
LINK_LIFE = 60.0
#: Links at a time; one more invalidates the oldest.
MAX_LINKS = 10
_SECRET = re.compile(rb"[0-9a-f]{8}\.[\w-]{43}", re.ASCII)
# How far, in seconds, the saved time of the last request may lag: not every request is saved.
_LATE = 3600.0


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """
    The log-in of a browser, without its secret.

    :param session_id: identifies it in lists; not secret.
    :param created: seconds since the epoch.
    :param used: when its last request came, in seconds since the epoch.
    :param remembered: whether it outlives the daemon.
    :param browser: what the browser calls itself.
    """

    session_id: str
    access: TokenAccess
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
        """The caller who shows its secret."""
        return Caller(self.access, session=self.session_id)


#: Sessions by the SHA-256 digests of their secrets.
Digests = dict[bytes, BrowserSession]


@dataclass(frozen=True, slots=True)
class _Held:
    """
    A session while the daemon runs.

    :param until: when it ends, by the monotonic clock.
    """

    session: BrowserSession
    until: float


class SessionStore(Protocol):
    """Saves the sessions that outlive the daemon."""

    def load(self) -> Digests:
        """Read the saved sessions."""

    def save(self, sessions: Digests) -> None:
        """Save these sessions, and no others."""


class NoStore:
    """Saves nothing."""

    def load(self) -> Digests:
        """Return no sessions."""
        return {}

    def save(self, sessions: Digests) -> None:
        """Do nothing."""


class BrowserSessions:
    """
    Starts, finds and ends sessions, and makes codes that start one.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,
        store: SessionStore | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param now: seconds since the epoch.
        :param store: saves the sessions that outlive the daemon; by default, none do.
        :param monotonic: seconds since any moment, whatever the clock is set to.
        """
        self._now = now
        self._monotonic = monotonic
        self._store = store or NoStore()
        # Least recently used first.
        saved = sorted(self._store.load().items(), key=lambda item: item[1].used)
        self._sessions = {digest: self._loaded(session) for digest, session in saved}
        # By digest: when the code ends by the monotonic clock, and whether its session outlives the
        # daemon.
        self._codes: BoundedDict[bytes, tuple[float, bool]] = BoundedDict(MAX_LINKS)

    def begin(self, access: TokenAccess, *, remembered: bool = False, browser: str = "") -> str:
        """
        Start a session.

        :param access: what the browser may do.
        :param remembered: whether it outlives the daemon.
        :param browser: what the browser calls itself.
        :returns: its secret, for the browser only; it begins with the session's id and a dot.
        """
        session_id, now = secrets.token_hex(4), self._now()
        secret = f"{session_id}.{secrets.token_urlsafe(32)}"
        session = BrowserSession(session_id, access, now, now, remembered, browser)
        self._sessions[_digest(secret.encode())] = self._held(session)
        ended = None
        # Each access by itself: a guest cannot log out the owner.
        alike = [digest for digest, h in self._sessions.items() if h.session.access is access]
        if len(alike) > MAX_SESSIONS:
            ended = self._sessions.pop(alike[0])
        if remembered or (ended is not None and ended.session.remembered):
            self._save()
        return secret

    def find(self, secret: bytes) -> BrowserSession | None:
        """Find the session of a secret, unless it has ended, and prolong it."""
        digest, now = _digest(secret), self._now()
        held = self._sessions.pop(digest, None)
        if held is None or held.until <= self._monotonic():
            return None
        known, used = held.session, replace(held.session, used=now)
        self._sessions[digest] = self._held(used)
        if known.remembered and now // _LATE != known.used // _LATE:
            self._save()
        return used

    def known(self) -> tuple[BrowserSession, ...]:
        """The sessions that have not ended, the most recently used first."""
        now = self._monotonic()
        return tuple(h.session for h in reversed(self._sessions.values()) if h.until > now)

    def is_alive(self, session_id: str) -> bool:
        """Whether there is a session with this id that has not ended."""
        return any(session.session_id == session_id for session in self.known())

    def end(self, session_id: str) -> bool:
        """End a session; false if there is none with this id."""
        left = {d: h for d, h in self._sessions.items() if h.session.session_id != session_id}
        ended = len(left) < len(self._sessions)
        self._sessions = left
        if ended:
            self._save()
        return ended

    def end_all(self) -> None:
        """End every session, and invalidate every code."""
        self._sessions.clear()
        self._codes.clear()
        self._save()

    def make_code(self, *, remembered: bool = False) -> str:
        """
        Make a code that starts one session with full access, within :data:`LINK_LIFE`.

        :param remembered: whether the session outlives the daemon.
        """
        code = secrets.token_urlsafe(32)
        self._codes[_digest(code.encode())] = self._monotonic() + LINK_LIFE, remembered
        return code

    def has_code(self, code: bytes) -> bool:
        """Whether a code was made here and not used yet; it may have ended."""
        return _digest(code) in self._codes

    def redeem(self, code: bytes, browser: str = "") -> str | None:
        """
        Start the session of a code.

        :param code: the code in the link.
        :param browser: what the browser calls itself.
        :returns: its secret, or ``None`` if the code has ended or is unknown.
        """
        ends, remembered = self._codes.pop(_digest(code), (-math.inf, False))
        if ends <= self._monotonic():
            return None
        return self.begin(TokenAccess.FULL, remembered=remembered, browser=browser)

    def _save(self) -> None:
        held = self._sessions.items()
        self._store.save({d: h.session for d, h in held if h.session.remembered})

    def _held(self, session: BrowserSession) -> _Held:
        return _Held(session, self._monotonic() + session.life)

    def _loaded(self, session: BrowserSession) -> _Held:
        """A session of an earlier run; a clock that was ahead then does not prolong it."""
        left = min(session.ends - self._now(), session.life)
        return _Held(session, self._monotonic() + left)


def looks_like_session(secret: bytes) -> bool:
    """Whether a secret has the form of a session's."""
    return _SECRET.fullmatch(secret) is not None


def _digest(secret: bytes) -> bytes:
    return sha256(secret).digest()
