"""Results of ``bt.`` and ``upload.``: sharing files and folders."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from bitween.api.results.shapes.common import Size
from bitween.model.skipped_files import MOST_NAMED, Why
from bitween.model.torrent import InfoHash


class LeftOut(TypedDict):
    """A file or folder that cannot be shared; not one that an ignore file excludes."""

    path: Annotated[str, "below the shared folder; characters that cannot be shown are escaped"]
    why: Annotated[str, Why]


class Added(TypedDict):
    """The torrent that was made of a path."""

    hash: InfoHash
    name: str
    total_size: Size
    left_out: Annotated[list[LeftOut], f"the first {MOST_NAMED}"]
    left_out_total: Annotated[int, "how many there are"]


class Started(TypedDict):
    """The job that was started."""

    job: str


class UploadBegun(TypedDict):
    """An upload that was begun."""

    upload: Annotated[
        str, "its id, for PUT /upload/PATH?upload=ID, upload.finish and upload.cancel"
    ]


class Uploaded(TypedDict):
    """A finished upload, and the job that hashes and shares it."""

    job: str
    path: Annotated[str, "where the files are on the daemon's machine"]


class FolderEntry(TypedDict):
    """A file or a folder on the daemon's machine."""

    name: str
    path: Annotated[str | None, "null if the name is not UTF-8, so that it cannot be shared"]
    kind: Annotated[Literal["file", "folder"], "a link counts as its target"]
    size: Annotated[int | None, "bytes; null for a folder, and for a file that may not be read"]
    shared: Annotated[bool, "whether it is itself a torrent, shared or downloaded"]


class Folder(TypedDict):
    """A page of the entries of a folder."""

    path: Annotated[str | None, "null for the list of folders to start from"]
    root: Annotated[str | None, "the folder to start from that contains it"]
    total: Annotated[int, "how many entries there are on all pages"]
    complete: Annotated[bool, "false for a huge folder, of which only some entries are listed"]
    entries: Annotated[list[FolderEntry], "folders first, then by name"]
