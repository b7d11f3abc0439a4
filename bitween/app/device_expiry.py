"""Drops devices that have not been online for a month."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.app.contact_shares import ContactShares
from bitween.app.ports import MemoryPort, MessengerPort
from bitween.errors import BitweenError, StoreError
from bitween.model.connection import ConnectionState


class DeviceExpiry:
    """
    Drops each device that was online on none of the last days on which we were online ourselves.

    Other days do not count: we could not have seen the device on them, and a clock that is set
    forward creates any number of them.
    """

    _log = Logger()

    def __init__(
        self,
        shares: ContactShares,
        messenger: MessengerPort,
        memory: MemoryPort,
        clock: Callable[[], float],
    ) -> None:
        """:param clock: seconds since the epoch."""
        self._shares = shares
        self._messenger = messenger
        self._memory = memory
        self._clock = clock

    def drop_unseen(self) -> None:
        """Record that we are online today, and drop the devices that have expired."""
        if self._messenger.status.state is not ConnectionState.ONLINE:
            return
        catalogue = self._shares.catalogue
        self._shares.publish(catalogue.refresh_last_seen())
        days = self._memory.days_online().until(self._clock())
        try:
            self._memory.keep_days_online(days)
        except StoreError as error:
            self._log.debug("today is not counted: {why}", why=str(error))
            return
        if days.first is None:
            return
        for jid, resource in catalogue.unseen_since(days.first):
            self._log.info(
                "{key!r} was not seen on {days} days: forgotten",
                key=f"{jid}/{resource}",
                days=len(days.times),
            )
            self._shares.publish(catalogue.forget_resource(jid, resource))
            if jid == self._messenger.own_jid:
                self._messenger.retract(resource).addErrback(self._not_retracted)

    def _not_retracted(self, failure: Failure) -> None:
        failure.trap(BitweenError)
        self._log.debug("the item of an old device stays: {why}", why=str(failure.value))
