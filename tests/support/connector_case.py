"""A connector on fakes and a clock of the test: what the tests of connections have in common."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.connector import PeerConnector
from bitween.connect.context import ConnectContext
from bitween.connect.dial_policy import DialPolicy
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.network_link import Link
from bitween.model.peer import Peer
from bitween.model.route import RouteKind
from bitween.model.torrent import InfoHash
from tests.support.fakes.connector_ports import FakeAllowlist, FakeConnectorPorts
from tests.support.fakes.swarm import FakeSwarm

BOB, CAROL = "bob@example.org", "carol@example.org"
FILM = Share(InfoHash("ab" * 20), "film.mkv", 5_000_000)
SONG = Share(InfoHash("cd" * 20), "song.ogg", 5_000)
OURS = (Candidate(PeerAddress.parse("10.0.0.1", 6881)),)
SYMMETRIC = (
    *OURS,
    Candidate(PeerAddress.parse("9.9.9.7", 6881), CandidateKind.REFLEXIVE, varies=True),
)
NEAR, FAR = PeerAddress.parse("10.0.0.2", 6881), PeerAddress.parse("9.9.9.9", 6881)
OTHER = PeerAddress.parse("8.8.4.4", 6881)
#: The network that a neighbour shares with us.
HOME = frozenset({ip_network("10.0.0.0/24")})
SEEN = Candidate(PeerAddress.parse("9.9.9.8", 7000), CandidateKind.REFLEXIVE)


class MeetingCase(SynchronousTestCase):
    """What alice's daemon does to meet bob."""

    def setUp(self) -> None:
        """Meet nobody yet."""
        self.clock, self.swarm = Clock(), FakeSwarm()
        self.policy = DialPolicy(self.clock, self, lambda _: False)
        self.fakes = FakeConnectorPorts(policy=self.policy)
        self.catalogue = Catalogue(self.clock.seconds)
        self.allowlist = FakeAllowlist(self.catalogue)
        self.ours: tuple[Candidate, ...] = OURS
        self.meetings = PeerConnector(
            ConnectContext(
                clock=self.clock,
                swarm=self.swarm,
                catalogue=self.catalogue,
                ports=self.fakes.ports,
                allowlist=self.allowlist,
                own_candidates=lambda: self.ours,
            )
        )

    def tearDown(self) -> None:
        """Nothing is left behind."""
        self.meetings.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Where we are."""
        return self.ours

    @property
    def links(self) -> tuple[Link, ...]:
        """Our only network."""
        return ((ip_interface("10.0.0.1/24"),),)

    def there(
        self,
        jid: str,
        *candidates: Candidate | PeerAddress,
        shares: tuple[Share, ...] = (FILM,),
        resource: str = "laptop",
    ) -> None:
        """Let a device come online and announce shares and addresses."""
        where = tuple(c if isinstance(c, Candidate) else Candidate(c) for c in candidates)
        said = Announcement(
            resource,
            {share.info_hash: share for share in shares},
            tuple(c.address for c in where if c.dialable),
            candidates=where,
        )
        self.meetings.apply(self.catalogue.set_online(jid, resource, True))
        self.meetings.apply(self.catalogue.replace_item(jid, resource, [said]))

    def gone(self, jid: str) -> None:
        """Let a device go offline."""
        self.meetings.apply(self.catalogue.set_online(jid, "laptop", False))

    def want(self, share: Share = FILM) -> None:
        """Begin a download."""
        self.successResultOf(self.swarm.download(share.info_hash, share.name, "/downloads"))
        self.meetings.update_sources(share.info_hash)

    def connected(self, *peers: Peer, share: Share = FILM) -> None:
        """Have the swarm be connected to these, and that be seen."""
        self.swarm.connected[share.info_hash] = peers
        self.pass_by(0.5)

    def pass_by(self, seconds: float) -> None:
        """Let time go by, in steps of a quarter of a second."""
        self.clock.pump([0.25] * round(seconds / 0.25))

    def offered(self, share: Share = FILM) -> tuple[PeerAddress, ...]:
        """Whom the swarm dials."""
        return self.swarm.offered[share.info_hash]

    @property
    def race(self) -> Deferred[PeerAddress | None]:
        """The last race."""
        return self.fakes.prober.raced[-1][1]

    def way(self, jid: str = BOB) -> RouteKind | None:
        """The kind of the route to a contact's laptop."""
        return self.meetings.routes.route(jid, "laptop").kind
