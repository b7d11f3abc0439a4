"""The options that a user sets on a torrent, and rate limits."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from bitween.model.access import OPEN, Access
from bitween.model.annotation import NO_ANNOTATION, Annotation


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Rate limits.

    :param upload: bytes/s, 0 for no limit.
    :param download: the same for the other direction.
    """

    upload: int = 0
    download: int = 0


UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which files of a torrent to download, and in which order; files are counted from 0.

    :param skipped: the files that are not downloaded.
    :param first: the files that are downloaded before all others, in this order.
    :param sequential: whether to download the pieces in order, for streaming.
    """

    skipped: frozenset[int] = frozenset()
    first: tuple[int, ...] = ()
    sequential: bool = False


@dataclass(frozen=True, slots=True)
class TorrentOptions:
    """
    The options of a torrent.

    :param paused: whether nothing is transferred but missing metadata.
    :param ignore_seed_limits: whether it is seeded beyond the seeding limits.
    :param queue_position: in the download queue, lowest first; of equal ones the older is first.
    :param annotation: a note and tags, which contacts read.
    :param access: who may see and fetch it as a share.
    """

    paused: bool = False
    ignore_seed_limits: bool = False
    queue_position: int = 0
    selection: Selection = Selection()
    limits: Limits = Limits()
    annotation: Annotation = NO_ANNOTATION
    access: Access = OPEN

    def changed(self, before: TorrentOptions, after: TorrentOptions) -> TorrentOptions:
        """
        Apply the difference between two other options to these.

        :returns: these options, with the values of ``after`` where it differs from ``before``.
        """
        pairs = {f.name: (getattr(before, f.name), getattr(after, f.name)) for f in fields(self)}
        return replace(self, **{name: new for name, (old, new) in pairs.items() if new != old})


#: The options of a torrent on which the user has set none.
DEFAULT_OPTIONS = TorrentOptions()
