"""Announcements: what a device shares, and the addresses at which it can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bitween.model.address import PeerAddress
from bitween.model.annotation import NO_ANNOTATION, Annotation
from bitween.model.candidate import Candidate
from bitween.model.device_statement import DeviceStatement
from bitween.model.share_id import ShareId, share_id_of
from bitween.model.torrent import InfoHash

#: The most shares of one device that count.
MAX_SHARES = 10_000


@dataclass(frozen=True, slots=True)
class ShareTerms:
    """
    On what terms a reader has a share that is not for all contacts.

    :param locked: whether the reader may see the name but not fetch it.
    :param expires: seconds since the epoch; ``None`` if the reader may have it without an end.
    :param replaces: the info-hash that the share had before its secret was replaced.
    :param salt: the salt of its present info-hash, with which a reader that has the metadata under
        the old one makes that of the new one; empty if there is none.
    :param introductions: whether its members may be introduced to each other.
    """

    locked: bool = False
    expires: int | None = None
    replaces: InfoHash | None = None
    introductions: bool = True
    salt: bytes = b""


#: What nearly all shares have.
NO_TERMS = ShareTerms()


@dataclass(frozen=True, slots=True)
class Share:
    """
    One share of a device.

    There may be a million in memory, so what few of them have is in one object.

    :param name: text to show, never a path.
    :param size: bytes.
    :param annotation: what the resource says about it.
    :param seal: what it takes to fetch the share, packed (:func:`bitween.model.seal.pack`); empty
        if the share is plain, or locked.
    """

    info_hash: InfoHash
    name: str
    size: int
    annotation: Annotation = NO_ANNOTATION
    # A secret must not get into a log.
    seal: bytes = field(default=b"", repr=False)
    terms: ShareTerms = NO_TERMS

    @property
    def id(self) -> ShareId:
        """What names the share, whatever becomes of its content."""
        return share_id_of(self.info_hash)

    @property
    def locked(self) -> bool:
        """Whether the reader may see the name but not fetch it."""
        return self.terms.locked

    @property
    def expires(self) -> int | None:
        """When the reader's access ends, in seconds since the epoch; ``None`` for never."""
        return self.terms.expires

    @property
    def replaces(self) -> InfoHash | None:
        """The info-hash that the share had before its secret was replaced."""
        return self.terms.replaces


@dataclass(frozen=True, slots=True)
class Announcement:
    """
    The shares of one device, and the addresses at which it can be dialled.

    :param resource: the XMPP resource of the device.
    :param shares: oldest first.
    :param addresses: the addresses to dial, best first.
    :param list_id: names the list whose changes ``revision`` counts; empty if it has no name.
    :param revision: the revision of the list that ``shares`` belongs to.
    :param complete: whether ``shares`` is the whole list.
    :param since: if it is not: ``shares`` and ``gone`` are all changes after this revision.
    :param gone: the shares that were removed after it.
    :param candidates: the same addresses with what is known of each, and those that are only for
        hole punching.
    :param sealed: whether the device speaks sealed transfers, at these addresses.
    :param device: what the device states of itself; ``None`` if it is not signed.
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
    sealed: bool = False
    device: DeviceStatement | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """
    A page of a device's share list, as the device itself serves it.

    :param list_id: names the list.
    :param revision: with this page, all changes up to this revision are known.
    :param added: new and changed shares.
    :param gone: removed shares.
    :param reset: whether the list starts again with this page, so that older shares do not count.
    :param complete: whether the whole list is known with it.
    """

    list_id: str
    revision: int
    added: tuple[Share, ...] = ()
    gone: tuple[InfoHash, ...] = ()
    reset: bool = False
    complete: bool = False
