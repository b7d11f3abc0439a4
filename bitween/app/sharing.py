"""
Sharing files and folders: from a path that the user names to a torrent that is seeded.

Sharing a path is a job: the path is hashed in a process of its own, the torrent is added to the
swarm, and what was shared of the same path before is removed.  The path is recorded as an
:class:`Intention` until the job has ended; :meth:`Sharing.resume` hashes again what the last run
did not finish.  Cancelling the job ends it for good, stopping the daemon does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from bitween.app.access import ShareAccess
from bitween.app.jobs import Jobs
from bitween.app.ports import HasherPort, IntentionsPort, SwarmPort
from bitween.app.seals import TorrentSeals
from bitween.app.share_guard import ShareGuard
from bitween.errors import BitweenError
from bitween.files.paths import checked_path
from bitween.model.access import Access
from bitween.model.intention import Intention
from bitween.model.job import Added, Job, ReportProgress
from bitween.model.text import quoted, visible
from bitween.model.torrent import FileOrigin, Torrent
from bitween.model.torrent_options import TorrentOptions
from bitween.util.cooperate import run_in_slices


class Sharing:
    """The use cases of sharing paths."""

    _log = Logger()

    def __init__(
        self,
        swarm: SwarmPort,
        hasher: HasherPort,
        intentions: IntentionsPort,
        jobs: Jobs,
        *,
        access: ShareAccess,
        seals: TorrentSeals,
        guard: ShareGuard,
        reactor: IReactorTime,
    ) -> None:
        """:param guard: says which paths are not shared, or only once the user confirms it."""
        self._swarm = swarm
        self._hasher = hasher
        self._intentions = intentions
        self._jobs = jobs
        self._access = access
        self._seals = seals
        self._guard = guard
        self._reactor = reactor
        self._closed = False

    def resume(self) -> None:
        """Hash the paths that the last run did not finish."""
        for intention in self._intentions.intended():
            self._log.info(
                "hashing {path} again: the last run did not finish it",
                path=quoted(intention.path),
            )
            self._start(intention)

    def close(self) -> None:
        """Keep the intentions of jobs that end from now on: the next run resumes them."""
        self._closed = True

    async def share_path(
        self,
        path: str,
        *,
        confirmed: bool = False,
        strict: bool = False,
        access: Access | None = None,
    ) -> Job:
        """
        Share a path that the user named, unless it needs to be confirmed.

        :param path: absolute.
        :param confirmed: whether to share what is rarely meant, too; see :class:`ShareGuard`.
        :param strict: whether to refuse a folder with entries that cannot be shared.
        :param access: who may see and fetch it; ``None`` for the access of what was shared of this
            path before, or else the default.
        :returns: the job that hashes it.
        :raises BadPath: if it is clear at once that the path cannot be shared.
        :raises ConfirmationNeeded: if the path is rarely meant, and ``confirmed`` is false.
        :raises StoreError: if the intention cannot be stored.
        """
        self._guard.check_allowed(checked_path(path))
        if not confirmed:
            await run_in_slices(self._reactor, self._guard.check_intended(path))
        return self.add_path(path, strict=strict, access=access)

    def add_path(
        self,
        path: str,
        origin: FileOrigin = FileOrigin.SHARED,
        *,
        strict: bool = False,
        access: Access | None = None,
    ) -> Job:
        """
        Share a file or folder without asking for confirmation.

        :param path: absolute.
        :param origin: how the files came there; ``SHARED`` if a restart interrupts the hashing.
        :param strict: whether to refuse a folder with entries that cannot be shared.
        :param access: see :meth:`share_path`.
        :returns: the job that hashes it.
        :raises BadPath: if it is clear at once that the path cannot be shared.
        :raises StoreError: if the intention cannot be stored.
        """
        intention = Intention(os.path.normpath(checked_path(path)), strict, access)
        self._guard.check_allowed(intention.path)
        self._intentions.intend(intention)
        return self._start(intention, origin)

    def share_again(self, torrent: Torrent) -> Job:
        """
        Share what lies at the place of a torrent now; the old torrent goes when that is hashed.

        :param torrent: its metadata is known.
        :returns: the job that hashes it.
        :raises BadPath: if nothing lies there that could be shared.
        :raises StoreError: if the intention cannot be stored.
        """
        path = torrent_path(torrent)
        assert path is not None
        return self.add_path(path)

    def names_in(self, folder: str) -> frozenset[str]:
        """
        List the names in a folder that our torrents use, even if no file exists yet.

        :param folder: absolute.
        """
        return frozenset(
            torrent.files[0].path.partition("/")[0]
            for torrent in self._swarm.library
            if torrent.save_path == folder and torrent.files
        )

    def _start(self, intention: Intention, origin: FileOrigin = FileOrigin.SHARED) -> Job:
        subject = visible(intention.path, len(intention.path))
        return self._jobs.start("add", subject, lambda report: self._run(intention, origin, report))

    def _run(
        self, intention: Intention, origin: FileOrigin, report: ReportProgress
    ) -> Deferred[Added]:
        def settled(result: object) -> object:
            if not self._closed:
                self._intentions.settled(intention.path)
            return result

        return Deferred.fromCoroutine(self._add(intention, origin, report)).addBoth(settled)

    async def _add(self, intention: Intention, origin: FileOrigin, report: ReportProgress) -> Added:
        path = intention.path
        info = await self._hasher.hash_path(path, report, intention.strict)
        earlier = [torrent for torrent in self._swarm.library if torrent_path(torrent) == path]
        access = intention.access or self._access_after(earlier)
        secret = self._seals.secret_for(info.info_hash, access)
        torrent = await self._swarm.share(
            info, os.path.dirname(path), origin, secret=secret, access=access
        )
        if intention.access is not None:
            # Of a torrent that was complete already, the access is as it was.
            torrent = await self._access.apply(torrent.info_hash, intention.access)
        await self._replace(earlier, torrent)
        if info.left_out.total:
            self._log.warn(
                "{path} is shared without {count} of its entries: {left_out}",
                path=quoted(path),
                count=info.left_out.total,
                left_out=info.left_out,
            )
        return Added(torrent.info_hash, torrent.name, torrent.progress.total, info.left_out)

    def _access_after(self, earlier: Sequence[Torrent]) -> Access:
        """Who may see and fetch a path without a choice: as before, or else the default."""
        if not earlier:
            return self._access.default
        return replace(earlier[0].options.access, replaces=None, salt=b"")

    async def _replace(self, earlier: Iterable[Torrent], torrent: Torrent) -> None:
        """
        Remove the torrents of earlier versions of a path; the new one takes over their options.

        A finished download at that path is a contact's share: it stays unless its files have
        changed.
        """
        for known in earlier:
            if known.info_hash == torrent.info_hash or known.info_hash not in self._swarm.library:
                continue
            options = _inherited(torrent.options, known.options)
            try:
                if not (known.shared or await self._has_changed(known)):
                    continue
                await self._swarm.set_options(torrent.info_hash, options)
                await self._swarm.remove(known.info_hash, False)
            except BitweenError as error:
                self._log.error("the earlier version stays shared: {error}", error=error)

    async def _has_changed(self, download: Torrent) -> bool:
        """Whether the files of a finished download have changed."""
        if download.completed is None:
            return False
        return bool((await self._swarm.check_files(download.info_hash)).error)


def _inherited(own: TorrentOptions, earlier: TorrentOptions) -> TorrentOptions:
    """The options of a share that replaces an earlier one; its own note and access stay."""
    return replace(
        own,
        ignore_seed_limits=earlier.ignore_seed_limits,
        queue_position=earlier.queue_position,
        limits=earlier.limits,
        annotation=own.annotation or earlier.annotation,
    )


def torrent_path(torrent: Torrent) -> str | None:
    """:returns: the path of a torrent's file or folder; ``None`` without metadata."""
    if not torrent.files:
        return None
    return os.path.join(torrent.save_path, torrent.files[0].path.partition("/")[0])
