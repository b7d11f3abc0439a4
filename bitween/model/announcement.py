"""What one resource says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bitween.model.address import PeerAddress
from bitween.model.annotation import NO_ANNOTATION, Annotation
from bitween.model.candidate import Candidate
from bitween.model.share_id import ShareId, share_id_of
from bitween.model.torrent import InfoHash

#: Shares of one resource that are taken.
MAX_SHARES = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """
    One thing that a resource shares.

    :param name: text to show, never a path.
    :param size: bytes.
    :param annotation: what the resource says about it.
    """

    info_hash: InfoHash
    name: str
    size: int
    annotation: Annotation = NO_ANNOTATION

    @property
    def id(self) -> ShareId:
        """What names the share, whatever becomes of its content."""
        return share_id_of(self.info_hash)


@dataclass(frozen=True, slots=True)
class Announcement:
    """
    One resource's shares and the addresses at which it can be dialled.

    :param resource: the XMPP resource that is spoken of.
    :param shares: oldest first.
    :param addresses: where anybody may dial it, best first.
    :param list_id: names the list of which ``revision`` counts the changes; empty if it has none.
    :param revision: how many changes of the list are in ``shares``.
    :param complete: whether ``shares`` is the whole list.
    :param since: where it is not: ``shares`` and ``gone`` are all that changed after this revision.
    :param gone: what was removed after it.
    :param candidates: the same addresses with what is known of them, and those that are good for
        meeting only.
    """

    resource: str
    shares: Mapping[InfoHash, Share] = field(default_factory=lambda: MappingProxyType({}))
    addresses: tuple[PeerAddress, ...] = ()
    list_id: str = ""
    revision: int = 0
    complete: bool = True
    since: int = 0
    gone: tuple[InfoHash, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class ListPage:
    """
    A part of a resource's list, as the resource itself gave it.

    :param list_id: names the list.
    :param revision: with this part, everything up to here is known.
    :param added: what is new or another than before.
    :param gone: what was removed.
    :param reset: whether this is the beginning of the list, so that nothing from before counts.
    :param complete: whether everything is known with it.
    """

    list_id: str
    revision: int
    added: tuple[Share, ...] = ()
    gone: tuple[InfoHash, ...] = ()
    reset: bool = False
    complete: bool = False
