"""The commands for a chat program, on the use cases with memory below them."""

from __future__ import annotations

import os

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.chat import MAX_CHOICES, MAX_LISTED, ChatCommands
from bitween.model.command import Question, Report
from bitween.model.torrent import parse_info_hash
from tests.support.api_rig import World, info_hash

BOB = "bob@example.org"
A, B = info_hash("a"), info_hash("b")


class ChatTests(SynchronousTestCase):
    """What a person reads."""

    def setUp(self) -> None:
        """Begin with nothing."""
        self.clock = Clock()
        self.world = World(self.clock, os.path.abspath(self.mktemp()))
        self.commands = {c.name: c for c in ChatCommands(self.world.bitween).all}

    def run_command(self, name: str, **answers: str) -> Question | Report:
        """Run a command to its end."""

        async def run() -> Question | Report:
            return await self.commands[name].run(answers)

        running = Deferred.fromCoroutine(run())
        self.clock.advance(1)
        return self.successResultOf(running)

    def report(self, name: str, **answers: str) -> Report:
        """The report that ends it."""
        outcome = self.run_command(name, **answers)
        assert isinstance(outcome, Report)
        return outcome

    def question(self, name: str, **answers: str) -> Question:
        """The question that it asks."""
        outcome = self.run_command(name, **answers)
        assert isinstance(outcome, Question)
        return outcome

    def test_list(self) -> None:
        """Torrents come with what one wants to know of them, the newest first."""
        self.assertEqual(self.report("list"), Report("there are no torrents"))
        self.world.share("ours", A, 1500)
        self.world.swarm.download(B, "theirs", "/files")
        self.world.swarm.arrive(B, 1000, done=250)
        report = self.report("list")
        self.assertEqual(report.columns[:4], ("Name", "State", "Done", "Size"))
        self.assertEqual(
            report.rows,
            (
                ("theirs", "downloading", "25%", "1 kB", B),
                ("ours", "seeding", "100%", "1.5 kB", A),
            ),
        )
        self.world.swarm.break_down(B, "disk full")
        self.assertEqual(self.report("list").rows[0][1], "disk full")

    def test_long_list(self) -> None:
        """It is cut, and says so."""
        for number in range(MAX_LISTED + 1):
            self.world.share(f"n{number}", parse_info_hash(f"{number:040x}"))
        report = self.report("list")
        self.assertEqual(report.text, f"the newest {MAX_LISTED} of {MAX_LISTED + 1}")
        self.assertEqual(len(report.rows), MAX_LISTED)
        self.assertEqual(report.rows[0][0], f"n{MAX_LISTED}")

    def test_status(self) -> None:
        """The connection and the totals."""
        self.world.share("ours", A, 1500)
        facts = dict(self.report("status").facts)
        self.assertEqual(facts["Connection"], "online")
        self.assertEqual((facts["Download"], facts["Upload"]), ("0 B/s", "0 B/s"))
        self.assertEqual(facts["Torrents"], "1 of 1 complete")
        self.assertEqual(facts["Size"], "1.5 kB of 1.5 kB")
        self.assertEqual(facts["Contacts"], "0 of 0 online")

    def test_get_by_name(self) -> None:
        """What only one thing is called is downloaded."""
        self.world.contact_shares(BOB, {A: "holiday", B: "work"})
        asked = self.question("get")
        self.assertEqual((asked.field, asked.choices), ("share", ()))
        report = self.report("get", share=" holi ")
        self.assertEqual(report.text, "holiday will be downloaded from 1 of your contacts' devices")
        self.assertIn(A, self.world.swarm.library)
        self.world.swarm.arrive(A, 123)
        self.assertEqual(self.report("get", share="holiday").text, "holiday is here already")

    def test_get_by_hash(self) -> None:
        """Also what nobody shares yet."""
        report = self.report("get", share=A.upper())
        self.assertEqual(report.text, f"{A} will be downloaded once a contact has it")

    def test_get_what_is_not_there(self) -> None:
        """One can say something else."""
        self.assertIn("'holiday'", self.question("get", share="holiday").text)
        self.assertEqual(self.question("get", share="").choices, ())

    def test_get_one_of_several(self) -> None:
        """The question is which; each answer is one that is understood."""
        self.world.contact_shares(BOB, {A: "holiday 1", B: "holiday 2"})
        asked = self.question("get", share="holiday")
        self.assertIn("any of 2.", asked.text)
        self.assertEqual([value for value, _ in asked.choices], [A, B])
        self.assertIn("holiday 1", asked.choices[0][1])
        self.assertEqual(self.report("get", share=asked.choices[1][0]).text[:9], "holiday 2")

    def test_the_whole_name_is_enough(self) -> None:
        """Others that go on from it do not matter."""
        self.world.contact_shares(BOB, {A: "holiday", B: "holiday 2"})
        self.assertEqual(self.report("get", share="holiday").text[:13], "holiday will ")

    def test_many(self) -> None:
        """Only so many are there to choose from."""
        names = {parse_info_hash(f"{n:040x}"): f"holiday {n}" for n in range(MAX_CHOICES + 1)}
        self.world.contact_shares(BOB, names)
        asked = self.question("get", share="holiday")
        self.assertEqual(len(asked.choices), MAX_CHOICES)
        self.assertIn(f"any of {MAX_CHOICES + 1}; here are {MAX_CHOICES}", asked.text)
