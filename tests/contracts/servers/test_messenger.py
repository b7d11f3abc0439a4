"""The contract of ``MessengerPort``, kept by the real one on private servers."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from bitween.xmpp.messenger import Messenger
from bitween.xmpp.session.account import Account
from bitween.xmpp.session.client import Client
from tests.contracts.messenger import MessengerContract
from tests.support.person import Person
from tests.support.private_ejabberd import ejabberd_or_skip


class RealMessengerContract(MessengerContract):
    """The real one keeps it, on each real server with its default limits."""

    def make_server(self) -> PrivateServer:
        """Make a server."""
        raise NotImplementedError

    def setUp(self) -> None:
        """Start a server without accounts."""
        self.server = self.make_server()
        self.addCleanup(self.server.close)
        self.server.start()

    def person(self, user: str, resource: str = "laptop") -> Person:
        """A real one, for an account that is made for it."""
        jid = self.server.add_account(user, "secret")
        with open(self.server.ca_file, "rb") as file:
            ca_pem = file.read()
        server = (self.server.host, self.server.port)
        account = Account(f"{jid}/{resource}", "secret", server, ca_pem)
        messenger = Messenger(reactor, Client(reactor, account, self.fail))
        self.addCleanup(messenger.client.stopService)
        return Person(messenger, messenger.client.startService, messenger.client.stopService)


class ProsodyMessengerTests(RealMessengerContract, TestCase):
    """On Prosody."""

    def make_server(self) -> PrivateServer:
        """Make a Prosody."""
        return PrivateProsody(limits=True)


class EjabberdMessengerTests(RealMessengerContract, TestCase):
    """On ejabberd."""

    def make_server(self) -> PrivateServer:
        """Make an ejabberd."""
        return ejabberd_or_skip()
