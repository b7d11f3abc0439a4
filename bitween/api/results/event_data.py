"""What events carry, as JSON: bounded, whatever a contact may send."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bitween.api.results.encoding.common import Json
from bitween.api.results.encoding.contacts import contact_error
from bitween.api.results.encoding.network import reach
from bitween.api.results.encoding.torrents import TORRENT_FIELDS, Fields
from bitween.model.catalogue.changes import Holding, Presence
from bitween.model.contact import Contact
from bitween.model.events import RouteFound
from bitween.model.job import Job
from bitween.model.text import printable
from bitween.model.torrent import Torrent

#: Shares that an event names; of more it tells the number.
MAX_SHARES = 10
# A JID has three parts of at most 1023 bytes (RFC 7622 §3.1).
_MAX_JID = 3071


def torrent_changes(fields: Fields) -> Fields:
    """What an event tells of a torrent beside its hash: all but the files, maybe thousands."""
    return {name: read for name, read in fields.items() if name not in {"hash", "files"}}


#: What an event tells of a job that goes on, beside its id.
JOB_CHANGES: Mapping[str, Callable[[Job], object]] = MappingProxyType(
    {
        "kind": lambda job: job.kind,
        "subject": lambda job: job.subject,
        "state": lambda job: job.state.value,
        "done": lambda job: job.done,
        "total": lambda job: job.total,
        "rate": lambda job: job.rate,
        "eta": lambda job: job.eta,
    }
)


def torrent_added(torrent: Torrent, changes: Fields) -> Json:
    """A torrent that is new."""
    return {"hash": torrent.info_hash, **{name: read(torrent) for name, read in changes.items()}}


def torrent_finished(torrent: Torrent) -> Json:
    """A download of which all that is wanted is here."""
    shown = ("hash", "name", "total_size", "complete", "save_path")
    return {name: TORRENT_FIELDS[name](torrent) for name in shown}


def torrent_error(torrent: Torrent) -> Json:
    """A torrent that stands still."""
    return {name: TORRENT_FIELDS[name](torrent) for name in ("hash", "name", "error", "trouble")}


def shares(contact: str, holdings: Sequence[Holding]) -> Json:
    """Shares of a contact that appeared or are gone: the first ones, and how many more."""
    return {
        "contact": printable(contact, _MAX_JID),
        "shares": [_share(holding) for holding in holdings[:MAX_SHARES]],
        "more": max(0, len(holdings) - MAX_SHARES),
    }


def _share(holding: Holding) -> Json:
    share = holding.share
    return {
        "hash": share.info_hash,
        "name": printable(share.name),
        "size": share.size,
        "resource": printable(holding.resource, _MAX_JID),
    }


def presence(presence: Presence) -> Json:
    """A device of a contact that came or went."""
    return {
        "contact": printable(presence.jid, _MAX_JID),
        "resource": printable(presence.resource, _MAX_JID),
    }


def contact_request(contact: Contact) -> Json:
    """Somebody who asks to become a contact."""
    return {
        "contact": printable(contact.jid, _MAX_JID),
        "nick": printable(contact.nick) or None,
    }


def contact_trouble(contact: Contact) -> Json:
    """A contact whose server gave an error when we asked them."""
    return {"contact": printable(contact.jid, _MAX_JID), "error": contact_error(contact)}


def contact_reach(found: RouteFound) -> Json:
    """How a device of a contact is reached."""
    return {
        "contact": printable(found.jid, _MAX_JID),
        "resource": printable(found.resource, _MAX_JID),
        "reach": reach(found.route),
        "text": found.route.text or None,
    }
