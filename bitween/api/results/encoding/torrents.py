"""Torrents, their files and peers as JSON."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bitween.api.http.content_type import type_of
from bitween.api.results.shapes import torrents as shapes
from bitween.app.limits import LimitsInForce
from bitween.app.peers import ConnectedPeer
from bitween.app.torrents import Exported, FileStatus
from bitween.model.annotation import Annotation
from bitween.model.deletion import Deletion
from bitween.model.text import clean_path, printable
from bitween.model.torrent import Torrent
from bitween.model.torrent_error import TorrentError
from bitween.model.torrent_options import Limits, Selection

#: Reads the value of one key from a torrent.
Field = Callable[[Torrent], object]
Fields = Mapping[str, Field]


def _size_if_known(torrent: Torrent) -> int | None:
    return torrent.progress.total if torrent.files is not None else torrent.progress.total or None


def _files(torrent: Torrent) -> list[shapes.FileEntry] | None:
    if torrent.files is None:
        return None
    return [{"path": file.path, "size": file.size} for file in torrent.files]


def _trouble(trouble: TorrentError | None) -> shapes.Trouble | None:
    if trouble is None:
        return None
    return {
        "reason": trouble.reason.value,
        "path": trouble.path or None,
        "remedy": trouble.remedy.value if trouble.remedy else None,
    }


#: Every key of a torrent that depends on the torrent alone.
TORRENT_FIELDS: Fields = MappingProxyType(
    {
        "hash": lambda torrent: torrent.info_hash,
        "name": lambda torrent: torrent.name,
        "total_size": _size_if_known,
        "done": lambda torrent: torrent.progress.done,
        "files": _files,
        "state": lambda torrent: torrent.state.value,
        "complete": lambda torrent: torrent.complete,
        "progress": lambda torrent: 1.0 if torrent.complete else torrent.progress.fraction,
        "download_rate": lambda torrent: torrent.progress.download_rate,
        "upload_rate": lambda torrent: torrent.progress.upload_rate,
        "uploaded": lambda torrent: torrent.progress.uploaded,
        "left": lambda torrent: torrent.progress.left,
        "wanted_size": lambda torrent: torrent.progress.wanted or _size_if_known(torrent),
        "peers": lambda torrent: torrent.progress.peers,
        "eta": lambda torrent: torrent.progress.eta,
        "save_path": lambda torrent: clean_path(torrent.save_path),
        "error": lambda torrent: torrent.error or None,
        "trouble": lambda torrent: _trouble(torrent.trouble),
        "added": lambda torrent: torrent.added,
        "completed": lambda torrent: torrent.completed,
        "shared": lambda torrent: torrent.shared,
        "origin": lambda torrent: torrent.origin.value,
        "limits": lambda torrent: rates(torrent.options.limits),
        "sequential": lambda torrent: torrent.options.selection.sequential,
        "access": lambda torrent: list(torrent.options.access.audiences),
        "expires": lambda torrent: torrent.options.access.expires,
        "listed": lambda torrent: torrent.options.access.listed,
        "note": lambda torrent: torrent.options.annotation.note,
        "tags": lambda torrent: list(torrent.options.annotation.tags),
    }
)


def torrent_fields(waited_for: Callable[[Torrent], list[str]]) -> Fields:
    """
    Every key of a torrent.

    :param waited_for: returns the bare JIDs of the contacts that a torrent waits for.
    """
    return MappingProxyType({**TORRENT_FIELDS, "waiting_for": waited_for})


def limits(limits: LimitsInForce) -> shapes.LimitsInForce:
    """``bt.set_limits`` for all torrents together."""
    return {**rates(limits.chosen), "now": rates(limits.effective), "scheduled": limits.scheduled}


def rates(limits: Limits) -> shapes.Limits:
    """``bt.set_limits`` for one torrent."""
    return {"upload": limits.upload, "download": limits.download}


def annotation(annotation: Annotation) -> shapes.Annotation:
    """``bt.set_note``."""
    return {"note": annotation.note, "tags": list(annotation.tags)}


def files(files: Sequence[FileStatus] | None, selection: Selection) -> shapes.Files:
    """
    ``bt.get_files``.

    :param files: in the order of the torrent; ``None`` while they are not known.
    """
    listed: list[shapes.FileStatus] | None = None
    if files is not None:
        listed = [
            {
                "index": number,
                "path": file.entry.path,
                "original": printable(file.entry.original, sys.maxsize) or None,
                "size": file.entry.size,
                "done": file.done,
                "wanted": file.wanted,
                "preview": type_of(file.entry.path).preview,
            }
            for number, file in enumerate(files)
        ]
    return {
        "files": listed,
        "first": list(selection.first),
        "sequential": selection.sequential,
    }


def deletion(deletion: Deletion) -> shapes.Deletion:
    """``bt.get_deletion``, and the result of ``bt.del_torrent``."""
    return {
        "files": deletion.files,
        "size": deletion.size,
        "trash": deletion.trash,
        "kept": deletion.kept,
    }


def peer(known: ConnectedPeer) -> shapes.Peer:
    """One of ``bt.get_peers``."""
    peer = known.peer
    return {
        "contact": known.contact,
        "introduced_by": known.introducer,
        "address": peer.address,
        "port": peer.port,
        "client": peer.client or None,
        "progress": peer.progress,
        "download_rate": peer.download_rate,
        "upload_rate": peer.upload_rate,
        "downloaded": peer.downloaded,
        "uploaded": peer.uploaded,
        "how": known.route.value,
        "sealed": peer.sealed,
    }


def exported(exported: Exported) -> shapes.Exported:
    """``bt.export``."""
    torrent_file = exported.torrent_file
    encoded = None if torrent_file is None else base64.b64encode(torrent_file).decode("ascii")
    return {"torrent": encoded, "magnet": exported.magnet}
