"""The catalogue's cache on the disk."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import StoreError
from bitween.model.address import PeerAddress
from bitween.model.annotation import Annotation
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.torrent import InfoHash
from bitween.storage.catalogue_cache import DELAY, PORTION, CatalogueCache

ALICE, BOB = "alice@example.org", "bob@example.org"
HERE = PeerAddress.parse("2001:db8::7", 6881)


def share(number: int, name: str = "größe 日本") -> Share:
    """A share."""
    return Share(InfoHash(f"{number:040x}"), name, 2**40 + number)


def announcement(numbers: Iterable[int], revision: int = 1) -> Announcement:
    """A laptop's list."""
    shares = {share(number).info_hash: share(number) for number in numbers}
    return Announcement("laptop", shares, (HERE,), "list", revision, candidates=(Candidate(HERE),))


class StoreCase(SynchronousTestCase):
    """A catalogue whose changes are kept."""

    def setUp(self) -> None:
        """Begin with nothing."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.path = os.path.join(folder, "catalogue.sqlite")
        self.clock = Clock()
        self.catalogue = Catalogue(lambda: 1000.0)
        self.store = self.open()

    def open(self) -> CatalogueCache:
        """Open the store; closed when the test is over."""
        store = CatalogueCache.open(self.clock, self.path)
        self.addCleanup(store.close)
        return store

    def note(self, change: CatalogueChange) -> None:
        """Keep a change."""
        self.store.note(change)

    def say(self, *numbers: int, jid: str = ALICE, revision: int = 1) -> None:
        """Have a laptop announce a list."""
        said = [announcement(numbers, revision)]
        self.note(self.catalogue.replace_item(jid, "laptop", said))

    def after_restart(self) -> Catalogue:
        """What the next run knows."""
        self.store.close()
        self.store = self.open()
        return self.loaded(self.store)

    @staticmethod
    def loaded(store: CatalogueCache) -> Catalogue:
        """What a store gives, nothing if it is damaged."""
        catalogue = Catalogue()
        try:
            for portion in store.load():
                catalogue.restore(*portion)
        except StoreError:
            return Catalogue()
        return catalogue

    def turn(self) -> None:
        """Let the reactor have one turn, in which a single call is due."""
        (call,) = self.clock.calls
        self.clock.calls.remove(call)
        call.func()

    def rows(self, table: str) -> int:
        """How much is on the disk now, as another process sees it."""
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count


class KeepingTests(StoreCase):
    """What is there after a restart."""

    def test_everything_comes_back(self) -> None:
        """Shares, addresses, list, revision and when it was last seen are the same; it is away."""
        self.note(self.catalogue.set_online(ALICE, "laptop", True))
        self.say(1, 2, revision=7)
        kept = self.after_restart().listings(ALICE)["laptop"]
        self.assertEqual(kept.announcement, announcement((1, 2), 7))
        self.assertEqual((kept.online, kept.last_seen), (False, 1000.0))

    def test_a_delta(self) -> None:
        """Only what changed is written."""
        self.say(*range(100))
        self.clock.advance(DELAY)
        connection = self.store._connection  # noqa: SLF001  # it counts the rows that it writes
        assert connection is not None
        before = connection.total_changes
        self.note(
            self.catalogue.apply_delta(
                ALICE,
                "laptop",
                [share(200), share(1, "renamed")],
                [share(0).info_hash],
                list_id="list",
                revision=2,
            )
        )
        self.clock.advance(DELAY)
        self.assertLess(connection.total_changes - before, 6)
        kept = self.after_restart().listings(ALICE)["laptop"].announcement
        now = self.catalogue.listings(ALICE)["laptop"].announcement
        self.assertEqual(kept, now)
        self.assertEqual(kept.revision, 2)

    def test_what_goes_is_gone(self) -> None:
        """A contact who is forgotten leaves nothing; an item that is taken back neither."""
        self.say(1, 2)
        self.say(3, jid=BOB)
        self.clock.advance(DELAY)
        self.note(self.catalogue.forget(ALICE))
        self.note(self.catalogue.remove_item(BOB, "laptop"))
        self.assertEqual(self.after_restart().jids(), [])
        self.assertEqual((self.rows("resources"), self.rows("shares")), (0, 0))

    def test_gone_and_back_within_a_moment(self) -> None:
        """What counts is what it says last."""
        self.say(1, 2)
        self.clock.advance(DELAY)
        self.note(self.catalogue.remove_item(ALICE, "laptop"))
        self.say(2, 3)
        self.assertEqual(
            self.after_restart().listings(ALICE)["laptop"].announcement, announcement((2, 3))
        )

    def test_a_forgotten_resource(self) -> None:
        """It is forgotten in the next run, too, until it comes online."""
        self.say(1)
        self.note(self.catalogue.forget_resource(ALICE, "laptop"))
        later = self.after_restart()
        self.assertFalse(later.replace_item(ALICE, "laptop", [announcement((1,))]))
        self.assertEqual(self.rows("shares"), 0)
        self.store.note(later.set_online(ALICE, "laptop", True))
        self.assertTrue(self.after_restart().replace_item(ALICE, "laptop", [announcement((1,))]))


class WritingTests(StoreCase):
    """When it is written."""

    def test_changes_add_up(self) -> None:
        """Nothing is written at once, everything a second later, and then there is peace."""
        for number in range(10):
            self.say(number)
        self.assertEqual(self.rows("resources"), 0)
        self.clock.advance(DELAY)
        self.assertEqual((self.rows("resources"), self.rows("shares")), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_long_list_is_written_in_portions(self) -> None:
        """One a turn of the reactor; its revision comes last, so that a crash loses nothing."""
        self.say(*range(PORTION * 2 + 10), revision=5)
        self.turn()
        self.assertEqual(self.rows("shares"), PORTION)
        (cut_short,) = {record.announcement.revision for record, _ in self.store.load()}
        self.assertEqual(cut_short, 0)
        self.clock.advance(0)
        self.assertEqual(self.rows("shares"), PORTION * 2 + 10)
        (whole,) = {record.announcement.revision for record, _ in self.store.load()}
        self.assertEqual(whole, 5)
        self.note(self.catalogue.forget(ALICE))
        self.turn()
        self.assertEqual(self.rows("shares"), PORTION + 10)
        self.clock.advance(0)
        self.assertEqual((self.rows("resources"), self.rows("shares")), (0, 0))

    def test_a_long_list_is_read_in_portions(self) -> None:
        """No step takes more than some."""
        self.say(*range(PORTION * 2 + 10))
        self.store.close()
        portions = [len(shares) for _, shares in self.open().load()]
        self.assertEqual(portions, [PORTION, PORTION, 10])

    def test_closing_writes_the_rest(self) -> None:
        """What is pending at the end is written, and no timer stays."""
        self.say(1)
        self.store.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.rows("shares"), 1)
        self.say(2)
        self.assertEqual(self.clock.getDelayedCalls(), [], "it is closed")


class AnnotationTests(StoreCase):
    """What contacts say about their shares."""

    def test_it_is_kept(self) -> None:
        """A note and tags come back, and a share without them has none."""
        said = replace(share(1), annotation=Annotation("größe", ("a tag",)))
        shares = {one.info_hash: one for one in (said, share(2))}
        self.note(self.catalogue.replace_item(ALICE, "laptop", [Announcement("laptop", shares)]))
        known = self.after_restart()
        for one in shares.values():
            self.assertEqual(known.share_of(ALICE, "laptop", one.info_hash), one)

    def test_a_cache_of_before(self) -> None:
        """One of the version without annotations is brought up to date, and its shares stay."""
        self.say(1)
        self.store.close()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(
                "ALTER TABLE shares DROP COLUMN annotation;"
                "ALTER TABLE shares DROP COLUMN seal; PRAGMA user_version = 1"
            )
        self.store = self.open()
        known = self.loaded(self.store)
        self.assertEqual(known.share_of(ALICE, "laptop", share(1).info_hash), share(1))


class SealTests(StoreCase):
    """What it takes to fetch the shares of contacts."""

    def test_it_is_kept(self) -> None:
        """A seal comes back, and a share without one has none."""
        announced = replace(share(1), seal=bytes(range(52)))
        shares = {one.info_hash: one for one in (announced, share(2))}
        self.note(self.catalogue.replace_item(ALICE, "laptop", [Announcement("laptop", shares)]))
        known = self.after_restart()
        for one in shares.values():
            self.assertEqual(known.share_of(ALICE, "laptop", one.info_hash), one)

    def test_a_damaged_one_is_none(self) -> None:
        """The share itself stays."""
        self.say(1)
        self.store.close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE shares SET seal = x'00'")
        known = self.after_restart()
        self.assertEqual(known.share_of(ALICE, "laptop", share(1).info_hash), share(1))

    def test_the_cache_of_the_last_version(self) -> None:
        """One of the version without seals is brought up to date, and its shares stay."""
        self.say(1)
        self.store.close()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript("ALTER TABLE shares DROP COLUMN seal; PRAGMA user_version = 2")
        known = self.after_restart()
        self.assertEqual(known.share_of(ALICE, "laptop", share(1).info_hash), share(1))

    def test_what_is_for_us_alone_never_gets_to_the_disk(self) -> None:
        """Neither when it comes nor when it goes, although its device is stored."""
        self.say(1, 2)
        self.note(self.catalogue.set_online(ALICE, "laptop", True))
        secret = replace(share(2), name="for bob alone", seal=bytes(52))
        page = ListPage("private", 2, (secret, share(3)), reset=True, complete=True)
        self.note(self.catalogue.private.apply_page(ALICE, "laptop", page))
        self.clock.advance(DELAY)
        self.note(self.catalogue.set_online(ALICE, "laptop", False))
        self.assertEqual(
            self.after_restart().listings(ALICE)["laptop"].announcement, announcement((1, 2))
        )
        self.store.close()
        with open(self.path, "rb") as file:
            self.assertNotIn(b"for bob alone", file.read())


class DamageTests(StoreCase):
    """It is only a cache."""

    def damage(self, content: bytes, at: int = 0) -> None:
        """Close the store and write over the file."""
        self.say(*range(2000))
        self.store.close()
        with open(self.path, "r+b") as file:
            file.seek(at)
            file.write(content)

    def assertBegunAnew(self) -> None:
        """It works again."""
        self.say(1)
        self.say(1, 2)
        self.assertIn("laptop", self.after_restart().listings(ALICE))

    def test_a_file_that_is_no_database_is_set_aside(self) -> None:
        """A file that is none is thrown away."""
        self.damage(b"no database" * 100)
        self.store = self.open()
        self.assertEqual(self.loaded(self.store).jids(), [])
        self.assertBegunAnew()

    def test_damage_within(self) -> None:
        """What can only be seen in reading throws it away then."""
        self.damage(b"\xff" * 40000, at=8192)
        self.store = self.open()
        self.loaded(self.store)
        self.catalogue = Catalogue()
        self.assertBegunAnew()

    def test_odd_values(self) -> None:
        """Nor does a value that cannot be end the daemon."""
        self.say(1)
        self.store.close()
        for change in (
            "UPDATE resources SET addresses = '[[\"nonsense\", 1]]'",
            "UPDATE resources SET addresses = '{'",
            "UPDATE resources SET revision = 'x'",
            "UPDATE shares SET size = 'x'",
            "UPDATE shares SET info_hash = x'00'",
            "UPDATE shares SET name = x'ff'",
        ):
            self.catalogue = Catalogue()
            self.store = self.open()
            self.say(1)
            self.store.close()
            connection = sqlite3.connect(self.path)
            connection.execute(change)
            connection.commit()
            connection.close()
            self.assertEqual(self.loaded(self.open()).jids(), [], change)

    def test_another_version(self) -> None:
        """What another bitween has written is thrown away."""
        self.say(1)
        self.store.close()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.assertEqual(self.loaded(self.open()).jids(), [])

    def test_no_place_for_it(self) -> None:
        """Where none can be made, the error says so."""
        with self.assertRaises(StoreError):
            CatalogueCache.open(self.clock, "/nowhere/at/all.sqlite")

    def test_an_error_while_running(self) -> None:
        """The catalogue goes on without the disk."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("DROP TABLE shares")
        self.say(1)
        self.clock.advance(DELAY)
        self.say(2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobody_else_may_read_it(self) -> None:
        """What contacts share is our business."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
