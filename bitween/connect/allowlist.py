"""Lets the devices of contacts connect to us over BitTorrent, from the addresses that they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from ipaddress import ip_network
from itertools import islice

from bitween.connect.ports import IpFilterPort
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Key
from bitween.model.network_link import Network

#: Seconds for which a device that went offline may still connect: a transfer may outlive a log-in.
GRACE_PERIOD = 15 * 60.0
#: Seconds between two calls of :meth:`PeerAllowlist.expire`.
EXPIRY_INTERVAL = 60.0
#: Devices that one call removes; each takes 0.07 ms.
EXPIRED_AT_ONCE = 500

# An IPv6 device connects from another address of its network than the one that answers (RFC 8981).
_IPV6_PREFIX = 64


class PeerAllowlist:
    """
    Keeps the IP filter open for the devices that are online, and for a while after.

    What a change costs depends on how many devices it is about, not on how many there are.
    """

    def __init__(
        self,
        ip_filter: IpFilterPort,
        catalogue: Catalogue,
        may_connect_from: Callable[[PeerAddress], bool],
        clock: Callable[[], float],
    ) -> None:
        """
        :param may_connect_from: called with an address that a contact's device names; returns
            whether that device can be there at all.
        :param clock: seconds.
        """
        self._ip_filter = ip_filter
        self._catalogue = catalogue
        self._may_connect_from = may_connect_from
        self._clock = clock
        # How many keys each allowed network has.
        self._allowed: Counter[Network] = Counter()
        self._networks: dict[Hashable, frozenset[Network]] = {}
        self._private: dict[Key, tuple[PeerAddress, ...]] = {}
        self._offline_since: dict[Key, float] = {}

    def apply(self, change: CatalogueChange) -> None:
        """Follow a change of what contacts announce, or of which devices are online."""
        forgotten = {key for key, record in change.records.items() if record is None}
        presences = {(p.jid, p.resource): p.online for p in change.presences}
        # A device that goes offline without an announcement leaves no record: forget it here.
        forgotten |= {key for key in presences.keys() - change.records.keys() if not presences[key]}
        for key in forgotten:
            self._forget(key)
        for key in (presences.keys() | change.records.keys()) - forgotten:
            self._update(key)

    def refresh(self) -> None:
        """Update every online device: ``may_connect_from`` may answer differently now."""
        for jid, announcement in list(self._catalogue.online_announcements()):
            self._update((jid, announcement.resource))

    def allow_candidates(self, jid: str, resource: str, addresses: Iterable[PeerAddress]) -> None:
        """
        Let an online device connect also from addresses that it told us alone.

        :param jid: bare.
        :param addresses: replace those of an earlier call; ignored if the device is offline.
        """
        if resource in self._catalogue.online(jid):
            self._private[jid, resource] = tuple(addresses)
            self._update((jid, resource))

    def set(self, key: Hashable, addresses: Iterable[PeerAddress]) -> None:
        """
        Allow these addresses under a key, and no others.

        :param key: what the addresses belong to; a device, or any other key.
        :param addresses: an empty iterable removes the key.  The ports do not count, and an IPv6
            address stands for its /64 network.
        """
        after = frozenset(map(_network, addresses))
        before = self._networks.get(key, frozenset())
        self._allowed.update(after - before)
        self._allowed.subtract(before - after)
        removed = [network for network in before - after if not self._allowed[network]]
        added = [network for network in after - before if self._allowed[network] == 1]
        for network in removed:
            del self._allowed[network]
        if after:
            self._networks[key] = after
        else:
            self._networks.pop(key, None)
        if added:
            self._ip_filter.allow_peers_from(added)
        if removed:
            self._ip_filter.deny_peers_from(removed)

    def expire(self, online: bool) -> None:
        """
        Remove the devices that went offline long ago.

        :param online: whether we would know it if they came back.
        """
        now = self._clock()
        if not online:
            self._offline_since = dict.fromkeys(self._offline_since, now)
        gone = (key for key, since in self._offline_since.items() if since <= now - GRACE_PERIOD)
        for key in list(islice(gone, EXPIRED_AT_ONCE)):
            self._forget(key)

    def _update(self, key: Key) -> None:
        jid, resource = key
        if resource not in self._catalogue.online(jid):
            if key in self._networks:
                self._offline_since.setdefault(key, self._clock())
            return
        self._offline_since.pop(key, None)
        announced = (candidate.address for candidate in self._catalogue.candidates(*key))
        addresses = (*announced, *self._private.get(key, ()))
        self.set(key, filter(self._may_connect_from, addresses))

    def _forget(self, key: Key) -> None:
        self._offline_since.pop(key, None)
        self._private.pop(key, None)
        self.set(key, ())


def _network(address: PeerAddress) -> Network:
    if address.is_ipv6 and not address.is_loopback:
        return ip_network((address.address, _IPV6_PREFIX), strict=False)
    return ip_network(address.address)
