"""``session.``: the browsers that are logged in."""

from __future__ import annotations

from collections.abc import Callable

from bitween.api.http.sessions import BrowserSession, BrowserSessions
from bitween.api.results.shapes import access as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace
from bitween.api.rpc.params import Name
from bitween.errors import UnknownSession
from bitween.model.text import printable


class SessionMethods(Namespace):
    """``session.``: the browsers that are logged in, and how to log them out."""

    def __init__(self, sessions: BrowserSessions, ended: Callable[[str], object]) -> None:
        """:param ended: called with the id of a session that ended."""
        super().__init__()
        self._sessions = sessions
        self._ended = ended

    def jsonrpc_list(self) -> shapes.Sessions:
        """List the browsers that are logged in, the most recently used first; no secrets."""
        return {"sessions": [_shown(session) for session in self._sessions.known()]}

    def jsonrpc_revoke(self, session: Name) -> Done:
        """
        Log a browser out, and end its open requests.

        :param session: the ``session`` of ``session.list``.
        :raises UnknownSession: if there is no session with this id.
        """
        if not self._sessions.end(session):
            raise UnknownSession.of("unknown_session.id", session=printable(session, 60))
        self._ended(session)
        return True


def _shown(session: BrowserSession) -> shapes.Session:
    return {
        "session": session.session_id,
        "access": session.access.value,
        "browser": session.browser,
        "remembered": session.remembered,
        "created": session.created,
        "used": session.used,
        "expires": session.ends,
    }
