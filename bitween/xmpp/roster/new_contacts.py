"""Sends our presence to new contacts."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds for a new contact to answer our own subscription request.
SETTLING = 0.5


class NewContacts:
    """
    Sends a new contact our presence, once both subscriptions are settled.

    ejabberd sends a new contact none of our items until our presence comes again, and sends us
    nothing of theirs if it came before they had accepted us.  Our presence goes to them alone.
    """

    def __init__(self, clock: IReactorTime, send: Callable[[str], None]) -> None:
        """:param send: sends our presence to a bare JID."""
        self._clock = clock
        self._send = send
        self._pending: dict[str, IDelayedCall] = {}

    def show(self, jid: str) -> None:
        """Send it now."""
        timer = self._pending.pop(jid, None)
        if timer is not None and timer.active():
            timer.cancel()
        self._send(jid)

    def show_soon(self, jid: str) -> None:
        """Send it when the contact has had time to answer our own request."""
        if jid not in self._pending:
            self._pending[jid] = self._clock.callLater(SETTLING, self.show, jid)

    def stop(self) -> None:
        """Send nothing: the session is over."""
        while self._pending:
            self._pending.popitem()[1].cancel()
