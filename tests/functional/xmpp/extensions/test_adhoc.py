"""Ad-hoc commands on a stream in memory: who may run them, and how a question is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from bitween.errors import UnknownTorrent
from bitween.model.command import Command, Question, Report
from bitween.xmpp.extensions.adhoc import MAX_RUNNING, MAX_SESSIONS, SESSION_LIFE, AdHoc
from bitween.xmpp.namespaces import NS_COMMANDS
from bitween.xmpp.roster.roster import Roster
from tests.support.handler_case import ROSTER, HandlerCase, Manager

# wokkel can only be imported once the shim of bitween.xmpp has run.
from wokkel.generic import FallbackHandler  # isort: skip

PHONE = "alice@localhost/phone"
X_DATA = "jabber:x:data"
INFO, ITEMS = (f"http://jabber.org/protocol/disco#{what}" for what in ("info", "items"))
OTHERS = (
    "bob@localhost/laptop",  # a contact
    "mallory@localhost/x",
    "alice@localhost",  # the server itself
    "alice@localhost.example/x",
    "localhost",
)


class AdHocCase(HandlerCase):
    """Three commands: one that tells, one that asks, one that waits for the test."""

    def setUp(self) -> None:
        """Offer them."""
        self.clock = Clock()
        self.told = []
        self.manager = Manager(self.clock)
        self.adhoc = AdHoc(self.clock)
        roster = Roster(self.clock, self.told.append, self.manager.presence)
        for handler in (roster, self.adhoc, FallbackHandler()):
            handler.setHandlerParent(self.manager)
        self.answer(ROSTER)
        self.output.clear()
        self.ran: list[Mapping[str, str]] = []
        self.waiting: list[Deferred[Report]] = []
        self.adhoc.offer(
            [
                Command("tell", "Tell all", self.tell),
                Command("ask", "Ask first", self.ask_first),
                Command("wait", "Wait", self.wait),
                Command("fail", "Fail", self.fail_to),
            ]
        )

    async def tell(self, answers: Mapping[str, str]) -> Report:
        """Everything that a report can hold."""
        self.ran.append(answers)
        facts = (("Size", "1 GB"), ("Name", "]]>&<\x1b\x00\ud800"))
        return Report("two\nlines", facts, ("A", "B"), (("1", "2"), ("3", "4")))

    async def ask_first(self, answers: Mapping[str, str]) -> Question | Report:
        """Go on until the answer is ``yes``."""
        self.ran.append(answers)
        if answers.get("sure") == "yes":
            return Report("done")
        choices = (("yes", "<b>Yes</b> & no"), ("no", "No")) if answers else ()
        return Question("Sure?", "Say yes.", "sure", "Are you?", choices)

    def wait(self, _: Mapping[str, str]) -> Deferred[Report]:
        """Until the test has had enough."""
        waiting: Deferred[Report] = Deferred()
        self.waiting.append(waiting)
        return waiting

    async def fail_to(self, answers: Mapping[str, str]) -> Report:
        """It cannot be done, or is broken."""
        self.ran.append(answers)
        if len(self.ran) > 1:
            raise ZeroDivisionError
        raise UnknownTorrent("there is none", "look again")

    def ask(self, kind: str, content: str, sender: str = PHONE) -> None:
        """Let a request come in."""
        self.output.clear()
        self.receive(
            f"<iq type='{kind}' id='q' from='{sender}' to='alice@localhost/here'>{content}</iq>"
        )

    def run_command(
        self, node: str, session: str = "", action: str = "", form: str = "", sender: str = PHONE
    ) -> Any:
        """Ask to have a command run; the answer, if it is there."""
        given = (("sessionid", session), ("action", action))
        attributes = " ".join(f"{name}='{value}'" for name, value in given if value)
        self.ask(
            "set",
            f"<command xmlns='{NS_COMMANDS}' node='{node}' {attributes}>{form}</command>",
            sender,
        )
        return self.output[-1] if self.output else None

    def submit(self, session: str, value: str, **options: str) -> Any:
        """Answer the question."""
        form = (
            f"<x xmlns='{X_DATA}' type='submit'><field var='sure'><value>{value}</value></field>"
            "<field/><field var='x'/></x>"
        )
        return self.run_command("ask", session, form=form, **options)

    def conditions(self, answer: Any) -> list[str]:
        """What an error says, and the XEP's own word for it."""
        self.assertEqual(answer["type"], "error")
        error = next(e for e in answer.elements() if e.name == "error")
        return [str(e.name) for e in error.elements()]


