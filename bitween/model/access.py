"""
Who may see and fetch which share: the rule.

A share is for one or more *audiences*: everybody in the roster, roster groups, single contacts, or
the own devices only.  :class:`Access` says which, until when, and whether others see the name with
a lock.  A :class:`Reader` is who asks: a bare JID with what the roster says of it.
:func:`may_fetch` and :func:`may_see` decide; each decision has its reason.

``bitween.app.access`` knows the roster and asks this rule for everybody else: the announcement, the
restricted lists, connect requests, introductions, the API and the page.  The roster decides first
who is a contact at all: to a JID that may not see our presence, nothing is said of any share.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

from bitween.errors import InvalidValue
from bitween.model.jid import parse_jid
from bitween.model.text import composed, printable

if TYPE_CHECKING:
    # The options of a torrent hold its access.
    from bitween.model.torrent import InfoHash

#: An audience: ``contacts``, ``devices``, a bare JID, or ``group:`` with the name of a roster
#: group.  A plain string at run time.
Audience = NewType("Audience", str)

#: Everybody in the roster who may see our presence.
EVERYBODY = Audience("contacts")
#: The other devices of our own account, and nobody else; they may fetch every share in any case.
DEVICES = Audience("devices")

MAX_AUDIENCES = 64
#: Characters of the name of a roster group.
MAX_GROUP = 255
_GROUP = "group:"
# Characters of an invalid audience that an error repeats.
_SHOWN = 60


class AccessReason(StrEnum):
    """Why a reader may see or fetch a share, or may not."""

    # Yes:
    EVERYBODY = "everybody"  # the share is for everybody in the roster
    GROUP = "group"  # the share is for a group of the reader
    NAMED = "named"  # the share is for this contact
    OWN_DEVICE = "own_device"  # the reader is a device of our own account
    LISTED = "listed"  # others see the name, with a lock
    # No:
    NOT_NAMED = "not_named"  # the share is for others
    EXPIRED = "expired"  # the share was for the reader until its end
    NO_CONTACT = "no_contact"  # the reader may not see our presence
    BLOCKED = "blocked"  # we block the reader
    UNTRUSTED = "untrusted"  # the key of the reader's device is not to be trusted

    @property
    def allows(self) -> bool:
        """Whether a decision for this reason is a yes."""
        return self in _YES


_YES = frozenset(
    {
        AccessReason.EVERYBODY,
        AccessReason.GROUP,
        AccessReason.NAMED,
        AccessReason.OWN_DEVICE,
        AccessReason.LISTED,
    }
)


@dataclass(frozen=True, slots=True)
class Decision:
    """
    The answer to whether a reader may do something.

    :param audience: the audience that contains the reader; ``None`` if none does.
    """

    reason: AccessReason
    audience: Audience | None = None

    def __bool__(self) -> bool:
        return self.reason.allows


@dataclass(frozen=True, slots=True)
class Access:
    """
    Who may see and fetch a share.

    :param audiences: each once, sorted; at least one.
    :param expires: seconds since the epoch at which it is for own devices only; ``None`` for never.
    :param listed: whether other contacts see its name and size, with a lock, and can ask for it.
    :param introductions: whether those who fetch it at the same time learn each other's addresses.
    :param replaces: the info-hash that it had before its secret was replaced.
    :param salt: the salt that made its present info-hash of that content; empty if there is none.
    """

    audiences: tuple[Audience, ...] = (EVERYBODY,)
    expires: float | None = None
    listed: bool = False
    introductions: bool = True
    replaces: InfoHash | None = None
    salt: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether it is for everybody in the roster, as long as it has not expired."""
        return EVERYBODY in self.audiences

    def has_expired(self, now: float) -> bool:
        """Whether its end has come; ``now`` is in seconds since the epoch."""
        return self.expires is not None and now >= self.expires


