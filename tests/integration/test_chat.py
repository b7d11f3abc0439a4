"""A daemon that is told what to do by a chat program of the same account."""

from __future__ import annotations

import os
from typing import Any

from twisted.words.protocols.jabber.error import StanzaError

from bitween.xmpp.namespaces import NS_COMMANDS
from tests.support.harness import Daemon, EjabberdTestCase, OnEveryServer, ProsodyTestCase
from tests.support.raw_client import RawClient

DISCO = "http://jabber.org/protocol/disco"


class ChatControl(OnEveryServer):
    """Alice's daemon, her phone, and bob who shares something."""

    async def phone(self, server: Any, user: str) -> RawClient:
        """Log in with a chat program."""
        phone = RawClient(server, user, "phone")
        self.addCleanup(phone.stop)
        await phone.online
        return phone

    async def run_command(
        self, client: RawClient, to: str, node: str, session: str = "", form: str = ""
    ) -> Any:
        """Have a command run; the answer's command."""
        given = f"sessionid='{session}'" if session else ""
        content = f"<command xmlns='{NS_COMMANDS}' node='{node}' {given}>{form}</command>"
        return (await client.request("set", to, content)).command

    async def address(self, daemon: Daemon) -> str:
        """The full JID of a daemon."""
        return str((await daemon.call("Api.status"))["jid"])

    async def test_our_other_client_can_run_commands(self) -> None:
        """The phone finds the commands, looks, and has something of bob's downloaded."""
        server = self.server("alice", "bob")
        alice, bob = await self.contacts(server, "alice", "bob")
        path = self.make_file("holiday.tar", os.urandom(100_000))
        info_hash = await bob.share(path)
        await alice.finds(info_hash)
        daemon = await self.address(alice)
        phone = await self.phone(server, "alice")

        query = f"<query xmlns='{DISCO}#items' node='{NS_COMMANDS}'/>"
        items = (await phone.request("get", daemon, query)).query
        self.assertEqual([e["node"] for e in items.elements()], ["list", "get", "status"])
        status = await self.run_command(phone, daemon, "status")
        facts = {e["label"]: str(e.value) for e in status.x.elements() if e.name == "field"}
        self.assertEqual((status["status"], facts["Connection"]), ("completed", "online"))

        asking = await self.run_command(phone, daemon, "get")
        self.assertEqual((asking["status"], asking.x.field["var"]), ("executing", "share"))
        form = (
            "<x xmlns='jabber:x:data' type='submit'>"
            "<field var='share'><value>holiday</value></field></x>"
        )
        done = await self.run_command(phone, daemon, "get", asking["sessionid"], form)
        self.assertIn("holiday.tar will be downloaded", str(done.note))
        self.assert_same(path, await alice.complete(info_hash))
        listed = await self.run_command(phone, daemon, "list")
        (table,) = [form for form in listed.elements("jabber:x:data", "x") if form.reported]
        row = {cell["var"]: str(cell.value) for cell in table.item.elements()}
        self.assertEqual((row["Name"], row["Done"]), ("holiday.tar", "100%"))

    async def test_others_cannot_run_commands(self) -> None:
        """A stranger who knows the full address finds nobody there, a contact is refused."""
        server = self.server("alice", "bob", "mallory")
        alice, _ = await self.contacts(server, "alice", "bob")
        daemon = await self.address(alice)
        for user, condition in (("bob", "forbidden"), ("mallory", "service-unavailable")):
            client = await self.phone(server, user)
            for node in ("list", "get", "status"):
                error = await self.refused(self.run_command(client, daemon, node))
                self.assertEqual(error.condition, condition)

    async def refused(self, request: Any) -> StanzaError:
        """The error that a request gets."""
        try:
            await request
        except StanzaError as error:
            return error
        raise AssertionError("it was not refused")


class ProsodyChatTests(ChatControl, ProsodyTestCase):
    """On Prosody."""


class EjabberdChatTests(ChatControl, EjabberdTestCase):
    """On ejabberd."""
