"""What we want of a torrent, beyond having it; and rate limits."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Rate limits.

    :param upload: bytes/s, 0 for none.
    :param download: the same for the other direction.
    """

    upload: int = 0
    download: int = 0


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which files of a torrent to fetch, and in which order; files are counted from 0.

    :param skipped: those that are left out.
    :param first: those that are asked for before all others, in this order.
    :param sequential: whether to ask for the pieces in their order, so that what has come can be
        looked at.
    """

    skipped: frozenset[int] = frozenset()
    first: tuple[int, ...] = ()
    sequential: bool = False


@dataclass(frozen=True, slots=True)
class TorrentOptions:
    """
    What we want of a torrent.

    :param paused: nothing is to be given or fetched; only the list of its files is.
    :param kept: it is given to others even beyond what the rules for that say.
    :param rank: its place in the queue, lowest first; of equal ones the older is first.
    """

    paused: bool = False
    kept: bool = False
    rank: int = 0
    selection: Selection = Selection()
    limits: Limits = Limits()

    def changed(self, before: TorrentOptions, after: TorrentOptions) -> TorrentOptions:
        """The same with what differs between two others, as it is in the second one."""
        pairs = {f.name: (getattr(before, f.name), getattr(after, f.name)) for f in fields(self)}
        return replace(self, **{name: new for name, (old, new) in pairs.items() if new != old})


#: What is wanted of a torrent of which nothing is said.
DEFAULT_OPTIONS = TorrentOptions()
