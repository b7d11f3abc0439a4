"""Results of ``bt.`` and ``upload.``: sharing files and folders."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from bitween.api.results.shapes.common import Size
from bitween.model.skipped_files import MOST_NAMED, Why
from bitween.model.torrent import InfoHash


class LeftOut(TypedDict):
    """A file or folder that is left out of a share, though no ignore file or setting says so."""

    path: Annotated[str, "below the shared folder; what cannot be shown is escaped"]
    why: Annotated[str, Why]


class Added(TypedDict):
    """What came of adding a path."""

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

    upload: Annotated[str, "to be named with each of its files, and at its end"]


class Uploaded(TypedDict):
    """What was uploaded, and is shared when it is hashed."""

    job: str
    path: Annotated[str, "where it lies on the daemon's machine"]


class FolderEntry(TypedDict):
    """A file or a folder on the daemon's machine."""

    name: str
    path: Annotated[str | None, "null if it is not UTF-8, and cannot be shared"]
    kind: Annotated[Literal["file", "folder"], "links count as what they lead to"]
    size: Annotated[int | None, "bytes; null for a folder, and where it may not be read"]
    shared: Annotated[bool, "whether it is shared by itself, or downloaded"]


class Folder(TypedDict):
    """A page of what lies in a folder."""

    path: Annotated[str | None, "null for the list of folders to begin in"]
    root: Annotated[str | None, "that of the folders to begin in which it is, or lies below"]
    total: Annotated[int, "entries on all pages"]
    complete: Annotated[bool, "whether that is all, for only so many are listed of a huge folder"]
    entries: Annotated[list[FolderEntry], "folders first, then by name"]
