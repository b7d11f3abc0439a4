"""The file with the sessions that outlive the daemon."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict

from twisted.logger import Logger

from bitween.api.http.access import TokenAccess
from bitween.api.http.sessions import BrowserSession, Digests
from bitween.errors import ConfigurationError
from bitween.storage.api_location import read_private
from bitween.util import private_file


class SessionFile:
    """
    Saves sessions as digests, in a file that only our own user can read.

    Losing a session costs a log-in.  So a problem with the file never stops the daemon; but a
    session that was ended must not come back.
    """

    _log = Logger()

    def __init__(self, path: str, fingerprint: str) -> None:
        """:param fingerprint: the first token's; sessions saved under another one have ended."""
        self._path = path
        self._fingerprint = fingerprint

    def load(self) -> Digests:
        """Read the saved sessions; none if the first token has changed."""
        try:
            document = json.loads(read_private(self._path))
            if document["first_token"] != self._fingerprint:
                return {}
            return dict(map(_parsed, document["sessions"]))
        except FileNotFoundError:
            return {}
        except (ConfigurationError, OSError, ValueError, TypeError, KeyError) as error:
            self._log.warn(
                "cannot read {path}, so browsers have to log in again: {error}",
                path=self._path,
                error=str(error),
            )
            return {}

    def save(self, sessions: Digests) -> None:
        """Save these sessions, and no others."""
        entries = [_entry(digest, session) for digest, session in sessions.items()]
        document = {"first_token": self._fingerprint, "sessions": entries}
        try:
            private_file.replace(self._path, json.dumps(document, indent=1))
        except OSError as error:
            self._log.warn(
                "cannot write {path}, so browsers have to log in after a restart: {error}",
                path=self._path,
                error=error.strerror,
            )
            # The file may hold a session that has just been ended.
            with contextlib.suppress(OSError):
                os.unlink(self._path)


def _entry(digest: bytes, session: BrowserSession) -> dict[str, object]:
    return {**asdict(session), "access": session.access.value, "sha256": digest.hex()}


def _parsed(entry: dict[str, object]) -> tuple[bytes, BrowserSession]:
    """
    :raises ValueError: if it is not an entry; KeyError and TypeError, too.
    """
    session_id, browser, digest = entry["session_id"], entry["browser"], entry["sha256"]
    created, used = entry["created"], entry["used"]
    if not isinstance(session_id, str) or not isinstance(browser, str):
        raise TypeError
    if not isinstance(created, int | float) or not isinstance(used, int | float):
        raise TypeError
    session = BrowserSession(session_id, TokenAccess(entry["access"]), created, used, True, browser)
    return bytes.fromhex(str(digest)), session
