"""The types of events, which clients choose from."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bitween.errors import InvalidValue
from bitween.model.text import printable


class EventType(StrEnum):
    """What can happen."""

    TORRENT_ADDED = "torrent_added"
    TORRENT_CHANGED = "torrent_changed"
    TORRENT_FINISHED = "torrent_finished"
    TORRENT_REMOVED = "torrent_removed"
    TORRENT_ERROR = "torrent_error"
    SHARE_APPEARED = "share_appeared"
    SHARE_GONE = "share_gone"
    CONTACT_ONLINE = "contact_online"
    CONTACT_OFFLINE = "contact_offline"
    CONTACT_REQUEST = "contact_request"
    CONTACT_ERROR = "contact_error"
    CONTACT_REACH = "contact_reach"
    DEVICE_TRUST = "device_trust"
    ACCESS_REQUESTED = "access_requested"
    JOB_PROGRESS = "job_progress"
    JOB_DONE = "job_done"
    JOB_FAILED = "job_failed"
    CONNECTION = "connection"
    WARNING = "warning"


_TYPES: frozenset[str] = frozenset(EventType)


def known_types(names: Sequence[str] | None) -> frozenset[EventType]:
    """
    The event types of these names, all for ``None``.

    :param names: values of :class:`EventType`, as a client sent them.
    :raises InvalidValue: naming the first one that is unknown.
    """
    for name in names or ():
        if name not in _TYPES:
            raise InvalidValue.of(
                "invalid_value.unknown_name",
                parameter="types",
                name=printable(name, 60),
                known=", ".join(EventType),
            )
    return frozenset(EventType if names is None else map(EventType, names))
