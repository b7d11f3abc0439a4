"""
Records what happens in the application as events for clients.

The application notifies of changes to torrents, contacts, routes, jobs and the connection, and
Twisted's log of warnings.  The recorder turns each into an event of the log (:mod:`.log`), from
which clients read: the page and other programs by a stream (:mod:`.sse`), or by ``events.poll``.

* What changes often, such as the progress of torrents and jobs, is coalesced: at most one event a
  second, with the changed fields only (:mod:`.coalesce`).
* What happens once, such as a finished download or a contact request, becomes one event.  The
  recorder remembers which requests and errors of contacts it has recorded, because the application
  notifies of a contact again when anything else about it changes.
* What a contact can cause is bounded: an event about shares names the first few, and counts the
  rest (:mod:`bitween.api.results.event_data`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogPublisher

from bitween.api.events.coalesce import AT_ONCE, ChangeCoalescer, Fields
from bitween.api.events.log import EventLog
from bitween.api.events.log_watch import LogWatch
from bitween.api.results import event_data
from bitween.api.results.encoding.daemon import connection
from bitween.api.results.encoding.devices import device as device_data
from bitween.api.results.encoding.jobs import job as job_data
from bitween.api.results.encoding.share_access import request as request_data
from bitween.api.results.encoding.torrents import torrent_fields
from bitween.api.results.event_types import EventType
from bitween.app.access_requests import AccessRequest
from bitween.app.application import Bitween
from bitween.errors import BitweenError
from bitween.model.catalogue.changes import CatalogueChange, Holding
from bitween.model.contact import Contact, Pending
from bitween.model.device_trust import TrustedDevice
from bitween.model.events import (
    ConnectionChanged,
    ContactChanged,
    ContactRemoved,
    MessengerEvent,
    RouteFound,
    SwarmEvent,
    TorrentAdded,
    TorrentChanged,
    TorrentFinished,
    TorrentRemoved,
)
from bitween.model.job import Job, JobState
from bitween.model.torrent import InfoHash, Torrent


class Recorder(Service):
    """Subscribes to the application while it runs, and records events."""

    def __init__(
        self,
        application: Bitween,
        log: EventLog,
        clock: IReactorTime,
        publisher: LogPublisher,
    ) -> None:
        """:param publisher: its warnings become events."""
        self._bitween = application
        self._log = log
        self._changes = event_data.torrent_changes(
            torrent_fields(application.downloads.waiting_for)
        )
        self._torrents: ChangeCoalescer[InfoHash, Torrent] = ChangeCoalescer(
            clock, self._changes, self._record_torrents
        )
        self._jobs: ChangeCoalescer[str, Job] = ChangeCoalescer(
            clock, event_data.JOB_CHANGES, self._record_jobs
        )
        self._requests: set[str] = set()
        self._contact_errors: dict[str, BitweenError] = {}
        self._publisher = publisher
        self._watch = LogWatch(clock, lambda data: log.record(EventType.WARNING, data))
        self._unsubscribe: list[Callable[[], None]] = []

    def startService(self) -> None:
        """Subscribe to everything."""
        super().startService()
        application = self._bitween
        self._unsubscribe = [
            application.swarm_events.subscribe(self._on_swarm_event),
            application.messenger_events.subscribe(self._on_messenger_event),
            application.shares.changes.subscribe(self._on_catalogue_change),
            application.jobs.changes.subscribe(self._on_job_change),
            application.connector.routes.changes.subscribe(self._way_found),
            application.devices.changes.subscribe(self._device_changed),
            application.access_requests.changes.subscribe(self._access_requested),
        ]
        self._publisher.addObserver(self._watch)

    def stopService(self) -> None:
        """Unsubscribe from everything."""
        super().stopService()
        self._publisher.removeObserver(self._watch)
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._torrents.stop()
        self._jobs.stop()

    def _on_swarm_event(self, event: SwarmEvent) -> None:
        match event:
            case TorrentAdded(torrent=torrent):
                self._torrents.put(torrent.info_hash, torrent)
                self._log.record(
                    EventType.TORRENT_ADDED, event_data.torrent_added(torrent, self._changes)
                )
            case TorrentChanged(torrent=torrent):
                self._torrent_changed(torrent)
            case TorrentFinished(torrent=torrent):
                self._log.record(EventType.TORRENT_FINISHED, event_data.torrent_finished(torrent))
            case TorrentRemoved(info_hash=info_hash, name=name):
                self._torrents.forget(info_hash)
                self._log.record(EventType.TORRENT_REMOVED, {"hash": info_hash, "name": name})

    def _torrent_changed(self, torrent: Torrent) -> None:
        before = self._torrents.known(torrent.info_hash)
        self._torrents.change(torrent.info_hash, torrent)
        if torrent.error and (before is None or before.error != torrent.error):
            self._log.record(EventType.TORRENT_ERROR, event_data.torrent_error(torrent))

    def _record_torrents(self, changes: Sequence[tuple[InfoHash, Fields]]) -> None:
        torrents = [{"hash": info_hash, **fields} for info_hash, fields in changes]
        self._log.record(EventType.TORRENT_CHANGED, {"torrents": torrents})

    def _on_messenger_event(self, event: MessengerEvent) -> None:
        match event:
            case ConnectionChanged(status=status):
                self._log.record(EventType.CONNECTION, connection(status))
            case ContactChanged(contact=contact):
                self._contact_changed(contact)
            case ContactRemoved(jid=jid):
                self._requests.discard(jid)
                self._contact_errors.pop(jid, None)

    def _contact_changed(self, contact: Contact) -> None:
        if contact.error is None:
            self._contact_errors.pop(contact.jid, None)
        elif self._contact_errors.get(contact.jid) is not contact.error:
            self._contact_errors[contact.jid] = contact.error
            self._log.record(EventType.CONTACT_ERROR, event_data.contact_trouble(contact))
        if contact.pending is not Pending.IN:
            self._requests.discard(contact.jid)
        elif contact.jid not in self._requests:
            self._requests.add(contact.jid)
            self._log.record(EventType.CONTACT_REQUEST, event_data.contact_request(contact))

    def _on_catalogue_change(self, change: CatalogueChange) -> None:
        for presence in change.presences:
            came = presence.online
            event_type = EventType.CONTACT_ONLINE if came else EventType.CONTACT_OFFLINE
            self._log.record(event_type, event_data.presence(presence))
        self._record_waiting_for({h.share.info_hash for h in change.gone + change.appeared})
        self._record_shares(EventType.SHARE_GONE, change.gone)
        self._record_shares(EventType.SHARE_APPEARED, change.appeared)

    def _record_waiting_for(self, info_hashes: Iterable[InfoHash]) -> None:
        """Record the contacts that our torrents wait for, after contacts gained or lost shares."""
        changes = []
        for info_hash in sorted(info_hashes):
            torrent = self._torrents.known(info_hash)
            if torrent is not None and torrent.is_waiting:
                changes.append(
                    (info_hash, {"waiting_for": self._bitween.downloads.waiting_for(torrent)})
                )
        for start in range(0, len(changes), AT_ONCE):
            self._record_torrents(changes[start : start + AT_ONCE])

    def _way_found(self, found: RouteFound) -> None:
        self._log.record(EventType.CONTACT_REACH, event_data.contact_reach(found))

    def _access_requested(self, request: AccessRequest) -> None:
        self._log.record(EventType.ACCESS_REQUESTED, dict(request_data(request)))

    def _device_changed(self, device: TrustedDevice) -> None:
        self._log.record(EventType.DEVICE_TRUST, dict(device_data(device)))

    def _record_shares(self, event_type: EventType, holdings: Sequence[Holding]) -> None:
        """Record one event for each contact, however many shares changed."""
        for contact, of_contact in groupby(holdings, lambda holding: holding.jid):
            self._log.record(event_type, event_data.shares(contact, list(of_contact)))

    def _on_job_change(self, job: Job) -> None:
        if not job.state.ended:
            self._jobs.change(job.id, job)
            return
        self._jobs.forget(job.id)
        done = job.state is JobState.DONE
        event_type = EventType.JOB_DONE if done else EventType.JOB_FAILED
        self._log.record(event_type, job_data(job))

    def _record_jobs(self, changes: Sequence[tuple[str, Fields]]) -> None:
        for job_id, fields in changes:
            self._log.record(EventType.JOB_PROGRESS, {"job": job_id, **fields})
