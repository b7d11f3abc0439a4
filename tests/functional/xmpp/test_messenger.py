"""What the messenger has its handlers do when something happens, on a stream in memory."""

from __future__ import annotations

import re
from typing import Any

from bitween.model.torrent import InfoHash
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.namespaces import NS_PEER_REQUESTS
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.support.client_case import SECRET, ClientCase

DISCO = "http://jabber.org/protocol/disco#info"
OWN, DESK = "alice@localhost", "alice@localhost/desk"


class OwnDeviceTests(ClientCase):
    """Another device of our own account."""

    def setUp(self) -> None:
        """Log in, and let the other device be there."""
        super().setUp()
        account = Account(f"{OWN}/here", SECRET, ("127.0.0.1", 5222))
        self.messenger = Messenger(self.reactor, Client(self.reactor, account, self.fatal.append))
        self.client: Client = self.messenger.client
        self.client.startService()
        self.stream: Any = self.log_in()
        roster = self.asked("jabber:iq:roster")
        self.told_by_server(
            f"<iq type='result' id='{roster}'><query xmlns='jabber:iq:roster'/></iq>"
        )
        self.desk_is("")

    def told_by_server(self, stanza: str) -> None:
        """Let the server send something."""
        self.stream.dataReceived(stanza.encode())

    def desk_is(self, kind: str) -> None:
        """Let the other device come, or go."""
        self.told_by_server(
            f"<presence from='{DESK}' type='{kind}'/>" if kind else f"<presence from='{DESK}'/>"
        )

    def asked(self, namespace: str, to: str | None = None) -> str | None:
        """The id of a request that was sent since the last look, if there is one."""
        sent = self.transport.value().decode()
        self.transport.clear()
        for iq in re.findall(r"<iq .*?</iq>", sent, re.DOTALL):
            if namespace in iq and (to is None or f"to='{to}'" in iq):
                found = re.search(r"id='([^']+)'", iq)
                return found and found[1]
        return None

    def request_connection(self) -> None:
        """Ask it for something; nobody waits for the outcome."""
        self.messenger.request_connection(OWN, "desk", InfoHash("0" * 40), ()).addErrback(
            lambda _: None
        )

    def test_it_may_come_back_as_another_version(self) -> None:
        """Once it has left, it is asked again for its features."""
        self.request_connection()
        question = self.asked(DISCO, DESK)
        self.assertIsNotNone(question)
        features = f"<feature var='{NS_PEER_REQUESTS}'/>"
        self.told_by_server(
            f"<iq type='result' id='{question}' from='{DESK}'>"
            f"<query xmlns='{DISCO}'>{features}</query></iq>"
        )
        self.request_connection()
        self.assertIsNone(self.asked(DISCO, DESK))
        self.desk_is("unavailable")
        self.desk_is("")
        self.request_connection()
        self.assertIsNotNone(self.asked(DISCO, DESK))
