"""Unit tests for bitween.model.contact."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.contact import Contact, Subscription

BOB = Contact("bob@example.org", subscription=Subscription.BOTH)


class TrustTests(SynchronousTestCase):
    """Whose announcements count."""

    def test_contacts_whose_presence_we_see(self) -> None:
        """Whether they see ours or not."""
        trusted = [s for s in Subscription if replace(BOB, subscription=s).trusted]
        self.assertEqual(trusted, [Subscription.TO, Subscription.BOTH])

    def test_neither_blocked_contacts_nor_services(self) -> None:
        """A service has a domain alone."""
        self.assertFalse(replace(BOB, blocked=True).trusted)
        self.assertFalse(replace(BOB, jid="gateway.example.org").trusted)
