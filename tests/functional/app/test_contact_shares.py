"""What contacts share: its events, its restart from the cache, and the end of old devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.app.application import ApplicationOptions, Bitween
from bitween.errors import NotConnected, ResourceOnline, UnknownContact, UnknownResource
from bitween.model.announcement import Announcement, Share
from bitween.model.catalogue.changes import CatalogueChange, Presence, ResourceRecord
from bitween.model.days_online import COUNT
from bitween.model.torrent import InfoHash
from bitween.util.cooperate import SLICE
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.messenger import FakeMessenger, FakeServer
from tests.support.fakes.ports import ports_around

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
FILM = Share(InfoHash("ab" * 20), "film.mkv", 1000)
DAY = 24 * 3600.0
NOW = 10_000 * DAY


class CatalogueCase(SynchronousTestCase):
    """Alice's daemon, which is not online yet; bob is her contact."""

    def setUp(self) -> None:
        """Make it."""
        self.server, self.clock, self.cache = FakeServer(), Clock(), FakeCache()
        self.clock.advance(NOW)
        self.messenger = FakeMessenger(f"{ALICE}/here", self.server)
        self.bob = FakeMessenger(f"{BOB}/laptop", self.server)
        self.messenger.befriend([BOB])
        ports = ports_around(self.messenger, self.clock, self.cache)
        self.memory = cast(FakeMemory, ports.memory)
        options = ApplicationOptions("/nowhere")
        self.bitween = Bitween(ports, options, self.clock, lambda: None, clock=self.clock.seconds)
        self.changes: list[CatalogueChange] = []
        self.bitween.shares.changes.subscribe(self.changes.append)

    def keep(self, jid: str, last_seen: float = NOW, resource: str = "laptop") -> None:
        """Let an earlier run store that a device has the film."""
        record = ResourceRecord(jid, resource, Announcement(resource), last_seen)
        self.cache.keep(resource, record, [FILM])

    def stays_on_the_server(self, *resources: str) -> None:
        """Keep the items of bob's devices on the server while they are offline."""
        for resource in resources:
            announcement = Announcement(resource, {FILM.info_hash: FILM})
            self.server.account(BOB).items[resource] = announcement

    def restore(self) -> None:
        """Load what an earlier run stored."""
        self.successResultOf(Deferred.fromCoroutine(self.bitween.shares.restore()))

    def listed(self) -> list[tuple[str, bool]]:
        """The contact of each known device, and whether it is online."""
        return [
            (jid, listing.online)
            for jid, resources in self.bitween.shares.listings().items()
            for listing in resources.values()
        ]

    def forget(self, jid: str, resource: str = "laptop") -> Deferred[None]:
        """Drop a resource by hand."""
        return Deferred.fromCoroutine(self.bitween.shares.forget_resource(jid, resource))


class EventTests(CatalogueCase):
    """Each presence is an event at once."""

    def setUp(self) -> None:
        """Go online."""
        super().setUp()
        self.messenger.start()
        self.changes.clear()

    def test_a_new_resource_and_one_that_leaves(self) -> None:
        """Each is an event, with or without shares."""
        self.bob.start()
        self.assertEqual(self.changes.pop().presences, (Presence(BOB, "laptop", True),))
        self.bob.announce([FILM], [])
        self.assertEqual([h.share for h in self.changes.pop().appeared], [FILM])
        self.bob.stop()
        self.assertEqual(self.changes.pop().presences, (Presence(BOB, "laptop", False),))
        self.assertEqual(self.listed(), [(BOB, False)])

    def test_a_lost_link(self) -> None:
        """It is one event, which names all devices that were online."""
        self.bob.start()
        FakeMessenger(f"{BOB}/phone", self.server).start()
        self.changes.clear()
        self.messenger.stop()
        (change,) = self.changes
        self.assertEqual(
            change.presences, (Presence(BOB, "laptop", False), Presence(BOB, "phone", False))
        )

    def test_every_change_is_kept(self) -> None:
        """The cache stores a record of each device."""
        self.bob.start()
        self.bob.announce([FILM], [])
        self.bob.stop()
        record = self.cache.noted[-1].records[BOB, "laptop"]
        assert record is not None
        self.assertEqual(record.last_seen, NOW)


class RestartTests(CatalogueCase):
    """The catalogue after a restart."""

    def test_it_is_there_before_the_server_is(self) -> None:
        """It can be searched while all is offline; a presence makes a device online."""
        self.keep(BOB)
        self.restore()
        self.assertEqual(self.listed(), [(BOB, False)])
        finding = Deferred.fromCoroutine(self.bitween.shares.find(contact=BOB))
        self.assertEqual(self.successResultOf(finding).total, 1)
        self.bob.start()
        self.bob.announce([FILM], [])
        self.messenger.start()
        self.assertEqual(self.listed(), [(BOB, True)])

    def test_who_is_no_contact_any_more_is_dropped(self) -> None:
        """That happens once the roster is read; our own other devices stay."""
        self.server.account(ALICE).items["tablet"] = Announcement("tablet")
        for jid in (BOB, CAROL):
            self.keep(jid)
        self.keep(ALICE, resource="tablet")
        self.restore()
        self.messenger.start()
        self.assertEqual({jid for jid, _ in self.listed()} - {BOB}, {ALICE})
        self.assertIn((CAROL, "laptop"), {key for c in self.cache.noted for key in c.records})

    def test_a_long_list_lets_the_reactor_have_its_turns(self) -> None:
        """The reactor runs other calls between portions."""
        for number in range(9):
            self.keep(BOB, resource=f"r{number}")
        load = self.cache.load

        def load_slowly() -> Iterator[tuple[ResourceRecord, Sequence[Share]]]:
            for portion in load():
                self.clock.rightNow += SLICE / 2
                yield portion

        self.cache.load = load_slowly  # type: ignore[method-assign]  # the disk is slow
        restoring = Deferred.fromCoroutine(self.bitween.shares.restore())
        for turn in range(4):
            self.assertEqual(len(self.listed()), 2 + 2 * turn)
            (call,) = self.clock.calls
            self.clock.calls.remove(call)
            call.func(*call.args, **call.kw)
        self.successResultOf(restoring)
        self.assertEqual(len(self.listed()), 9)


