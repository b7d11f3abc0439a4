"""Unit tests for bitween.model.disk_space and bitween.model.disk_path."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import BadPath
from bitween.model.disk_path import checked_utf8
from bitween.model.disk_space import reserve

MIB = 2**20


class ReserveTests(SynchronousTestCase):
    """The part of a disk that stays free."""

    def test_a_large_disk(self) -> None:
        """A fixed size, and a further one for the state directory."""
        self.assertEqual(reserve(10**12, holds_state=False), 32 * MIB)
        self.assertEqual(reserve(10**12, holds_state=True), 96 * MIB)

    def test_a_small_disk(self) -> None:
        """A twentieth, and a tenth for the state directory."""
        self.assertEqual(reserve(100 * MIB, holds_state=False), 5 * MIB)
        self.assertEqual(reserve(100 * MIB, holds_state=True), 15 * MIB)


class PathTests(SynchronousTestCase):
    """Paths that BitTorrent can name."""

    def test_utf8(self) -> None:
        """A path is returned unchanged."""
        self.assertEqual(checked_utf8("/tmp/\u00fc"), "/tmp/\u00fc")

    def test_other_bytes(self) -> None:
        """The error shows them, and names the path for translations."""
        with self.assertRaises(BadPath) as raised:
            checked_utf8("/tmp/\udcff")
        self.assertEqual(raised.exception.message, "'/tmp/\\xff' is not UTF-8")
        self.assertEqual(dict(raised.exception.values), {"path": "/tmp/\\xff"})
