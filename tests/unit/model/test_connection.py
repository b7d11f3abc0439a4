"""The state of the connection to the XMPP server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import NotConnected
from bitween.model.connection import ConnectionState, ConnectionStatus


class StatusTests(SynchronousTestCase):
    """The values of a state, and when two states are the same."""

    def test_only_a_lost_connection_is_resumed(self) -> None:
        """What is known of contacts does not hold otherwise."""
        status = ConnectionStatus("a@b", ConnectionState.WAITING, 1.0)
        self.assertFalse(status.resuming)

    def test_the_text_of_an_error_counts_and_its_object_does_not(self) -> None:
        """Each attempt makes a new one, and the same failure is told once."""
        failed = [
            ConnectionStatus("a@b", ConnectionState.WAITING, 1.0, "no", cause=NotConnected("no"))
            for _ in range(2)
        ]
        self.assertEqual(failed[0], failed[1])
        other = ConnectionStatus("a@b", ConnectionState.WAITING, 1.0, "gone")
        self.assertNotEqual(failed[0], other)