#: What counts where nothing else was chosen.
OPEN = Access()
#: For the own devices only.
PRIVATE = Access((DEVICES,))


@dataclass(frozen=True, slots=True)
class Reader:
    """
    Who asks for a share.

    :param jid: bare.
    :param groups: the reader's roster groups.
    :param ours: whether it is our own account.
    :param contact: whether it may see our presence.
    """

    jid: str
    groups: frozenset[str] = frozenset()
    ours: bool = False
    contact: bool = False
    blocked: bool = False


def may_fetch(access: Access, reader: Reader, now: float) -> Decision:
    """
    Whether a reader may fetch a share, which means: may hold its secret.

    :param now: seconds since the epoch.
    """
    if reader.ours:
        return Decision(AccessReason.OWN_DEVICE, DEVICES)
    if reader.blocked:
        return Decision(AccessReason.BLOCKED)
    if not reader.contact:
        return Decision(AccessReason.NO_CONTACT)
    decision = _member(access, reader)
    if decision and access.has_expired(now):
        return Decision(AccessReason.EXPIRED, decision.audience)
    return decision


def may_see(access: Access, reader: Reader, now: float) -> Decision:
    """
    Whether a reader may see the name and the size of a share.

    :param now: seconds since the epoch.
    """
    decision = may_fetch(access, reader, now)
    if decision or not access.listed:
        return decision
    seen = decision.reason in (AccessReason.NOT_NAMED, AccessReason.EXPIRED)
    return Decision(AccessReason.LISTED) if seen else decision


def _member(access: Access, reader: Reader) -> Decision:
    """Find the audience that contains a contact; of several, the one that says most about it."""
    if reader.jid in access.audiences:
        return Decision(AccessReason.NAMED, Audience(reader.jid))
    for group in sorted(reader.groups):
        if group_audience(group) in access.audiences:
            return Decision(AccessReason.GROUP, group_audience(group))
    if access.is_open:
        return Decision(AccessReason.EVERYBODY, EVERYBODY)
    return Decision(AccessReason.NOT_NAMED)


def group_audience(name: str) -> Audience:
    """
    The audience of a roster group.

    :param name: as the roster has it.
    """
    return Audience(f"{_GROUP}{composed(name)}")


def group_of(audience: Audience) -> str | None:
    """The roster group that an audience names; ``None`` if it is another audience."""
    return audience[len(_GROUP) :] if audience.startswith(_GROUP) else None


def parse_audience(text: object) -> Audience:
    """
    Read what a user names as an audience.

    :raises InvalidValue: if it is none.
    """
    if not isinstance(text, str):
        raise InvalidValue.of("invalid_value.audience", audience=printable(repr(text), _SHOWN))
    if text in (EVERYBODY, DEVICES):
        return Audience(text)
    if text.startswith(_GROUP):
        name = text[len(_GROUP) :].strip()
        if not name or len(name) > MAX_GROUP or printable(name, MAX_GROUP) != name:
            raise InvalidValue.of("invalid_value.audience", audience=printable(text, _SHOWN))
        return group_audience(name)
    if "@" not in text:
        raise InvalidValue.of("invalid_value.audience", audience=printable(text, _SHOWN))
    return Audience(parse_jid(text).bare)


def parse_audiences(texts: Iterable[object]) -> tuple[Audience, ...]:
    """
    Read the audiences of a share.

    :returns: sorted, and without those that another one contains.
    :raises InvalidValue: if there is none, one is invalid, or there are too many.
    """
    audiences = {parse_audience(text) for text in texts}
    if not audiences:
        raise InvalidValue.of("invalid_value.no_audience")
    if len(audiences) > MAX_AUDIENCES:
        raise InvalidValue.of("invalid_value.audiences", n=len(audiences), most=MAX_AUDIENCES)
    if EVERYBODY in audiences:
        return (EVERYBODY,)
    return tuple(sorted(audiences - {DEVICES})) or (DEVICES,)
