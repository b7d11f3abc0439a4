"""What four people see, fetch and cannot fetch, before and after each change of access."""

from __future__ import annotations

import filecmp
import os
import time

from tests.support.audiences_case import BOB, CAROL, DAVE, FAMILY, LOCKED, AudiencesCase
from tests.support.harness import EjabberdTestCase, ProsodyTestCase
from tests.support.noise import MIB, noise

#: bytes of what is on the way while access changes.
SIZE = 16 * MIB


def only(shares: dict[str, str], *names: str) -> dict[str, str]:
    """The shares with these names."""
    return {name: shares[name] for name in names}


class Audiences(AudiencesCase):
    """Each sees and fetches what alice lets it, and nothing else."""

    async def test_each_audience(self) -> None:
        """Who may have a share gets it; who may not gets nothing, even with the info-hash."""
        await self.begin()
        shares = await self.share_four()
        await self.see(self.bob, only(shares, "everybody", "family", LOCKED))
        await self.see(self.carol, only(shares, "everybody", LOCKED))
        await self.see(self.dave, only(shares, "everybody", "dave", LOCKED))
        await self.cannot_fetch(
            (self.bob, shares["dave"]),
            (self.bob, shares[LOCKED]),
            (self.carol, shares["family"]),
            (self.carol, shares["dave"]),
            (self.carol, shares[LOCKED]),
            (self.dave, shares["family"]),
        )
        for daemon, names in (
            (self.bob, ("everybody", "family")),
            (self.carol, ("everybody",)),
            (self.dave, ("everybody", "dave", LOCKED)),
        ):
            for name in names:
                await self.fetch(daemon, name, shares[name])
        # Now others have them, too; they give nothing away.
        await self.cannot_fetch(
            (self.bob, shares["dave"]),
            (self.carol, shares["family"]),
            (self.carol, shares["dave"]),
            (self.dave, shares["family"]),
        )

    async def test_narrower_and_wider(self) -> None:
        """What is taken from some has another hash for the rest; who is added gets it."""
        await self.begin()
        old = await self.share("film", "contacts")
        for daemon in (self.bob, self.carol, self.dave):
            await self.see(daemon, {"film": old})
        new = await self.restrict(old, DAVE)
        self.assertNotEqual(new, old)
        await self.see(self.dave, {"film": new})
        for daemon in (self.bob, self.carol):
            await self.see(daemon, {})
        await self.cannot_fetch(
            (self.bob, old), (self.bob, new), (self.carol, old), (self.carol, new)
        )
        self.assertEqual(await self.restrict(new, DAVE, FAMILY), new)
        await self.see(self.bob, {"film": new})
        await self.see(self.carol, {})
        await self.fetch(self.bob, "film", new)
        await self.cannot_fetch((self.carol, new))
        self.assertEqual(await self.restrict(new, "contacts"), new)
        await self.see(self.carol, {"film": new})
        await self.fetch(self.carol, "film", new)
        await self.fetch(self.dave, "film", new)

    async def test_a_lock(self) -> None:
        """A share that becomes listed shows its name to the others, but not its content."""
        await self.begin()
        film = await self.share("film", DAVE)
        await self.see(self.dave, {"film": film})
        await self.see(self.carol, {})
        self.assertEqual(await self.restrict(film, DAVE, listed=True), film)
        await self.see(self.carol, {"film": film})
        await self.cannot_fetch((self.carol, film))
        self.assertEqual(await self.restrict(film, DAVE, CAROL, listed=True), film)
        await self.see(self.carol, {"film": film})
        await self.fetch(self.carol, "film", film)
        self.assertEqual(await self.restrict(film, DAVE, CAROL, listed=False), film)
        await self.see(self.bob, {})

    async def test_a_group(self) -> None:
        """Who leaves the group loses the share; who comes in gets it."""
        await self.begin()
        old = await self.share("film", FAMILY, DAVE)
        await self.see(self.bob, {"film": old})
        await self.set_groups(BOB)
        await self.see(self.bob, {})
        new = await self.renewed("film", old)
        await self.see(self.dave, {"film": new})
        await self.cannot_fetch((self.bob, old), (self.bob, new))
        await self.set_groups(CAROL, "Family", "Work")
        await self.see(self.carol, {"film": new})
        await self.fetch(self.carol, "film", new)
        await self.fetch(self.dave, "film", new)

    async def test_a_contact_who_is_removed(self) -> None:
        """Nothing is seen or got any more; the others have another secret, or another hash."""
        await self.begin()
        shares = await self.share_four()
        await self.see(self.dave, only(shares, "everybody", "dave", LOCKED))
        await self.alice.call("xmpp.remove_contact", jid=DAVE)
        await self.see_nothing(self.dave)
        renewed = await self.renewed("dave", shares["dave"])
        await self.cannot_fetch(
            (self.dave, shares["everybody"]), (self.dave, shares["dave"]), (self.dave, renewed)
        )
        await self.see(
            self.bob,
            {
                **only(shares, "everybody", "family"),
                LOCKED: await self.renewed(LOCKED, shares[LOCKED]),
            },
        )
        await self.fetch(self.bob, "everybody", shares["everybody"])
        await self.fetch(self.bob, "family", shares["family"])

    async def test_an_end(self) -> None:
        """When the end has come, nobody sees or gets the share."""
        await self.begin()
        end = int(time.time()) + 30
        opened = await self.share("open", "contacts", expires=end)
        film = await self.share("film", FAMILY, DAVE, expires=end)
        await self.see(self.carol, {"open": opened})
        await self.see(self.bob, {"open": opened, "film": film})
        await self.fetch(self.bob, "film", film)
        for daemon in (self.bob, self.carol, self.dave):
            await self.see(daemon, {})
        self.assertGreaterEqual(time.time(), end)
        hashes = [
            await self.renewed("film", film),
            await self.renewed("open", opened),
            film,
            opened,
        ]
        await self.cannot_fetch(*((self.dave, info_hash) for info_hash in hashes))
        await self.cannot_fetch(*((self.carol, info_hash) for info_hash in hashes))

    async def test_running_transfers(self) -> None:
        """Who goes is cut off; who stays goes on under the new info-hash by itself."""
        await self.begin("--upload-limit", str(2 * MIB))
        path = self.make_file("film", noise(SIZE))
        added = await self.alice.call("bt.add_path", path=path, wait=True, access=[BOB, DAVE])
        old = str(added["hash"])
        for daemon in (self.bob, self.dave):
            await self.see(daemon, {"film": old})
            await daemon.call("bt.add_torrent_by_hash", hash=old)
        for daemon in (self.bob, self.dave):
            await daemon.torrent_where(old, lambda torrent: torrent["done"] > MIB)
        new = await self.restrict(old, BOB)
        await self.dave.torrent_where(old, lambda torrent: torrent["peers"] == 0)
        arrived = await self.bob.torrent_where(new, lambda torrent: torrent["complete"])
        (file,) = arrived["files"]
        self.assertEqual(file["path"], "film", "it began again beside what was there")
        (alice,) = [
            contact
            for contact in (await self.bob.call("xmpp.get_contacts"))["contacts"]
            if contact["jid"] == self.alice.jid
        ]
        # A piece or two may have been on their way; a second copy was not fetched.
        self.assertLess(alice["downloaded"], SIZE + 3 * MIB)
        copy = os.path.join(arrived["save_path"], file["path"])
        self.assertTrue(filecmp.cmp(path, copy, shallow=False))
        torrents = (await self.bob.call("bt.get_torrents"))["torrents"]
        self.assertEqual([torrent["hash"] for torrent in torrents], [new])
        (cut,) = (await self.dave.call("bt.get_torrents"))["torrents"]
        self.assertEqual((cut["hash"], cut["complete"], cut["peers"]), (old, False, 0))


class ProsodyAudienceTests(Audiences, ProsodyTestCase):
    """On Prosody, which tells a blocked contact that we have gone; ejabberd does not."""

    async def test_a_contact_who_is_blocked(self) -> None:
        """It is as if the contact had been removed, until that is undone."""
        await self.begin()
        shares = await self.share_four()
        await self.see(self.bob, only(shares, "everybody", "family", LOCKED))
        await self.alice.call("xmpp.block", jid=BOB)
        await self.see_nothing(self.bob)
        renewed = await self.renewed("family", shares["family"])
        await self.cannot_fetch(
            (self.bob, shares["everybody"]), (self.bob, shares["family"]), (self.bob, renewed)
        )
        await self.fetch(self.carol, "everybody", shares["everybody"])
        await self.alice.call("xmpp.unblock", jid=BOB)
        again = {**only(shares, "everybody", LOCKED), "family": renewed}
        await self.see(self.bob, again)
        await self.fetch(self.bob, "family", renewed)
        await self.fetch(self.bob, "everybody", shares["everybody"])


class EjabberdAudienceTests(Audiences, EjabberdTestCase):
    """On ejabberd."""
