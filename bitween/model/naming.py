"""How the names of a torrent's files on the disk follow from its metadata."""

from __future__ import annotations

from enum import StrEnum


class Naming(StrEnum):
    """How the names on the disk follow from the metadata."""

    #: As the metadata has them: it was made here, of files that lie there under these names.
    VERBATIM = "verbatim"
    #: As the metadata has them, except for what could mislead or harm a person.
    EXACT = "exact"
    #: Like exact, for a disk that takes fewer names or tells fewer of them apart.
    PORTABLE = "portable"
    #: As libtorrent would choose them by itself, and bitween 0.1 did.
    LIBTORRENT = "libtorrent"
