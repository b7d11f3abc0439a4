"""The address of an XMPP account as a person types it (RFC 7622)."""

from __future__ import annotations

import re
from typing import NamedTuple

import idna

from bitween.errors import InvalidValue
from bitween.model.preparation import Prohibited, nameprep, nodeprep, resourceprep
from bitween.model.text import printable

#: RFC 7622 §3.1: three parts of at most 1023 octets each, and two separators.
MAX_JID = 3071
MAX_PART = 1023

# Characters that need an escape in a local part (XEP-0106).
_ESCAPES = {char: f"\\{ord(char):02x}" for char in " \"&'/:<>@"}
# Labels below a country code under which domains are registered, as in example.co.uk.
_REGISTRIES = re.compile(
    "ac|asn|biz|co|com|edu|gen|gob|gov?|gub|idv?|ind|info|ltd|me|mil|net?|nic|nom|org?|plc|sch|web"
)
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
# Characters of a text that an error shows.
_SHOWN = 80
_LABEL = re.compile("[-a-z0-9]+")


class Jid(NamedTuple):
    """The parts of a JID in canonical form; a missing part is empty."""

    user: str
    host: str
    resource: str

    @property
    def bare(self) -> str:
        """The account, without the resource."""
        return f"{self.user}@{self.host}" if self.user else self.host


def parse_jid(text: object) -> Jid:
    """
    Parse a JID that a person has typed.

    :raises InvalidValue: if the text is not a JID, or names no account.
    """
    if not isinstance(text, str) or not 0 < len(text) <= MAX_JID:
        raise _no_jid(text)
    # A resource may contain both separators, an account's name neither.
    bare, _, resource = text.partition("/")
    user, _, host = bare.rpartition("@")
    if not user or not host:
        raise InvalidValue.of("invalid_value.jid_without_account", jid=printable(text, _SHOWN))
    try:
        local = nodeprep(user)
    except Prohibited as error:
        raise _bad_local(text, user, host, error.char) from None
    try:
        jid = Jid(local, _host(host), resourceprep(resource))
    except (Prohibited, UnicodeError):
        raise _no_jid(text) from None
    if not local or not _is_clean(text) or any(len(part.encode()) > MAX_PART for part in jid):
        raise _no_jid(text)
    return jid


def ascii_domain(domain: str) -> str:
    """
    The form of a domain in DNS and certificates (RFC 5891, RFC 3490).

    :raises UnicodeError: if it has none.
    """
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        # IDNA 2003 allows some characters that IDNA 2008 does not, such as symbols.
        return domain.encode("idna").decode("ascii")


def _host(text: str) -> str:
    """
    Prepare a domain.

    :raises Prohibited: if it has a character that is not allowed in domains.
    :raises UnicodeError: if it has no form in DNS.
    """
    labels = [nameprep(label) for label in _DOTS.split(text.removesuffix("."))]
    for label in labels:
        if label.isascii() and not _LABEL.fullmatch(label):
            raise Prohibited
    host = ".".join(labels)
    ascii_domain(host)
    return host


def _is_clean(text: str) -> bool:
    return printable(text, MAX_JID) == text


def _no_jid(text: object) -> InvalidValue:
    return InvalidValue.of("invalid_value.jid", jid=printable(str(text), _SHOWN))


def _bad_local(text: str, user: str, host: str, char: str) -> InvalidValue:
    """Name the wrong character, and the way to write it (XEP-0106 §3)."""
    if char not in _ESCAPES or user != user.strip() or not _is_clean(text):
        return InvalidValue.of("invalid_value.jid_bad_local", jid=printable(text, _SHOWN))
    escaped = "".join(_ESCAPES.get(c, c) for c in user)
    return InvalidValue.of(
        "invalid_value.jid_character",
        jid=printable(text, _SHOWN),
        char=char,
        escaped=printable(f"{escaped}@{host}", _SHOWN),
    )


def registered_domain(host: str) -> str:
    """
    The registered domain that a host belongs to: its owner can create any number of hosts below.

    Without the list of all registries this is an estimate.  If it is wrong, all owners below one
    registry count as one.

    :param host: of a JID, in canonical form.
    """
    labels = host.rstrip(".").split(".")
    if ":" in host or labels[-1].isdigit():
        return host  # an IP address
    below_country = len(labels) > 2 and len(labels[-1]) == 2 and _REGISTRIES.fullmatch(labels[-2])
    return ".".join(labels[-3 if below_country else -2 :])