class DiscoveryTests(AdHocCase):
    """What can be run, as it is found."""

    def query(self, uri: str, node: str, sender: str = PHONE) -> Any:
        """Ask what there is."""
        self.ask("get", f"<query xmlns='{uri}' node='{node}'/>", sender)
        (answer,) = self.output
        return answer

    def test_each_command_is_a_disco_item(self) -> None:
        """Each command is an item at our own address."""
        answer = self.query(ITEMS, NS_COMMANDS)
        items = [(e["jid"], e["node"], e["name"]) for e in answer.query.elements()]
        self.assertEqual(items[0], ("alice@localhost/here", "tell", "Tell all"))
        self.assertEqual([node for _, node, _ in items], ["tell", "ask", "wait", "fail"])

    def test_each_command_has_disco_information(self) -> None:
        """The list and each command say what they are."""
        for node, kind in ((NS_COMMANDS, "command-list"), ("tell", "command-node")):
            query = self.query(INFO, node).query
            self.assertEqual(query["node"], node)
            self.assertEqual(
                (query.identity["category"], query.identity["type"]), ("automation", kind)
            )
            features = {e["var"] for e in query.elements() if e.name == "feature"}
            self.assertEqual(features, {NS_COMMANDS, X_DATA})

    def test_others_discover_no_commands(self) -> None:
        """Contacts, strangers and servers learn of no command, not even which there are."""
        for sender in OTHERS:
            for uri, node in ((ITEMS, NS_COMMANDS), (INFO, NS_COMMANDS), (INFO, "tell")):
                self.assertEqual(
                    self.conditions(self.query(uri, node, sender)), ["forbidden"], sender
                )

    def test_other_nodes_are_answered_once(self) -> None:
        """They are answered as before, once."""
        self.assertEqual(self.query(INFO, "x")["type"], "error")
        self.assertEqual(self.query(ITEMS, "x")["type"], "result")
        features = {e["var"] for e in self.query(INFO, "").query.elements() if e.name == "feature"}
        self.assertIn(NS_COMMANDS, features)


