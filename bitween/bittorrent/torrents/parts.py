"""Builds the collaborators that manage our torrents."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass

from bitween.bittorrent.engine.flusher import Flusher
from bitween.bittorrent.engine.piece_reader import PieceReader
from bitween.bittorrent.engine.status_queue import StatusQueue
from bitween.bittorrent.engine.transfer_counters import TransferCounters
from bitween.bittorrent.torrents.completion import Completion
from bitween.bittorrent.torrents.context import Context
from bitween.bittorrent.torrents.controller import TorrentController
from bitween.bittorrent.torrents.dialler import Dialler
from bitween.bittorrent.torrents.download_queue import DownloadQueue
from bitween.bittorrent.torrents.file_check import FileChecker
from bitween.bittorrent.torrents.lifecycle import TorrentLifecycle
from bitween.bittorrent.torrents.loader import Loader
from bitween.bittorrent.torrents.metadata_guard import MetadataGuard
from bitween.bittorrent.torrents.placement import Placement
from bitween.bittorrent.torrents.resume_data import ResumeDataSaver
from bitween.bittorrent.torrents.space_check import SpaceCheck
from bitween.bittorrent.torrents.startup import Startup
from bitween.model.torrent import InfoHash


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators, wired to each other."""

    context: Context
    statuses: StatusQueue
    counters: TransferCounters
    pieces: PieceReader
    flusher: Flusher
    space: SpaceCheck
    loader: Loader
    startup: Startup
    queue: DownloadQueue
    dialler: Dialler
    controller: TorrentController
    saver: ResumeDataSaver
    lifecycle: TorrentLifecycle
    checker: FileChecker
    guard: MetadataGuard


def build_parts(
    context: Context,
    active_downloads: int,
    look_seconds: float,
    announced: Callable[[InfoHash], Collection[int]],
) -> Parts:
    """
    Build the collaborators, those first on which others depend.

    :param active_downloads: how many run at the same time, 0 for any number.
    :param look_seconds: seconds from one check of the files of a torrent with an error to the next,
        and to wait at least before such a torrent is tried again.
    :param announced: returns the sizes, in bytes, that contacts announce of a torrent; may be
        empty.
    """
    registry = context.registry
    statuses = StatusQueue(context.reactor, registry.notify_shares)
    counters = TransferCounters(
        lambda info_hash: context.session().connections(info_hash), registry.events.notify
    )
    pieces = PieceReader(context.reactor, context.session)
    flusher = Flusher(context.session)
    space = SpaceCheck(registry, os.path.dirname(os.path.abspath(context.database.path)))
    loader = Loader(
        context, space, statuses=statuses, flusher=flusher, pieces=pieces, counters=counters
    )
    queue = DownloadQueue(context, active_downloads)
    dialler = Dialler(context)
    controller = TorrentController(
        context, space, loader, queue=queue, dialler=dialler, shortest_delay=look_seconds
    )
    saver = ResumeDataSaver(context)
    lifecycle = TorrentLifecycle(
        context,
        controller,
        placement=Placement(context, loader, controller, announced),
        completion=Completion(context, flusher, controller, queue),
        counters=counters,
        saver=saver,
        dialler=dialler,
    )
    return Parts(
        context=context,
        statuses=statuses,
        counters=counters,
        pieces=pieces,
        flusher=flusher,
        space=space,
        loader=loader,
        startup=Startup(context, loader),
        queue=queue,
        dialler=dialler,
        controller=controller,
        saver=saver,
        lifecycle=lifecycle,
        checker=FileChecker(context, loader, controller, look_seconds),
        guard=MetadataGuard(context, controller),
    )
