"""bitween is updated while the daemon runs: what child processes run is another then."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, cast

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from bitween.errors import BitweenError, DeletionFailed, HashingFailed, NotConnected, UploadFailed
from bitween.files.deletion import process as deletion
from bitween.files.hashing import hasher as hashing
from bitween.files.uploads import process as uploads
from bitween.util.own_code import OwnCode
from bitween.xmpp.session import key_derivation
from bitween.xmpp.session.scram import KeyRequest
from tests.support.swarms import SwarmCase, write


def updated(folder: str) -> OwnCode:
    """The code of a package that was updated since."""
    path = write(os.path.join(folder, "part", "worker.py"), b"old")
    code = OwnCode("bitween.part.worker", folder)
    write(path, b"new")
    return code


class OwnCodeTests(SynchronousTestCase):
    """What is taken for another code."""

    def setUp(self) -> None:
        """Install a package."""
        self.package = os.path.abspath(self.mktemp())
        self.worker = write(os.path.join(self.package, "part", "worker.py"), b"old")
        self.version = write(os.path.join(self.package, "__init__.py"), b"1")
        self.code = OwnCode("bitween.part.worker", self.package)

    def test_the_same(self) -> None:
        """Installed once more it is the same, whatever the files' times say."""
        write(self.worker, b"old")
        os.utime(self.version, (1, 1))
        self.assertFalse(self.code.is_updated)

    def test_another_version(self) -> None:
        """The version counts, though the module is the same."""
        write(self.version, b"2")
        self.assertTrue(self.code.is_updated)

    def test_another_module(self) -> None:
        """The module counts, though the version is the same."""
        write(self.worker, b"new")
        self.assertTrue(self.code.is_updated)

    def test_a_removed_package_counts_as_updated(self) -> None:
        """A package that is gone is another, too."""
        os.unlink(self.worker)
        self.assertTrue(self.code.is_updated)

    def test_where_the_workers_are(self) -> None:
        """The modules that are looked at are there."""
        for part in (hashing, deletion, uploads, key_derivation):
            for path in cast(Any, part)._CODE.paths:  # noqa: SLF001  # each module has its own
                self.assertTrue(os.path.isfile(path), path)


class UpdatedTests(TestCase):
    """Each kind of child process says that the daemon has to be restarted."""

    def check(self, error: BitweenError) -> None:
        """See that an error says what is wrong and what helps."""
        self.assertIn("bitween was updated", error.message)
        self.assertIn("restart the daemon", error.message + error.hint)

    def update(self, part: Any) -> None:
        """Update bitween."""
        self.patch(part, "_CODE", updated(os.path.abspath(self.mktemp())))

    async def test_after_an_update_no_new_hashing_starts(self) -> None:
        """What runs already goes on; nothing new is started."""
        hasher = hashing.Hasher(cast(Any, reactor))
        hasher.startService()
        self.addCleanup(hasher.stopService)
        path = write(os.path.abspath(self.mktemp()) + "/file", b"content")
        self.update(hashing)
        self.assertEqual((await hasher.hash_path(path, lambda *_: None)).total_size, 7)
        running = hasher.hash_path(path, lambda *_: None).addErrback(lambda _: None)
        waiting = [hasher.hash_path(path, lambda *_: None) for _ in range(2)]
        running.cancel()
        for each in (*waiting, hasher.hash_path(path, lambda *_: None)):
            with self.assertRaises(HashingFailed) as caught:
                await each
            self.check(caught.exception)

    def test_after_an_update_no_upload_starts(self) -> None:
        """Nothing is begun."""
        self.update(uploads)
        error = self.assertRaises(
            UploadFailed,
            uploads.Writer.begin,
            cast(Any, reactor),
            [self.mktemp(), "name"],
            lambda _: None,
            lambda _: None,
        )
        self.check(cast(BitweenError, error))

    async def test_after_an_update_the_log_in_waits(self) -> None:
        """The log-in fails for now, and tells why."""
        self.update(key_derivation)
        request = KeyRequest("sha256", b"salt", key_derivation.IN_PLACE + 1)
        deriving = key_derivation.KeyDerivation(reactor).derive(b"secret", request)
        with self.assertRaises(NotConnected) as caught:
            await deriving
        self.check(caught.exception)


class DeletionTests(SwarmCase):
    """Deleting files."""

    async def test_nothing_is_done(self) -> None:
        """The torrent stays, too, so that its files can be deleted after a restart."""
        swarm = await self.start()
        path = write(os.path.join(self.folder(), "film.mkv"), b"film")
        info_hash = await self.share(swarm, path)
        self.patch(deletion, "_CODE", updated(self.folder()))
        for ask in (swarm.deletion, partial(swarm.remove, delete_data=True)):
            with self.assertRaisesRegex(DeletionFailed, "bitween was updated") as caught:
                await ask(info_hash)
            self.assertEqual(caught.exception.hint, "restart the daemon")
        self.assertIn(info_hash, swarm.library)
        self.assertTrue(os.path.exists(path))
        await swarm.remove(info_hash, delete_data=False)
