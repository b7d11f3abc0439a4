"""Downloading what contacts share."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred

from bitween.errors import (
    BadPath,
)
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from tests.support.application_case import (
    BOB,
    BOBS_ADDRESS,
    CAROL,
    FILM,
    OUR_ADDRESS,
    ApplicationCase,
)


class DownloadsTests(ApplicationCase):
    """Bob has the film, or gets it."""

    def test_a_download_dials_each_device_that_has_it(self) -> None:
        """A device that announces it later is dialled, too."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertEqual(self.download(), 1)
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))
        self.assertEqual(self.bitween.torrents.get(FILM.info_hash).name, "film.mkv")
        self.messenger.befriend([CAROL])
        carols = PeerAddress.parse("192.0.2.3", 6881)
        self.carol.announce([FILM], [Candidate(carols)])
        self.assertEqual(set(self.swarm.offered[FILM.info_hash]), {BOBS_ADDRESS, carols})

    def test_a_download_begins_when_a_source_appears(self) -> None:
        """A device that is offline is no source."""
        self.assertEqual(self.download(), 0)
        self.bob.stop()
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertEqual(self.swarm.offered.get(FILM.info_hash, ()), ())
        self.bob.start()
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))

    def test_starting_a_download_twice_changes_nothing(self) -> None:
        """There is one torrent, and the sources are counted again."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertEqual([self.download(), self.download()], [1, 1])
        self.assertEqual(len(self.bitween.torrents.all()), 1)

    def test_an_incomplete_download_is_announced(self) -> None:
        """It is a source from its first verified bytes on."""
        self.download()
        self.swarm.arrive(FILM.info_hash, total=1000, done=100)
        assert self.messenger.announced is not None
        self.assertEqual([s.size for s in self.messenger.announced[0]], [1000])

    def test_loopback_addresses_of_contacts_are_not_dialled(self) -> None:
        """Nor is our own address: a contact cannot make us dial our own machine."""
        knocking = [PeerAddress.parse("127.0.0.1", 22), OUR_ADDRESS]
        self.bob.announce([FILM], [*map(Candidate, [*knocking, BOBS_ADDRESS])])
        self.download()
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))

    def test_loopback_is_dialled_on_a_machine_without_a_network(self) -> None:
        """Its daemons find each other."""
        self.swarm.listening = (("127.0.0.1", 7007),)
        self.bitween.begin()
        here = PeerAddress.parse("127.0.0.1", 8008)
        self.bob.announce([FILM], [Candidate(here)])
        self.download()
        self.assertEqual(self.swarm.offered[FILM.info_hash], (here,))

    def test_an_impossible_folder_is_refused(self) -> None:
        """The error names the folder, and nothing is downloaded."""
        path = self.file()
        for folder in (path, os.path.join(path, "below"), "relative"):
            downloading = self.bitween.downloads.start(FILM.info_hash, folder)
            failure = self.failureResultOf(Deferred.fromCoroutine(downloading), BadPath)
            self.assertIn(folder, str(failure.value))
        self.assertEqual(self.bitween.torrents.all(), [])

    def test_a_download_waits_for_the_contacts_that_have_it(self) -> None:
        """Once it is complete, it waits for none."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        downloads, torrents = self.bitween.downloads, self.bitween.torrents
        self.assertEqual(downloads.waiting_for(torrents.get(FILM.info_hash)), [BOB])
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.assertEqual(downloads.waiting_for(torrents.get(FILM.info_hash)), [])
