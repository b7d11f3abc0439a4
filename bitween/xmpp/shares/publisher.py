"""Keeps our PEP item equal to what we want it to say, with as few bytes as it takes."""

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
from bitween.model.candidate import Candidate
from bitween.model.share_list import ShareList
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.shares.item_codec import (
    MAX_WHOLE,
    canonical,
    changed_item,
    list_state,
    payload_of,
    whole_item,
)
from bitween.xmpp.shares.published_list import PublishedList

#: bytes up to which a list is told whole at every change.
AT_ONCE = 4000
#: seconds without a change, after which a longer list is told whole again, if it fits.
QUIET = 60.0
#: Items that were published and whose notification may still come.
MAX_ECHOES = 8


@dataclass(frozen=True, slots=True)
class _Said:
    """
    What the server has of us.

    :param candidates: where it says that we are; ``None`` if that is wrong, or not known.
    :param whole: whether the whole list stands in it.
    """

    revision: int
    candidates: tuple[Candidate, ...] | None
    whole: bool


class Publisher:
    """
    Publishes the latest of what is announced: one item at a time, and only what is news.

    While a publish is under way, or the byte budget is used up, changes add up to the next one.
    A long list is told by its last changes; one that fits into an item is told whole when nothing
    has changed for a while, for readers who know no other form.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        publish: Callable[[Any], Deferred[None]],
        backoff: Backoff,
        own: PublishedList,
    ) -> None:
        """
        :param publish: sends an item; its Deferred fails with a ``BitweenError``.
        :param own: our list; brought up to date here.
        """
        self._clock = clock
        self._budget = budget
        self._publish = publish
        self._backoff = backoff
        self._own = own
        self._candidates: tuple[Candidate, ...] | None = None
        self._resource: str | None = None
        self._found: Any = None
        self._looked = False
        # What was published last and may be told to us, too, oldest first.
        self._echoes: deque[object] = deque(maxlen=MAX_ECHOES)
        self._said: _Said | None = None
        self._changed_at = 0.0
        self._not_before = 0.0
        self._session = object()
        self._under_way = False
        self._cut_off = False
        self._timer: IDelayedCall | None = None
        self._logged = ""

    def announce(self, shares: Sequence[Share], candidates: Sequence[Candidate]) -> None:
        """Have this published, now or when there is a session."""
        if self._own.update(shares) or self._candidates != tuple(candidates):
            self._candidates = tuple(candidates)
            self._changed_at = self._clock.seconds()
        self._go()

    def begin(self, resource: str, found: Any) -> None:
        """
        Start in a new session.

        :param resource: the one that the server bound.
        :param found: our item as the server has it, ``None`` if it has none.
        """
        self.end()
        self._resource = resource
        self._said = None
        self._found, self._looked = found, False
        self._echoes.clear()
        payload = None if found is None else payload_of(found)
        if payload is not None:
            self._echoes.append(canonical(payload))
        list_id, revision = ("", 0) if found is None else list_state(found)
        if list_id == self._shares.list_id and revision > self._shares.revision:
            # Ours is an old state: the revisions that contacts know would be used twice.
            self._own.renew()
        if self._cut_off:
            # An item that made the server end the stream must not do so again at once.
            self._hold_back()
        self._cut_off = False
        self._changed_at = self._clock.seconds()
        self._go()

    def end(self) -> None:
        """Stop, as there is no session any more."""
        self._cut_off = self._cut_off or self._under_way
        self._resource = None
        self._session = object()
        self._under_way = False
        self._budget.claim(0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def expects(self, item: Any) -> bool:
        """Whether an item of ours that the server tells us of says what we published."""
        if self._resource is None or (self._found is not None and not self._looked):
            # The session has not begun to publish: what the server has is looked at then.
            return True
        payload = payload_of(item)
        told = None if payload is None else canonical(payload)
        if told not in self._echoes:
            return False
        # Some servers tell it twice; what was published before, nobody tells again.
        while self._echoes[0] != told:
            self._echoes.popleft()
        return True

    def look(self, found: Any) -> None:
        """
        Compare what the server has now with what we published, and publish again if need be.

        :param found: our item, ``None`` if there is none.
        """
        if self._under_way:
            # What is published now makes it right.
            return
        self._said = None
        self._found, self._looked = found, True
        self._go()

    @property
    def _shares(self) -> ShareList:
        return self._own.shares

    def _hold_back(self) -> None:
        self._not_before = self._clock.seconds() + self._backoff.next()

    def _go(self, delay: float = 0) -> None:
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
        if self._resource is None or self._candidates is None:
            return
        if self._found is not None:
            self._said = self._recognised(self._resource, self._candidates, self._found)
            self._found = None
        chosen = self._choose(self._resource, self._candidates)
        if chosen is None:
            return
        item, whole = chosen
        size = len(item.toXml().encode())
        wait = self._budget.wait(size)
        if wait > 0:
            self._budget.claim(size)
            self._go(wait)
            return
        self._under_way = True
        self._echoes.append(canonical(payload_of(item)))
        session, says = self._session, _Said(self._shares.revision, self._candidates, whole)
        self._publish(item).addCallbacks(
            lambda _: self._done(session, says), lambda failure: self._failed(session, failure)
        ).addErrback(lambda failure: self._log.failure("publishing", failure))

    def _recognised(
        self, resource: str, candidates: tuple[Candidate, ...], found: Any
    ) -> _Said | None:
        """What an item says that an earlier session published; ``None`` for one of no use now."""
        list_id, revision = list_state(found)
        if list_id != self._shares.list_id:
            return None
        says = canonical(payload_of(found))
        whole = whole_item(resource, self._shares, candidates)
        if whole is not None and canonical(payload_of(whole)) == says:
            return _Said(revision, candidates, whole=True)
        changed = changed_item(resource, self._shares, candidates)
        same = canonical(payload_of(changed)) == says
        if self._looked and not same and says not in self._echoes:
            # It was written by another program: contacts who believe it must read all again.
            self._own.renew()
            self._warn("another program of this account has overwritten what we announce")
            return None
        return _Said(revision, candidates if same else None, whole=False)

    def _choose(self, resource: str, candidates: tuple[Candidate, ...]) -> tuple[Any, bool] | None:
        """
        Decide what to publish now, if anything.

        :returns: the item, and whether it holds the whole list.
        """
        said = self._said
        if said is None or (said.revision, said.candidates) != (self._shares.revision, candidates):
            # If nobody can know the list yet, its last changes would help nobody.
            whole = whole_item(resource, self._shares, candidates, AT_ONCE if said else MAX_WHOLE)
            if whole is not None:
                return whole, True
            return changed_item(resource, self._shares, candidates), False
        if said.whole:
            return None
        whole = whole_item(resource, self._shares, candidates)
        wait = self._changed_at + QUIET - self._clock.seconds()
        if whole is not None and wait > 0:
            self._go(wait)
            return None
        return None if whole is None else (whole, True)

    def _done(self, session: object, says: _Said) -> None:
        if session is not self._session:
            return
        self._under_way = False
        self._said = says
        self._logged = ""
        self._backoff.reset()
        self._go()

    def _warn(self, message: str) -> None:
        if message != self._logged:
            self._logged = message
            self._log.warn("{message}", message=message)

    def _failed(self, session: object, failure: Failure) -> None:
        if session is not self._session:
            return
        self._under_way = False
        failure.trap(BitweenError)
        self._warn(f"our shares could not be published: {failure.value}")
        self._hold_back()
        self._go()
