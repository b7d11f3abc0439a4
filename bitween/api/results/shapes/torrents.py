"""Results of ``bt.``: torrents."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.http.content_type import Preview
from bitween.api.results.shapes.common import BareJid, Limit, Note, Rate, Size, Tags, Time
from bitween.api.results.shapes.share_access import End, Who
from bitween.model.torrent import FileOrigin, InfoHash, TorrentState
from bitween.model.torrent_error import Reason


class Limits(TypedDict):
    """Rate limits."""

    upload: Limit
    download: Limit


class LimitsInForce(Limits):
    """The limits of all torrents together: the chosen ones, and those in effect now."""

    now: Limits
    scheduled: Annotated[bool, "whether the schedule replaces the chosen limits now"]


class FileEntry(TypedDict):
    """One file of a torrent."""

    path: Annotated[str, "relative to the torrent's save_path"]
    size: Size


class Trouble(TypedDict):
    """Why a torrent stopped, and how ``bt.mend`` would repair it."""

    reason: Annotated[str, Reason]
    path: Annotated[str | None, "the file or folder that the error is about"]
    remedy: Annotated[
        str | None, "recheck, fetch_again or share_again; null if bt.mend cannot repair it"
    ]


class Torrent(TypedDict, total=False):
    """A torrent; with ``fields``, only those keys."""

    hash: InfoHash
    name: Annotated[str, "may be empty until the list of files is known"]
    total_size: Annotated[int | None, "bytes"]
    done: Annotated[int, "verified bytes; equal to total_size only when all are on the disk"]
    files: Annotated[list[FileEntry] | None, "null until they are known"]
    state: Annotated[str, TorrentState]
    complete: Annotated[bool, "whether every byte is verified and on the disk"]
    progress: Annotated[float, "0..1, of wanted_size; 1 only when all of it is on the disk"]
    download_rate: Rate
    upload_rate: Rate
    uploaded: Annotated[int, "bytes sent to peers since the torrent was added"]
    left: Annotated[int, "bytes that are wanted and not downloaded yet"]
    wanted_size: Annotated[int | None, "bytes that are downloaded, or wanted"]
    peers: Annotated[int, "connected peers"]
    eta: Annotated[float | None, "seconds until everything wanted is downloaded; null if unknown"]
    save_path: Annotated[str, "the folder that holds the torrent's file or folder"]
    error: Annotated[str | None, "why the torrent stopped, as text"]
    trouble: Trouble | None
    added: Time
    completed: Annotated[float | None, "when it became complete, in seconds since the epoch"]
    shared: Annotated[bool, "whether this daemon made it, from local files"]
    origin: Annotated[str, FileOrigin]
    limits: Limits
    sequential: Annotated[bool, "whether pieces are fetched in order"]
    access: Annotated[list[Who], "who may see and fetch it from you"]
    expires: End
    listed: Annotated[bool, "whether other contacts see the name and the size, with a lock"]
    note: Note
    tags: Tags
    waiting_for: Annotated[
        list[BareJid],
        "contacts who have it, if the download has no connected peer; the first ten",
    ]


class Annotation(TypedDict):
    """What you say about a torrent; contacts read it."""

    note: Note
    tags: Tags


class Torrents(TypedDict):
    """A list of torrents."""

    torrents: list[Torrent]


class Deletion(TypedDict):
    """Files that were deleted, or would be."""

    files: Annotated[int, "how many"]
    size: Size
    trash: Annotated[bool, "whether they go to the trash; otherwise they are deleted for good"]
    kept: Annotated[
        int, "files that stay: you changed or moved them, or another torrent contains them, too"
    ]


class Requested(TypedDict):
    """A download that was started."""

    hash: InfoHash
    sources: Annotated[int, "how many devices of contacts can be dialled for it now"]


class FileStatus(TypedDict):
    """A file of a torrent, and how much of it is downloaded."""

    index: Annotated[int, "counted from 0"]
    path: str
    original: Annotated[
        str | None, "the path in the torrent, if the file is saved under another one"
    ]
    size: Size
    done: Annotated[int, "verified bytes, in whole pieces"]
    wanted: bool
    preview: Annotated[
        str | None, Preview, "how a web page can show /files/HASH/INDEX; null for a download only"
    ]


class Files(TypedDict):
    """The files of a torrent, and which of them are wanted."""

    files: Annotated[list[FileStatus] | None, "null until they are known"]
    first: Annotated[list[int], "indexes of the files that are fetched before the others"]
    sequential: bool


class Peer(TypedDict):
    """A connected peer of a torrent."""

    contact: Annotated[str | None, "a bare JID; null if it is not known"]
    introduced_by: Annotated[
        str | None,
        "the bare JID of the contact that has introduced the peer, who fetches the same share;"
        " null for a contact, and if no contact has",
    ]
    address: str
    port: Annotated[int | None, "the port on which it listens; null if it connected to us"]
    client: Annotated[str | None, "the program that the peer claims to run"]
    progress: Annotated[float, "0..1, how much of the torrent the peer has"]
    download_rate: Rate
    upload_rate: Rate
    downloaded: Annotated[int, "bytes received from the peer on this connection"]
    uploaded: Annotated[int, "bytes sent to the peer on this connection"]
    how: Annotated[str, "the kind of connection: lan, ipv6, ipv4, punched, relay or in_band"]
    sealed: Annotated[bool, "whether the connection is encrypted (TLS, with the share's secret)"]


class Peers(TypedDict):
    """The connected peers of a torrent."""

    peers: list[Peer]


class Exported(TypedDict):
    """A torrent for other programs."""

    torrent: Annotated[
        str | None, "the .torrent file in base64; null until the list of files is known"
    ]
    magnet: str
