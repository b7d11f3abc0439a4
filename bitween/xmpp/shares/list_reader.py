"""Reads the share lists of others from the resources themselves, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.words.protocols.jabber.error import StanzaError

from bitween.errors import InvalidValue
from bitween.model.announcement import MAX_SHARES
from bitween.model.events import ListingReceived, MessengerEvent
from bitween.model.share_list import MAX_GONE
from bitween.model.text import printable
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import RESERVE, TokenBucket
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.shares.list_codec import ListAnswer, ListQuery, parse_page, query_element

#: Requests that wait for an answer at the same time, one of them at most of any one account: its
#: resources may never answer, and the others' lists would have to wait for that.
AT_ONCE = 4
#: seconds for an answer: the other side paces what it sends.
ANSWER_TIMEOUT = 60.0
#: Entries and pages of one list, beyond which its owner means harm.
MAX_READ = 2 * (MAX_SHARES + MAX_GONE)
MAX_PAGES = 2500
#: How often a list may begin anew while it is read.
MAX_RESETS = 3

# bytes of a request.
_REQUEST_SIZE = 300


@dataclass(eq=False, slots=True)
class _Reading:
    """
    One list that is being read.

    :param base: every removal up to this revision is known; 0 if nothing is.
    :param reached: all other changes up to this one are known.
    """

    jid: str
    resource: str
    list_id: str
    base: int
    reached: int
    entries: int = 0
    pages: int = 0
    resets: int = 0
    backoff: Backoff = field(default_factory=Backoff)
    running: Deferred[None] = field(default_factory=Deferred)


class _Nonsense(Exception):
    """The other side gives answers that lead nowhere."""


class ListReader(Extension):
    """
    Reads lists: one request at a time from a resource, few in all, while the resource is there.

    Each page is told at once.  What fails for the moment is tried again with a back-off; a list
    whose owner refuses, or makes no sense, is left alone until the resource comes anew.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        budget: TokenBucket,
        counts: Callable[[str, str], bool],
        notify: Callable[[MessengerEvent], None],
    ) -> None:
        """
        :param counts: whether a resource of a bare JID is there, and its word counts.
        :param notify: gets the pages.
        """
        super().__init__()
        self._clock = clock
        self._budget = budget
        self._counts = counts
        self._notify = notify
        self._turns = DeferredSemaphore(AT_ONCE)
        self._turns_of: dict[str, DeferredSemaphore] = {}
        self._readings: dict[tuple[str, str], _Reading] = {}
        self._left_alone: set[tuple[str, str]] = set()

    def read(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """
        Read what changed in a list; harmless if it is being read already.

        :param revision: the one that is known, 0 for nothing.
        """
        key = (jid, resource)
        known = self._readings.get(key)
        if key in self._left_alone or not self._counts(jid, resource):
            return
        if known is not None:
            if known.list_id == list_id:
                return
            known.running.cancel()
        reading = _Reading(jid, resource, list_id, revision, revision)
        self._readings[key] = reading
        running = Deferred.fromCoroutine(self._read(reading)).addBoth(self._ended, reading)
        running.addErrback(lambda failure: failure.trap(CancelledError) and None)
        running.addErrback(lambda failure: self._log.failure("reading a list", failure))
        reading.running = running

    def drop(self, jid: str, resource: str = "") -> None:
        """Stop reading from a resource, or from all of an account; it may begin anew later."""
        for key in [k for k in self._readings if k[0] == jid and resource in ("", k[1])]:
            self._readings[key].running.cancel()
        self._left_alone -= {k for k in self._left_alone if k[0] == jid and resource in ("", k[1])}

    def contact_left(self, jid: str, resource: str) -> None:
        """Stop reading from a device that went offline."""
        self.drop(jid, resource)

    def connectionLost(self, reason: Any) -> None:
        """Stop, as there is no session any more."""
        super().connectionLost(reason)
        for reading in list(self._readings.values()):
            reading.running.cancel()
        self._left_alone.clear()

    def _ended(self, result: Any, reading: _Reading) -> Any:
        key = (reading.jid, reading.resource)
        if self._readings.get(key) is reading:
            del self._readings[key]
        if not any(jid == reading.jid for jid, _ in self._readings):
            self._turns_of.pop(reading.jid, None)
        return result

    async def _read(self, reading: _Reading) -> None:
        while self._counts(reading.jid, reading.resource):
            try:
                answer = await self._in_turn(reading)
                if not self._counts(reading.jid, reading.resource):
                    return
                self._check(reading, answer)
            except CancelledError:
                raise
            except Exception as error:
                if not _passes(error):
                    self._leave_alone(reading, error)
                    return
                await deferLater(self._clock, reading.backoff.next())
                continue
            reading.backoff.reset()
            page = answer.page
            self._notify(ListingReceived(jid=reading.jid, resource=reading.resource, page=page))
            if page.complete:
                return

    def _in_turn(self, reading: _Reading) -> Deferred[ListAnswer]:
        """Ask when it is the account's turn, and the resource's among its own."""

        def ask() -> Deferred[ListAnswer]:
            return self._turns.run(lambda: Deferred.fromCoroutine(self._ask(reading)))

        return self._turns_of.setdefault(reading.jid, DeferredSemaphore(1)).run(ask)

    async def _ask(self, reading: _Reading) -> ListAnswer:
        await self._budget.room(_REQUEST_SIZE, RESERVE)
        query = query_element(ListQuery(reading.list_id, reading.base, reading.reached))
        to = f"{reading.jid}/{reading.resource}"
        answer = await self.send_iq("get", query, to, ANSWER_TIMEOUT)
        element = next(answer.elements(NS_BITWEEN, "shares"), None)
        if element is None:
            raise InvalidValue("an answer without shares")
        return parse_page(element)

    @staticmethod
    def _check(reading: _Reading, answer: ListAnswer) -> None:
        """
        See that an answer leads on, and take note of it.

        :raises _Nonsense: if it does not, or has led on for too long.
        """
        page = answer.page
        if page.reset:
            reading.resets += 1
            reading.list_id, reading.base, reading.entries = page.list_id, answer.revision, 0
        elif page.list_id != reading.list_id or page.revision < reading.reached + (
            not page.complete
        ):
            raise _Nonsense("its pages lead nowhere")
        reading.reached = page.revision
        reading.pages += 1
        reading.entries += len(page.added) + len(page.gone)
        if reading.entries > MAX_READ or reading.pages > MAX_PAGES or reading.resets > MAX_RESETS:
            raise _Nonsense("it does not end")

    def _leave_alone(self, reading: _Reading, error: Exception) -> None:
        self._left_alone.add((reading.jid, reading.resource))
        why = str(error) if isinstance(error, _Nonsense) else str(request_error(error))
        self._log.warn(
            "the share list of {jid} cannot be read: {why}", jid=printable(reading.jid), why=why
        )


def _passes(error: Exception) -> bool:
    """Whether what went wrong may go well the next time."""
    if isinstance(error, StanzaError):
        return error.type == "wait" or error.condition == "remote-server-timeout"  # type: ignore[no-any-return]  # Twisted's is untyped
    return not isinstance(error, InvalidValue | _Nonsense)
