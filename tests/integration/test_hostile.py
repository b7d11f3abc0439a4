"""What others send: the prototype's form is read, nonsense dropped, strangers refused."""

from __future__ import annotations

from typing import Any

from bitween.xmpp.namespaces import NS_SHARES
from tests.support.harness import Daemon, EjabberdTestCase, OnEveryServer, ProsodyTestCase
from tests.support.raw_client import RawClient

GOOD, OTHER = "ab" * 20, "cd" * 20

# What the prototype publishes: one item that speaks of several resources.
PROTOTYPE = f"""
<user_shares xmlns='{NS_SHARES}'>
  <resource resource='laptop'>
    <share_item name='holiday' hash='{GOOD}' size='123'/>
    <ip_address address='192.0.2.7' port='6881'/>
    <ip_address address='2001:db8::7' port='6881'/>
  </resource>
  <resource resource='server'>
    <share_item name='films' hash='{OTHER}' size='456'/>
    <ip_address address='192.0.2.8' port='6882'/>
  </resource>
</user_shares>
"""

DEEP = "<d>" * 30 + "</d>" * 31

HOSTILE = f"""
<user_shares xmlns='{NS_SHARES}'>
  <resource resource='laptop'>
    <share_item name='../../etc/passwd&#x202e;gpj' hash='{GOOD}' size='5'/>
    <share_item name='bad hash' hash='zz' size='5'/>
    <share_item name='bad size' hash='{OTHER}' size='-5'/>
    <share_item hash='{OTHER}' size='5'/>
    <ip_address address='192.0.2.7' port='0'/>
    <ip_address address='192.0.2.7' port='70000'/>
    <ip_address address='example.org' port='6881'/>
    <ip_address address='192.0.2.9' port='6881'/>
  </resource>
  <resource/>
  <unknown/>
</user_shares>
"""


class Hostility(OnEveryServer):
    """A daemon called alice, and another client."""

    async def rig(self) -> tuple[Daemon, RawClient]:
        """Start alice's daemon and bob's raw client; they are no contacts yet."""
        server = self.server("alice", "bob")
        alice = self.daemon(server, "alice")
        await alice.start()
        await alice.online()
        bob = RawClient(server, "bob", "laptop")
        self.addCleanup(bob.stop)
        await bob.online
        return alice, bob

    async def befriend(self, alice: Daemon, bob: RawClient) -> None:
        """Make them see each other: without that, PEP tells of no change."""
        bob.subscription("subscribe", alice.jid)
        await alice.until(
            lambda result: any(c["pending"] == "in" for c in result["contacts"]),
            "xmpp.get_contacts",
        )
        await alice.call("xmpp.accept_contact", jid="bob@localhost")
        await alice.until(
            lambda result: any(c["subscription"] == "both" for c in result["contacts"]),
            "xmpp.get_contacts",
        )

    async def shares_of_bob(self, alice: Daemon, *, count: int) -> dict[str, Any]:
        """Wait until alice knows of that many shares; bob's resources."""
        await alice.until(lambda result: result["total"] == count, "xmpp.find")
        shares: dict[str, Any] = (await alice.call("xmpp.get_shares"))["shares"]
        return shares["bob@localhost"]  # type: ignore[no-any-return]  # JSON

    async def test_the_prototype_s_payload(self) -> None:
        """One item with several resources is read; who is online decides what can be dialled."""
        alice, bob = await self.rig()
        await self.befriend(alice, bob)
        await bob.publish(PROTOTYPE)
        resources = await self.shares_of_bob(alice, count=2)
        self.assertEqual(
            resources["laptop"],
            {
                "ip_v4": [["192.0.2.7", 6881]],
                "ip_v6": [["2001:db8::7", 6881]],
                "online": True,
                "shares": {
                    GOOD: {"hash": GOOD, "name": "holiday", "size": 123, "note": "", "tags": []}
                },
            },
        )
        self.assertFalse(resources["server"]["online"], "no such resource is logged in")
        hashes = (await alice.call("xmpp.get_hashes"))["hashes"]
        self.assertEqual(list(hashes), [GOOD])
        self.assertCountEqual(hashes[GOOD], [["192.0.2.7", 6881], ["2001:db8::7", 6881]])

    async def test_bad_entries_among_good_ones(self) -> None:
        """Ports, addresses, hashes and sizes that are none are dropped, and the rest stands."""
        alice, bob = await self.rig()
        await self.befriend(alice, bob)
        await bob.publish(HOSTILE)
        laptop = (await self.shares_of_bob(alice, count=1))["laptop"]
        self.assertEqual(laptop["ip_v4"], [["192.0.2.9", 6881]])
        name = laptop["shares"][GOOD]["name"]
        self.assertNotIn("/", name)
        self.assertNotIn("\u202e", name)

    async def test_payloads_that_are_none(self) -> None:
        """Another namespace, nothing at all, deep nesting: the daemon goes on."""
        alice, bob = await self.rig()
        await self.befriend(alice, bob)
        for number, payload in enumerate(
            ("<x xmlns='y'/>", f"<user_shares xmlns='{NS_SHARES}'/>", "<d xmlns='d'>" + DEEP)
        ):
            await bob.publish(payload, f"odd-{number}")
        await bob.publish(PROTOTYPE)
        await self.shares_of_bob(alice, count=2)
        self.assertNotIn("Traceback", alice.log)

    async def test_events_of_strangers_change_nothing(self) -> None:
        """Events of a stranger change nothing, and are logged once."""
        alice, bob = await self.rig()
        event = (
            "<event xmlns='http://jabber.org/protocol/pubsub#event'>"
            f"<items node='{NS_SHARES}'><item id='current'>{PROTOTYPE}</item></items></event>"
        )
        for _ in range(3):
            bob.message(f"{alice.jid}/{await self.resource(alice)}", event)
        # What is sent later arrives later: the request shows that the events were read.
        bob.subscription("subscribe", alice.jid)
        await alice.until(
            lambda result: any(c["pending"] == "in" for c in result["contacts"]),
            "xmpp.get_contacts",
        )
        self.assertEqual((await alice.call("xmpp.find"))["total"], 0)
        refused = "refused an event of bob@localhost"
        self.assertEqual(alice.log.count(refused), 1, alice.log)

    async def test_a_contact_who_is_removed(self) -> None:
        """With the contact go its shares."""
        alice, bob = await self.rig()
        await self.befriend(alice, bob)
        await bob.publish(PROTOTYPE)
        await self.shares_of_bob(alice, count=2)
        await alice.call("xmpp.remove_contact", jid="bob@localhost")
        await alice.until(lambda result: result["total"] == 0, "xmpp.find")

    async def resource(self, daemon: Daemon) -> str:
        """The resource that a daemon is logged in with."""
        status = await daemon.call("Api.status")
        return str(status["jid"]).partition("/")[2]


class ProsodyHostileTests(Hostility, ProsodyTestCase):
    """On Prosody."""


class EjabberdHostileTests(Hostility, EjabberdTestCase):
    """On ejabberd."""
