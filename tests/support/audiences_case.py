"""Four people: a host who shares, and three contacts who may have different things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.support.harness import Daemon, OnEveryServer, together
from tests.support.noise import noise
from tests.support.raw_client import RawClient

FAMILY: Final = "group:Family"
ALICE, BOB, CAROL, DAVE = (f"{user}@localhost" for user in ("alice", "bob", "carol", "dave"))
#: A share that bob and carol see with a lock.
LOCKED: Final = "locked"
# Seconds in which a peer that may connect would have been connected several times.
_MOMENT = 3.0
_SIZE = 300_000


class AudiencesCase(OnEveryServer):
    """Alice shares; bob is in her roster group Family, carol and dave are in none."""

    alice: Daemon
    bob: Daemon
    carol: Daemon
    dave: Daemon
    chat: RawClient

    async def begin(self, *options: str) -> None:
        """
        Start four daemons, all contacts of each other, and put bob into the group.

        :param options: of the daemon of alice.
        """
        server = self.server("alice", "bob", "carol", "dave")
        self.alice = self.daemon(server, "alice", options=options)
        self.bob, self.carol, self.dave = (
            self.daemon(server, user) for user in ("bob", "carol", "dave")
        )
        await self.make_contacts([self.alice, self.bob, self.carol, self.dave])
        self.chat = RawClient(server, "alice", "chat")
        self.addCleanup(self.chat.stop)
        await self.chat.online
        await self.set_groups(BOB, "Family")

    async def set_groups(self, jid: str, *groups: str) -> None:
        """Have the chat program of alice put a contact into these groups."""
        inside = "".join(f"<group>{group}</group>" for group in groups)
        item = f"<item jid='{jid}'>{inside}</item>"
        await self.chat.request("set", ALICE, f"<query xmlns='jabber:iq:roster'>{item}</query>")

        def holds(result: Any) -> bool:
            return any(c["jid"] == jid and c["groups"] == list(groups) for c in result["contacts"])

        await self.alice.until(holds, "xmpp.get_contacts")

    async def share(self, name: str, *audiences: str, **options: object) -> str:
        """
        Share a file.

        :param options: further parameters of ``bt.add_path``.
        :returns: the info-hash.
        """
        path = self.make_file(name, noise(_SIZE, sum(name.encode())))
        parameters = {"access": list(audiences), **options}
        added = await self.alice.call("bt.add_path", path=path, wait=True, **parameters)
        return str(added["hash"])

    async def share_four(self) -> dict[str, str]:
        """
        Share with everybody, with the family, with dave, and with dave while others see a lock.

        :returns: the info-hashes by name.
        """
        return {
            "everybody": await self.share("everybody", "contacts"),
            "family": await self.share("family", FAMILY),
            "dave": await self.share("dave", DAVE),
            LOCKED: await self.share(LOCKED, DAVE, listed=True),
        }

    async def restrict(self, info_hash: str, *audiences: str, **options: object) -> str:
        """Set who may have a share; the info-hash that it has then."""
        parameters = {"access": list(audiences), **options}
        result = await self.alice.call("access.set", hash=info_hash, **parameters)
        return str(result["hash"])

    async def renewed(self, name: str, before: str) -> str:
        """Wait until a share of alice has another info-hash than before; that hash."""

        def current(result: Any) -> str | None:
            return next((t["hash"] for t in result["torrents"] if t["name"] == name), None)

        return str(
            current(
                await self.alice.until(
                    lambda result: current(result) not in (None, before), "bt.get_torrents"
                )
            )
        )

    async def see(self, daemon: Daemon, shares: Mapping[str, str]) -> None:
        """
        Wait until a contact sees exactly these shares of alice.

        Alice says the same of this contact.

        :param shares: info-hashes by name.
        """

        def shown(result: Any) -> bool:
            items = {(item["name"], item["hash"]) for item in result["items"] if item["online"]}
            return items == set(shares.items())

        await daemon.until(shown, "xmpp.find", contact=ALICE)
        said = (await self.alice.call("access.of", jid=daemon.jid))["shares"]
        self.assertEqual({(share["name"], share["hash"]) for share in said}, set(shares.items()))

    async def see_nothing(self, *daemons: Daemon) -> None:
        """Wait until nothing of alice is shown to contacts that she no longer lets see her."""
        for daemon in daemons:

            def shown(result: Any) -> bool:
                mine = (result["shares"].get(ALICE) or {}).values()
                return not any(device["online"] and device["shares"] for device in mine)

            await daemon.until(shown, "xmpp.get_shares")

    async def fetch(self, daemon: Daemon, name: str, info_hash: str) -> None:
        """Check that a contact gets a share."""
        arrived = await daemon.download(info_hash)
        self.assert_same(self.make_file(name, noise(_SIZE, sum(name.encode()))), arrived)

    async def cannot_fetch(self, *attempts: tuple[Daemon, str]) -> None:
        """Check that contacts who know info-hashes do not even learn the names of the files."""
        await together(
            [daemon.call("bt.add_torrent_by_hash", hash=wanted) for daemon, wanted in attempts]
        )
        await deferLater(reactor, _MOMENT)
        for daemon, info_hash in attempts:
            (torrent,) = (await daemon.call("bt.get_torrents", hashes=[info_hash]))["torrents"]
            self.assertEqual((torrent["files"], torrent["done"], torrent["peers"]), (None, 0, 0))
            await daemon.call("bt.del_torrent", hash=info_hash)
