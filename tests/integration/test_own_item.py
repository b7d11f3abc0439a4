"""What a daemon announces stays true, whatever another program of its account makes of it."""

from __future__ import annotations

from bitween.xmpp.namespaces import NS_SHARES
from tests.support.harness import Daemon, EjabberdTestCase, OnEveryServer, ProsodyTestCase
from tests.support.raw_client import RawClient

PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = f"{PUBSUB}#owner"
NOTHING = (
    f"<user_shares xmlns='{NS_SHARES}'><resource resource='laptop'>"
    "<list xmlns='urn:bitween:1' id='another' revision='7' count='0' size='0'/>"
    "</resource></user_shares>"
)


class OwnItem(OnEveryServer):
    """Alice's daemon, another program of hers, and bob who looks."""

    async def begin(self) -> tuple[Daemon, RawClient, Daemon, str]:
        """Alice's daemon shares something that bob has found."""
        server = self.running = self.server("alice", "bob")
        alice = self.daemon(server, "alice", resource="laptop")
        bob = self.daemon(server, "bob")
        await self.make_contacts([alice, bob])
        info_hash = await alice.share(self.make_file("holiday.tar", b"x" * 1000))
        await bob.finds(info_hash)
        other = RawClient(server, "alice", "other")
        self.addCleanup(other.stop)
        await other.online
        return alice, other, bob, info_hash

    async def loses_and_finds(self, bob: Daemon, info_hash: str) -> None:
        """Bob is told what is false, and then what is true."""
        await bob.until(lambda page: not page["total"], "xmpp.find", query=info_hash)
        await bob.finds(info_hash)

    async def access_model(self, client: RawClient, alice: Daemon) -> str:
        """Who may read alice's node."""
        get = f"<pubsub xmlns='{OWNER}'><configure node='{NS_SHARES}'/></pubsub>"
        form = (await client.request("get", alice.jid, get)).pubsub.configure.x
        values = {field.getAttribute("var"): str(field.value) for field in form.elements()}
        return values["pubsub#access_model"]

    def configured(self, model: str) -> str:
        """The request that lets others read the node, or not."""
        return (
            f"<pubsub xmlns='{OWNER}'><configure node='{NS_SHARES}'>"
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
            f"<value>{PUBSUB}#node_config</value></field>"
            f"<field var='pubsub#access_model'><value>{model}</value></field></x></configure>"
            "</pubsub>"
        )

    async def test_an_overwritten_item(self) -> None:
        """It is published again, and contacts see what is shared."""
        _, other, bob, info_hash = await self.begin()
        await other.publish(NOTHING, "laptop")
        await self.loses_and_finds(bob, info_hash)

    async def test_a_deleted_node(self) -> None:
        """It is made again as it was, closed and with room for every device."""
        alice, other, bob, info_hash = await self.begin()
        delete = f"<pubsub xmlns='{OWNER}'><delete node='{NS_SHARES}'/></pubsub>"
        await other.request("set", alice.jid, delete)
        # ejabberd tells nobody that a node was deleted, but of devices that come and go.
        await other.stop()
        desk = self.daemon(self.running, "alice", resource="desk")
        await desk.start()
        await desk.online()
        more = await desk.share(self.make_file("work.tar", b"y" * 1000))
        for found in (more, info_hash):
            await bob.finds(found)
        other = RawClient(self.running, "alice", "other")
        self.addCleanup(other.stop)
        await other.online
        self.assertEqual(await self.access_model(other, alice), "presence")

    async def test_a_node_that_was_opened(self) -> None:
        """Nothing more is published before it is closed again."""
        alice, other, bob, _ = await self.begin()
        await other.request("set", alice.jid, self.configured("open"))
        self.assertEqual(await self.access_model(other, alice), "open")
        info_hash = await alice.share(self.make_file("work.tar", b"y" * 1000))
        await bob.finds(info_hash)
        self.assertEqual(await self.access_model(other, alice), "presence")


class ProsodyOwnItemTests(OwnItem, ProsodyTestCase):
    """On Prosody."""


class EjabberdOwnItemTests(OwnItem, EjabberdTestCase):
    """On ejabberd."""
