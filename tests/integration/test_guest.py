"""The daemon as a guest: what a person's chat program, and those who write to it, notice of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from twisted.words.protocols.jabber.error import StanzaError

from bitween import __version__
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from tests.support.chat_program import ChatProgram
from tests.support.fakes.tcp_proxy import TcpProxy
from tests.support.harness import Daemon, EjabberdTestCase, IntegrationTestCase, ProsodyTestCase
from tests.support.private_ejabberd import PrivateEjabberd
from tests.support.raw_client import RawClient


class BareProsody(PrivateProsody):
    """Neither stores nor copies messages."""

    disabled = (*PrivateProsody.disabled, "offline")


class FullProsody(PrivateProsody):
    """Stores messages for who is away, archives them, and copies them to an account's devices."""

    more_modules = ("carbons", "mam")


class StoringProsody(PrivateProsody):
    """Only stores messages for users who are offline."""


class BareEjabberd(PrivateEjabberd):
    """Neither stores nor copies messages."""

    without = frozenset({"mod_offline", "mod_carboncopy"})


class FullEjabberd(PrivateEjabberd):
    """Stores messages for who is away, archives them, and copies them to an account's devices."""

    more_modules = ("mod_mam: {default: always}",)


class StoringEjabberd(PrivateEjabberd):
    """Only stores messages for users who are offline."""

    without = frozenset({"mod_carboncopy"})


# A mixin, so that trial does not run it on no server.
if TYPE_CHECKING:
    _Base = IntegrationTestCase
else:
    _Base = object


