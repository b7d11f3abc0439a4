"""Who may connect to us over BitTorrent: contacts who are there, at the addresses they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from ipaddress import ip_network
from itertools import islice

from bitween.connect.ports import IpFilterPort
from bitween.model.access import Action, may
from bitween.model.address import PeerAddress
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange, Key
from bitween.model.network_link import Network

#: Seconds for which somebody who went is still let in: a transfer may outlive a log-in.
GRACE_PERIOD = 15 * 60.0
#: Seconds between two calls of :meth:`PeerAllowlist.expire`.
EXPIRY_INTERVAL = 60.0
#: How many are shut out in one look; each takes 0.07 ms.
SWEPT_AT_ONCE = 500

# Somebody calls from another address of the network than the one that answers (RFC 8981).
_IPV6_PREFIX = 64


class PeerAllowlist:
    """
    Keeps the door: follows who is there, and at which addresses.

    What a change costs depends on how many resources it is about, not on how many there are.
    """

    def __init__(
        self,
        door: IpFilterPort,
        catalogue: Catalogue,
        believable: Callable[[PeerAddress], bool],
        clock: Callable[[], float],
    ) -> None:
        """
        :param believable: whether a contact may be at an address at all.
        :param clock: seconds.
        """
        self._door = door
        self._catalogue = catalogue
        self._believable = believable
        self._clock = clock
        self._admitted: Counter[Network] = Counter()
        self._networks: dict[Hashable, frozenset[Network]] = {}
        self._met: dict[Key, tuple[PeerAddress, ...]] = {}
        self._went: dict[Key, float] = {}

    def apply(self, change: CatalogueChange) -> None:
        """Take over a change of what contacts announce, or of who is there."""
        forgotten = {key for key, record in change.records.items() if record is None}
        moved = {(said.jid, said.resource): said.online for said in change.presences}
        # Of who goes and had announced nothing, nothing would tell when he is to be forgotten.
        forgotten |= {key for key in moved.keys() - change.records.keys() if not moved[key]}
        for key in forgotten:
            self._forget(key)
        for key in (moved.keys() | change.records.keys()) - forgotten:
            self._update(key)

    def refresh(self) -> None:
        """Judge everybody anew, for what is believable is another now."""
        for jid, said in list(self._catalogue.online_announcements()):
            self._update((jid, said.resource))

    def allow_candidates(self, jid: str, resource: str, addresses: Iterable[PeerAddress]) -> None:
        """Let a resource in at addresses that it told us alone, too, as long as it is there."""
        if resource in self._catalogue.online(jid):
            self._met[jid, resource] = tuple(addresses)
            self._update((jid, resource))

    def set(self, key: Hashable, addresses: Iterable[PeerAddress]) -> None:
        """
        Let somebody in at these addresses, and at no others any more.

        :param key: names whom they belong to, other than by bare JID and resource.
        """
        after = frozenset(map(_network, addresses))
        before = self._networks.get(key, frozenset())
        self._admitted.update(after - before)
        self._admitted.subtract(before - after)
        refused = [network for network in before - after if not self._admitted[network]]
        admitted = [network for network in after - before if self._admitted[network] == 1]
        for network in refused:
            del self._admitted[network]
        if after:
            self._networks[key] = after
        else:
            self._networks.pop(key, None)
        if admitted:
            self._door.admit(admitted)
        if refused:
            self._door.refuse(refused)

    def expire(self, online: bool) -> None:
        """
        Shut out those who went long ago.

        :param online: whether we would know it if they came back.
        """
        now = self._clock()
        if not online:
            self._went = dict.fromkeys(self._went, now)
        gone = (key for key, when in self._went.items() if when <= now - GRACE_PERIOD)
        for key in list(islice(gone, SWEPT_AT_ONCE)):
            self._forget(key)

    def _update(self, key: Key) -> None:
        jid, resource = key
        if not may(jid, None, Action.HAVE):
            self._forget(key)
            return
        if resource not in self._catalogue.online(jid):
            if key in self._networks:
                self._went.setdefault(key, self._clock())
            return
        self._went.pop(key, None)
        announced = (candidate.address for candidate in self._catalogue.candidates(*key))
        addresses = (*announced, *self._met.get(key, ()))
        self.set(key, filter(self._believable, addresses))

    def _forget(self, key: Key) -> None:
        self._went.pop(key, None)
        self._met.pop(key, None)
        self.set(key, ())


def _network(address: PeerAddress) -> Network:
    if address.is_ipv6 and not address.is_loopback:
        return ip_network((address.address, _IPV6_PREFIX), strict=False)
    return ip_network(address.address)