class LostDeviceTests(CatalogueCase):
    """Devices that are not coming back."""

    def test_after_thirty_days(self) -> None:
        """A device that was offline on thirty days on which we were online is dropped."""
        self.keep(BOB, NOW - 1)
        self.keep(BOB, NOW + DAY + 1, "phone")
        self.stays_on_the_server("laptop", "phone")
        self.restore()
        self.messenger.start()
        self.days_pass(COUNT - 1)
        self.assertEqual(list(self.bitween.shares.listings()[BOB]), ["laptop", "phone"])
        self.days_pass(1)
        self.assertEqual(list(self.bitween.shares.listings()[BOB]), ["phone"])
        self.days_pass(2)
        self.assertEqual(self.bitween.shares.listings(), {})
        self.assertEqual(self.changes[-1].gone[0].resource, "phone")

    def days_pass(self, count: int) -> None:
        """Check every hour for some days."""
        for _ in range(24 * count):
            self.bitween.expiry.drop_unseen()
            self.clock.advance(DAY / 24)

    def test_a_clock_that_jumps(self) -> None:
        """Days that the clock skips do not count, however often it is set."""
        self.keep(BOB)
        self.stays_on_the_server("laptop")
        self.restore()
        self.messenger.start()
        for _ in range(COUNT // 3):
            self.days_pass(1)
            self.clock.rightNow += 90 * DAY
            self.days_pass(1)
            self.clock.rightNow -= 90 * DAY
        self.assertEqual(list(self.bitween.shares.listings()), [BOB])

    def test_a_clock_that_was_ahead(self) -> None:
        """It makes no device expire later, and none earlier."""
        self.keep(BOB, NOW + 1000 * DAY)
        self.stays_on_the_server("laptop")
        self.restore()
        self.messenger.start()
        self.clock.rightNow += 1000 * DAY
        self.days_pass(COUNT - 1)
        self.clock.rightNow = NOW
        self.days_pass(COUNT - 1)
        self.assertEqual(list(self.bitween.shares.listings()), [BOB])
        self.days_pass(3)
        self.assertEqual(self.bitween.shares.listings(), {})

    def test_a_long_absence_of_ours(self) -> None:
        """Devices are not dropped because we were offline, nor before we log in."""
        self.keep(BOB, NOW - 100 * DAY)
        self.stays_on_the_server("laptop")
        self.restore()
        self.days_pass(COUNT + 1)
        self.messenger.start()
        self.days_pass(1)
        self.assertEqual(list(self.bitween.shares.listings()), [BOB])

    def test_a_full_disk(self) -> None:
        """A day that cannot be stored does not count."""
        self.keep(BOB, NOW - 1)
        self.stays_on_the_server("laptop")
        self.restore()
        self.messenger.start()
        self.memory.broken = True
        self.days_pass(COUNT + 1)
        self.assertEqual(list(self.bitween.shares.listings()), [BOB])

    def test_of_our_own_account(self) -> None:
        """Our own old device is retracted, which needs a session."""
        self.server.account(ALICE).items["tablet"] = Announcement("tablet")
        self.keep(ALICE, resource="tablet")
        self.restore()
        self.failureResultOf(self.forget(ALICE, "tablet"), NotConnected)
        self.messenger.start()
        self.successResultOf(self.forget(ALICE, "tablet"))
        self.assertEqual(self.server.account(ALICE).items, {})
        self.assertEqual(self.bitween.shares.listings(), {})

    def test_an_old_one_of_our_own_account(self) -> None:
        """After thirty days it is dropped and retracted."""
        announcement = Announcement("tablet", {FILM.info_hash: FILM})
        self.server.account(ALICE).items["tablet"] = announcement
        self.keep(ALICE, NOW - 1, "tablet")
        self.restore()
        self.messenger.start()
        self.days_pass(COUNT)
        self.assertEqual(self.server.account(ALICE).items, {})
        self.assertEqual(self.bitween.shares.listings(), {})

    def test_a_forgotten_device_stays_forgotten(self) -> None:
        """A contact's device stays dropped although its item is still on the server."""
        self.bob.start()
        self.bob.announce([FILM], [])
        self.messenger.start()
        self.failureResultOf(self.forget(BOB), ResourceOnline)
        self.bob.stop()
        self.successResultOf(self.forget(BOB))
        self.messenger.stop()
        self.messenger.start()
        self.assertEqual(self.listed(), [])
        self.bob.start()
        self.bob.announce([], [])
        self.assertEqual(self.listed(), [(BOB, True)])

    def test_nothing_to_forget(self) -> None:
        """An unknown contact and an unknown device are errors."""
        self.messenger.start()
        self.failureResultOf(self.forget(CAROL), UnknownContact)
        self.failureResultOf(self.forget(BOB, "fridge"), UnknownResource)
