"""What our server tells of how others see us."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.nat import ServerView, StunServer
from bitween.xmpp.extensions.external_address import MAX_SERVERS, ExternalAddressQuery
from bitween.xmpp.namespaces import NS_EXTERNAL_SERVICES, NS_IP_CHECK
from tests.support.handler_case import REFUSED, Manager, xml


class ExternalAddressTests(SynchronousTestCase):
    """A server that is asked."""

    def setUp(self) -> None:
        """Log in."""
        self.manager = Manager(Clock())
        self.come_from("20.0.0.1")
        self.point = ExternalAddressQuery()
        self.point.setHandlerParent(self.manager)
        self.manager.online = True

    def come_from(self, address: str) -> None:
        """Have the server be there."""
        there = IPv4Address("TCP", address, 5222)
        self.manager.stub.xmlstream.transport = StringTransport(peerAddress=there)

    def query(self, services: str = REFUSED, address: str = REFUSED) -> ServerView:
        """Ask, and answer with this."""
        found: list[ServerView] = []
        Deferred.fromCoroutine(self.point.query()).addCallback(found.append)
        contents = {
            ("localhost", NS_EXTERNAL_SERVICES): services,
            ("alice@localhost", NS_IP_CHECK): address,
        }
        output = self.manager.stub.output
        while output:
            iq = output.pop(0)
            content = contents[iq["to"], iq.firstChildElement().uri]
            kind = "error" if content is REFUSED else "result"
            self.manager.stub.send(
                xml(f"<iq type='{kind}' id='{iq['id']}' from='{iq['to']}'>{content}</iq>")
            )
        return found[0]

    def test_a_refusing_server_gives_no_view(self) -> None:
        """A server that refuses gives no address; without a session no request is sent."""
        self.assertEqual(self.query(), ServerView())
        self.manager.online = False
        self.assertEqual(self.query(), ServerView())
        self.assertEqual(self.manager.stub.output, [])

    def test_all_of_it(self) -> None:
        """Services and the address."""
        services = services_of(
            "<service type='stun' host='stun.example.org' port='3479' transport='udp'/>"
            "<service type='stun' host='20.0.0.9'/>"
        )
        found = self.query(
            services, f"<address xmlns='{NS_IP_CHECK}'><ip> 20.0.0.7 </ip></address>"
        )
        servers = (StunServer("stun.example.org", 3479), StunServer("20.0.0.9", 3478))
        self.assertEqual(found, ServerView(servers, "20.0.0.7"))

    def test_what_is_of_no_use(self) -> None:
        """Other kinds of services, other transports and nonsense are passed over."""
        services = services_of(
            "<service type='turn' host='a'/><service type='stun' host='b' transport='tcp'/>"
            "<service type='stun' host=''/><service type='stun'/><service type='stun' host='ü'/>"
            f"<service type='stun' host='{'c' * 300}'/><service type='stun' host='d' port='0'/>"
            "<service type='stun' host='e' port='x'/><other/>"
        )
        address = f"<address xmlns='{NS_IP_CHECK}'><ip>nowhere</ip><port>5</port></address>"
        self.assertEqual(self.query(services, address), ServerView())

    def test_the_number_of_services_is_bounded(self) -> None:
        """A few are enough, and each counts once."""
        some = "".join(f"<service type='stun' host='s{n // 2}'/>" for n in range(100))
        names = [server.host for server in self.query(services_of(some)).stun]
        self.assertEqual(names, [f"s{n}" for n in range(MAX_SERVERS)])

    def test_a_private_servers_view_is_told_apart(self) -> None:
        """A server in a private network is told from one on the internet."""
        for address, nearby, here in (
            ("127.0.0.1", True, True),
            ("192.168.1.1", True, False),
            ("20.0.0.1", False, False),
        ):
            self.come_from(address)
            seen = self.query()
            self.assertEqual((seen.nearby, seen.here), (nearby, here), address)


def services_of(services: str) -> str:
    """The answer that names them."""
    return f"<services xmlns='{NS_EXTERNAL_SERVICES}'>{services}</services>"
