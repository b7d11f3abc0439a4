"""What every cache of the catalogue has to do: the database, and the one in memory."""

from __future__ import annotations

import os

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.ports import CatalogueCachePort
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import Listing
from bitween.model.torrent import InfoHash
from bitween.storage.catalogue_cache import CatalogueCache
from tests.support.fakes.cache import FakeCache

BOB = "bob@example.org"
FILM, SONG = Share(InfoHash("ab" * 20), "film.mkv", 1000), Share(InfoHash("cd" * 20), "song", 5)
PLACE = PeerAddress("192.0.2.7", 6881)


def announcement(*shares: Share, revision: int = 1) -> Announcement:
    """What bob's laptop announces."""
    by_hash = {share.info_hash: share for share in shares}
    return Announcement(
        "laptop", by_hash, (PLACE,), "list", revision, candidates=(Candidate(PLACE),)
    )


class Contract:
    """Keeps the suite itself from being run."""

    class CatalogueCacheTests(SynchronousTestCase):
        """The suite; ``make`` gives a cache, and ``restart`` the cache of the next run."""

        cache: CatalogueCachePort

        def make(self) -> CatalogueCachePort:
            """An empty cache."""
            raise NotImplementedError

        def restart(self) -> CatalogueCachePort:
            """The cache of the next run."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make an empty cache."""
            self.cache = self.make()
            self.catalogue = Catalogue(lambda: 1000.0)

        def announce(self, *shares: Share, revision: int = 1) -> None:
            """Let bob's laptop announce its whole list."""
            item = [announcement(*shares, revision=revision)]
            self.cache.note(self.catalogue.replace_item(BOB, "laptop", item))

        def restored(self) -> dict[str, Listing]:
            """What the next run knows of bob's devices."""
            self.cache = self.restart()
            catalogue = Catalogue()
            for record, shares in self.cache.load():
                catalogue.restore(record, shares)
            return catalogue.listings(BOB)

        def test_an_empty_cache_loads_nothing(self) -> None:
            """There is nothing before the first change."""
            self.assertEqual(list(self.cache.load()), [])
            self.assertEqual(self.restored(), {})

        def test_announcements_survive_a_restart(self) -> None:
            """Shares, addresses, list and revision do; the device is offline."""
            self.announce(FILM, SONG, revision=7)
            listing = self.restored()["laptop"]
            self.assertEqual(listing.announcement, announcement(FILM, SONG, revision=7))
            self.assertEqual((listing.online, listing.last_seen), (False, 1000.0))

        def test_changes_add_up(self) -> None:
            """A share that is gone is not loaded, one that came later is."""
            self.announce(FILM)
            self.announce(SONG, revision=2)
            self.assertEqual(self.restored()["laptop"].announcement, announcement(SONG, revision=2))

        def test_changes_add_up_over_restarts(self) -> None:
            """What the next run changes is stored beside what it loaded."""
            self.announce(FILM)
            self.restored()
            self.announce(FILM, SONG, revision=2)
            listing = self.restored()["laptop"]
            self.assertEqual(listing.announcement, announcement(FILM, SONG, revision=2))

        def test_a_removed_contact_is_not_loaded(self) -> None:
            """Nothing of the contact's devices is."""
            self.announce(FILM)
            self.cache.note(self.catalogue.forget(BOB))
            self.assertEqual(self.restored(), {})

        def test_a_device_that_was_forgotten_shares_nothing(self) -> None:
            """It stays forgotten although its announcement is still on the server."""
            self.announce(FILM)
            self.cache.note(self.catalogue.forget_resource(BOB, "laptop"))
            self.cache = self.restart()
            self.assertEqual([list(shares) for _, shares in self.cache.load() if shares], [])
            self.assertEqual(self.restored(), {})


class DatabaseCacheTests(Contract.CatalogueCacheTests):
    """The database."""

    def make(self) -> CatalogueCachePort:
        """Make a database."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.path = os.path.join(folder, "catalogue.sqlite")
        return self.open()

    def restart(self) -> CatalogueCachePort:
        """Close it and open it again."""
        self.database.close()
        return self.open()

    def open(self) -> CatalogueCachePort:
        """Open it."""
        self.database = CatalogueCache.open(Clock(), self.path)
        self.addCleanup(self.database.close)
        return self.database


class FakeCacheTests(Contract.CatalogueCacheTests):
    """The cache in memory."""

    def make(self) -> CatalogueCachePort:
        """Make one."""
        return FakeCache()

    def restart(self) -> CatalogueCachePort:
        """Keep it."""
        return self.cache
