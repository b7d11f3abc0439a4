"""The state of the connection to the XMPP server."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bitween.errors import BitweenError

#: The priority of a daemon's presence, unless it is set: below 0, so that the server gives messages
#: for the account to other clients (RFC 6121 §8.5.2).
DEFAULT_PRIORITY = -1


class ConnectionState(StrEnum):
    """Where the connection stands."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"  # for the next try
    FAILED = "failed"  # another try would not help


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """
    Where the connection stands, and why.

    :param jid: the full JID while online, else the one that is asked for.
    :param since: seconds since the epoch.
    :param error: the last reason for not being online, in words; empty while online.
    :param resuming: whether only the link is gone, and the session may still be taken up again;
        what is known of contacts holds until then.
    :param cause: what ``error`` tells, for programs; ``None`` if nothing went wrong.
    :param next_try: when a connection is tried again, in seconds since the epoch; ``None`` if that
        is done right now, or not to be.
    """

    jid: str
    state: ConnectionState
    since: float
    error: str = ""
    resuming: bool = False
    cause: BitweenError | None = field(default=None, compare=False)
    next_try: float | None = None
