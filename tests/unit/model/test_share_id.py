"""Unit tests for bitween.model.share_id."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.announcement import Share
from bitween.model.share_id import new_share_id, parse_share_id, share_id_of
from bitween.model.torrent import InfoHash

INFO_HASH = InfoHash("ab" * 20)


class ShareIdTests(SynchronousTestCase):
    """Identities of shares."""

    def test_a_share_that_never_changes(self) -> None:
        """Its id is its info-hash, whatever its name."""
        self.assertEqual(share_id_of(INFO_HASH), INFO_HASH)
        self.assertEqual(Share(INFO_HASH, "one", 1).id, INFO_HASH)
        self.assertEqual(Share(INFO_HASH, "one", 1).id, Share(INFO_HASH, "other", 2).id)

    def test_new_ids_differ(self) -> None:
        """They differ from each other, and in length from every info-hash."""
        ids = {new_share_id() for _ in range(100)}
        self.assertEqual((len(ids), {len(each) for each in ids}), (100, {32}))

    def test_an_id_is_read_as_it_was_printed(self) -> None:
        """Of either kind."""
        for share_id in (new_share_id(), share_id_of(INFO_HASH)):
            self.assertEqual(parse_share_id(str(share_id)), share_id)

    def test_no_ids(self) -> None:
        """Anything else is refused."""
        for text in ("", "ab" * 15, "AB" * 20, "ab" * 18, "xy" * 16, "ab" * 16 + "\n", None, 5):
            with self.assertRaisesRegex(InvalidValue, "is not a share id"):
                parse_share_id(text)

    def test_a_refused_text_is_cut_in_the_error(self) -> None:
        """It may be as long as a request."""
        error = self.assertRaises(InvalidValue, parse_share_id, "x" * 100)
        self.assertTrue(str(error).startswith(f"'{'x' * 59} is not"), error)
