"""Repairing torrents."""

from __future__ import annotations

import os

from bitween.errors import (
    NoSuchPath,
    UnknownTorrent,
)
from bitween.model.candidate import Candidate
from bitween.model.torrent import InfoHash, Metainfo
from bitween.model.torrent_error import Reason, Remedy
from tests.support.application_case import (
    BOBS_ADDRESS,
    FILM,
    ApplicationCase,
)


class TorrentRepairTests(ApplicationCase):
    """Each error has its remedy."""

    def test_sharing_again_replaces_the_torrent(self) -> None:
        """The old torrent goes once the new one is there; a missing path is an error."""
        path = self.file()
        metainfo = Metainfo(FILM.info_hash, "film.mkv", FILM.size, b"")
        self.swarm.share(metainfo, os.path.dirname(path))
        changed = InfoHash("cd" * 20)
        for now in (FILM.info_hash, changed):
            self.swarm.break_down(FILM.info_hash, "changed", Reason.CHANGED, Remedy.SHARE_AGAIN)
            self.successResultOf(self.repair())
            self.assertEqual([t.info_hash for t in self.bitween.torrents.all()], [FILM.info_hash])
            self.hasher.running[path].answer.callback(Metainfo(now, "film.mkv", 2, b""))
            self.assertEqual([t.info_hash for t in self.bitween.torrents.all()], [now])
        os.unlink(path)
        self.swarm.break_down(changed, "missing", Reason.MISSING, Remedy.SHARE_AGAIN)
        self.failureResultOf(self.repair(changed), NoSuchPath)
        self.assertIn(changed, self.swarm.library)

    def test_a_missing_download_is_downloaded_again(self) -> None:
        """It goes to the same folder, and no file is deleted."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.swarm.break_down(FILM.info_hash, "missing", Reason.MISSING, Remedy.FETCH_AGAIN)
        self.successResultOf(self.repair())
        torrent = self.bitween.torrents.get(FILM.info_hash)
        self.assertEqual((torrent.error, torrent.save_path), ("", self.downloads))
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))
        self.assertEqual(self.swarm.deleted, [])

    def test_a_torrent_without_a_remedy_is_rechecked(self) -> None:
        """A torrent without an error is, too."""
        self.download()
        self.swarm.break_down(FILM.info_hash, "full", Reason.FULL)
        for _ in range(2):
            self.successResultOf(self.repair())
            self.assertIs(self.bitween.torrents.get(FILM.info_hash).trouble, None)
        self.failureResultOf(self.repair(InfoHash("cd" * 20)), UnknownTorrent)
