"""What whatever asks contacts' devices has to do: the one that speaks XMPP, and the fake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.ports import PeerRequestsPort
from bitween.errors import BitweenError
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.torrent import InfoHash
from bitween.xmpp.extensions.peer_requests import PeerRequests
from bitween.xmpp.extensions.ping import Pinger
from bitween.xmpp.namespaces import NS_BITWEEN, NS_DISCO_INFO, NS_PEER_REQUESTS
from bitween.xmpp.session.send_budget import send_budget
from tests.support.fakes.connector_ports import FakePeerRequests
from tests.support.handler_case import Manager, xml

HASH = InfoHash("a" * 40)
BOB, LAPTOP = ("bob@localhost", "laptop"), "bob@localhost/laptop"
OURS = (Candidate(PeerAddress("198.51.100.7", 6881)),)
THEIRS = (
    Candidate(PeerAddress("192.0.2.7", 6881)),
    Candidate(PeerAddress("192.0.2.8", 7000), CandidateKind.REFLEXIVE),
)
REFUSED = (
    "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
)


class Contract:
    """Keeps the suite itself from being run."""

    class PeerRequestsTests(SynchronousTestCase):
        """The suite; the methods that raise stand for bob's laptop and the server."""

        requests: PeerRequestsPort

        def make(self) -> PeerRequestsPort:
            """What asks bob's laptop, which is online."""
            raise NotImplementedError

        def grant(self, candidates: Sequence[Candidate]) -> None:
            """Have the laptop agree to connect, and name its candidates."""
            raise NotImplementedError

        def refuse(self) -> None:
            """Have the laptop refuse to connect."""
            raise NotImplementedError

        def pong(self, answers: bool) -> None:
            """Have the laptop answer a ping, or the server tell that it does not."""
            raise NotImplementedError

        def asked(self) -> tuple[InfoHash, tuple[Candidate, ...]]:
            """The torrent and the candidates that reached the laptop."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make it."""
            self.requests = self.make()

        def ask(self) -> Deferred[tuple[Candidate, ...]]:
            """Ask the laptop to connect."""
            return self.requests.request_connection(*BOB, HASH, OURS)

        def test_candidates_are_exchanged(self) -> None:
            """The laptop learns ours, and we learn those that it names."""
            asking = self.ask()
            self.assertNoResult(asking)
            self.grant(THEIRS)
            self.assertEqual(self.successResultOf(asking), THEIRS)
            self.assertEqual(self.asked(), (HASH, OURS))

        def test_a_refusal_is_an_error(self) -> None:
            """It can be shown to the user."""
            asking = self.ask()
            self.refuse()
            self.assertTrue(str(self.failureResultOf(asking, BitweenError).value))

        def test_a_ping_tells_whether_the_device_answers(self) -> None:
            """A server that answers in its place does not count."""
            for answers in (True, False):
                ping = self.requests.ping(*BOB)
                self.assertNoResult(ping)
                self.pong(answers)
                self.assertIs(self.successResultOf(ping), answers)


class XmppRequests:
    """The requests of a session in memory: those of the messenger."""

    def __init__(self) -> None:
        clock = Clock()
        self.manager: Any = Manager(clock)
        self.manager.budget = send_budget(clock)
        self.manager.session_is_ready()
        self._requests = PeerRequests(self.manager.budget, lambda *_: True)
        self._pinger = Pinger()
        for handler in (self._requests, self._pinger):
            handler.setHandlerParent(self.manager)

    def request_connection(
        self, jid: str, resource: str, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> Deferred[tuple[Candidate, ...]]:
        """Ask a device to dial us."""
        return self._requests.request_connection(jid, resource, info_hash, candidates)

    def ping(self, jid: str, resource: str) -> Deferred[bool]:
        """Ping a device."""
        return Deferred.fromCoroutine(self._pinger.ping(jid, resource))


class XmppRequestsTests(Contract.PeerRequestsTests):
    """The requests that go over XMPP, on a stream in memory."""

    def make(self) -> PeerRequestsPort:
        """A session."""
        self.session = XmppRequests()
        return self.session

    def answer(self, content: str, kind: str = "result") -> None:
        """Answer the request that was sent last."""
        sent = self.session.manager.stub.output[-1]
        self.session.manager.stub.send(
            xml(f"<iq type='{kind}' id='{sent['id']}' from='{LAPTOP}'>{content}</iq>")
        )

    def tell_features(self) -> None:
        """Answer what the laptop supports, which is asked first."""
        feature = f"<feature var='{NS_PEER_REQUESTS}'/>"
        self.answer(f"<query xmlns='{NS_DISCO_INFO}'>{feature}</query>")

    def grant(self, candidates: Sequence[Candidate]) -> None:
        """Agree."""
        self.tell_features()
        self.request = self.session.manager.stub.output[-1].firstChildElement()
        entries = "".join(
            f"<candidate address='{c.address.address}' port='{c.address.port}' kind='{c.kind}'/>"
            for c in candidates
        )
        self.answer(f"<meet xmlns='{NS_BITWEEN}' hash='{HASH}'>{entries}</meet>")

    def refuse(self) -> None:
        """Have no such torrent."""
        self.tell_features()
        self.answer(REFUSED, "error")

    def pong(self, answers: bool) -> None:
        """Answer, or have the server know of no such device."""
        if answers:
            self.answer("")
        else:
            self.answer(
                "<error type='cancel'>"
                "<remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
                "error",
            )

    def asked(self) -> tuple[InfoHash, tuple[Candidate, ...]]:
        """Read what was sent."""
        candidates = tuple(
            Candidate(
                PeerAddress(entry["address"], int(entry["port"])), CandidateKind(entry["kind"])
            )
            for entry in self.request.elements()
        )
        return InfoHash(self.request["hash"]), candidates


class FakeRequestsTests(Contract.PeerRequestsTests):
    """The fake."""

    def make(self) -> PeerRequestsPort:
        """The fake."""
        self.fake = FakePeerRequests()
        return self.fake

    def grant(self, candidates: Sequence[Candidate]) -> None:
        """Agree."""
        self.fake.connections[-1][3].callback(tuple(candidates))

    def refuse(self) -> None:
        """Refuse as a device does."""
        self.fake.refuse()

    def pong(self, answers: bool) -> None:
        """Answer the last ping."""
        self.fake.pings[-1][1].callback(answers)

    def asked(self) -> tuple[InfoHash, tuple[Candidate, ...]]:
        """Look at what was asked."""
        _, info_hash, candidates, _ = self.fake.connections[-1]
        return info_hash, candidates
