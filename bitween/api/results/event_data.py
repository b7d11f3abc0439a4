"""The data of events as JSON, bounded whatever a contact sends."""

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

#: Shares that an event names; further ones are only counted.
MAX_SHARES = 10
# A JID has three parts of at most 1023 bytes (RFC 7622 §3.1).
_MAX_JID = 3071


def torrent_changes(fields: Fields) -> Fields:
    """
    The fields of a torrent in an event: all but the files, which can be thousands.

    :param fields: every key of a torrent, each with a function that reads its value.
    """
    return {name: read for name, read in fields.items() if name not in {"hash", "files"}}


#: The fields of a running job in an event, beside its id.
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
    """
    A torrent that was added.

    :param changes: the result of :func:`torrent_changes`.
    """
    return {"hash": torrent.info_hash, **{name: read(torrent) for name, read in changes.items()}}


def torrent_finished(torrent: Torrent) -> Json:
    """A download that has all of its wanted files."""
    shown = ("hash", "name", "total_size", "complete", "save_path")
    return {name: TORRENT_FIELDS[name](torrent) for name in shown}


def torrent_error(torrent: Torrent) -> Json:
    """A torrent that stopped with an error."""
    return {name: TORRENT_FIELDS[name](torrent) for name in ("hash", "name", "error", "trouble")}


def shares(contact: str, holdings: Sequence[Holding]) -> Json:
    """
    Shares that a contact added or removed: the first ones, and how many more there are.

    :param contact: the contact's bare JID.
    :param holdings: shares of this contact's devices.
    """
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
    """A device of a contact that came online or went offline."""
    return {
        "contact": printable(presence.jid, _MAX_JID),
        "resource": printable(presence.resource, _MAX_JID),
    }


def contact_request(contact: Contact) -> Json:
    """A contact request."""
    return {
        "contact": printable(contact.jid, _MAX_JID),
        "nick": printable(contact.nick) or None,
    }


def contact_trouble(contact: Contact) -> Json:
    """The error of a contact's server after our contact request."""
    return {"contact": printable(contact.jid, _MAX_JID), "error": contact_error(contact)}


def contact_reach(found: RouteFound) -> Json:
    """The route to a device of a contact."""
    return {
        "contact": printable(found.jid, _MAX_JID),
        "resource": printable(found.resource, _MAX_JID),
        "reach": reach(found.route),
        "text": found.route.text or None,
    }
