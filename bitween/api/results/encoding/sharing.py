"""Shared paths and browsed folders as JSON."""

from __future__ import annotations

from bitween.api.results.shapes import sharing as shapes
from bitween.files.browse import FolderPage
from bitween.model.job import Added


def added(added: Added) -> shapes.Added:
    """The torrent that was made of a path."""
    return {
        "hash": added.info_hash,
        "name": added.name,
        "total_size": added.total_size,
        "left_out": [
            {"path": entry.path, "why": entry.why.value} for entry in added.left_out.entries
        ],
        "left_out_total": added.left_out.total,
    }


def folder(page: FolderPage, shared: frozenset[str]) -> shapes.Folder:
    """
    ``bt.browse``.

    :param shared: the names in the folder that belong to torrents.
    """
    return {
        "path": page.path,
        "root": page.root,
        "total": page.total,
        "complete": page.complete,
        "entries": [
            {
                "name": entry.name,
                "path": entry.path,
                "kind": "folder" if entry.is_folder else "file",
                "size": entry.size,
                "shared": entry.name in shared,
            }
            for entry in page.entries
        ],
    }
