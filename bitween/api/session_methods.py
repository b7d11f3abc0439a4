"""``session.``: the browsers that are logged in."""

from __future__ import annotations

from collections.abc import Callable

from bitween.api import results
from bitween.api.jsonrpc import Namespace
from bitween.api.params import Name
from bitween.api.sessions import Session, Sessions
from bitween.errors import UnknownSession
from bitween.model.text import printable


class SessionMethods(Namespace):
    """What is known of browsers that are logged in, and how to log them out."""

    def __init__(self, sessions: Sessions, ended: Callable[[str], object]) -> None:
        """:param ended: told the id of a session that is over."""
        super().__init__()
        self._sessions = sessions
        self._ended = ended

    def jsonrpc_list(self) -> results.Sessions:
        """All browsers that are logged in, the one that asked last first; no secrets."""
        return {"sessions": [_shown(session) for session in self._sessions.known()]}

    def jsonrpc_revoke(self, session: Name) -> results.Done:
        """
        Log a browser out, and end what it has open.

        :param session: the ``session`` of ``session.list``.
        :raises UnknownSession: if there is none of that id.
        """
        if not self._sessions.end(session):
            raise UnknownSession(
                f"there is no session '{printable(session, 60)}'", "bitween sessions lists them"
            )
        self._ended(session)
        return True


def _shown(session: Session) -> results.Session:
    return {
        "session": session.session_id,
        "access": session.access.value,
        "browser": session.browser,
        "remembered": session.remembered,
        "created": session.created,
        "used": session.used,
        "expires": session.ends,
    }
