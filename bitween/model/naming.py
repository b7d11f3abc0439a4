"""How bitween derives the names of a torrent's files on the disk from its metadata."""

from __future__ import annotations

from enum import StrEnum


class Naming(StrEnum):
    """How the names on the disk derive from the metadata."""

    #: The names in the metadata, which was made here of files with these names.
    VERBATIM = "verbatim"
    #: The names in the metadata, without what could mislead or harm a person.
    EXACT = "exact"
    #: Like exact, for a disk that allows fewer names or ignores case.
    PORTABLE = "portable"
    #: The names that libtorrent chooses, as bitween 0.1 had them.
    LIBTORRENT = "libtorrent"
