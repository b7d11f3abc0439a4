"""The database in the state directory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import StoreError
from bitween.model.access import PRIVATE
from bitween.model.annotation import NO_ANNOTATION, Annotation
from bitween.model.days_online import DaysOnline
from bitween.model.device_trust import KeptKey
from bitween.model.intention import Intention
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.naming import Naming
from bitween.model.share_list import ShareList
from bitween.model.torrent import FileOrigin, InfoHash
from bitween.model.torrent_options import DEFAULT_OPTIONS, Limits, Selection, TorrentOptions
from bitween.model.traffic import Traffic
from bitween.storage.annotation_json import read_annotation
from bitween.storage.database import Database
from bitween.storage.migrations import MIGRATIONS
from bitween.storage.options_json import read_options
from bitween.storage.seal_column import read_seal
from bitween.storage.torrent_record import TorrentRecord
from tests.support.fakes.lists import numbered

RECORD = TorrentRecord(
    info_hash=InfoHash("ab" * 20),
    name="holiday ü",
    folder="/tmp/odd \udcff folder",
    root=None,
    added=1.5,
    shared=False,
    complete=False,
    torrent_file=None,
)


class StoreCase(SynchronousTestCase):
    """Has a database."""

    def setUp(self) -> None:
        """Make one."""
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder)
        self.path = os.path.join(folder, "bitween.db")
        self.store = self.open()

    def open(self) -> Database:
        """Open it; closed when the test is over."""
        store = Database.open(self.path)
        self.addCleanup(store.close, clean=False)
        return store

    def reopened(self, clean: bool = True) -> Database:
        """Close it and open it again."""
        self.store.close(clean)
        self.store = self.open()
        return self.store


class RecordTests(StoreCase):
    """Torrents."""

    def test_a_torrent_is_kept(self) -> None:
        """A record comes back as it was, and as it was last."""
        self.store.put(RECORD)
        self.assertEqual(list(self.reopened().torrents()), [RECORD])
        changed = replace(RECORD, root="holiday (2)", torrent_file=b"d\0e")
        self.store.put(changed)
        self.store.set_complete(RECORD.info_hash, "stamp", 7.0)
        changed = replace(changed, complete=True, signature="stamp", completed=7.0)
        self.assertEqual(list(self.reopened().torrents()), [changed])
        self.store.set_complete(RECORD.info_hash, "other", 8.0)
        self.assertEqual(list(self.reopened().torrents()), [replace(changed, signature="other")])

    def test_options_are_stored(self) -> None:
        """Options come back as they were; damaged ones are lost, and the share is private."""
        options = TorrentOptions(
            paused=True,
            ignore_seed_limits=True,
            queue_position=-3,
            selection=Selection(frozenset({2, 5}), (4, 1), sequential=True),
            limits=Limits(upload=10, download=20),
            annotation=Annotation("seen twice", ("film", "köln")),
        )
        self.store.put(replace(RECORD, options=options))
        self.assertEqual(next(self.reopened().torrents()).options, options)
        self.store.set_options(RECORD.info_hash, DEFAULT_OPTIONS)
        self.assertEqual(next(self.reopened().torrents()).options, DEFAULT_OPTIONS)
        for damaged in ("nothing", "[]", '{"files": 3}', '{"limits": [1, 2, 3]}'):
            self.assertEqual(read_options(damaged), TorrentOptions(access=PRIVATE))

    def test_traffic_and_limits_are_kept(self) -> None:
        """What was exchanged, and the limits that were chosen, come back as they were."""
        self.assertIsNone(self.store.limits())
        self.store.keep_traffic({"bob@example.org": Traffic(1, 2), "eve@example.org": Traffic(3)})
        self.store.keep_traffic({"bob@example.org": Traffic(2**40, 5)})
        self.store.keep_limits(Limits(1, 2), Limits(3, 4))
        store = self.reopened()
        self.assertEqual(
            store.traffic(), {"bob@example.org": Traffic(2**40, 5), "eve@example.org": Traffic(3)}
        )
        self.assertEqual(store.limits(), (Limits(1, 2), Limits(3, 4)))

    def test_days_online_are_kept(self) -> None:
        """They come back as they were, and what is damaged counts as none."""
        days = DaysOnline((1.5, 1796021455.25))
        self.assertEqual(self.store.days_online(), DaysOnline())
        self.store.keep_days_online(days)
        self.assertEqual(self.reopened().days_online(), days)
        for damaged in ("nothing", "3", '[["x"]]', "{"):
            with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
                connection.execute(
                    "UPDATE meta SET value = ? WHERE key = 'days_online'", (damaged,)
                )
            self.assertEqual(self.store.days_online(), DaysOnline())

    def test_torrents_are_ordered_by_age(self) -> None:
        """Torrents come in the order in which they were added."""
        for number in (3, 1, 2):
            self.store.put(replace(RECORD, info_hash=InfoHash(f"{number:040}"), added=number))
        self.assertEqual([record.added for record in self.store.torrents()], [1, 2, 3])

    def test_resume_data_goes_with_its_torrent(self) -> None:
        """It is kept while the torrent is, survives a change of it, and never stands alone."""
        other = InfoHash("cd" * 20)
        self.store.put(RECORD)
        self.store.put_resume_data([(RECORD.info_hash, b"1"), (other, b"lost")])
        self.store.put_resume_data([(RECORD.info_hash, b"2")])
        self.store.put(replace(RECORD, name="other"))
        self.assertEqual(self.reopened().resume_data(RECORD.info_hash), b"2")
        self.assertIsNone(self.store.resume_data(other))
        self.store.remove(RECORD.info_hash)
        self.assertEqual(list(self.store.torrents()), [])
        self.assertIsNone(self.store.resume_data(RECORD.info_hash))

    def test_whose_the_files_are(self) -> None:
        """It is kept; of a database that did not know it only what is unfinished was fetched."""
        for origin in FileOrigin:
            self.store.put(replace(RECORD, origin=origin))
            (record,) = self.store.torrents()
            self.assertIs(record.origin, origin)
        self.store.close()
        os.unlink(self.path)
        with contextlib.closing(sqlite3.connect(self.path)) as old, old:
            old.executescript("".join(MIGRATIONS[:4]) + "PRAGMA user_version = 4;")
            for info_hash, shared, complete in (("a", 1, 1), ("b", 0, 1), ("c", 0, 0)):
                old.execute(
                    "INSERT INTO torrents (info_hash, name, folder, added, shared, complete)"
                    " VALUES (?, 'x', x'2f', 1, ?, ?)",
                    (info_hash * 40, shared, complete),
                )
        origins = [record.origin for record in self.open().torrents()]
        self.assertEqual(origins, [FileOrigin.SHARED, FileOrigin.SHARED, FileOrigin.FETCHED])

    def test_removing_an_unknown_torrent_leaves_the_others(self) -> None:
        """It is no error, either."""
        self.store.put(RECORD)
        self.store.remove(InfoHash("cd" * 20))
        self.assertEqual(list(self.store.torrents()), [RECORD])


class IntentionTests(StoreCase):
    """Paths that are still to be hashed."""

    def test_they_are_kept_in_order(self) -> None:
        """Each once, oldest first, whatever bytes are in it."""
        for path in ("/b", "/a", "/b", "/\udcff"):
            self.store.intend(Intention(path))
        self.assertEqual(self.reopened().intended(), list(map(Intention, ["/b", "/a", "/\udcff"])))

    def test_they_are_forgotten(self) -> None:
        """What is settled is gone; settling something else is harmless."""
        self.store.intend(Intention("/a"))
        self.store.settled("/b")
        self.store.settled("/a")
        self.assertEqual(self.reopened().intended(), [])


class ShareListTests(StoreCase):
    """The share list and its history."""

    def test_it_is_taken_up_again(self) -> None:
        """Id, revisions, shares and removals are what they were, update by update."""
        shares = self.store.share_list()
        for wanted in (numbered(5), numbered(3), [*numbered(3)[1:], *numbered(9)[7:]]):
            self.store.keep_update(shares, shares.update(wanted))
        again = self.reopened(clean=False).share_list()
        self.assertEqual((again.list_id, again.revision), (shares.list_id, shares.revision))
        self.assertEqual(list(again.changes(0)), list(shares.changes(0)))
        self.assertFalse(again.update(wanted))

    def test_annotations_are_stored(self) -> None:
        """A note and tags come back; a damaged one is no annotation."""
        (share,) = numbered(1)
        announced = replace(share, annotation=Annotation("a note", ("tag",)))
        shares = self.store.share_list()
        self.store.keep_update(shares, shares.update([announced]))
        self.assertEqual(next(self.reopened().share_list().changes(0)).share, announced)
        for damaged in ("[1", "[1, 2]", '["note", "tag"', "null", 5, None):
            self.assertEqual(read_annotation(damaged), NO_ANNOTATION)

    def test_seals_are_stored(self) -> None:
        """The seal comes back, so that nothing changes by a restart; a damaged one is none."""
        (share,) = numbered(1)
        announced = replace(share, seal=bytes(range(52)))
        shares = self.store.share_list()
        self.store.keep_update(shares, shares.update([announced]))
        self.assertFalse(self.reopened().share_list().update([announced]))
        for damaged in (b"", bytes(51), "A" * 52, 5, None):
            self.assertEqual(read_seal(damaged), b"")

    def test_removals_that_are_forgotten(self) -> None:
        """They are forgotten here too, and the horizon is kept."""
        shares = ShareList(self.store.share_list().list_id, most_gone=2)
        for wanted in (numbered(5), []):
            self.store.keep_update(shares, shares.update(wanted))
        again = self.reopened().share_list()
        self.assertEqual((again.horizon, again.revision), (8, 10))
        self.assertEqual(list(again.changes(0)), list(shares.changes(0)))

    def test_a_new_history(self) -> None:
        """Nothing of the old one is left."""
        shares = self.store.share_list()
        for wanted in (numbered(5), numbered(3)):
            self.store.keep_update(shares, shares.update(wanted))
        self.store.keep_anew(shares, shares.renew("new"))
        again = self.reopened().share_list()
        self.assertEqual((again.list_id, again.revision), ("new", 3))
        self.assertEqual(list(again.changes(0)), list(shares.changes(0)))

    def test_a_database_of_before(self) -> None:
        """One of the first version is brought up to date, and what is in it stays."""
        path = f"{self.path}.old"
        with sqlite3.connect(path) as connection:
            connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1")
            connection.execute("INSERT INTO intentions (path) VALUES (?)", (b"/a",))
        connection.close()
        store = Database.open(path)
        self.addCleanup(store.close)
        self.assertEqual(store.intended(), [Intention("/a")])
        self.assertEqual(len(store.share_list()), 0)


class DeviceKeyTests(StoreCase):
    """The keys of devices."""

    def test_they_are_kept(self) -> None:
        """In the order in which they were first stored, as they were last."""
        phone = KeptKey(bytes(32), 5.5, issued={"announcement": 2**52})
        laptop = KeptKey(bytes(range(32)), distrusted=True)
        self.store.keep_device("bob@example.org", "phone", KeptKey(bytes(32)))
        self.store.keep_device("bob@example.org", "a/b", laptop)
        self.store.keep_device("bob@example.org", "phone", phone)
        kept = self.reopened(clean=False).devices()
        self.assertEqual(
            list(kept.items()),
            [(("bob@example.org", "phone"), phone), (("bob@example.org", "a/b"), laptop)],
        )

    def test_one_is_forgotten(self) -> None:
        """The others stay; one that is unknown is no error."""
        for resource in ("phone", "laptop"):
            self.store.keep_device("bob@example.org", resource, KeptKey(bytes(32)))
        self.store.forget_device("bob@example.org", "phone")
        self.store.forget_device("bob@example.org", "unheard")
        self.assertEqual(list(self.store.devices()), [("bob@example.org", "laptop")])

    def test_damaged_rows(self) -> None:
        """A key of another length is none; times of signing that cannot be read are none."""
        for resource in ("phone", "laptop"):
            self.store.keep_device("bob@example.org", resource, KeptKey(bytes(32)))
        self.store.close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE devices SET key = x'00' WHERE device LIKE '%phone'")
            connection.execute("UPDATE devices SET issued = '[', verified = 'x'")
        self.assertEqual(
            self.reopened().devices(),
            {("bob@example.org", "laptop"): KeptKey(bytes(32), issued={})},
        )

    def test_the_time_of_our_last_statement(self) -> None:
        """It is kept, and 0 where there is none or it is damaged."""
        self.assertEqual(self.store.last_issued, 0)
        self.store.last_issued = 1796049906000
        self.store = self.reopened()
        self.assertEqual(self.store.last_issued, 1796049906000)
        self.store.close()
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE meta SET value = '-1' WHERE key = 'last_issued'")
        self.assertEqual(self.reopened().last_issued, 0)


class RunTests(StoreCase):
    """From one run to the next."""

    def test_clean_or_not(self) -> None:
        """A first run and one after a clean end are clean; others are not."""
        self.assertTrue(self.store.was_clean)
        self.assertTrue(self.reopened().was_clean)
        self.assertFalse(self.reopened(clean=False).was_clean)
        self.assertTrue(self.reopened().was_clean)

    def test_the_listen_port_is_kept(self) -> None:
        """The listen port is kept."""
        self.assertIsNone(self.store.listen_port)
        self.store.listen_port = 12345
        self.assertEqual(self.reopened().listen_port, 12345)

    def test_nobody_else_reads_it(self) -> None:
        """The file is for its owner only."""
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_what_a_crash_leaves(self) -> None:
        """Without closing, everything that was written is there."""
        self.store.put(RECORD)
        other = self.open()
        self.assertEqual(list(other.torrents()), [RECORD])
        self.assertFalse(other.was_clean)


class DamageTests(StoreCase):
    """A database that cannot be used."""

    def aside(self) -> list[str]:
        """What was set aside."""
        return [
            n for n in os.listdir(os.path.dirname(self.path)) if re.search(r"damaged-\d+-\d+$", n)
        ]

    def test_a_file_that_is_no_database_is_set_aside(self) -> None:
        """A file that is none is set aside."""
        self.store.close()
        with open(self.path, "wb") as file:
            file.write(b"nonsense" * 1000)
        self.assertEqual(list(self.open().torrents()), [])
        self.assertEqual(len(self.aside()), 1)

    def test_a_damaged_page(self) -> None:
        """Damage within a table is noticed, and costs no more than the rows that it hit."""
        records = self.fill(500)
        self.damage_a_leaf()
        kept = list(self.open().torrents())
        self.assertEqual(len(self.aside()), 1)
        self.assertGreater(len(kept), 400)
        self.assertLess(len(kept), 500)
        self.assertLessEqual({*kept}, {*records})

    def test_records_between_damaged_places_are_recovered(self) -> None:
        """Several places of damage leave what lies between them."""
        records = self.fill(2000)
        for part in (0.3, 0.5, 0.7):
            self.damage_a_leaf(part)
        kept = list(self.open().torrents())
        self.assertGreater(len(kept), 1800)
        self.assertLessEqual({*kept}, {*records})

    def test_a_torrent_with_damaged_metadata_becomes_a_download(self) -> None:
        """A torrent whose metadata is lost or altered is kept, as a download of it."""
        info_hash, torrent = make_torrent("large", [HashedFile((), 1)], 2**16, b"\7" * 100_000)
        whole = replace(
            RECORD,
            info_hash=InfoHash(info_hash),
            root="large",
            shared=True,
            complete=True,
            torrent_file=torrent,
        )
        self.store.put(whole)
        self.fill(100)
        self.store.close()
        with open(self.path, "r+b") as file:
            # One page in the middle of the metadata, and one of the table, to be noticed.
            file.seek(file.read().index(b"\7" * 4000) // 4096 * 4096 + 40_960)
            file.write(os.urandom(1000))
        self.damage_a_leaf()
        kept = {record.info_hash: record for record in self.open().torrents()}
        self.assertEqual(
            kept[whole.info_hash],
            replace(
                whole,
                root=None,
                shared=False,
                complete=False,
                torrent_file=None,
                naming=Naming.LIBTORRENT,
            ),
        )

    def test_the_rest_is_kept_too(self) -> None:
        """Settings and intentions come along, and what resume data says is not believed."""
        self.fill(500)
        self.store.listen_port = 12345
        self.store.resource = "den"
        self.store.intend(Intention("/a"))
        self.damage_a_leaf()
        store = self.open()
        self.assertEqual((store.listen_port, store.resource), (12345, "den"))
        self.assertEqual(store.intended(), [Intention("/a")])
        self.assertFalse(store.was_clean)

    def fill(self, count: int) -> list[TorrentRecord]:
        """Have many torrents in it."""
        records = [
            replace(
                RECORD, info_hash=InfoHash(hashlib.sha1(b"%d" % number).hexdigest()), added=number
            )
            for number in range(count)
        ]
        for record in records:
            self.store.put(record)
        return records

    def damage_a_leaf(self, part: float = 0.5) -> None:
        """Overwrite a page that holds torrents; ``part`` of the pages come before it."""
        with contextlib.suppress(StoreError):
            self.store.close()
        with open(self.path, "r+b") as file:
            content = file.read()
            # 10: a leaf of a table that is an index, SQLite's file format §1.6.
            leaves = [
                at
                for at in range(4096, len(content), 4096)
                if content[at] == 10 and content.count(b"holiday", at, at + 4096) > 1
            ]
            file.seek(leaves[int(part * len(leaves))])
            file.write(b"\xff" * 4096)

    def test_a_newer_one(self) -> None:
        """The database of a newer bitween is left alone."""
        self.store.close()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with self.assertRaises(StoreError) as raised:
            Database.open(self.path)
        self.assertIn("newer", raised.exception.message)
        self.assertEqual(self.aside(), [])

    def test_an_unwritable_directory_is_reported(self) -> None:
        """Where nothing can be written, that is said."""
        with self.assertRaises(StoreError) as raised:
            Database.open("/nonexistent/bitween.db")
        self.assertIn("/nonexistent/bitween.db", raised.exception.message)

    def test_an_error_later_on(self) -> None:
        """Trouble with SQLite comes out as our own error."""
        self.store.close()
        with self.assertRaises(StoreError):
            self.store.put(RECORD)


class OddRowsTests(StoreCase):
    """A database of which single values were changed by something else."""

    #: Values that no bitween has written, for each column of a torrent.
    odd = (
        ("info_hash", "x"),
        ("info_hash", b"\0"),
        ("name", b"\xff"),
        ("folder", b"relative"),
        ("folder", b"/nul\0"),
        ("folder", 5),
        ("root", b"../../outside"),
        ("root", b".."),
        ("root", "text"),
        ("added", "soon"),
        ("added", float("inf")),
        ("torrent_file", "text"),
        ("stamp", b"\xff"),
        ("completed", "soon"),
    )

    def change(self, sql: str, *values: object) -> None:
        """Change the database behind the back of the store."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute(sql, values)

    def test_an_invalid_torrent_row_is_skipped(self) -> None:
        """One that makes no sense is left out; the others are there, and it stays as it is."""
        other = replace(RECORD, info_hash=InfoHash("cd" * 20))
        for column, value in self.odd:
            self.store.put(RECORD)
            self.store.put(other)
            self.change(
                f"UPDATE torrents SET {column} = ? WHERE info_hash LIKE 'ab%'", value
            )  # a constant
            self.assertEqual(list(self.store.torrents()), [other], (column, value))
            with contextlib.closing(sqlite3.connect(self.path)) as connection:
                count = connection.execute("SELECT count(*) FROM torrents").fetchone()
            self.assertEqual(count, (2,))
            self.change("DELETE FROM torrents")

    def test_what_can_do_without(self) -> None:
        """What is not needed to find the files is taken as unknown."""
        self.store.put(RECORD)
        for column, value in (("origin", "stolen"), ("naming", 7), ("wishes", '{"limits": ["x"]}')):
            self.change(f"UPDATE torrents SET {column} = ?", value)
        (record,) = self.store.torrents()
        self.assertEqual(record.origin, FileOrigin.SHARED)
        self.assertEqual(record.options, TorrentOptions(access=PRIVATE))
        self.assertEqual(record.naming, Naming.LIBTORRENT)

    def test_resume_data_of_another_type_is_ignored(self) -> None:
        """A number is not taken for so many bytes of resume data."""
        self.store.put(RECORD)
        self.change("INSERT INTO resume_data VALUES (?, ?)", RECORD.info_hash, 2**62)
        self.assertIsNone(self.store.resume_data(RECORD.info_hash))

    def test_other_invalid_rows_are_ignored(self) -> None:
        """Ports, lists, traffic and paths that make no sense are as if there were none."""
        for key, value in (("listen_port", "x"), ("list_id", "id"), ("list_horizon", "x")):
            self.change("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)
        self.change("INSERT INTO traffic VALUES ('a@b', 'x', 1)")
        self.change("INSERT INTO intentions (path) VALUES (5)")
        self.assertIsNone(self.store.listen_port)
        self.assertNotEqual(self.store.share_list().list_id, "id")
        self.assertEqual((self.store.traffic(), self.store.intended()), ({}, []))
        self.change("INSERT OR REPLACE INTO meta VALUES ('listen_port', '70000')")
        self.assertIsNone(self.store.listen_port)
        self.change("UPDATE meta SET value = '0' WHERE key = 'list_horizon'")
        self.change("INSERT INTO share_list VALUES ('x', 1, 'name', 1, NULL, NULL)")
        self.assertNotEqual(self.store.share_list().list_id, "id")

    def test_a_negative_version(self) -> None:
        """It is no version: the tables are read into a new database."""
        self.store.put(RECORD)
        self.store.close()
        self.change("PRAGMA user_version = -1")
        self.store = self.open()
        self.assertEqual([record.info_hash for record in self.store.torrents()], ["ab" * 20])

    def test_a_version_that_is_too_low(self) -> None:
        """The log names the fault, and the tables are read into a new database."""
        self.store.put(RECORD)
        for version in (0, len(MIGRATIONS) - 1):
            self.store.close()
            self.change(f"PRAGMA user_version = {version}")
            with capturedLogs() as logs:
                self.store = self.open()
            kept = [record.info_hash for record in self.store.torrents()]
            self.assertEqual(kept, [RECORD.info_hash])
            (event,) = logs
            self.assertIn(f"its version, {version}, is lower", formatEvent(event))
