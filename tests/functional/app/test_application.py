"""The use cases, on fakes that the contract tests keep honest."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_interface

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from bitween.app import application
from bitween.app.application import ApplicationOptions, Bitween
from bitween.app.ports import Ports
from bitween.connect.dial_policy import DialPolicy
from bitween.errors import (
    BadPath,
    EmptyFolder,
    HashingFailed,
    NoSuchPath,
    UnknownContact,
    UnknownTorrent,
)
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, ListPage, Share
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.catalogue.search import FoundPage
from bitween.model.connection import ConnectionState
from bitween.model.events import ConnectionChanged, ItemPublished, ListingReceived, PresenceRepeated
from bitween.model.job import JobState
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import FileEntry, InfoHash, Metainfo
from bitween.model.torrent_error import Reason, Remedy
from bitween.model.torrent_options import Limits
from bitween.network.addresses import InterfaceAddresses
from tests.support.fakes.cache import FakeCache
from tests.support.fakes.connector_ports import FakeConnectorPorts
from tests.support.fakes.hasher import FakeHasher
from tests.support.fakes.lists import numbered
from tests.support.fakes.memory import FakeMemory
from tests.support.fakes.messenger import FakeMessenger, FakeServer
from tests.support.fakes.swarm import FakeSwarm

BOB, CAROL = "bob@example.org", "carol@example.org"
FILM = Share(InfoHash("ab" * 20), "film.mkv", 1000)
OUR_ADDRESS = PeerAddress.parse("192.0.2.1", 6881)
BOBS_ADDRESS = PeerAddress.parse("192.0.2.2", 6881)


class UseCaseTests(SynchronousTestCase):
    """What alice's daemon does; bob and carol are others on the same server."""

    def setUp(self) -> None:
        """Have alice and bob be contacts, both online."""
        self.server = FakeServer()
        self.messenger = FakeMessenger("alice@example.org/here", self.server)
        self.bob = FakeMessenger(f"{BOB}/laptop", self.server)
        self.carol = FakeMessenger(f"{CAROL}/phone", self.server)
        self.swarm, self.hasher = FakeSwarm(), FakeHasher()
        self.memory = FakeMemory()
        self.downloads = os.path.abspath(self.mktemp())
        self.stops = 0
        self.swarm.listening = (("192.0.2.1", 6881),)
        self.bitween = self.make()
        self.changes: list[CatalogueChange] = []
        self.bitween.shares.changes.subscribe(self.changes.append)
        for messenger in (self.messenger, self.bob, self.carol):
            messenger.start()
        self.messenger.befriend([BOB])
        self.bitween.begin()

    def make(self) -> Bitween:
        """Make the use cases of the parts."""
        clock = self.clock = Clock()
        links = [tuple(map(ip_interface, ("127.0.0.1/8", "192.0.2.1/24")))]
        own = InterfaceAddresses(
            clock, (), lambda: [str(interface.ip) for interface in links[0]], lambda: links
        )
        self.connect = FakeConnectorPorts(policy=DialPolicy(clock, own, lambda _: True))
        ports = Ports(
            swarm=self.swarm,
            hasher=self.hasher,
            messenger=self.messenger,
            own_addresses=own,
            memory=self.memory,
            cache=FakeCache(),
            connect=self.connect.ports,
        )
        options = ApplicationOptions(self.downloads)
        return Bitween(ports, options, clock, self.stop, clock=clock.seconds)

    def stop(self) -> None:
        """Count that the daemon was to stop."""
        self.stops += 1

    def file(self, name: str = "film.mkv") -> str:
        """A file to share."""
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("x")
        return path

    def intended(self) -> list[str]:
        """The paths that the next start would hash."""
        return [intention.path for intention in self.memory.intended()]

    def hashed(self, path: str) -> None:
        """Have a path be hashed."""
        name = os.path.basename(path)
        self.hasher.running[path].answer.callback(Metainfo(FILM.info_hash, name, FILM.size, b""))

    def download(self, share: Share = FILM) -> int:
        """Begin a download; how many sources it has."""
        downloading = self.bitween.downloads.start(share.info_hash)
        return self.successResultOf(Deferred.fromCoroutine(downloading))

    def find(self, contact: str | None = None) -> FoundPage:
        """Everything that contacts share, or one of them."""
        finding = self.bitween.shares.find(contact=contact)
        return self.successResultOf(Deferred.fromCoroutine(finding))

    def mend(self, info_hash: InfoHash = FILM.info_hash) -> Deferred[None]:
        """Have the way out be taken."""
        return Deferred.fromCoroutine(self.bitween.repair.apply(info_hash))

    def test_a_contact_whose_daemon_died_and_is_back(self) -> None:
        """It does not count as silent any more when it shows itself, noticed or unnoticed."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.clock.pump([0.3] * 3)
        self.connect.requests.pings[-1][1].callback(False)
        self.assertFalse(self.bitween.connector.routes.answers(BOB, "laptop"))
        self.messenger.events.notify(PresenceRepeated(jid=BOB, resource="laptop"))
        self.assertTrue(self.bitween.connector.routes.answers(BOB, "laptop"))
        self.clock.pump([0.3] * 30)
        self.connect.requests.pings[-1][1].callback(False)
        self.bob.stop()
        self.bob.start()
        self.assertIsNone(self.bitween.connector.routes.answers(BOB, "laptop"))

    # ---- sharing

    def test_only_what_every_contact_may_see_is_announced(self) -> None:
        """The published item leaves out other shares."""
        self.patch(application, "may", lambda _, share, __: share != FILM.id)
        path = self.file()
        self.bitween.sharing.add_path(path)
        self.hashed(path)
        self.assertEqual(self.messenger.announced, ((), (Candidate(OUR_ADDRESS),)))

    def test_a_path_is_hashed_shared_and_announced(self) -> None:
        """What is added is announced with our addresses once it is hashed, not before."""
        path = self.file()
        job = self.bitween.sharing.add_path(path)
        self.assertEqual((job.kind, job.subject, job.state), ("add", path, JobState.QUEUED))
        self.hasher.running[path].report(0, 1000)
        self.assertIs(self.bitween.jobs.get(job.id).state, JobState.RUNNING)
        self.assertEqual(self.messenger.announced, ((), (Candidate(OUR_ADDRESS),)))
        self.hashed(path)
        self.assertEqual(self.messenger.announced, ((FILM,), (Candidate(OUR_ADDRESS),)))
        done = self.bitween.jobs.get(job.id)
        self.assertEqual(done.state, JobState.DONE)
        assert done.result is not None
        self.assertEqual(done.result.info_hash, FILM.info_hash)
        self.assertEqual(self.intended(), [])

    def test_what_was_shared_is_shared_as_it_is_now(self) -> None:
        """What it was goes when the new one is there, and not before; unless it is the same."""
        path = self.file()
        metainfo = Metainfo(FILM.info_hash, "film.mkv", FILM.size, b"")
        self.swarm.share(metainfo, os.path.dirname(path))
        changed = InfoHash("cd" * 20)
        for now in (FILM.info_hash, changed):
            self.swarm.break_down(FILM.info_hash, "changed", Reason.CHANGED, Remedy.SHARE_AGAIN)
            self.successResultOf(self.mend())
            self.assertEqual([t.info_hash for t in self.bitween.torrents.all()], [FILM.info_hash])
            self.hasher.running[path].answer.callback(Metainfo(now, "film.mkv", 2, b""))
            self.assertEqual([t.info_hash for t in self.bitween.torrents.all()], [now])
        os.unlink(path)
        self.swarm.break_down(changed, "missing", Reason.MISSING, Remedy.SHARE_AGAIN)
        self.failureResultOf(self.mend(changed), NoSuchPath)
        self.assertIn(changed, self.swarm.library)

    def test_a_path_that_was_changed_is_added_again(self) -> None:
        """What it was goes, whether or not that is noticed by then; its limits and rank stay."""
        path, now = self.file(), InfoHash("cd" * 20)
        other = InfoHash("ef" * 20)
        folder = os.path.dirname(path)
        self.swarm.share(Metainfo(FILM.info_hash, "film.mkv", FILM.size, b""), folder)
        self.swarm.share(Metainfo(other, "other.mkv", 5, b""), folder)
        options = replace(
            self.bitween.torrents.get(FILM.info_hash).options,
            limits=Limits(7, 8),
            queue_position=-1,
        )
        self.swarm.set_options(FILM.info_hash, options)
        job = self.bitween.sharing.add_path(path)
        self.hasher.running[path].answer.callback(Metainfo(now, "film.mkv", 2, b""))
        self.assertEqual({t.info_hash for t in self.bitween.torrents.all()}, {now, other})
        self.assertEqual(self.bitween.torrents.get(now).options, options)
        self.assertEqual(self.bitween.jobs.get(job.id).state, JobState.DONE)
        self.assertEqual(self.swarm.deleted, [])

    def test_a_download_at_a_path_that_is_added(self) -> None:
        """It stays as long as it is whole, and goes when its files were changed."""
        os.makedirs(self.downloads, exist_ok=True)
        path = os.path.join(self.downloads, "film.mkv")
        with open(path, "wb") as file:
            file.write(b"changed")
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.swarm.library.put(
            replace(
                self.bitween.torrents.get(FILM.info_hash),
                completed=1.0,
                files=(FileEntry("film.mkv", FILM.size),),
            )
        )
        for number in (1, 2):
            if number == 2:
                # Nobody has noticed yet.
                self.swarm.changed.add(FILM.info_hash)
            self.bitween.sharing.add_path(path)
            now = InfoHash(f"{number}" * 40)
            self.hasher.running[path].answer.callback(Metainfo(now, "film.mkv", 2, b""))
            self.assertEqual(FILM.info_hash in self.swarm.library, number == 1)

    def test_a_download_is_fetched_again(self) -> None:
        """In the same folder, from whoever has it; its files are nobody's to delete."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        self.swarm.break_down(FILM.info_hash, "missing", Reason.MISSING, Remedy.FETCH_AGAIN)
        self.successResultOf(self.mend())
        torrent = self.bitween.torrents.get(FILM.info_hash)
        self.assertEqual((torrent.error, torrent.save_path), ("", self.downloads))
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))
        self.assertEqual(self.swarm.deleted, [])

    def test_trouble_that_is_over(self) -> None:
        """A look at the files tells; also where nothing is wrong."""
        self.download()
        self.swarm.break_down(FILM.info_hash, "full", Reason.FULL)
        for _ in range(2):
            self.successResultOf(self.mend())
            self.assertIs(self.bitween.torrents.get(FILM.info_hash).trouble, None)
        self.failureResultOf(self.mend(InfoHash("cd" * 20)), UnknownTorrent)

    def test_paths_that_cannot_be_shared(self) -> None:
        """Each is refused at once, by its name, and nothing is begun."""
        empty = os.path.abspath(self.mktemp())
        os.mkdir(empty)
        for path, error in (
            ("/nowhere/at/all", NoSuchPath),
            ("relative", BadPath),
            (empty, EmptyFolder),
            ("/dev/null", BadPath),
        ):
            with self.assertRaises(error) as caught:
                self.bitween.sharing.add_path(path)
            self.assertIn(path, str(caught.exception))
        self.assertEqual((self.hasher.running, self.intended()), ({}, []))

    def test_what_is_left_out_is_logged(self) -> None:
        """The log names what is not shared of a folder, and why, in text that is clean."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        entries = (LeftOutEntry("bad\\xff", Why.NOT_UTF8), LeftOutEntry("pipe", Why.SPECIAL))
        info = Metainfo(FILM.info_hash, "film.mkv", 2, b"", LeftOut(entries, 3))
        with capturedLogs() as logged:
            self.hasher.running[path].answer.callback(info)
        (line,) = [str(formatEvent(e)) for e in logged if e["log_level"] is LogLevel.warn]
        self.assertIn(path, line)
        self.assertIn("without 3 of its entries", line)
        for said in ("'bad\\xff' (its name is not UTF-8)", "'pipe' (", "and 1 more"):
            self.assertIn(said, line)

    def test_a_failed_hashing_job_is_not_tried_again(self) -> None:
        """The job tells why, and the path is not tried again at the next start."""
        path = self.file()
        job = self.bitween.sharing.add_path(path)
        self.hasher.running[path].answer.errback(HashingFailed("it changed"))
        failed = self.bitween.jobs.get(job.id)
        self.assertEqual((failed.state, str(failed.error)), (JobState.FAILED, "it changed"))
        self.assertEqual(self.intended(), [])

    def test_what_was_cut_short_is_taken_up(self) -> None:
        """A path that was being hashed at the end is hashed at the next start."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        self.bitween.close()
        self.assertEqual(self.intended(), [path])
        self.hasher.running.clear()
        self.make().begin()
        self.assertEqual(list(self.hasher.running), [path])

    def test_strict_is_remembered(self) -> None:
        """A path that was to be shared as a whole or not at all still is after a restart."""
        path = self.file()
        self.bitween.sharing.add_path(path, strict=True)
        self.bitween.close()
        self.make().begin()
        self.assertEqual(self.hasher.strict, [True, True])

    def test_a_cancelled_job_is_not_taken_up(self) -> None:
        """What the user has cancelled stays so."""
        path = self.file()
        job = self.bitween.sharing.add_path(path)
        self.assertEqual(self.bitween.jobs.cancel(job.id).state, JobState.CANCELLED)
        self.assertEqual(self.intended(), [])

    def test_a_removed_share_is_withdrawn(self) -> None:
        """A share that is removed is announced no longer; an unknown one is an error."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        self.hashed(path)
        self.successResultOf(Deferred.fromCoroutine(self.bitween.torrents.remove(FILM.info_hash)))
        self.assertEqual(self.messenger.announced, ((), (Candidate(OUR_ADDRESS),)))
        again = Deferred.fromCoroutine(self.bitween.torrents.remove(FILM.info_hash))
        self.failureResultOf(again, UnknownTorrent)

    # ---- fetching

    def test_a_download_dials_everybody_who_has_it(self) -> None:
        """Every contact who announces it is dialled, also one who comes later."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertEqual(self.download(), 1)
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))
        self.assertEqual(self.bitween.torrents.get(FILM.info_hash).name, "film.mkv")
        self.messenger.befriend([CAROL])
        carols = PeerAddress.parse("192.0.2.3", 6881)
        self.carol.announce([FILM], [Candidate(carols)])
        self.assertEqual(set(self.swarm.offered[FILM.info_hash]), {BOBS_ADDRESS, carols})

    def test_a_download_without_a_source(self) -> None:
        """It begins by itself when somebody announces it, or comes online with it."""
        self.assertEqual(self.download(), 0)
        self.bob.stop()
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertEqual(self.swarm.offered.get(FILM.info_hash, ()), ())
        self.bob.start()
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))

    def test_asking_twice_is_harmless(self) -> None:
        """The second time changes nothing."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertEqual([self.download(), self.download()], [1, 1])
        self.assertEqual(len(self.bitween.torrents.all()), 1)

    def test_a_download_announces_what_it_has(self) -> None:
        """From its first bytes on, a download is a source for others."""
        self.download()
        self.swarm.arrive(FILM.info_hash, total=1000, done=100)
        assert self.messenger.announced is not None
        self.assertEqual([s.size for s in self.messenger.announced[0]], [1000])

    def test_loopback_of_others_is_not_dialled(self) -> None:
        """A contact cannot make us knock at our own machine, nor at ourselves."""
        knocking = [PeerAddress.parse("127.0.0.1", 22), OUR_ADDRESS]
        self.bob.announce([FILM], [*map(Candidate, [*knocking, BOBS_ADDRESS])])
        self.download()
        self.assertEqual(self.swarm.offered[FILM.info_hash], (BOBS_ADDRESS,))

    def test_loopback_where_we_have_nothing_else(self) -> None:
        """Daemons on one machine without a network find each other."""
        self.swarm.listening = (("127.0.0.1", 7007),)
        self.bitween.begin()
        here = PeerAddress.parse("127.0.0.1", 8008)
        self.bob.announce([FILM], [Candidate(here)])
        self.download()
        self.assertEqual(self.swarm.offered[FILM.info_hash], (here,))

    def test_a_folder_that_cannot_be_written(self) -> None:
        """A download to an impossible place is refused, by its name."""
        path = self.file()
        for folder in (path, os.path.join(path, "below"), "relative"):
            downloading = self.bitween.downloads.start(FILM.info_hash, folder)
            failure = self.failureResultOf(Deferred.fromCoroutine(downloading), BadPath)
            self.assertIn(folder, str(failure.value))
        self.assertEqual(self.bitween.torrents.all(), [])

    # ---- contacts

    def test_a_stranger_s_word_does_not_count(self) -> None:
        """Only contacts whom we follow, and our own account, come into the catalogue."""
        self.carol.announce([FILM], [])
        self.assertEqual(self.find().total, 0)
        other = FakeMessenger("alice@example.org/server", self.server)
        other.start()
        other.announce([FILM], [])
        self.assertEqual(self.find().items[0].contacts, ("alice@example.org",))

    def test_a_contact_who_goes(self) -> None:
        """Who is offline is away; who is removed is forgotten."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertTrue(self.find().items[0].online)
        self.bob.stop()
        self.assertFalse(self.find().items[0].online)
        self.successResultOf(self.bitween.contacts.remove(BOB))
        self.assertEqual(self.find().total, 0)
        self.assertEqual(self.changes[-1].gone[0].share, FILM)

    def test_a_lost_connection(self) -> None:
        """Without a connection nobody is known to be there."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.messenger.stop()
        self.assertFalse(self.find().items[0].online)

    def test_a_link_that_is_lost_for_a_moment(self) -> None:
        """As long as the session may be resumed, what is known of contacts holds."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        for resuming in (True, False):
            status = replace(
                self.messenger.status, state=ConnectionState.WAITING, resuming=resuming
            )
            self.messenger.events.notify(ConnectionChanged(status=status))
            self.assertIs(self.find().items[0].online, resuming)

    def test_find_among_a_contact_s_shares(self) -> None:
        """Naming somebody who is no contact is an error, not an empty list."""
        self.bob.announce([FILM], [])
        self.assertEqual(self.find(BOB).total, 1)
        finding = Deferred.fromCoroutine(self.bitween.shares.find(contact=CAROL))
        self.failureResultOf(finding, UnknownContact)

    # ---- lists of which an item tells only a part

    def hear(self, head: Announcement) -> Announcement:
        """Let alice hear of bob's item, of whose list the server knows all; what she knows then."""
        shares = {share.info_hash: share for share in numbered(20)}
        whole = Announcement("laptop", shares, (BOBS_ADDRESS,), "theirs", 20)
        self.server.account(BOB).items["laptop"] = whole
        event = ItemPublished(jid=BOB, item_id="laptop", announcements=(head,))
        self.messenger.events.notify(event)
        return self.bitween.shares.listings()[BOB]["laptop"].announcement

    def part(self, *shares: Share, since: int, revision: int) -> Announcement:
        """An item that tells only the last changes of bob's list."""
        said = {share.info_hash: share for share in shares}
        return Announcement(
            *("laptop", said, (BOBS_ADDRESS,), "theirs", revision), complete=False, since=since
        )

    def test_what_an_item_leaves_out_is_read(self) -> None:
        """From the resource itself, as soon as it is there."""
        head = self.part(*numbered(20)[-2:], since=18, revision=20)
        known = self.hear(head)
        self.assertEqual(set(known.shares.values()), set(numbered(20)))
        self.assertEqual((known.revision, known.complete), (20, True))

    def test_nothing_is_read_of_who_is_away(self) -> None:
        """Until the resource is there, its item has to do."""
        self.bob.stop()
        known = self.hear(self.part(*numbered(20)[-2:], since=18, revision=20))
        self.assertEqual((list(known.shares.values()), known.complete), (numbered(20)[-2:], False))
        self.bob.start()
        known = self.bitween.shares.listings()[BOB]["laptop"].announcement
        self.assertEqual(len(known.shares), 20)

    def test_who_can_follow_reads_nothing(self) -> None:
        """An item that goes on from what is known is enough."""
        self.hear(self.part(*numbered(20)[-2:], since=18, revision=20))
        known = self.hear(self.part(numbered(21)[-1], since=20, revision=21))
        self.assertEqual(set(known.shares.values()), set(numbered(21)))
        self.assertEqual((known.revision, known.complete), (21, True))

    def test_pages_of_nobody_change_nothing(self) -> None:
        """Of a stranger, or of a resource that announces nothing."""
        page = ListPage("x", 1, tuple(numbered(3)), reset=True, complete=True)
        for jid, resource in (("mallory@example.org", "x"), (BOB, "desk")):
            self.messenger.events.notify(ListingReceived(jid=jid, resource=resource, page=page))
        self.assertEqual(self.find().total, 0)

    # ---- the daemon

    def test_the_status_sums_up(self) -> None:
        """The status sums up."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.swarm.arrive(FILM.info_hash, total=1000, done=100)
        status = self.bitween.status.report()
        totals = status.totals
        self.assertEqual(
            (totals.torrents, totals.complete, totals.size, totals.done), (1, 0, 1000, 100)
        )
        self.assertEqual((totals.contacts, totals.contacts_online), (1, 1))
        self.assertEqual((status.own_jid, status.addresses), ("alice@example.org", (OUR_ADDRESS,)))

    def test_stop_is_passed_on(self) -> None:
        """Stopping is handed on."""
        self.bitween.stop()
        self.assertEqual(self.stops, 1)
