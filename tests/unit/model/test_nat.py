"""How others see us, and how peers are connected."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.nat import ServerView
from bitween.model.peer import Peer
from bitween.model.swarm_options import SwarmOptions


class DefaultTests(SynchronousTestCase):
    """What counts while nothing else is known."""

    def test_an_unknown_server_is_far(self) -> None:
        """What it sees of us is what others on the internet see."""
        view = ServerView()
        self.assertEqual((view.nearby, view.here), (False, False))

    def test_a_peer_is_connected_over_tcp(self) -> None:
        """Unless libtorrent says that it is uTP."""
        self.assertFalse(Peer("192.0.2.1", 6881).utp)

    def test_routers_are_asked_for_a_port_and_local_peers_are_not_limited(self) -> None:
        """Unless the settings say otherwise."""
        options = SwarmOptions()
        self.assertEqual((options.port_mapping, options.limit_lan), (True, False))
