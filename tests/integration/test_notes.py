"""A note and tags, between real daemons."""

from __future__ import annotations

from tests.support.harness import ProsodyTestCase
from tests.support.noise import noise


class NoteTests(ProsodyTestCase):
    """Alice says something about a share."""

    async def test_contacts_read_it_and_find_it_by_tag(self) -> None:
        """Bob sees it at once and after both restart, and no longer when Alice has removed it."""
        alice, bob = await self.contacts(self.server("alice", "bob"), "alice", "bob")
        info_hash = await alice.share(self.make_file("film.mkv", noise(1000)))
        await bob.finds(info_hash)
        await alice.call("bt.set_note", hash=info_hash, note="Grüße & <b>", tags=["summer 2026"])
        tagged = {"query": 'tag:"Summer 2026"'}
        found = await bob.until(lambda result: result["total"] == 1, "xmpp.find", **tagged)
        (item,) = found["items"]
        self.assertEqual((item["note"], item["tags"]), ("Grüße & <b>", ["summer 2026"]))
        for daemon in (alice, bob):
            await daemon.stop()
            await daemon.start()
        await bob.until(lambda result: result["total"] == 1, "xmpp.find", online=True, **tagged)
        await alice.call("bt.set_note", hash=info_hash, note="", tags=[])
        await bob.until(lambda result: result["total"] == 0, "xmpp.find", **tagged)
        await bob.finds(info_hash)
