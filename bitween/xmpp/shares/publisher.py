"""
Keeps our PEP item up to date, with as few bytes as possible.

An item holds the whole share list, or only its last changes; contacts then read the rest from us by
IQ (:mod:`bitween.xmpp.shares.list_server`).

- A list that fits into 4 kB is always published whole.
- A longer list is published by its changes; if it fits into an item at all, it is published whole
  once nothing has changed for a minute, for readers that know no other form.

One publish is under way at a time; changes meanwhile are combined into the next one.  What the
server has is compared with what we published (:meth:`Publisher.compare`): an item that an earlier
session published need not be sent again, and one that another program has written is replaced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.errors import BitweenError
from bitween.model.announcement import Share
from bitween.model.share_list import ShareList
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.elements import Element
from bitween.xmpp.shares.device_codec import AnnouncementSigner
from bitween.xmpp.shares.item_codec import (
    MAX_WHOLE,
    OwnPlaces,
    canonical,
    changed_item,
    list_state,
    payload_of,
    signature_end,
    whole_item,
)
from bitween.xmpp.shares.published_list import PublishedList

#: bytes up to which a list is published whole at every change.
AT_ONCE = 4000
#: seconds without a change after which a longer list is published whole, if it fits.
QUIET = 60.0
#: Published items whose notification may still come.
MAX_ECHOES = 8


@dataclass(frozen=True, slots=True)
class _Published:
    """
    What the server has.

    :param revision: of our list.
    :param places: our addresses in it; ``None`` if they are wrong or unknown.
    :param whole: whether it holds the whole list.
    """

    revision: int
    places: OwnPlaces | None
    whole: bool


class Publisher:
    """
    Publishes the latest announcement, one item at a time, within the byte budget.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        publish: Callable[[Any], Deferred[None]],
        backoff: Backoff,
        own: PublishedList,
        *,
        signer: AnnouncementSigner | None = None,
    ) -> None:
        """
        :param budget: an item is published when it has room.
        :param publish: sends an ``item`` element; its Deferred fires when the server has it, and
            fails with a ``BitweenError``.
        :param backoff: the delays after an attempt that failed.
        :param own: our list; updated here.
        :param signer: signs each item; ``None`` to leave them unsigned.
        """
        self._clock = clock
        self._budget = budget
        self._publish = publish
        self._backoff = backoff
        self._own = own
        self._signer = signer
        self._places: OwnPlaces | None = None
        self._resource: str | None = None
        self._unchecked: Any = None
        self._compared = False
        # The items published last, whose notifications may come to us too, oldest first.
        self._echoes: deque[object] = deque(maxlen=MAX_ECHOES)
        self._published: _Published | None = None
        self._changed_at = 0.0
        self._not_before = 0.0
        self._session = object()
        self._under_way = False
        self._cut_off = False
        self._timer: IDelayedCall | None = None
        self._logged = ""

    def announce(self, shares: Sequence[Share], places: OwnPlaces) -> None:
        """
        Publish this, now or when there is a session.

        :param shares: oldest first, each info-hash once.
        """
        if self._own.update(shares) or self._places != places:
            self._places = places
            self._changed_at = self._clock.seconds()
        self._schedule()

    def begin(self, resource: str, item: Element | None) -> None:
        """
        Start in a new session.

        :param resource: the one that the server bound.
        :param item: our item as the server has it; ``None`` if it has none.
        """
        self.end()
        self._resource = resource
        self._published = None
        self._unchecked, self._compared = item, False
        self._echoes.clear()
        payload = None if item is None else payload_of(item)
        if payload is not None:
            self._echoes.append(canonical(payload))
        list_id, revision = ("", 0) if item is None else list_state(item)
        if list_id == self._shares.list_id and revision > self._shares.revision:
            # Our state is old: we would use revisions again that contacts know already.
            self._own.renew()
        if self._cut_off:
            # The item may have made the server end the stream; it must not do so again at once.
            self._hold_back()
        self._cut_off = False
        self._changed_at = self._clock.seconds()
        self._schedule()

    def end(self) -> None:
        """Stop: the session is over."""
        self._cut_off = self._cut_off or self._under_way
        self._resource = None
        self._session = object()
        self._under_way = False
        self._budget.claim(0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def expects(self, item: Element) -> bool:
        """
        Whether the server's notification of our own item is the echo of a publish.

        :param item: the ``item`` element of the notification.
        """
        if self._resource is None or (self._unchecked is not None and not self._compared):
            # Nothing is published yet in this session; the item is compared before that.
            return True
        content = canonical(payload_of(item))
        if content is None or content not in self._echoes:
            return False
        # Some servers send it twice, but none sends an earlier one again.
        while self._echoes[0] != content:
            self._echoes.popleft()
        return True

    def compare(self, item: Element | None) -> None:
        """
        Compare what the server has now with what we published; publish again if it differs.

        :param item: our item; ``None`` if there is none.
        """
        if self._under_way:
            # The publish under way corrects it.
            return
        self._published = None
        self._unchecked, self._compared = item, True
        self._schedule()

    @property
    def _shares(self) -> ShareList:
        return self._own.shares

    def _hold_back(self) -> None:
        self._not_before = self._clock.seconds() + self._backoff.next()

    def _schedule(self, delay: float = 0) -> None:
        if self._resource is None or self._under_way:
            return
        now = self._clock.seconds()
        due = max(now + delay, self._not_before)
        if self._timer is not None:
            if self._timer.getTime() <= due:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(due - now, self._due)

    def _due(self) -> None:
        self._timer = None
        self._budget.claim(0)
        if self._resource is None or self._places is None:
            return
        if self._unchecked is not None:
            self._published = self._recognised(self._resource, self._places, self._unchecked)
            self._unchecked = None
        chosen = self._choose(self._resource, self._places)
        if chosen is None:
            return
        item, whole = chosen
        size = len(item.toXml().encode())
        wait = self._budget.delay(size)
        if wait > 0:
            self._budget.claim(size)
            self._schedule(wait)
            return
        self._under_way = True
        self._echoes.append(canonical(payload_of(item)))
        session, published = (
            self._session,
            _Published(self._shares.revision, self._places, whole),
        )
        self._publish(item).addCallbacks(
            lambda _: self._done(session, published), lambda failure: self._failed(session, failure)
        ).addErrback(lambda failure: self._log.failure("publishing", failure))

    def _recognised(self, resource: str, places: OwnPlaces, item: Element) -> _Published | None:
        """Read what an earlier session has published; ``None`` if it must be replaced."""
        list_id, revision = list_state(item)
        if list_id != self._shares.list_id:
            return None
        signer = self._signer
        if signer is not None and signer.is_due(signature_end(item)):
            return None
        says = _lasting(item)
        whole = whole_item(resource, self._shares, places, signer=signer)
        if whole is not None and _lasting(whole) == says:
            return _Published(revision, places, whole=True)
        same = _lasting(changed_item(resource, self._shares, places, signer)) == says
        if self._compared and not same and canonical(payload_of(item)) not in self._echoes:
            # Another program has written it: contacts that believe it must read everything again.
            self._own.renew()
            self._warn("another program of this account has overwritten our announcement")
            return None
        return _Published(revision, places if same else None, whole=False)

    def _choose(self, resource: str, places: OwnPlaces) -> tuple[Any, bool] | None:
        """
        Decide what to publish now, if anything.

        :returns: the item, and whether it holds the whole list.
        """
        published, signer = self._published, self._signer
        if published is None or (published.revision, published.places) != (
            self._shares.revision,
            places,
        ):
            # If no contact can know the list yet, its last changes are of no use.
            limit = AT_ONCE if published else MAX_WHOLE
            whole = whole_item(resource, self._shares, places, limit, signer)
            if whole is not None:
                return whole, True
            return changed_item(resource, self._shares, places, signer), False
        if published.whole:
            return None
        whole = whole_item(resource, self._shares, places, signer=signer)
        wait = self._changed_at + QUIET - self._clock.seconds()
        if whole is not None and wait > 0:
            self._schedule(wait)
            return None
        return None if whole is None else (whole, True)

    def _done(self, session: object, published: _Published) -> None:
        if session is not self._session:
            return
        self._under_way = False
        self._published = published
        self._logged = ""
        self._backoff.reset()
        self._schedule()

    def _warn(self, message: str) -> None:
        if message != self._logged:
            self._logged = message
            self._log.warn("{message}", message=message)

    def _failed(self, session: object, failure: Failure) -> None:
        if session is not self._session:
            return
        self._under_way = False
        failure.trap(BitweenError)
        self._warn(f"could not publish our shares: {failure.value}")
        self._hold_back()
        self._schedule()


def _lasting(item: Element) -> object:
    """What an item says, whenever it was signed."""
    return canonical(payload_of(item), lasting=True)
