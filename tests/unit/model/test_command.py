"""Unit tests for bitween.model.command."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.command import Report


class ReportTests(SynchronousTestCase):
    """Reports for programs that draw no tables."""

    def test_a_report_as_lines(self) -> None:
        """Text, facts, and the rows of the table with their first column as the label."""
        report = Report(
            "2 torrents",
            facts=(("Limit", "none"),),
            columns=("Name", "State", "Size"),
            rows=(("film", "seeding", "5 MB"), ("song", "paused", "1 MB")),
        )
        lines = ("2 torrents", "Limit: none", "film: seeding, 5 MB", "song: paused, 1 MB")
        self.assertEqual(report.lines, lines)
        self.assertEqual(Report().lines, ())
