"""The state of the connection to the XMPP server."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bitween.errors import BitweenError

#: The priority of a daemon's presence, unless it is set: below 0, so that the server gives messages
#: for the account to other clients (RFC 6121 §8.5.2).
DEFAULT_PRIORITY = -1


class ConnectionState(StrEnum):
    """The state of the connection."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"  # until the next attempt
    FAILED = "failed"  # another attempt would not help


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """
    The state of the connection, and its reason.

    :param jid: the full JID while online, else the one to log in with.
    :param since: seconds since the epoch.
    :param error: why it is not online, as text; empty while online.
    :param resuming: whether only the TCP connection is lost, and the session may be resumed
        (XEP-0198); what is known of contacts holds until then.
    :param cause: the same as ``error``, for programs; ``None`` if nothing went wrong.
    :param next_try: the time of the next attempt, in seconds since the epoch; ``None`` if one is
        under way, or none will follow.
    """

    jid: str
    state: ConnectionState
    since: float
    error: str = ""
    resuming: bool = False
    cause: BitweenError | None = field(default=None, compare=False)
    next_try: float | None = None
