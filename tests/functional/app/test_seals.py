"""Which seal each torrent gets."""

from __future__ import annotations

from dataclasses import replace

from bitween.model.access import OPEN, PRIVATE
from bitween.model.candidate import Candidate
from bitween.model.metainfo import info_section
from bitween.model.seal import Seal, pack, seal_of
from bitween.model.torrent import InfoHash
from tests.support.application_case import BOBS_ADDRESS, CAROL, FILM, ApplicationCase
from tests.support.fakes.messenger import FakeMessenger
from tests.support.metainfo import metainfo

SECRET, OTHER_SECRET = bytes(range(32)), bytes(32)
SEAL = Seal(SECRET, InfoHash("cd" * 20))
OTHER_SEAL = Seal(OTHER_SECRET, InfoHash("ef" * 20))


class SealsTests(ApplicationCase):
    """Bob and carol announce the film, each with a seal or without."""

    def announce(self, device: FakeMessenger, seal: Seal | None) -> None:
        """Have a device announce the film."""
        share = replace(FILM, seal=pack(seal)) if seal else FILM
        device.announce([share], [Candidate(BOBS_ADDRESS)])

    def seal(self) -> Seal | None:
        """The seal under which we have the film."""
        return self.swarm.library.get(FILM.info_hash).seal

    def test_a_download_has_the_announced_seal(self) -> None:
        """That which most devices announce."""
        self.messenger.befriend([CAROL])
        self.announce(self.bob, OTHER_SEAL)
        self.announce(self.carol, SEAL)
        self.download()
        self.assertIn(self.seal(), (SEAL, OTHER_SEAL))

    def test_a_download_follows_its_sources(self) -> None:
        """It changes to another seal when nobody is left with the old one, and not before."""
        self.messenger.befriend([CAROL])
        self.announce(self.bob, SEAL)
        self.download()
        self.assertEqual(self.seal(), SEAL)
        self.announce(self.carol, OTHER_SEAL)
        self.assertEqual(self.seal(), SEAL)
        self.announce(self.bob, OTHER_SEAL)
        self.assertEqual(self.seal(), OTHER_SEAL)

    def test_a_plain_download_is_sealed(self) -> None:
        """It waits as a plain one for a source, and takes the seal of the first one."""
        self.download()
        self.assertIsNone(self.seal())
        self.announce(self.bob, SEAL)
        self.assertEqual(self.seal(), SEAL)

    def test_what_is_plain_and_complete_is_sealed(self) -> None:
        """A torrent of an earlier version gets a secret at the start; a download when it ends."""
        info = metainfo(self.file())
        self.swarm.share(info, self.downloads)
        self.clock.advance(0)
        sealed = self.swarm.library.get(info.info_hash).seal
        assert sealed is not None
        self.assertEqual(sealed, seal_of(info_section(info.torrent_file), sealed.secret))
        self.bitween = self.make()
        self.bitween.begin()
        self.assertEqual(self.swarm.library.get(info.info_hash).seal, sealed)

    def test_the_secret_of_others_who_share_the_same(self) -> None:
        """What a contact announces to everybody with a secret is shared with the same one."""
        info = metainfo(self.file())
        theirs = seal_of(info_section(info.torrent_file), SECRET)
        share = replace(FILM, info_hash=info.info_hash, seal=pack(theirs))
        self.assertNotEqual(self.bitween.seals.secret_for(info.info_hash, OPEN), SECRET)
        self.bob.announce([share], [Candidate(BOBS_ADDRESS)])
        self.assertEqual(self.bitween.seals.secret_for(info.info_hash, OPEN), SECRET)
        # What is for some only must not be opened by what everybody knows.
        self.assertNotEqual(self.bitween.seals.secret_for(info.info_hash, PRIVATE), SECRET)
