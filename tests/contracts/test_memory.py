"""What every memory has to do: the database, and the one in memory."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from bitween.app.ports import MemoryPort
from bitween.errors import StoreError
from bitween.model.access import Access, Audience, Reader
from bitween.model.days_online import DaysOnline
from bitween.model.device_trust import KeptKey
from bitween.model.intention import Intention
from bitween.model.torrent_options import Limits
from bitween.model.traffic import Traffic
from tests.support.fakes.memory import FakeMemory
from tests.support.full_disk import DatabaseOnFullDisk

BOB, EVE = "bob@example.org", "eve@example.org"


class Contract:
    """Keeps the suite itself from being run."""

    class MemoryTests(SynchronousTestCase):
        """The suite; ``make`` gives a memory, and ``restart`` the memory of the next run."""

        memory: MemoryPort

        def make(self) -> MemoryPort:
            """An empty memory."""
            raise NotImplementedError

        def restart(self) -> MemoryPort:
            """The memory of the next run."""
            raise NotImplementedError

        def fill_disk(self) -> None:
            """Let nothing be stored from now on."""
            raise NotImplementedError

        def setUp(self) -> None:
            """Make an empty memory."""
            self.memory = self.make()

        def test_an_empty_memory(self) -> None:
            """It has stored nothing."""
            self.assertEqual(self.memory.traffic(), {})
            self.assertIsNone(self.memory.limits())
            self.assertEqual(self.memory.intended(), [])
            self.assertEqual(self.memory.days_online(), DaysOnline())
            self.assertEqual(self.memory.devices(), {})

        def test_traffic_is_stored_by_contact(self) -> None:
            """Storing that of some contacts leaves that of the others; the empty key is one."""
            self.memory.keep_traffic({BOB: Traffic(1, 2), "": Traffic(5, 6)})
            self.memory.keep_traffic({BOB: Traffic(3, 4), EVE: Traffic(7, 2**40)})
            self.assertEqual(
                self.restart().traffic(),
                {BOB: Traffic(3, 4), "": Traffic(5, 6), EVE: Traffic(7, 2**40)},
            )

        def test_traffic_that_was_loaded_belongs_to_the_caller(self) -> None:
            """Changing it changes nothing that is stored."""
            self.memory.keep_traffic({BOB: Traffic(1, 2)})
            self.memory.traffic().clear()
            self.assertEqual(self.memory.traffic(), {BOB: Traffic(1, 2)})

        def test_the_last_limits_are_stored(self) -> None:
            """Those in the settings come with them."""
            self.memory.keep_limits(Limits(1, 2), Limits(3, 4))
            self.memory.keep_limits(Limits(1, 2), Limits(0, 2**31 - 1))
            self.assertEqual(self.restart().limits(), (Limits(1, 2), Limits(0, 2**31 - 1)))

        def test_intentions_are_loaded_oldest_first(self) -> None:
            """A later one for the same path replaces the first, and keeps its place."""
            access = Access((Audience(BOB),), 5.0, listed=True, introductions=False)
            later = Intention("/b", strict=True, access=access)
            for intention in (Intention("/b"), Intention("/a"), later):
                self.memory.intend(intention)
            self.assertEqual(self.restart().intended(), [later, Intention("/a")])

        def test_a_settled_intention_is_gone(self) -> None:
            """Settling an unknown path is no error; a path need not be UTF-8."""
            for path in ("/a", "/b\udcff"):
                self.memory.intend(Intention(path))
            self.memory.settled("/a")
            self.memory.settled("/unknown")
            self.assertEqual(self.restart().intended(), [Intention("/b\udcff")])

        def test_keys_of_devices_are_stored(self) -> None:
            """A later one for the same device replaces the first, and keeps its place."""
            first, second = KeptKey(bytes(32)), KeptKey(bytes(range(32)), 5.0, issued={"page": 7})
            for jid, resource, kept in (
                (BOB, "phone", first),
                (BOB, "a/b", first),
                (BOB, "phone", second),
                (EVE, "phone", first),
            ):
                self.memory.keep_device(jid, resource, kept)
            for resource in ("phone", "unknown"):
                self.memory.forget_device(EVE, resource)
            self.assertEqual(
                list(self.restart().devices().items()),
                [((BOB, "phone"), second), ((BOB, "a/b"), KeptKey(bytes(32), issued={}))],
            )

        def test_days_online_are_stored(self) -> None:
            """Each replaces the one before."""
            self.memory.keep_days_online(DaysOnline((1.0,)))
            self.memory.keep_days_online(DaysOnline((1.0, 86401.5)))
            self.assertEqual(self.restart().days_online(), DaysOnline((1.0, 86401.5)))

        def test_readers_are_stored_while_they_are_contacts(self) -> None:
            """Groups and blocking come back; who is no contact any longer is forgotten."""
            bob = Reader(BOB, frozenset({"Family", "K\u00f6ln"}), contact=True, blocked=True)
            ann = Reader("ann@example.org", contact=True)
            self.memory.keep_readers({BOB: bob, ann.jid: ann})
            self.assertEqual(self.memory.readers(), {BOB: bob, ann.jid: ann})
            self.memory.keep_readers({BOB: Reader(BOB)})
            self.assertEqual(self.restart().readers(), {ann.jid: ann})

        def test_what_cannot_be_stored_is_an_error(self) -> None:
            """What was stored before stays."""
            self.memory.keep_traffic({BOB: Traffic(1, 2)})
            self.memory.keep_limits(Limits(1, 2), Limits(3, 4))
            self.memory.keep_days_online(DaysOnline((1.0,)))
            self.fill_disk()
            with self.assertRaises(StoreError):
                self.memory.keep_traffic({BOB: Traffic(3, 4)})
            with self.assertRaises(StoreError):
                self.memory.keep_limits(Limits(1, 2), Limits(5, 6))
            with self.assertRaises(StoreError):
                self.memory.keep_days_online(DaysOnline((1.0, 86401.5)))
            with self.assertRaises(StoreError):
                self.memory.keep_device(BOB, "phone", KeptKey(bytes(32)))
            self.assertEqual(self.memory.devices(), {})
            self.assertEqual(self.memory.traffic(), {BOB: Traffic(1, 2)})
            self.assertEqual(self.memory.limits(), (Limits(1, 2), Limits(3, 4)))
            self.assertEqual(self.memory.days_online(), DaysOnline((1.0,)))


class DatabaseMemoryTests(Contract.MemoryTests):
    """The database."""

    def make(self) -> MemoryPort:
        """Make a database."""
        folder = self.mktemp()
        os.mkdir(folder)
        self.path = os.path.join(folder, "bitween.sqlite")
        return self.open()

    def restart(self) -> MemoryPort:
        """Close it and open it again."""
        self.database.close()
        return self.open()

    def open(self) -> MemoryPort:
        """Open it."""
        self.database = DatabaseOnFullDisk.open(self.path)
        self.addCleanup(self.database.close, clean=False)
        return self.database

    def fill_disk(self) -> None:
        """Let SQLite refuse to write."""
        self.database.fill_disk()


class FakeMemoryTests(Contract.MemoryTests):
    """The memory of tests."""

    def make(self) -> MemoryPort:
        """Make one."""
        self.fake = FakeMemory()
        return self.fake

    def restart(self) -> MemoryPort:
        """Keep it."""
        return self.fake

    def fill_disk(self) -> None:
        """Let it refuse."""
        self.fake.broken = True
