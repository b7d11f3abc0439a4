"""Unit tests for bitween.model.stat_signature."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.stat_signature import (
    StatSignature,
    file_times,
    invalidated,
    time_of,
    with_times,
)


def stat(size: int, mtime_ns: int) -> os.stat_result:
    """A file of a size and a modification time."""
    return os.stat_result(
        (0o100644, 1, 1, 1, 0, 0, size, 0, mtime_ns // 10**9, 0), {"st_mtime_ns": mtime_ns}
    )


def signature(*files: os.stat_result) -> str:
    """The signature of files."""
    built = StatSignature()
    for file in files:
        built.add(file)
    return built.text


class StatSignatureTests(SynchronousTestCase):
    """What tells whether files have changed."""

    def test_sizes_times_and_order_count(self) -> None:
        """Files differ from others by any of these, down to the nanosecond."""
        one, two = stat(1, 10**18), stat(2, 10**18)
        texts = {
            signature(one, two),
            signature(two, one),
            signature(one),
            signature(one, stat(2, 10**18 + 1)),
            signature(one, stat(3, 10**18)),
            signature(),
        }
        self.assertEqual(len(texts), 6)
        self.assertEqual(signature(one, two), signature(stat(1, 10**18), stat(2, 10**18)))

    def test_holds_the_time_of_each_file(self) -> None:
        """The times come back in order, also one before 1970."""
        files = stat(1, 5), stat(1, 10**18), stat(1, -1)
        self.assertEqual(file_times(signature(*files)), [time_of(file) for file in files])

    def test_an_invalidated_signature_equals_no_other(self) -> None:
        """It keeps the times, whether or not it was invalidated before."""
        text = signature(stat(1, 5))
        self.assertNotEqual(invalidated(text), text)
        self.assertEqual(file_times(invalidated(invalidated(text))), file_times(text))
        self.assertEqual({invalidated(None), invalidated(""), invalidated("ab" * 20)}, {":"})

    def test_a_signature_without_times_gains_them(self) -> None:
        """Only if the files are as they were when it was written."""
        now = signature(stat(1, 5))
        old = now.partition(":")[0]
        self.assertEqual(with_times(old, now), now)
        other = signature(stat(1, 6))
        for text in (other, other.partition(":")[0], "", None, invalidated(now)):
            self.assertEqual(with_times(text, now), text)

    def test_a_damaged_signature_has_no_times(self) -> None:
        """A signature without times, or a damaged one, has none."""
        for text in ("", ":", "ab" * 20, "ab:c", "ab:\u00fc"):
            self.assertEqual(list(file_times(text)), [])
