"""Counts bytes transferred and hashed since the start."""

from __future__ import annotations

from bitween.app.application import Bitween
from bitween.model.events import SwarmEvent, TorrentAdded, TorrentChanged, TorrentRemoved
from bitween.model.job import Job
from bitween.model.torrent import InfoHash, Torrent, TorrentState


class TransferCounts:
    """
    Adds up the progress of torrents and jobs.

    :ivar downloaded: bytes that arrived and were verified.
    :ivar uploaded: bytes sent to peers.
    :ivar hashed: bytes hashed to be shared.
    """

    def __init__(self, application: Bitween) -> None:
        self._torrents: dict[InfoHash, Torrent] = {}
        self._jobs: dict[str, int] = {}
        self.downloaded = 0
        self.uploaded = 0
        self.hashed = 0
        application.swarm_events.subscribe(self._swarm_did)
        application.jobs.changes.subscribe(self._job_changed)

    def _swarm_did(self, event: SwarmEvent) -> None:
        match event:
            case TorrentAdded(torrent=torrent):
                self._torrents[torrent.info_hash] = torrent
            case TorrentChanged(torrent=torrent):
                before = self._torrents.get(torrent.info_hash, torrent)
                self._torrents[torrent.info_hash] = torrent
                self._add(before, torrent)
            case TorrentRemoved(info_hash=info_hash):
                self._torrents.pop(info_hash, None)

    def _add(self, before: Torrent, now: Torrent) -> None:
        self.uploaded += max(0, now.progress.uploaded - before.progress.uploaded)
        # Data that a check finds on the disk was not downloaded now.
        if before.state in (TorrentState.METADATA, TorrentState.DOWNLOADING):
            self.downloaded += max(0, now.progress.done - before.progress.done)

    def _job_changed(self, job: Job) -> None:
        self.hashed += max(0, job.done - self._jobs.get(job.id, 0))
        if job.state.ended:
            self._jobs.pop(job.id, None)
        else:
            self._jobs[job.id] = job.done
