"""Collaborators of the use cases for tests that hash nothing."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from bitween.app.jobs import Report
from bitween.model.intention import Intention
from bitween.model.torrent import Metainfo


class Idle:
    """Hashes nothing, intends nothing."""

    def hash_path(self, path: str, report: Report, strict: bool = False) -> Deferred[Metainfo]:
        """Nobody asks for this."""
        raise NotImplementedError

    def intend(self, intention: Intention) -> None:
        """Do nothing."""

    def settled(self, path: str) -> None:
        """Do nothing."""

    def intended(self) -> list[Intention]:
        """Nothing."""
        return []
