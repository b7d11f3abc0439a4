"""Results of ``bt.``: torrents."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.http.content_type import Preview
from bitween.api.results.shapes.common import BareJid, Limit, Rate, Size, Time
from bitween.model.torrent import FileOrigin, InfoHash, TorrentState
from bitween.model.torrent_error import Reason


class Limits(TypedDict):
    """Rate limits."""

    upload: Limit
    download: Limit


class LimitsInForce(Limits):
    """The limits of all torrents together: those that were chosen, and those that hold now."""

    now: Limits
    scheduled: Annotated[bool, "whether the schedule has others hold than were chosen"]


class FileEntry(TypedDict):
    """One file of a torrent."""

    path: Annotated[str, "relative to the torrent's save_path"]
    size: Size


class Trouble(TypedDict):
    """Why a torrent stands still, and what would help: what ``bt.mend`` does."""

    reason: Annotated[str, Reason]
    path: Annotated[str | None, "of what it is about"]
    remedy: Annotated[str | None, "recheck, fetch_again, share_again; null if nothing would help"]


class Torrent(TypedDict, total=False):
    """A torrent of ours; with ``fields``, only those keys of it."""

    hash: InfoHash
    name: Annotated[str, "may be empty until the list of files is here"]
    total_size: Annotated[int | None, "bytes"]
    done: Annotated[int, "verified bytes; all of them only when the disk has them"]
    files: Annotated[list[FileEntry] | None, "null until they are known"]
    state: Annotated[str, TorrentState]
    complete: Annotated[bool, "whether every byte is verified and on the disk"]
    progress: Annotated[float, "0..1, of what is here or wanted; 1 only when the disk has it"]
    download_rate: Rate
    upload_rate: Rate
    uploaded: Annotated[int, "bytes given to others, over all runs"]
    left: Annotated[int, "bytes that are wanted and still to come"]
    wanted_size: Annotated[int | None, "bytes that are here, or are wanted and still to come"]
    peers: Annotated[int, "that are connected"]
    eta: Annotated[float | None, "seconds until all that is wanted is here; null if unknown"]
    save_path: Annotated[str, "the folder that holds the torrent's file or folder"]
    error: Annotated[str | None, "why it stands still, in words"]
    trouble: Trouble | None
    added: Time
    completed: Annotated[float | None, "when it was complete first, in seconds since the epoch"]
    shared: Annotated[bool, "whether it was made here, of files of ours"]
    origin: Annotated[str, FileOrigin]
    limits: Limits
    sequential: Annotated[bool, "whether pieces are fetched in their order"]
    waiting_for: Annotated[
        list[BareJid],
        "contacts who have it, where it wants something and nobody is connected; the first ten",
    ]


class Torrents(TypedDict):
    """Torrents of ours."""

    torrents: list[Torrent]


class Deletion(TypedDict):
    """Files that were deleted, or would be."""

    files: Annotated[int, "how many"]
    size: Size
    trash: Annotated[bool, "whether they go to the trash; otherwise they are gone for good"]
    kept: Annotated[
        int, "files that stay: you changed or moved them, or another torrent has them as well"
    ]


class Requested(TypedDict):
    """A download that was asked for."""

    hash: InfoHash
    sources: Annotated[int, "contacts' devices that can be dialled for it now"]


class FileStatus(TypedDict):
    """One file of a torrent, and how much of it is here."""

    index: Annotated[int, "counted from 0"]
    path: str
    original: Annotated[str | None, "the path at its sender, where this disk gets another one"]
    size: Size
    done: Annotated[int, "verified bytes, in whole pieces"]
    wanted: bool
    preview: Annotated[str | None, Preview, "how a page can show what is at /files/HASH/INDEX"]


class Files(TypedDict):
    """The files of a torrent, and which of them are wanted."""

    files: Annotated[list[FileStatus] | None, "null until they are known"]
    first: Annotated[list[int], "indexes of those that are asked for before the others"]
    sequential: bool


class Peer(TypedDict):
    """Somebody who is connected for a torrent."""

    contact: Annotated[str | None, "a bare JID; null where that cannot be told"]
    address: str
    port: Annotated[int | None, "where it listens; null where it dialled us"]
    client: Annotated[str | None, "the program that it says it is"]
    progress: Annotated[float, "0..1, how much of the torrent it has"]
    download_rate: Rate
    upload_rate: Rate
    downloaded: Annotated[int, "bytes that it brought over this connection"]
    uploaded: Annotated[int, "bytes that it took over this connection"]
    how: Annotated[str, "lan, ipv6, ipv4, punched, relay or in_band"]


class Peers(TypedDict):
    """Everybody who is connected for a torrent."""

    peers: list[Peer]


class Exported(TypedDict):
    """A torrent for other programs."""

    torrent: Annotated[str | None, "the .torrent file in base64; null until it is known"]
    magnet: str
