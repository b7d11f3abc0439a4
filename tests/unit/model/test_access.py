"""Unit tests for bitween.model.access."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.access import Action, may
from bitween.model.share_id import new_share_id


class AccessTests(SynchronousTestCase):
    """Who may do what."""

    def test_every_contact_may_do_everything(self) -> None:
        """One contact or all, one share or any."""
        for contact in ("alice@example.org", None):
            for share in (new_share_id(), None):
                for action in Action:
                    self.assertTrue(may(contact, share, action))
