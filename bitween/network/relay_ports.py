"""What the relay needs of XMPP streams and of the filter on the BitTorrent port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol

from bitween.model.route import RelayRoute


class RelayStream(Protocol):
    """A stream of bytes to one device, which waits for its protocol."""

    @property
    def jid(self) -> str:
        """The bare JID of the other side."""

    @property
    def resource(self) -> str:
        """Its resource."""

    def begin(self, protocol: IProtocol) -> None:
        """
        Connect a protocol to the stream; no byte was read before.

        The transport can be written to, paused, closed and aborted like one of TCP.
        """

    def abort(self) -> None:
        """Close a stream that was not begun."""


class RelayStreams(Protocol):
    """
    Opens streams to contacts, and accepts theirs.

    A ``jid`` is a bare JID everywhere; with a ``resource`` it names one device of the account.
    """

    def find_relay(self, jid: str, resource: str) -> Deferred[RelayRoute]:
        """
        Find the relay for streams to a device; this may send requests to servers and the device.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is none; its hint says what would help.
        """

    def open(self, jid: str, resource: str) -> Deferred[RelayStream]:
        """
        Open a stream to a device.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if there is no relay, or too many streams are open.
        """

    def accept(self, taker: Callable[[RelayStream], None]) -> None:
        """
        Pass each stream that a contact opens to a function.

        :param taker: called with a stream that waits for its protocol, to begin or abort it.
        """

    def when_crowded(self, make_room: Callable[[str], None]) -> None:
        """
        Call a function with a bare JID whose stream was refused because too many are open.

        :param make_room: called with that JID each time a stream is refused; it may abort idle
            streams, so that the next one can be opened.
        """


class RelayGate(Protocol):
    """Blocks other users of this machine; see :mod:`bitween.network.loopback_gate`."""

    def guard(self) -> None:
        """
        Accept connections from the relay's addresses only if they are allowed.

        :raises BitweenError: if this system has no such filter.
        """

    def allow(self, source: tuple[str, int]) -> None:
        """
        Accept connections from one of our addresses and ports.

        :param source: IPv4 address and port that one of our own sockets is bound to.
        :raises BitweenError: if this system has no such filter.
        """

    def forget(self, source: tuple[str, int]) -> None:
        """
        Accept no new connections from there.

        :param source: IP address and port; one that was not allowed is no error.
        :raises BitweenError: if this system has no such filter.
        """
