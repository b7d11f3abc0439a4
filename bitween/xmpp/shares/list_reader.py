"""
Reads the share lists of contacts from their devices, page by page (docs/protocol.rst).

A PEP item may hold only the last changes of a list.  If the catalogue lacks the changes before
them, the application calls :meth:`ListReader.read`.  That begins a *reading*, at most one a device,
which asks for pages (XEP-0059) from the known revision on, until the list is complete.  Each page
is handed on at once.

A reading ends early when the device leaves or its announcements no longer count.  After an error
that may pass it is retried with growing delays; after any other error, or if the pages lead
nowhere, it is given up until the device comes online again.
"""

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
from bitween.model.announcement import MAX_SHARES, ListPage
from bitween.model.events import ListingReceived, MessengerEvent
from bitween.model.share_list import MAX_GONE
from bitween.model.text import printable
from bitween.util.backoff import Backoff
from bitween.util.token_bucket import TokenBucket
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.session.errors import request_error
from bitween.xmpp.session.send_budget import RESERVE
from bitween.xmpp.shares.list_codec import ListAnswer, ListQuery, parse_page, query_element

#: Requests that wait for an answer at the same time, at most one of them to each account: its
#: devices may never answer, and the lists of others would have to wait.
AT_ONCE = 4
#: seconds for an answer: the other side limits its rate.
ANSWER_TIMEOUT = 60.0
#: Entries and pages of one list; an owner that sends more is hostile.
MAX_READ = 2 * (MAX_SHARES + MAX_GONE)
MAX_PAGES = 2500
#: How often a list may start over while it is read.
MAX_RESETS = 3

# bytes of a request.
_REQUEST_SIZE = 300


@dataclass(eq=False, slots=True)
class _Reading:
    """
    One list that is being read.

    :param base: every removal up to this revision is known; 0 if nothing is known.
    :param reached: all other changes up to this revision are known.
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


class _EndlessListError(Exception):
    """The pages of a list lead nowhere, or do not end."""


class ListReader(Extension):
    """
    Reads lists: one request at a time from a device, few in all, while the device is online.
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
        :param budget: requests wait for room in it.
        :param counts: whether a device (bare JID, resource) is online and its announcements count.
        :param notify: gets a ``ListingReceived`` for each page, in order for each device.
        """
        super().__init__()
        self._clock = clock
        self._budget = budget
        self._counts = counts
        self._notify = notify
        self._turns = DeferredSemaphore(AT_ONCE)
        self._turns_of_account: dict[str, DeferredSemaphore] = {}
        self._readings: dict[tuple[str, str], _Reading] = {}
        self._given_up: set[tuple[str, str]] = set()

    def read(self, jid: str, resource: str, list_id: str, revision: int) -> None:
        """
        Read what changed in a list; do nothing if it is being read already.

        :param list_id: the list that the device announces; a reading of an earlier list ends.
        :param revision: the revision that is known; 0 if none is.
        """
        key = (jid, resource)
        known = self._readings.get(key)
        if key in self._given_up or not self._counts(jid, resource):
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
        """
        Stop reading from a device, or from all devices of an account.

        :param resource: empty for all devices.
        """
        for key in [k for k in self._readings if k[0] == jid and resource in ("", k[1])]:
            self._readings[key].running.cancel()
        self._given_up -= {k for k in self._given_up if k[0] == jid and resource in ("", k[1])}

    def contact_left(self, jid: str, resource: str) -> None:
        """Stop reading from a device that went offline."""
        self.drop(jid, resource)

    def connectionLost(self, reason: Any) -> None:
        """Stop: the session is over."""
        super().connectionLost(reason)
        for reading in list(self._readings.values()):
            reading.running.cancel()
        self._given_up.clear()

    def _ended(self, result: Any, reading: _Reading) -> Any:
        key = (reading.jid, reading.resource)
        if self._readings.get(key) is reading:
            del self._readings[key]
        if not any(jid == reading.jid for jid, _ in self._readings):
            self._turns_of_account.pop(reading.jid, None)
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
                if not _may_pass(error):
                    self._give_up(reading, error)
                    return
                await deferLater(self._clock, reading.backoff.next())
                continue
            reading.backoff.reset()
            key = reading.jid, reading.resource
            self._deliver(*key, answer.page)
            if not self._goes_on(*key, answer.page):
                return

    def _in_turn(self, reading: _Reading) -> Deferred[ListAnswer]:
        """Send a request when it is the account's turn."""

        def ask() -> Deferred[ListAnswer]:
            return self._turns.run(lambda: Deferred.fromCoroutine(self._ask(reading)))

        return self._turns_of_account.setdefault(reading.jid, DeferredSemaphore(1)).run(ask)

    async def _ask(self, reading: _Reading) -> ListAnswer:
        await self._budget.room(_REQUEST_SIZE, RESERVE)
        query = ListQuery(reading.list_id, reading.base, reading.reached)
        return await self._fetch(query, reading.jid, reading.resource)

    async def _fetch(self, query: ListQuery, jid: str, resource: str) -> ListAnswer:
        """
        Ask a device for a page.

        :raises InvalidValue: if the answer is malformed.
        """
        to = f"{jid}/{resource}"
        answer = await self.send_iq("get", query_element(query), to, ANSWER_TIMEOUT)
        element = next(answer.elements(NS_BITWEEN, "shares"), None)
        if element is None:
            raise InvalidValue("the answer has no list")
        return parse_page(element)

    def _deliver(self, jid: str, resource: str, page: ListPage) -> None:
        """Hand on a page."""
        self._notify(ListingReceived(jid=jid, resource=resource, page=page))

    def _goes_on(self, jid: str, resource: str, page: ListPage) -> bool:
        """Whether there is more to read after a page."""
        del jid, resource  # a subclass may know more
        return not page.complete

    def _is_reading(self, jid: str, resource: str) -> bool:
        return (jid, resource) in self._readings

    @staticmethod
    def _check(reading: _Reading, answer: ListAnswer) -> None:
        """
        Check that an answer makes progress, and note how far it has got.

        :raises _EndlessListError: if it makes none, or there are too many.
        """
        page = answer.page
        if page.reset:
            reading.resets += 1
            reading.list_id, reading.base, reading.entries = page.list_id, answer.revision, 0
        elif page.list_id != reading.list_id or page.revision < reading.reached + (
            not page.complete
        ):
            raise _EndlessListError("its pages lead nowhere")
        reading.reached = page.revision
        reading.pages += 1
        reading.entries += len(page.added) + len(page.gone)
        if reading.entries > MAX_READ or reading.pages > MAX_PAGES or reading.resets > MAX_RESETS:
            raise _EndlessListError("it does not end")

    def _give_up(self, reading: _Reading, error: Exception) -> None:
        self._given_up.add((reading.jid, reading.resource))
        why = str(error) if isinstance(error, _EndlessListError) else str(request_error(error))
        self._log.warn(
            "could not read the share list of {jid}: {why}", jid=printable(reading.jid), why=why
        )


def _may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, StanzaError):
        return error.type == "wait" or error.condition == "remote-server-timeout"  # type: ignore[no-any-return]  # Twisted's is untyped
    return not isinstance(error, InvalidValue | _EndlessListError)
