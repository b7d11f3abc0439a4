"""Sharing paths."""

from __future__ import annotations

import os
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent

from bitween.errors import (
    BadPath,
    EmptyFolder,
    HashingFailed,
    NoSuchPath,
    UnknownTorrent,
)
from bitween.model.access import OPEN, PRIVATE
from bitween.model.annotation import Annotation
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate
from bitween.model.job import JobState
from bitween.model.seal import pack
from bitween.model.skipped_files import LeftOut, LeftOutEntry, Why
from bitween.model.torrent import FileEntry, InfoHash, Metainfo
from bitween.model.torrent_options import Limits
from tests.support.application_case import (
    BOBS_ADDRESS,
    FILM,
    OUR_ADDRESS,
    ApplicationCase,
)


class SharingTests(ApplicationCase):
    """Each path becomes a job, then a torrent that is announced."""

    def test_only_what_every_contact_may_see_is_announced(self) -> None:
        """A share that is for some contacts only is not announced to all, until it is again."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        self.hashed(path)
        for access, announced in ((PRIVATE, ()), (OPEN, (FILM,))):
            options = replace(self.swarm.library.get(FILM.info_hash).options, access=access)
            self.swarm.set_options(FILM.info_hash, options)
            self.assert_announced(*announced)

    def assert_announced(self, *expected: Share) -> None:
        """Check what is announced, each share with the seal that it was given."""
        assert self.messenger.announced is not None
        shares, candidates = self.messenger.announced
        seals = [self.swarm.library.get(share.info_hash).seal for share in expected]
        sealed = [
            replace(share, seal=pack(seal))
            for share, seal in zip(expected, seals, strict=True)
            if seal is not None
        ]
        self.assertEqual((list(shares), candidates), (sealed, (Candidate(OUR_ADDRESS),)))
        self.assertEqual(len(sealed), len(expected))

    def test_a_path_is_announced_once_it_is_hashed(self) -> None:
        """Our addresses are announced with it; the job has the result."""
        path = self.file()
        job = self.bitween.sharing.add_path(path)
        self.assertEqual((job.kind, job.subject, job.state), ("add", path, JobState.QUEUED))
        self.hasher.running[path].report(0, 1000)
        self.assertIs(self.bitween.jobs.get(job.id).state, JobState.RUNNING)
        self.assertEqual(self.messenger.announced, ((), (Candidate(OUR_ADDRESS),)))
        self.hashed(path)
        self.assert_announced(FILM)
        done = self.bitween.jobs.get(job.id)
        self.assertEqual(done.state, JobState.DONE)
        assert done.result is not None
        self.assertEqual(done.result.info_hash, FILM.info_hash)
        self.assertEqual(self.intended(), [])

    def test_a_changed_path_replaces_its_torrent(self) -> None:
        """Limits, queue position, note, tags and access pass on; other torrents stay."""
        path, now = self.file(), InfoHash("cd" * 20)
        other = InfoHash("ef" * 20)
        folder = os.path.dirname(path)
        self.swarm.share(Metainfo(FILM.info_hash, "film.mkv", FILM.size, b""), folder)
        self.swarm.share(Metainfo(other, "other.mkv", 5, b""), folder)
        options = replace(
            self.bitween.torrents.get(FILM.info_hash).options,
            limits=Limits(7, 8),
            queue_position=-1,
            annotation=Annotation("from the premiere", ("cinema",)),
            access=PRIVATE,
        )
        self.swarm.set_options(FILM.info_hash, options)
        job = self.bitween.sharing.add_path(path)
        self.hasher.running[path].answer.callback(Metainfo(now, "film.mkv", 2, b""))
        self.assertEqual({t.info_hash for t in self.bitween.torrents.all()}, {now, other})
        self.assertEqual(self.bitween.torrents.get(now).options, options)
        self.assertEqual(self.bitween.jobs.get(job.id).state, JobState.DONE)
        self.assertEqual(self.swarm.deleted, [])

    def test_a_replacing_share_keeps_its_own_note(self) -> None:
        """If the new content was shared before and has a note, the earlier note is dropped."""
        path, now = self.file(), InfoHash("cd" * 20)
        folder = os.path.dirname(path)
        for info_hash, note in ((FILM.info_hash, "earlier"), (now, "own")):
            self.swarm.share(Metainfo(info_hash, "film.mkv", 2, b""), folder)
            options = replace(
                self.bitween.torrents.get(info_hash).options, annotation=Annotation(note)
            )
            self.swarm.set_options(info_hash, options)
        self.bitween.sharing.add_path(path)
        self.hasher.running[path].answer.callback(Metainfo(now, "film.mkv", 2, b""))
        self.assertEqual([t.info_hash for t in self.bitween.torrents.all()], [now])
        self.assertEqual(self.bitween.torrents.get(now).options.annotation, Annotation("own"))

    def test_a_download_at_the_path_stays_unless_its_files_changed(self) -> None:
        """It is a contact's share, and not ours to replace."""
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

    def test_an_impossible_path_is_refused_at_once(self) -> None:
        """The error names the path, and no job starts."""
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

    def test_entries_that_are_left_out_are_logged(self) -> None:
        """The log names each entry, in clean text, and the reason."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        entries = (LeftOutEntry("bad\\xff", Why.NOT_UTF8), LeftOutEntry("pipe", Why.SPECIAL))
        info = Metainfo(FILM.info_hash, "film.mkv", 2, b"", LeftOut(entries, 3))
        with capturedLogs() as logged:
            self.hasher.running[path].answer.callback(info)
        (line,) = [str(formatEvent(e)) for e in logged if e["log_level"] is LogLevel.warn]
        self.assertIn(path, line)
        self.assertIn("without 3 of its entries", line)
        for text in ("'bad\\xff' (its name is not UTF-8)", "'pipe' (", "and 1 more"):
            self.assertIn(text, line)

    def test_a_failed_path_is_not_resumed(self) -> None:
        """The job has the error."""
        path = self.file()
        job = self.bitween.sharing.add_path(path)
        self.hasher.running[path].answer.errback(HashingFailed("it changed"))
        failed = self.bitween.jobs.get(job.id)
        self.assertEqual((failed.state, str(failed.error)), (JobState.FAILED, "it changed"))
        self.assertEqual(self.intended(), [])

    def test_a_path_that_is_being_hashed_is_resumed(self) -> None:
        """The next start hashes it again."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        self.bitween.close()
        self.assertEqual(self.intended(), [path])
        self.hasher.running.clear()
        self.make().begin()
        self.assertEqual(list(self.hasher.running), [path])

    def test_a_strict_path_is_resumed_as_such(self) -> None:
        """The next start refuses entries that cannot be shared, too."""
        path = self.file()
        self.bitween.sharing.add_path(path, strict=True)
        self.bitween.close()
        self.make().begin()
        self.assertEqual(self.hasher.strict, [True, True])

    def test_a_cancelled_path_is_not_resumed(self) -> None:
        """The next start does not hash it."""
        path = self.file()
        job = self.bitween.sharing.add_path(path)
        self.assertEqual(self.bitween.jobs.cancel(job.id).state, JobState.CANCELLED)
        self.assertEqual(self.intended(), [])

    def test_a_removed_torrent_is_no_longer_announced(self) -> None:
        """Removing it twice is an error."""
        path = self.file()
        self.bitween.sharing.add_path(path)
        self.hashed(path)
        self.successResultOf(Deferred.fromCoroutine(self.bitween.torrents.remove(FILM.info_hash)))
        self.assertEqual(self.messenger.announced, ((), (Candidate(OUR_ADDRESS),)))
        again = Deferred.fromCoroutine(self.bitween.torrents.remove(FILM.info_hash))
        self.failureResultOf(again, UnknownTorrent)
