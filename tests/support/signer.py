"""Signs announcements in tests, with a real key."""

from __future__ import annotations

from bitween.crypto.canonical import canonical_bytes
from bitween.crypto.device_key import DeviceKey
from bitween.crypto.signature import verify
from bitween.model.device_statement import DeviceStatement, Vouch

SIGNER, AUDIENCE = "alice@example.org/laptop", "alice@example.org"


class TestSigner:
    """
    Signs for one device; each statement has a later time.

    :ivar key: the device's key.
    :ivar due: what :meth:`is_due` answers.
    """

    def __init__(self, vouches: tuple[Vouch, ...] = ()) -> None:
        self.key = DeviceKey(bytes(64))
        self.due = False
        self._vouches = vouches
        self._issued = 1_796_049_906_000

    def statement(self) -> DeviceStatement:
        """Begin a statement."""
        self._issued += 1
        until = self._issued // 1000 + 86400
        return DeviceStatement(self.key.public, self._issued, until, vouches=self._vouches)

    def sign(self, statement: DeviceStatement, content: object) -> bytes:
        """Sign it."""
        return self.key.sign(_signed_bytes(statement, content))

    def is_due(self, until: int) -> bool:
        """Do what the test wants."""
        del until
        return self.due

    def signed(self, statement: DeviceStatement, content: object) -> bool:
        """Whether a statement has our signature."""
        return verify(self.key.public, statement.signature, _signed_bytes(statement, content))


def _signed_bytes(statement: DeviceStatement, content: object) -> bytes:
    times = statement.issued, statement.until
    return canonical_bytes("announcement", SIGNER, AUDIENCE, *times, content)
