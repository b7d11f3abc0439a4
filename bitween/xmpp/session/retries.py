"""When to connect again, and when not to."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.logger import Logger

from bitween.errors import LogInRefused, XMPPError
from bitween.util.backoff import Backoff
from bitween.xmpp.session.connection_errors import is_displaced, is_final, may_pass


@dataclass(frozen=True, slots=True)
class Retry:
    """
    The next attempt.

    :param delay: seconds until then.
    :param refused: whether the server has refused the log-in and is likely to do so again.
    """

    delay: float
    refused: bool


class RetryPolicy:
    """
    Decides after each failure, and logs each reason once.

    - A log-in that is refused for good before the account has ever been online ends the attempts:
      the user is there to correct it.  So does a session that another program with our resource
      has displaced: both would displace each other forever.
    - After any other refusal, and where the server has asked for it, the delay is the longest.
    - Otherwise the delays double, until a session has settled.
    """

    _log = Logger()

    def __init__(self, backoff: Backoff, *, proven: bool) -> None:
        """
        :param backoff: the delays between attempts.
        :param proven: whether the account has logged in in an earlier run.
        """
        self._backoff = backoff
        self._proven = proven
        self._was_online = False
        self._logged = ""

    @property
    def was_online(self) -> bool:
        """Whether there has been a session in this run."""
        return self._was_online

    def online(self) -> None:
        """Note that there is a session with a link."""
        if self._was_online and self._logged:
            self._log.info("connected again")
        self._was_online = True
        self._logged = ""

    def settled(self) -> None:
        """Note that the link has lasted: the next failure counts as the first one."""
        self._backoff.reset()

    def gives_up(self, error: LogInRefused) -> bool:
        """Whether no attempt follows this refusal."""
        first = not self._was_online and is_final(error, proven=self._proven)
        return first or is_displaced(error)

    def next(self, error: XMPPError, *, unwelcome: bool) -> Retry:
        """
        Decide when to try again.

        :param error: why there is no connection.
        :param unwelcome: whether the server wants no quick attempt.
        """
        refused = isinstance(error, LogInRefused) and not may_pass(error)
        if str(error) != self._logged:
            self._logged = str(error)
            self._log.warn("not connected: {error}", error=str(error))
        patient = refused or unwelcome
        return Retry(self._backoff.longest() if patient else self._backoff.next(), refused)