class Guest(_Base):
    """Alice's daemon, her chat program, and bob who writes to her."""

    carbons: ClassVar[bool] = False
    stores: ClassVar[bool] = False
    archives: ClassVar[bool] = False

    async def chat_program(self, server: PrivateServer, user: str) -> ChatProgram:
        """Log in with a chat program."""
        program = ChatProgram(server, user, "chat", carbons=self.carbons)
        self.addCleanup(program.quit)
        # The server has handled its presence.
        await program.sees("presence", sender=program.jid)
        return program

    async def full_jid(self, daemon: Daemon) -> str:
        """The full JID of a daemon."""
        return str((await daemon.call("Api.status"))["jid"])

    async def seen_by(self, program: ChatProgram, texts: Sequence[str]) -> None:
        """Wait until a chat program has got these, each once."""
        for text in texts:
            await program.sees("message", body=text)
        self.assertEqual(sorted(program.messages()), sorted(texts))

    async def test_messages_to_the_account(self) -> None:
        """None of them comes to the daemon, whether the person is there, comes later, or was."""
        server = self.server("alice", "bob")
        bob = await self.chat_program(server, "bob")
        before = self.daemon(server, "alice")
        bob.send(before.jid, "before the daemon")
        if not self.stores:
            await bob.until_errors(1)
        await before.start()
        await before.online()
        bob.send(before.jid, "while only the daemon is there")
        if not self.stores:
            await bob.until_errors(2)
        alice = await self.chat_program(server, "alice")
        bob.send(before.jid, "while both are there")
        stored = ["before the daemon", "while only the daemon is there"] if self.stores else []
        await self.seen_by(alice, [*stored, "while both are there"])
        if self.archives:
            self.assertIn("while only the daemon is there", await alice.archive())

    async def test_messages_while_the_daemon_is_cut_off(self) -> None:
        """None is lost on its dead link, nor when its session is resumed."""
        server = self.server("alice", "bob")
        link = TcpProxy(self, server.host, server.port)
        daemon = self.daemon(server, "alice", options=["--server", self.listen(link)])
        await daemon.start()
        await daemon.online()
        bob, alice = [await self.chat_program(server, user) for user in ("bob", "alice")]
        link.cut()
        bob.send(daemon.jid, "both hang on, one is dead")
        await self.seen_by(alice, ["both hang on, one is dead"])
        await alice.quit()
        bob.send(daemon.jid, "only the dead one is there")
        if not self.stores:
            await bob.until_errors(1)
        link.break_off()
        await daemon.until(lambda _: link.accepted > 1, "Api.status")
        bob.send(daemon.jid, "while it resumes")
        if not self.stores:
            await bob.until_errors(2)
        await daemon.online()
        alice = await self.chat_program(server, "alice")
        bob.send(daemon.jid, "both are there")
        stored = ["only the dead one is there", "while it resumes"] if self.stores else []
        await self.seen_by(alice, [*stored, "both are there"])

    async def test_messages_before_the_server_restarts(self) -> None:
        """What is stored is still there for the person, though the daemon is back first."""
        server = self.server("alice", "bob")
        daemon = self.daemon(server, "alice")
        await daemon.start()
        await daemon.online()
        bob = await self.chat_program(server, "bob")
        bob.send(daemon.jid, "before the restart")
        if not self.stores:
            await bob.until_errors(1)
        # The server has handled all that bob sent once bob is offline.
        await bob.quit()
        server.stop()
        await daemon.until(lambda status: status["connection"]["state"] != "online", "Api.status")
        server.start()
        await daemon.online()
        bob, alice = [await self.chat_program(server, user) for user in ("bob", "alice")]
        bob.send(daemon.jid, "after the restart")
        stored = ["before the restart"] if self.stores else []
        await self.seen_by(alice, [*stored, "after the restart"])

    async def test_messages_to_the_daemon(self) -> None:
        """Who writes to its full JID is told that nobody reads that, and is answered once."""
        server = self.server("alice", "bob")
        daemon = self.daemon(server, "alice")
        await daemon.start()
        await daemon.online()
        full = await self.full_jid(daemon)
        bob, alice = [await self.chat_program(server, user) for user in ("bob", "alice")]
        for kind in ("headline", "chat", "normal"):
            bob.send(full, f"a {kind}", kind)
        for count in (1, 2):
            await bob.until_errors(count)
        errors = [seen for seen in bob.seen if seen["what"] == "message"]
        self.assertEqual(
            [(error["kind"], error["sender"], error["error"]) for error in errors],
            [("error", full, "service-unavailable")] * 2,
        )
        alice.send(full, "to oneself")
        await alice.sees("message", kind="error", sender=full)
        sent = [seen for seen in alice.seen if seen["what"] == "carbon" and seen["kind"] == "error"]
        self.assertEqual(sent, [], "the daemon's answers are not copied to others")

    async def test_what_others_see(self) -> None:
        """The daemon is away for long, below every chat program, and says what it is."""
        server = self.server("alice", "bob")
        alice, _ = await self.contacts(server, "alice", "bob")
        bob = await self.chat_program(server, "bob")
        seen = await bob.sees("presence", sender=await self.full_jid(alice))
        self.assertEqual((seen["kind"], seen["priority"]), ("xa", "-1"))
        self.assertIn("bitween", seen["status"])

    async def test_what_ones_own_programs_see(self) -> None:
        """All that the person's chat program sees of the daemon is that it comes and goes."""
        server = self.server("alice", "bob")
        alice, bob = self.daemon(server, "alice"), self.daemon(server, "bob")
        program = await self.chat_program(server, "alice")
        await self.make_contacts([alice, bob])
        full = await self.full_jid(alice)
        await alice.share(self.make_file("film.mkv", b"a film"))
        await bob.until(lambda result: bool(result["hashes"]), "xmpp.get_hashes")
        await alice.call("xmpp.remove_contact", jid=bob.jid)
        await alice.stop()
        await program.sees("presence", sender=full, kind="unavailable")
        seen = [s for s in program.seen if s.get("sender") == full]
        kinds = [f"{s['what']} {s['kind']}" for s in seen]
        # A new contact is sent it again, and nobody else is; ejabberd says twice that it goes.
        self.assertEqual(kinds[0], "presence xa")
        self.assertEqual(set(kinds[1:]), {"presence unavailable"})
        self.assertEqual(seen[0]["priority"], "-1")
        self.assertEqual(program.messages(), [])

    async def test_contacts_discover_the_daemon_and_strangers_do_not(self) -> None:
        """A contact learns what the daemon is; a stranger who knows its full JID learns nothing."""
        server = self.server("alice", "bob", "mallory")
        alice, _ = await self.contacts(server, "alice", "bob")
        full = await self.full_jid(alice)
        contact, stranger = (RawClient(server, user, "x") for user in ("bob", "mallory"))
        for client in (contact, stranger):
            self.addCleanup(client.stop)
            await client.online
        version = (await contact.request("get", full, "<query xmlns='jabber:iq:version'/>")).query
        told = {element.name: str(element) for element in version.elements()}
        self.assertEqual(told, {"name": "bitween", "version": __version__})
        for question in (
            "<query xmlns='jabber:iq:version'/>",
            "<ping xmlns='urn:xmpp:ping'/>",
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            "<query xmlns='jabber:iq:last'/>",
            "<command xmlns='http://jabber.org/protocol/commands' node='list'/>",
            "<shares xmlns='urn:bitween:1'/>",
        ):
            # What the server itself says where there is no such device.
            refusals = [
                await self.refusal(stranger, jid, question)
                for jid in (full, f"{alice.jid}/nowhere")
            ]
            self.assertEqual(refusals[0], refusals[1], question)

    async def refusal(self, client: RawClient, jid: str, question: str) -> str:
        """The error that a question gets."""
        error = await self.assertFailure(client.request("get", jid, question), StanzaError)
        return str(error.condition)


class BareProsodyTests(Guest, ProsodyTestCase):
    """On a Prosody that neither stores nor copies messages."""

    server_type = BareProsody


class StoringProsodyTests(Guest, ProsodyTestCase):
    """On a Prosody that stores messages."""

    server_type = StoringProsody
    stores = True


class FullProsodyTests(Guest, ProsodyTestCase):
    """On a Prosody that does everything with messages."""

    server_type = FullProsody
    carbons = stores = archives = True


class BareEjabberdTests(Guest, EjabberdTestCase):
    """On an ejabberd that neither stores nor copies messages."""

    server_type = BareEjabberd


class StoringEjabberdTests(Guest, EjabberdTestCase):
    """On an ejabberd that stores messages."""

    server_type = StoringEjabberd
    stores = True


class FullEjabberdTests(Guest, EjabberdTestCase):
    """On an ejabberd that does everything with messages."""

    server_type = FullEjabberd
    carbons = stores = archives = True
