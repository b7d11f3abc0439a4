"""The connection to the XMPP server."""

from __future__ import annotations

from bitween.app.ports import MessengerPort
from bitween.model.connection import ConnectionState, ConnectionStatus


class ServerConnection:
    """Tells the state of the connection, and reconnects on request."""

    def __init__(self, messenger: MessengerPort) -> None:
        self._messenger = messenger

    @property
    def status(self) -> ConnectionStatus:
        """The state of the connection."""
        return self._messenger.status

    @property
    def knows_presence(self) -> bool:
        """
        Whether we know which contacts are online.

        Without a session, the catalogue may still list devices as online: while only the link is
        gone, transfers go on with them.
        """
        return self.status.state is ConnectionState.ONLINE

    def reconnect(self) -> None:
        """Connect now, or check whether the connection still works."""
        self._messenger.reconnect()