class RunTests(AdHocCase):
    """Commands as they are run."""

    def test_others_run_nothing(self) -> None:
        """Other senders are refused, with or without the id of another's session."""
        session = self.run_command("ask").command["sessionid"]
        self.ran.clear()
        for sender in OTHERS:
            for node in ("tell", "ask", "no such"):
                answer = self.run_command(node, sender=sender)
                self.assertEqual(self.conditions(answer), ["forbidden"], sender)
            answer = self.submit(session, "yes", sender=sender)
            self.assertEqual(self.conditions(answer), ["forbidden"])
        self.assertEqual(self.ran, [])

    def test_a_report_has_a_note_a_form_and_a_table(self) -> None:
        """
        It comes as lines in the note, as a form, and as a table in a form of its own.

        Programs that draw no tables read the note, or the first form.

        What XML cannot hold is replaced.
        """
        command = self.run_command("tell", action="execute").command
        self.assertEqual((command["node"], command["status"]), ("tell", "completed"))
        self.assertTrue(command["sessionid"])
        lines = "two\ufffdlines", "Size: 1 GB", "Name: ]]>&<\ufffd\ufffd\ufffd", "1: 2", "3: 4"
        self.assertEqual(command.note["type"], "info")
        self.assertEqual(str(command.note).split("\n"), list(lines))
        form, table = command.elements(X_DATA, "x")
        self.assertEqual(str(form.title), "Tell all")
        self.assertEqual((form.uri, form["type"]), (X_DATA, "result"))
        fields = [e for e in form.elements() if e.name == "field"]
        names = {e["var"] for e in fields}
        self.assertEqual(len(names), len(fields), "poezio shows one field of each name")
        facts = [(e["label"], str(e.value)) for e in fields]
        self.assertEqual(facts[:2], [("Size", "1 GB"), ("Name", "]]>&<\ufffd\ufffd\ufffd")])
        self.assertEqual(facts[2:], [("1", "2"), ("3", "4")], "the rows, for who draws no table")
        self.assertEqual({e["type"] for e in fields}, {"text-single"})
        self.assertIsNone(form.reported, "Gajim 1.7 shows no form with a table")
        self.assertEqual((table.uri, table["type"]), (X_DATA, "result"))
        self.assertEqual([e["label"] for e in table.reported.elements()], ["A", "B"])
        rows = [
            {cell["var"]: str(cell.value) for cell in item.elements()}
            for item in table.elements()
            if item.name == "item"
        ]
        self.assertEqual(rows, [{"A": "1", "B": "2"}, {"A": "3", "B": "4"}])

    def test_a_question_is_asked_by_a_form_in_one_session(self) -> None:
        """It is asked by a form, again if need be, in one session; then that is over."""
        asking = self.run_command("ask").command
        self.assertEqual(asking["status"], "executing")
        self.assertEqual(asking.actions["execute"], "complete")
        self.assertEqual([e.name for e in asking.actions.elements()], ["complete"])
        field = asking.x.field
        self.assertEqual((asking.x["type"], str(asking.x.title)), ("form", "Sure?"))
        self.assertEqual((field["var"], field["type"]), ("sure", "text-single"))

        again = self.submit(asking["sessionid"], "well").command
        self.assertEqual(again["sessionid"], asking["sessionid"])
        field = again.x.field
        options = [(e["label"], str(e.value)) for e in field.elements() if e.name == "option"]
        self.assertEqual(field["type"], "list-single")
        self.assertEqual(options, [("<b>Yes</b> & no", "yes"), ("No", "no")])
        self.assertEqual(str(field.value), "yes", "without a default, profanity shows no field")
        said = str(again.x.instructions).split("\n")
        self.assertEqual(said[1:], ["‹b›Yes‹/b› + no", "No"], "Gajim takes it for markup")

        done = self.submit(again["sessionid"], "yes", action="complete").command
        self.assertEqual((done["status"], str(done.note)), ("completed", "done"))
        self.assertEqual(self.ran, [{}, {"sure": "well"}, {"sure": "yes"}])
        answer = self.submit(again["sessionid"], "yes")
        self.assertEqual(self.conditions(answer), ["bad-request", "bad-sessionid"])

    def test_a_cancelled_session_does_nothing(self) -> None:
        """Then nothing is done any more."""
        session = self.run_command("ask").command["sessionid"]
        answer = self.run_command("ask", session, "cancel")
        self.assertEqual(answer.command["status"], "canceled")
        answer = self.submit(session, "yes")
        self.assertEqual(self.conditions(answer), ["bad-request", "bad-sessionid"])

    def test_malformed_commands_get_their_error(self) -> None:
        """Each gets the word of XEP-0050 for it, and a session survives what it cannot take."""
        session = self.run_command("ask").command["sessionid"]
        for (node, *given), conditions in (
            (("no such",), ["item-not-found"]),
            (("",), ["item-not-found"]),
            (("ask", session, "sing"), ["bad-request", "malformed-action"]),
            (("ask", session, "prev"), ["bad-request", "bad-action"]),
            (("ask", "", "cancel"), ["bad-request", "bad-action"]),
            (("ask", session), ["bad-request", "bad-payload"]),
            (("ask", session, "", "<x/>"), ["bad-request", "bad-payload"]),
            (("tell", session), ["bad-request", "bad-sessionid"]),
            (("ask", "guessed"), ["bad-request", "bad-sessionid"]),
        ):
            self.assertEqual(self.conditions(self.run_command(node, *given)), conditions)
        self.assertEqual(self.submit(session, "yes").command["status"], "completed")

    def test_sessions_are_of_one_device(self) -> None:
        """Another one of the account cannot go on with it."""
        session = self.run_command("ask").command["sessionid"]
        answer = self.submit(session, "yes", sender="alice@localhost/desk")
        self.assertEqual(self.conditions(answer), ["bad-request", "bad-sessionid"])

    def test_sessions_are_short(self) -> None:
        """Who comes too late is told so."""
        first = self.run_command("ask").command["sessionid"]
        second = self.run_command("ask").command["sessionid"]
        self.clock.advance(SESSION_LIFE)
        self.assertEqual(self.submit(first, "yes").command["status"], "completed")
        self.clock.advance(1)
        answer = self.submit(second, "yes")
        self.assertEqual(self.conditions(answer), ["not-allowed", "session-expired"])

    def test_sessions_are_few(self) -> None:
        """One more, and the oldest is gone."""
        sessions = [self.run_command("ask").command["sessionid"] for _ in range(MAX_SESSIONS + 1)]
        self.assertEqual(self.conditions(self.submit(sessions[0], "yes"))[1], "bad-sessionid")
        self.assertEqual(self.submit(sessions[1], "yes").command["status"], "completed")

    def test_what_takes_long(self) -> None:
        """The answer comes when it is there; only so many run at once."""
        for _ in range(MAX_RUNNING):
            self.assertIsNone(self.run_command("wait"))
        answer = self.run_command("tell")
        self.assertEqual(self.conditions(answer), ["resource-constraint"])
        self.output.clear()
        self.waiting[0].callback(Report("at last"))
        self.assertEqual(str(self.output[-1].command.note), "at last")
        self.assertEqual(self.run_command("tell")["type"], "result")

    def test_expected_errors_are_reported_and_faults_logged(self) -> None:
        """A ``BitweenError`` is reported with its hint; any other exception is logged."""
        command = self.run_command("fail").command
        self.assertEqual(command["status"], "completed")
        self.assertEqual(
            (command.note["type"], str(command.note)), ("error", "there is none (look again)")
        )
        answer = self.run_command("fail")
        self.assertEqual(self.conditions(answer), ["internal-server-error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_session_ends(self) -> None:
        """What runs is cancelled, and no answer of it goes into the next session."""
        session = self.run_command("ask").command["sessionid"]
        self.run_command("wait")
        self.output.clear()
        self.adhoc.connectionLost(None)
        self.assertEqual(self.output, [])
        self.assertEqual(self.flushLoggedErrors(), [])
        self.adhoc.makeConnection(self.manager.stub.xmlstream)
        self.assertEqual(self.conditions(self.submit(session, "yes"))[1], "bad-sessionid")

    def test_nothing_is_offered(self) -> None:
        """Before the daemon is ready, there is nothing."""
        self.adhoc.offer([])
        self.assertEqual(self.conditions(self.run_command("tell")), ["item-not-found"])
