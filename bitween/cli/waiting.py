"""Waits for the daemon to finish something."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from bitween.cli.client import ApiClient
from bitween.cli.failures import CommandFailed
from bitween.cli.output import Output
from bitween.cli.progress import Step, progress_bar
from bitween.model.job import cancellation


def wait_for_job(client: ApiClient, job_id: str, title: str, output: Output) -> dict[str, Any]:
    """
    Follow a job to its end.

    :param title: what the progress bar and an error call the job.
    :returns: the ``result`` of the job; see ``jobs.get``.
    :raises CommandFailed: if it fails or is cancelled.
    """
    pauses = _pauses()
    with progress_bar(title, output) as show:
        while True:
            job = client.call("jobs.get", job=job_id)
            show(Step(job["done"], job["total"], job["rate"], job["eta"]))
            if job["state"] == "done":
                result: dict[str, Any] = job["result"]
                return result
            if job["state"] == "failed":
                raise CommandFailed(job["error"]["message"], job["error"]["data"]["hint"])
            if job["state"] == "cancelled":
                raise CommandFailed(cancellation(title).message)
            time.sleep(next(pauses))


def wait_for_torrent(client: ApiClient, info_hash: str, output: Output) -> dict[str, Any]:
    """
    Follow a download until the wanted files are on the disk, also while no source is online.

    :returns: the torrent; see ``bt.get_torrents``.
    :raises CommandFailed: if it stops with an error, or is removed.
    """
    pauses = _pauses()
    title = _torrent(client, info_hash)["name"] or info_hash
    with progress_bar(title, output) as show:
        while True:
            torrent = _torrent(client, info_hash)
            show(_step(torrent))
            if torrent["complete"] or torrent["state"] == "finished":
                return torrent
            if torrent["state"] == "error":
                raise CommandFailed(f"{torrent['name']}: {torrent['error']}", "see bitween ls")
            time.sleep(next(pauses))


def _pauses() -> Iterator[float]:
    """Seconds between two calls: short work seems immediate, long work costs few calls."""
    return chain((0.02, 0.05, 0.1, 0.2), repeat(0.5))


def _torrent(client: ApiClient, info_hash: str) -> dict[str, Any]:
    torrents = client.call("bt.get_torrents", hashes=[info_hash])["torrents"]
    if not torrents:
        raise CommandFailed(f"the torrent {info_hash} was removed")
    torrent: dict[str, Any] = torrents[0]
    return torrent


def _step(torrent: dict[str, Any]) -> Step:
    total = torrent["total_size"]
    return Step(
        torrent["done"],
        None if total is None else torrent["done"] + torrent["left"],
        torrent["download_rate"],
        torrent["eta"],
        _note(torrent),
    )


def _note(torrent: dict[str, Any]) -> str:
    if torrent["state"] in ("paused", "queued"):
        return str(torrent["state"])
    if torrent["peers"] or torrent["complete"]:
        return ""
    names = ", ".join(torrent.get("waiting_for") or ())  # a daemon of an earlier version has none
    return f"waiting for {names}" if names else "waiting for a source"
