"""The index of the catalogue: which devices have a torrent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from bitween.model.address import PeerAddress
from bitween.model.annotation import NO_ANNOTATION, Annotation, safe_annotation
from bitween.model.announcement import MAX_SHARES, Share
from bitween.model.catalogue.changes import Key, Source
from bitween.model.catalogue.devices import Device, Devices
from bitween.model.catalogue.search import Claim
from bitween.model.torrent import InfoHash

#: Shares of one device that keep their note and tags; the others are kept without.
MAX_ANNOTATED = 2000


@dataclass(frozen=True, slots=True)
class CatalogueLimits:
    """
    What the catalogue holds at most; beyond it, the oldest shares of a device are left out.

    :param contact_shares: shares of all devices of a contact.
    :param shares: shares of all contacts; a million take about half a gigabyte.
    """

    contact_shares: int = 100_000
    shares: int = 1_000_000


class HolderIndex:
    """
    Finds devices by torrent.

    Devices gain and lose shares through the index alone, so that the two never differ.

    :ivar refused: shares that were left out because there were too many.
    """

    def __init__(
        self,
        devices: Devices,
        limits: CatalogueLimits,
        own_share: Callable[[InfoHash], Share | None],
    ) -> None:
        """
        :param devices: hold each device before it gets shares.
        :param own_share: called with an info-hash; returns what our own copy of the torrent says of
            it, from its metadata; ``None`` if we have no such copy.
        """
        self._devices = devices
        self._limits = limits
        self._own_share = own_share
        self._holders: dict[InfoHash, tuple[Device, ...]] = {}
        self._total = 0
        self.refused = 0

    def __contains__(self, info_hash: InfoHash) -> bool:
        return info_hash in self._holders

    def add(self, device: Device, shares: Sequence[Share]) -> Sequence[Share]:
        """
        Give a device shares that it does not have.

        :param shares: each torrent once, oldest first: the oldest are left out if there are too
            many.
        :returns: those that the limits leave room for.
        """
        shares = self._within_limits(device, shares)
        for announced in shares:
            # The comparison spares the call for nearly all of up to a million shares.
            plain = announced.annotation is NO_ANNOTATION
            share = announced if plain else _bounded(device, announced)
            holders = self._holders.get(share.info_hash)
            if holders is None:
                self._holders[share.info_hash] = device.alone
                device.add(share)
            else:
                self._holders[share.info_hash] = (*holders, device)
                for holder in (device, holders[0]):
                    holder.common.add(share.info_hash)
                known = holders[0].shares[share.info_hash]
                # A share that many devices have is in memory once.
                device.add(known if known == share else share)
        self._total += len(shares)
        return shares

    def _within_limits(self, device: Device, shares: Sequence[Share]) -> Sequence[Share]:
        contact = self._devices.contacts[device.jid]
        room = min(
            MAX_SHARES - sum(len(d.shares) for d in contact.lists_of(device.resource)),
            self._limits.contact_shares - sum(len(d.shares) for d in contact.lists()),
            self._limits.shares - self._total,
        )
        excess = len(shares) - room
        if excess <= 0:
            return shares
        self.refused += excess
        return shares[excess:]

    def remove(self, device: Device, shares: Sequence[Share]) -> None:
        """
        Take shares from a device that has them.

        :param shares: each torrent once.
        """
        for share in shares:
            info_hash = share.info_hash
            device.discard(info_hash)
            others = tuple(other for other in self._holders[info_hash] if other is not device)
            if len(others) == 1:
                others[0].common.discard(info_hash)
                others = others[0].alone
            if others:
                self._holders[info_hash] = others
            else:
                del self._holders[info_hash]
        self._total -= len(shares)

    def holders(self, info_hash: InfoHash) -> Sequence[Device]:
        """The devices that have a torrent, online or not."""
        return self._holders.get(info_hash, ())

    def contacts(self, info_hash: InfoHash) -> list[str]:
        """The bare JIDs of all contacts that have a torrent, online or not, sorted."""
        return sorted({device.jid for device in self.holders(info_hash)})

    def sources(self, info_hash: InfoHash, seal: bytes | None = None) -> list[Source]:
        """
        All devices that are online and let us have a torrent.

        :param seal: only devices that announce this packed seal, empty for none; ``None`` for any.
        """
        found = {
            (device.jid, device.resource): self._devices.addresses(device)
            for device in self.holders(info_hash)
            if device.online and _offers(device.shares[info_hash], seal)
        }
        return [Source(*key, found[key]) for key in sorted(found)]

    def seal(self, info_hash: InfoHash) -> bytes:
        """
        The seal with which to fetch a torrent: two resources may announce different ones.

        :returns: packed; that which most online resources announce, of these the smallest; empty if
            there is none.
        """
        voters: dict[bytes, set[Key]] = {}
        for device in self.holders(info_hash):
            seal = device.shares[info_hash].seal
            if seal:
                online = {(device.jid, device.resource)} if device.online else set()
                voters.setdefault(seal, set()).update(online)
        return min(voters, key=lambda seal: (-len(voters[seal]), seal), default=b"")

    def is_away(self, info_hash: InfoHash) -> bool:
        """Whether no device that has a torrent is online."""
        # Called for each match: a generator expression would take twice as long.
        for device in self._holders.get(info_hash, ()):  # noqa: SIM110  # see above
            if device.online:
                return False
        return True

    def share(self, info_hash: InfoHash) -> Share | None:
        """Name and size of a torrent by the first of its :meth:`claims`."""
        claims = self.claims(info_hash)
        return Share(info_hash, claims[0].name, claims[0].size) if claims else None

    def claims(self, info_hash: InfoHash) -> tuple[Claim, ...]:
        """
        The names and sizes that contacts announce for a torrent.

        The hash does not prove them until the metadata is here, so a contact can give any name to a
        torrent of another contact.  What our own copy says comes first, then what most contacts
        say, however many devices they have, then what was announced first.
        """
        contacts: dict[tuple[str, int], set[str]] = {}
        own = self._own_share(info_hash)
        if own is not None:
            contacts[own.name, own.size] = set()
        for device in self.holders(info_hash):
            share = device.shares[info_hash]
            contacts.setdefault((share.name, share.size), set()).add(device.jid)
        claims = [Claim(*key, tuple(sorted(jids))) for key, jids in contacts.items()]
        proven = 0 if own is None else 1
        return (*claims[:proven], *sorted(claims[proven:], key=_most_contacts_first))

    def annotation(self, info_hash: InfoHash, jid: str | None = None) -> Annotation:
        """
        What contacts say about a torrent: the first note, and the tags of all.

        :param jid: the contact whose words come first.
        """
        holders = sorted(self.holders(info_hash), key=lambda device: device.jid != jid)
        annotations = [device.shares[info_hash].annotation for device in holders]
        if not any(annotations):
            return NO_ANNOTATION
        note = next((annotation.note for annotation in annotations if annotation.note), "")
        return safe_annotation(note, chain.from_iterable(a.tags for a in annotations))

    def is_locked(self, info_hash: InfoHash) -> bool:
        """Whether no holder lets us fetch a torrent, but at least one shows us its name."""
        shares = [device.shares[info_hash] for device in self.holders(info_hash)]
        return bool(shares) and all(share.locked for share in shares)

    def sizes(self, info_hash: InfoHash) -> frozenset[int]:
        """The sizes that contacts announce for a torrent."""
        return frozenset(device.shares[info_hash].size for device in self.holders(info_hash))

    def reachable(self) -> Iterator[tuple[InfoHash, frozenset[PeerAddress]]]:
        """
        Every torrent of a device that is online, with the addresses to dial.

        The catalogue may change between two steps; no torrent comes twice.
        """
        given: set[InfoHash] = set()
        for device in [device for device in self._devices.lists() if device.online]:
            for info_hash in list(device.shares):
                online = [holder for holder in self.holders(info_hash) if holder.online]
                if online and info_hash not in given:
                    given.add(info_hash)
                    addresses = (a for holder in online for a in self._devices.addresses(holder))
                    yield info_hash, frozenset(addresses)


def _offers(share: Share, seal: bytes | None) -> bool:
    return not share.locked and seal in (None, share.seal)


def _bounded(device: Device, share: Share) -> Share:
    if share.annotation and device.annotated >= MAX_ANNOTATED:
        return replace(share, annotation=NO_ANNOTATION)
    return share


def _most_contacts_first(claim: Claim) -> int:
    return -len(claim.contacts)
