"""
Signs our announcement, and checks those of others.

:class:`bitween.xmpp.shares.publisher.Publisher` has our item signed just before it is published;
:class:`bitween.xmpp.shares.pep.Pep` asks here before it believes an item.  An announcement that is
not signed is not dropped, since bitween 0.1 signs none, but its device does not count.
"""

from __future__ import annotations

from bitween.model.announcement import Announcement
from bitween.model.device_statement import DeviceStatement, Vouch
from bitween.model.device_trust import ANNOUNCEMENT
from bitween.xmpp.shares.device_codec import MAX_VOUCHES
from bitween.xmpp.statements import Signed, Statements

#: Seconds for which an announcement counts; it is signed again when less than half is left.
LIFE = 30 * 86400


class AnnouncementSignatures:
    """Implements :class:`bitween.xmpp.shares.device_codec.AnnouncementSigner`."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def statement(self) -> DeviceStatement:
        """Begin a statement: all of it but the signature."""
        statements = self._statements
        issued, until = statements.next_issued(), int(statements.now) + LIFE
        verified = statements.devices.verified_keys(statements.own_bare)
        vouches = [Vouch(resource, key) for resource, key in verified.items()]
        return DeviceStatement(
            statements.key.public, issued, until, vouches=tuple(vouches[:MAX_VOUCHES])
        )

    def sign(self, statement: DeviceStatement, content: object) -> bytes:
        """
        Sign a statement.

        :param content: what is announced.
        """
        statements = self._statements
        return statements.sign_at(
            ANNOUNCEMENT, statements.own_bare, content, statement.issued, statement.until
        )

    def is_due(self, until: int) -> bool:
        """Whether a statement that counts until then (seconds since the epoch) is to be renewed."""
        return until - self._statements.now < LIFE / 2

    def counts(self, jid: str, announcement: Announcement, content: object) -> bool:
        """
        Whether a device's announcement counts; from then on it is known by its key.

        :param jid: bare.
        :param content: what is signed; any value if nothing is.
        """
        resource, statement = announcement.resource, announcement.device
        devices = self._statements.devices
        if statement is None:
            return devices.announced(jid, resource, b"")
        signed = Signed(statement.issued, statement.until, statement.signature)
        if not self._statements.is_signed(
            ANNOUNCEMENT, f"{jid}/{resource}", jid, signed, statement.key, content
        ):
            return False
        vouched = {vouch.resource: vouch.key for vouch in statement.vouches}
        return devices.announced(jid, resource, statement.key, statement.issued, vouched)
