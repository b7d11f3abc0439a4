"""Contacts on another server, which may die."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from twisted.internet.utils import getProcessOutput

from tests.support.federated import FederatedProsody
from tests.support.harness import Daemon, ProsodyTestCase


class DeadServerTests(ProsodyTestCase):
    """Alice wants something of bob, whose server, and machine, have died."""

    async def shared(self) -> None:
        """Bob shares a file, and alice knows."""
        here, self.there = FederatedProsody("here"), FederatedProsody("there")
        self.run_server(here, "alice")
        self.run_server(self.there, "bob")
        here.knows(self.there)
        self.there.knows(here)
        here.restart()
        self.there.restart()
        self.alice, self.bob = self.daemon(here, "alice"), self.daemon(self.there, "bob")
        await self.make_contacts([self.alice, self.bob])
        self.path = self.make_file("film", os.urandom(100_000))
        self.info_hash = await self.bob.share(self.path)
        await self.alice.finds(self.info_hash)

    async def is_not_answering(self, alice: Daemon) -> None:
        """The contact, the share and the download all say so."""

        def silent(said: Any) -> bool:
            (contact,) = said["contacts"]
            return all(r["online"] and r["answering"] is False for r in contact["resources"])

        await alice.until(silent, "xmpp.get_contacts")
        (found,) = (await alice.call("xmpp.find"))["items"]
        self.assertEqual((found["online"], found["answering"]), (True, False))
        program = "import sys; from bitween.cli.main import main; sys.exit(main())"
        arguments = ["-c", program, "--state-dir", alice.state_dir, "shares"]
        shown = await getProcessOutput(sys.executable, arguments, env=os.environ)
        self.assertIn(b"\tnot answering\t", shown)
        await alice.torrent_where(
            self.info_hash, lambda torrent: torrent["waiting_for"] == [self.bob.jid]
        )

    async def test_it_was_killed(self) -> None:
        """Bob does not answer, not even when the server is back; then bob comes back."""
        await self.shared()
        self.there.kill()
        await self.bob.kill9()
        await self.alice.call("bt.add_torrent_by_hash", hash=self.info_hash)
        await self.is_not_answering(self.alice)
        self.there.start()
        await self.is_not_answering(self.alice)
        await self.bob.start()
        self.assert_same(self.path, await self.alice.complete(self.info_hash))

    async def test_a_hanging_server_of_a_contact_is_waited_for(self) -> None:
        """Bob does not answer until the hanging server goes on."""
        await self.shared()
        assert self.there.pid is not None
        os.kill(self.there.pid, signal.SIGSTOP)
        self.bob.freeze()
        await self.alice.call("bt.add_torrent_by_hash", hash=self.info_hash)
        await self.is_not_answering(self.alice)
        os.kill(self.there.pid, signal.SIGCONT)
        self.bob.thaw()
        self.assert_same(self.path, await self.alice.complete(self.info_hash))
