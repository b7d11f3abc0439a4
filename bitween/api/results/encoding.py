"""
The model's values as JSON.

Sizes are bytes, rates bytes/s, times seconds since the epoch (UTC), progress 0..1; what is unknown,
or is not there, is ``null``.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import cast

from bitween.api.http.content_type import type_of
from bitween.api.http.json_stream import JsonObject
from bitween.api.results import shapes
from bitween.api.results.faults import error_data, error_object, reason_of
from bitween.app.application import DaemonStatus
from bitween.app.limits import Exported, FileStatus, LimitsInForce
from bitween.files.browse import FolderPage
from bitween.model.address import PeerAddress
from bitween.model.announcement import Share
from bitween.model.catalogue.catalogue import Catalogue, Listing
from bitween.model.catalogue.search import Found
from bitween.model.connection import ConnectionStatus
from bitween.model.contact import Contact
from bitween.model.deletion import Deletion
from bitween.model.diagnosis import Finding
from bitween.model.job import Added, Job
from bitween.model.peer import Peer
from bitween.model.route import Obstacle, Route, RouteKind
from bitween.model.setting import Setting
from bitween.model.text import clean_path, printable
from bitween.model.torrent import Torrent
from bitween.model.torrent_error import TorrentError
from bitween.model.torrent_options import Limits, Selection
from bitween.model.traffic import Rates, Traffic

Json = dict[str, object]

#: Makes one key's value of a torrent.
Field = Callable[[Torrent], object]
Fields = Mapping[str, Field]


def _size_if_known(torrent: Torrent) -> int | None:
    return torrent.progress.total if torrent.files is not None else torrent.progress.total or None


def _files(torrent: Torrent) -> list[shapes.FileEntry] | None:
    if torrent.files is None:
        return None
    return [{"path": file.path, "size": file.size} for file in torrent.files]


def _trouble(trouble: TorrentError | None) -> shapes.Trouble | None:
    if trouble is None:
        return None
    return {
        "reason": trouble.reason.value,
        "path": trouble.path or None,
        "remedy": trouble.remedy.value if trouble.remedy else None,
    }


#: Every key of a torrent that the torrent alone tells.
TORRENT_FIELDS: Fields = MappingProxyType(
    {
        "hash": lambda torrent: torrent.info_hash,
        "name": lambda torrent: torrent.name,
        "total_size": _size_if_known,
        "done": lambda torrent: torrent.progress.done,
        "files": _files,
        "state": lambda torrent: torrent.state.value,
        "complete": lambda torrent: torrent.complete,
        "progress": lambda torrent: 1.0 if torrent.complete else torrent.progress.fraction,
        "download_rate": lambda torrent: torrent.progress.download_rate,
        "upload_rate": lambda torrent: torrent.progress.upload_rate,
        "uploaded": lambda torrent: torrent.progress.uploaded,
        "left": lambda torrent: torrent.progress.left,
        "wanted_size": lambda torrent: torrent.progress.wanted or _size_if_known(torrent),
        "peers": lambda torrent: torrent.progress.peers,
        "eta": lambda torrent: torrent.progress.eta,
        "save_path": lambda torrent: clean_path(torrent.save_path),
        "error": lambda torrent: torrent.error or None,
        "trouble": lambda torrent: _trouble(torrent.trouble),
        "added": lambda torrent: torrent.added,
        "completed": lambda torrent: torrent.completed,
        "shared": lambda torrent: torrent.shared,
        "origin": lambda torrent: torrent.origin.value,
        "limits": lambda torrent: rates(torrent.wishes.limits),
        "sequential": lambda torrent: torrent.wishes.selection.sequential,
    }
)


def torrent_fields(waited_for: Callable[[Torrent], list[str]]) -> Fields:
    """
    Every key of a torrent.

    :param waited_for: tells the bare JIDs of those for whom a torrent waits.
    """
    return MappingProxyType({**TORRENT_FIELDS, "waiting_for": waited_for})


def status(status: DaemonStatus) -> shapes.Status:
    """``Api.status``."""
    return {
        "jid": status.connection.jid,
        "connection": connection(status.connection),
        "listen": list(status.listening),
        "addresses": _addresses(status.addresses),
        "totals": cast("shapes.Totals", asdict(status.totals)),
        "limits": limits(status.limits),
        "download_dir": status.download_dir,
        "free": status.free,
        "uptime": status.uptime,
    }


def limits(limits: LimitsInForce) -> shapes.LimitsInForce:
    """``bt.set_limits`` for all torrents together."""
    return {**rates(limits.usual), "now": rates(limits.now), "scheduled": limits.scheduled}


def rates(limits: Limits) -> shapes.Limits:
    """``bt.set_limits`` for one torrent."""
    return {"upload": limits.upload, "download": limits.download}


def files(files: Sequence[FileStatus] | None, selection: Selection) -> shapes.Files:
    """``bt.get_files``."""
    listed: list[shapes.FileStatus] | None = None
    if files is not None:
        listed = [
            {
                "index": number,
                "path": file.entry.path,
                "original": printable(file.entry.original, sys.maxsize) or None,
                "size": file.entry.size,
                "done": file.done,
                "wanted": file.wanted,
                "preview": type_of(file.entry.path).preview,
            }
            for number, file in enumerate(files)
        ]
    return {
        "files": listed,
        "first": list(selection.first),
        "sequential": selection.sequential,
    }


def deletion(deletion: Deletion) -> shapes.Deletion:
    """``bt.get_deletion``, and what ``bt.del_torrent`` has deleted."""
    return {
        "files": deletion.files,
        "size": deletion.size,
        "trash": deletion.trash,
        "kept": deletion.kept,
    }


def peer(contact: str | None, peer: Peer, how: RouteKind) -> shapes.Peer:
    """One of ``bt.get_peers``."""
    return {
        "contact": contact,
        "address": peer.address,
        "port": peer.port,
        "client": peer.client or None,
        "progress": peer.progress,
        "download_rate": peer.download_rate,
        "upload_rate": peer.upload_rate,
        "downloaded": peer.downloaded,
        "uploaded": peer.uploaded,
        "how": how.value,
    }


def traffic_history(
    samples: Sequence[Rates], interval: float, session: Traffic, ever: Traffic
) -> shapes.TrafficHistory:
    """``Api.traffic``."""
    return {
        "interval": interval,
        "download_rates": [rates.download for rates in samples],
        "upload_rates": [rates.upload for rates in samples],
        "session": _traffic(session),
        "ever": _traffic(ever),
    }


def _traffic(traffic: Traffic) -> shapes.Traffic:
    return {"downloaded": traffic.downloaded, "uploaded": traffic.uploaded}


def exported(exported: Exported) -> shapes.Exported:
    """``bt.export``."""
    torrent_file = exported.torrent_file
    encoded = None if torrent_file is None else base64.b64encode(torrent_file).decode("ascii")
    return {"torrent": encoded, "magnet": exported.magnet}


def connection(status: ConnectionStatus) -> shapes.Connection:
    """Where the connection to the XMPP server stands."""
    cause = None if status.cause is None else error_data(status.cause)
    return {
        "state": status.state.value,
        "since": status.since,
        "error": status.error or None,
        "reason": cause and cause["reason"],
        "detail": cause and cause.get("detail"),
        "values": cause and cause.get("values"),
        "next_try": status.next_try,
    }


def finding(finding: Finding) -> shapes.Finding:
    """One of ``net.diagnose``."""
    return {
        "check": finding.check,
        "verdict": finding.verdict.value,
        "text": finding.text,
        "fix": finding.fix or None,
        "detail": finding.detail or None,
        "values": dict(finding.values),
        "because": [_obstacle(obstacle) for obstacle in finding.obstacles],
    }


def setting(setting: Setting) -> shapes.Setting:
    """One of ``Api.settings``."""
    value = setting.value
    return {
        "name": setting.name,
        "value": list(value) if isinstance(value, tuple) else value,
        "origin": setting.origin.value,
        "changeable": setting.changeable,
    }


def job(job: Job) -> shapes.Job:
    """``jobs.get``."""
    return {
        "job": job.id,
        "kind": job.kind,
        "subject": job.subject,
        "state": job.state.value,
        "done": job.done,
        "total": job.total,
        "rate": job.rate,
        "eta": job.eta,
        "result": added(job.result) if job.result is not None else None,
        "error": cast("shapes.Error", error_object(job.error)) if job.error else None,
    }


def added(added: Added) -> shapes.Added:
    """What came of adding a path."""
    return {
        "hash": added.info_hash,
        "name": added.name,
        "total_size": added.total_size,
        "left_out": [
            {"path": entry.path, "why": entry.why.value} for entry in added.left_out.entries
        ],
        "left_out_total": added.left_out.total,
    }


def contact(
    contact: Contact,
    catalogue: Catalogue,
    traffic: Traffic,
    way: Callable[[str, str], Route],
    answers: Callable[[str, str], bool | None],
    *,
    there: bool,
) -> shapes.Contact:
    """
    One entry of ``xmpp.get_contacts``.

    :param there: whether it is known who is online.
    :param way: tells the way to a resource of a bare JID.
    :param answers: tells whether it answers.
    """
    online = catalogue.online(contact.jid) if there else frozenset()
    listings = catalogue.listings(contact.jid)
    return {
        "jid": contact.jid,
        "nick": contact.nick or None,
        "subscription": contact.subscription.value,
        "pending": contact.pending.value if contact.pending else None,
        "groups": list(contact.groups),
        "blocked": contact.blocked,
        "service": contact.is_service,
        "online": bool(online),
        "error": contact_error(contact),
        "resources": [
            _resource(
                resource,
                listings.get(resource),
                way(contact.jid, resource) if resource in online else None,
                answers(contact.jid, resource) if resource in online else None,
            )
            for resource in sorted(online | listings.keys())
        ],
        "downloaded": traffic.downloaded,
        "uploaded": traffic.uploaded,
    }


def contact_error(contact: Contact) -> shapes.Error | None:
    """What came back when a contact was asked."""
    return None if contact.error is None else cast("shapes.Error", error_object(contact.error))


def _resource(
    resource: str, listing: Listing | None, way: Route | None, answers: bool | None
) -> shapes.Resource:
    return {
        "resource": resource,
        "bitween": listing is not None,
        "shares": len(listing.announcement.shares) if listing else 0,
        "size": listing.size if listing else 0,
        "online": way is not None,
        "answering": answers,
        "way": _way(way) if way and listing else None,
    }


def reachable(catalogue: Catalogue) -> JsonObject:
    """``xmpp.get_hashes``: addresses by info-hash, the best ones to dial first."""
    return JsonObject(
        (info_hash, _addresses(sorted(addresses, key=lambda a: (a.rank, a.address, a.port))))
        for info_hash, addresses in catalogue.reachable()
    )


def shares(catalogue: Catalogue, *, there: bool) -> JsonObject:
    """
    ``xmpp.get_shares``: listings by bare JID and resource.

    :param there: whether it is known who is online.
    """
    return JsonObject(
        (
            jid,
            JsonObject(
                (name, _listing(listing, there=there))
                for name, listing in catalogue.listings(jid).items()
            ),
        )
        for jid in catalogue.jids()
    )


def found(found: Found, way: Route | None, answering: bool | None, *, there: bool) -> shapes.Found:
    """
    One item of ``xmpp.find``.

    :param way: the best one to a contact who is online and has it.
    :param answering: whether such a contact answers.
    :param there: whether it is known who is online.
    """
    return {
        "hash": found.info_hash,
        "name": found.name,
        "size": found.size,
        "contacts": list(found.contacts),
        "names": [
            {"name": claim.name, "size": claim.size, "contacts": list(claim.contacts)}
            for claim in found.claims
        ],
        "online": found.online and there,
        "answering": answering if found.online and there else None,
        "reach": reach(way) if way and there else None,
        "reach_text": way.text if way and there and reach(way) else None,
    }


def _way(way: Route) -> shapes.Way:
    return {
        "reach": reach(way),
        "text": way.text or None,
        "reason": way.reason or None,
        "fix": way.fix or None,
        "because": [_obstacle(obstacle) for obstacle in way.obstacles],
    }


def _obstacle(obstacle: Obstacle) -> shapes.Obstacle:
    return {
        "text": obstacle.reason,
        "fix": obstacle.fix or None,
        "kind": None if obstacle.error is None else reason_of(obstacle.error),
        "detail": obstacle.detail or None,
        "values": dict(obstacle.values),
    }


def reach(way: Route) -> str | None:
    """On which rung somebody is reached; ``None`` while that is not known."""
    if way.rung is not None:
        return way.rung.value
    return "none" if way.reason else None


def _listing(listing: Listing, *, there: bool) -> JsonObject:
    addresses = listing.announcement.addresses
    # A copy, for the list may change while it is encoded.
    shares = list(listing.announcement.shares.values())
    return JsonObject(
        [
            ("ip_v4", _addresses(address for address in addresses if not address.is_ipv6)),
            ("ip_v6", _addresses(address for address in addresses if address.is_ipv6)),
            ("online", listing.online and there),
            ("shares", JsonObject((share.info_hash, _share(share)) for share in shares)),
        ]
    )


def _share(share: Share) -> shapes.Share:
    return {"hash": share.info_hash, "name": share.name, "size": share.size}


def _addresses(addresses: Iterable[PeerAddress]) -> list[tuple[str, int]]:
    return [(address.address, address.port) for address in addresses]


def folder(page: FolderPage, shared: frozenset[str]) -> shapes.Folder:
    """
    What lies in a folder.

    :param shared: the names in it that belong to torrents of ours.
    """
    return {
        "path": page.path,
        "root": page.root,
        "total": page.total,
        "complete": page.complete,
        "entries": [
            {
                "name": entry.name,
                "path": entry.path,
                "kind": "folder" if entry.is_folder else "file",
                "size": entry.size,
                "shared": entry.name in shared,
            }
            for entry in page.entries
        ],
    }
