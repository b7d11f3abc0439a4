"""The commands about the daemon itself, as their own processes, against a real API."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from twisted.internet import reactor

from bitween.model.connection import ConnectionState
from bitween.storage import api_location
from bitween.storage.api_location import ApiLocation
from tests.support.cli_case import BOB, JID, A, CliCase, Watcher


class DaemonTests(CliCase):
    """``contacts``, ``status``, ``stop`` and ``call``."""

    async def test_contacts_are_listed_added_accepted_and_removed(self) -> None:
        """They are listed, asked, accepted and removed."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "a"})
        await self.world.contact("eve@example.org", "x").add_contact(JID, "")
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(rows[0], [BOB, "", "both", "online", "", "1", "", "", ""])
        phone = self.world.contact("carol@example.org", "phone")
        phone.befriend([JID])
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        there = {row[0]: row[3] for row in rows}
        self.assertEqual(there["carol@example.org"], "without bitween")
        await self.done("contacts", "remove", "carol@example.org")
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(rows[1][-1], "asks you: contacts accept")
        await self.done("contacts", "accept", "eve@example.org")
        await self.done("contacts", "remove", BOB)
        await self.done("contacts", "add", "carol@example.org", "--nick", "Carol")
        nicks = {contact.jid: contact.nick for contact in self.world.messenger.contacts}
        self.assertEqual(nicks["carol@example.org"], "Carol")
        self.assertIn("not among", await self.refused(1, "contacts", "remove", BOB))

    async def test_invitation_links_are_printed_and_accepted(self) -> None:
        """It is printed; a contact's link is accepted in place of a JID."""
        await self.serve()
        outcome = await self.done("contacts", "link")
        self.assertEqual(outcome.out.strip(), f"xmpp:{JID}?subscribe")
        await self.done("contacts", "add", "xmpp:carol@example.org?roster;name=Carol")
        (contact,) = self.world.messenger.contacts
        self.assertEqual(contact.jid, "carol@example.org")

    async def test_doctor_has_status_1_if_there_is_a_problem(self) -> None:
        """A table, what would help beside it, and status 1 if something is in the way."""
        await self.serve()
        outcome = await self.run_bitween("doctor")
        self.assertEqual(outcome.status, 1)
        self.assertIn("log-in\tgood\tconnected as", outcome.out)
        self.assertIn("disk: see --download-dir", outcome.err)
        self.assertIn("keeps transfers from working: disk", outcome.err)
        os.mkdir(self.path("downloads"))
        outcome = await self.run_bitween("doctor", "--json")
        self.assertEqual(outcome.status, 0)
        self.assertEqual(outcome.json["findings"][-1]["check"], "disk")

    async def test_forget_a_device(self) -> None:
        """A device that is gone for good is dropped; one that is there is not."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "a"})
        self.assertIn("online", await self.refused(1, "contacts", "forget", f"{BOB}/desk"))
        self.world.server.account(BOB).online["desk"].stop()
        self.assertIn("forgotten", (await self.done("contacts", "forget", f"{BOB}/desk")).out)
        self.assertEqual(self.world.bitween.shares.listings(), {})

    async def test_blocked_users_are_shown_until_unblocked(self) -> None:
        """Who is blocked is shown as such, contact or not, until it is undone."""
        await self.serve()
        self.world.contact_shares(BOB, {A: "a"})
        for jid in (BOB, "mallory@example.org"):
            await self.done("contacts", "block", jid)
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(
            [(row[0], row[-1]) for row in rows],
            [(BOB, "blocked"), ("mallory@example.org", "blocked")],
        )
        await self.done("contacts", "unblock", BOB)
        rows = [line.split("\t") for line in (await self.done("contacts")).out.splitlines()]
        self.assertEqual(rows[0][-1], "")

    async def test_status_as_text_and_as_json(self) -> None:
        """For a person, and as the API has it."""
        url = await self.serve()
        out = (await self.done("status")).out
        for part in (f"{JID}/den", "online", "127.0.0.1:6881", url):
            self.assertIn(part, out)
        status = replace(
            self.world.messenger.status, state=ConnectionState.WAITING, next_try=time.time() + 90
        )
        self.world.messenger.status = status
        self.assertIn("waiting, next try in 1:", (await self.done("status")).out)

    async def test_stop_waits_for_the_daemons_end(self) -> None:
        """The command ends when the daemon has."""
        await self.serve()
        daemon = Watcher()
        process = reactor.spawnProcess(
            daemon, "/bin/sh", ["sh", "-c", "read x"], env={}, usePTY=False
        )
        place = os.path.join(self.path("run"), "bitween", f"{JID}.json")
        published = api_location.read(place)
        assert process.pid is not None
        api_location.write(
            os.path.join(self.path("d"), "api.json"),
            ApiLocation(published.url, published.token, process.pid, JID),
        )
        self.world.on_stop = process.loseConnection
        self.assertEqual((await self.done("stop", "--state-dir", "d")).out, "stopped\n")
        await daemon.ended
        self.assertEqual(self.world.stopped, [True])

    async def test_call_takes_any_method(self) -> None:
        """Any method, with parameters by position or by name."""
        await self.serve()
        self.assertIn("bitween", (await self.done("call", "Api.versions")).json)
        for params in ('["x"]', '{"query": "x"}'):
            result = (await self.done("call", "xmpp.find", params)).json
            self.assertEqual(result, {"total": 0, "items": []})
        self.assertIn("no method 'no.such'", await self.refused(1, "call", "no.such"))
        said = await self.refused(1, "call", "xmpp.find", '{"query": 5}')
        self.assertTrue(said.startswith("bitween: parameter 'query': "), said)
        self.assertIn("'job' is missing", await self.refused(1, "call", "jobs.get"))
