"""A swarm, a catalogue and ports in memory, for tests of wants and introductions."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.connect.context import ConnectContext
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.seal import Seal, pack
from bitween.model.torrent import InfoHash
from tests.support.fakes.connector_ports import FakeAllowlist, FakeConnectorPorts
from tests.support.fakes.swarm import FakeSwarm

SEAL = Seal(bytes(32), InfoHash("5e" * 20))
FILM = Share(InfoHash("ab" * 20), "film.mkv", 5_000_000, seal=pack(SEAL))
SONG = Share(InfoHash("cd" * 20), "song.ogg", 5_000, seal=pack(SEAL))
HASH = FILM.info_hash
OURS = (Candidate(PeerAddress("192.0.2.1", 6881)),)


class WantingCase(SynchronousTestCase):
    """What alice's daemon knows of others, and what it asks of its ports."""

    def setUp(self) -> None:
        """Know nobody yet."""
        self.clock, self.swarm = Clock(), FakeSwarm()
        self.fakes = FakeConnectorPorts()
        self.wants = self.fakes.wants
        self.catalogue = Catalogue(self.clock.seconds)
        self.allowlist = FakeAllowlist(self.catalogue)
        self.context = ConnectContext(
            clock=self.clock,
            swarm=self.swarm,
            catalogue=self.catalogue,
            ports=self.fakes.ports,
            allowlist=self.allowlist,
            own_candidates=lambda: OURS,
        )

    def online(
        self,
        jid: str,
        *candidates: Candidate,
        shares: tuple[Share, ...] = (),
        sealed: bool = True,
    ) -> CatalogueChange:
        """Let a contact's laptop come online and announce shares and addresses."""
        announcement = Announcement(
            "laptop",
            {share.info_hash: share for share in shares},
            tuple(candidate.address for candidate in candidates if candidate.dialable),
            candidates=candidates,
            sealed=sealed,
        )
        presence = self.catalogue.set_online(jid, "laptop", True)
        return presence | self.catalogue.replace_item(jid, "laptop", [announcement])

    def offline(self, jid: str) -> CatalogueChange:
        """Let it go offline."""
        return self.catalogue.set_online(jid, "laptop", False)

    def fetch(self, share: Share = FILM, seal: Seal | None = SEAL) -> None:
        """Begin a download."""
        downloading = self.swarm.download(share.info_hash, share.name, "/downloads", seal=seal)
        self.successResultOf(downloading)


def place(number: int, port: int = 6881) -> Candidate:
    """A public address that belongs to one device."""
    return Candidate(PeerAddress(f"8.8.{number // 250}.{number % 250 + 1}", port))
