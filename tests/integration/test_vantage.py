"""How a real server tells of its STUN services, and where it sees us."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from bitween.model.events import ConnectionChanged, MessengerEvent
from bitween.model.nat import StunServer
from bitween.testing.private_prosody import PrivateProsody
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client


class _Prosody(PrivateProsody):
    external_services = (
        '{ type = "stun", transport = "udp", host = "stun.example.org", port = 3479 }',
        '{ type = "turn", transport = "udp", host = "turn.example.org", port = 3478 }',
    )


class VantageTests(TestCase):
    """Prosody with mod_external_services, and mod_ipcheck where that is installed."""

    async def test_prosody_names_its_stun_server_and_our_address(self) -> None:
        """It names the STUN server and our address; it is itself on this machine."""
        server = _Prosody()
        self.addCleanup(server.close)
        server.start()
        jid = server.add_account("alice", "secret")
        with open(server.ca_file, "rb") as file:
            account = Account(f"{jid}/here", "secret", (server.host, server.port), file.read())
        messenger = Messenger(reactor, Client(reactor, account, self.fail))
        online: Deferred[None] = Deferred()

        def told(event: MessengerEvent) -> None:
            if isinstance(event, ConnectionChanged) and messenger.client.online:
                online.callback(None)

        messenger.events.subscribe(told)
        messenger.client.startService()
        self.addCleanup(messenger.client.stopService)
        await online
        vantage = await messenger.query_external_address()
        self.assertEqual(vantage.stun, (StunServer("stun.example.org", 3479),))
        self.assertIn(vantage.seen, ("127.0.0.1", ""))
        self.assertTrue(vantage.nearby)
