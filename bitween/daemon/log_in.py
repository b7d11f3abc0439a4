"""The account's resource, and what the state directory remembers of earlier log-ins."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from twisted.logger import Logger

from bitween.errors import (
    BitweenError,
    LogInRefused,
    StoreError,
)
from bitween.settings.settings import Settings
from bitween.storage.database import Database
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.connection_errors import is_displaced

#: The exit status after another program has logged in with the resource in ``--jid``. A supervisor
#: must not start the daemon again then: the two would throw each other out without end.
DISPLACED_STATUS = 4


class DaemonLogIn:
    """
    The account's resource, and what the state directory remembers of earlier log-ins.

    A state directory is one device of the account, so its resource is chosen once and kept.
    """

    _log = Logger()

    def __init__(
        self,
        store: Database,
        settings: Settings,
        account: Account,
        abort: Callable[[BitweenError, int], None],
    ) -> None:
        """
        :param account: without a resource.
        :param abort: called when the log-in has failed for good, with the error and the exit status
            of the process; ends the daemon.
        :raises StoreError: if a new resource cannot be saved.
        """
        self._store = store
        self._settings = settings
        self._abort = abort
        resource = settings.account.resource or store.resource
        if resource is None:
            resource = store.resource = _new_resource()
        self.account = replace(account, jid=f"{settings.account.jid}/{resource}")

    @property
    def proven(self) -> bool:
        """Whether the account has logged in with this state directory before."""
        return self._store.logged_in == self._settings.account.jid

    def succeeded(self) -> None:
        """Remember that the account has logged in."""
        if not self.proven:
            with self._logged_store_errors():
                self._store.logged_in = self._settings.account.jid

    def refused(self, error: LogInRefused) -> None:
        """End the daemon, as the log-in failed for good."""
        status = 1
        if is_displaced(error):
            if self._settings.account.resource is not None:
                status = DISPLACED_STATUS
            else:
                # A copy of our state directory is in use elsewhere: the next run is another device.
                with self._logged_store_errors():
                    self._store.resource = _new_resource()
        self._abort(error, status)

    @contextmanager
    def _logged_store_errors(self) -> Iterator[None]:
        """Log an error of the database, and go on: the disk may be full."""
        try:
            yield
        except StoreError as error:
            self._log.error("{error}", error=error)


def _new_resource() -> str:
    return f"bitween-{secrets.token_hex(3)}"
