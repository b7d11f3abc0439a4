"""The methods of the API by namespace: each hands a call to the use cases and shows the outcome."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

from twisted.internet.interfaces import IReactorTime

import bitween
from bitween.api.events.recent_warnings import RecentWarnings
from bitween.api.http.json_stream import JsonArray, JsonObject
from bitween.api.http.log_in import LogInLinks
from bitween.api.methods.qr import qr_rows
from bitween.api.results import encoding, shapes
from bitween.api.rpc.jsonrpc import Namespace, by_token, reads
from bitween.api.rpc.params import Between, Name, Path, Wanted
from bitween.app.application import Bitween
from bitween.errors import HashingFailed, InvalidValue
from bitween.files.browse import Folders
from bitween.model.catalogue.search import Filter
from bitween.model.job import JobState
from bitween.model.setting import Setting
from bitween.model.torrent import MAX_SIZE, InfoHash

#: Of the methods and their results, by semantic versioning: the first number rises when a program
#: that kept to the text could break, the second when anything is added, the third when only the
#: text changes.
API_VERSION = "2.0.0"

_Offset = Annotated[int, Between(0, 2**53)]
_Rate = Annotated[int, Between(0, 2**31 - 1)]
_PageSize = Annotated[int, Between(0, 1000)]
_Size = Annotated[int, Between(0, MAX_SIZE)]


def namespaces(
    application: Bitween,
    clock: IReactorTime,
    links: LogInLinks,
    *,
    recent: RecentWarnings,
    settings: Sequence[Setting],
    folders: Folders,
) -> dict[str, Namespace]:
    """Every namespace by its prefix."""
    return {
        "Api": ApiMethods(application, clock, links, recent, settings),
        "bt": TorrentMethods(application, folders),
        "xmpp": ContactMethods(application),
        "jobs": JobMethods(application),
        "net": NetMethods(application),
    }


class ApiMethods(Namespace):
    """``Api.``: the daemon itself."""

    def __init__(
        self,
        application: Bitween,
        clock: IReactorTime,
        links: LogInLinks,
        recent: RecentWarnings,
        settings: Sequence[Setting],
    ) -> None:
        super().__init__()
        self._bitween = application
        self._clock = clock
        self._links = links
        self._recent = recent
        self._settings = settings
        self._versions: shapes.Versions = {
            "bitween": bitween.__version__,
            "api": API_VERSION,
            "libtorrent": _version_of("libtorrent"),
            "twisted": _version_of("twisted"),
            "wokkel": _version_of("wokkel"),
            "python": platform.python_version(),
        }

    @reads
    def jsonrpc_versions(self) -> shapes.Versions:
        """Versions of the daemon, of this API and of what they are built on."""
        return self._versions

    def jsonrpc_exit(self) -> shapes.Done:
        """Stop the daemon cleanly."""
        # In the next turn, so that this one still answers; the site sends that before it closes.
        self._clock.callLater(0, self._bitween.stop)
        return True

    @by_token
    def jsonrpc_login_link(self, remember: bool = False) -> shapes.LogInLink:
        """
        A link that logs a browser in, once and within a minute, so that nobody types a token.

        :param remember: whether the browser stays logged in when the daemon is restarted.
        :raises ConfigurationError: if the API is at a Unix socket, which no browser can open.
        :raises TokenNeeded: if a log-in is shown in place of a token.
        """
        url, expires = self._links.make(remember)
        return {"url": url, "expires": expires}

    def jsonrpc_reconnect(self) -> shapes.Done:
        """Try now to connect to the XMPP server, or see whether the connection still holds."""
        self._bitween.reconnect()
        return True

    @reads
    def jsonrpc_status(self) -> shapes.Status:
        """How the daemon is: connection, addresses, totals."""
        return encoding.status(self._bitween.status())

    @reads
    def jsonrpc_traffic(self) -> shapes.TrafficHistory:
        """How much was exchanged with everybody, and how fast in the last five minutes."""
        rates, account = self._bitween.rates, self._bitween.traffic
        return encoding.traffic_history(
            rates.samples, rates.interval, account.session, account.ever
        )

    @reads
    def jsonrpc_settings(self) -> shapes.Settings:
        """What is set on the command line, in the settings file, and by default; no secrets."""
        return {"settings": [encoding.setting(setting) for setting in self._settings]}

    @reads
    def jsonrpc_warnings(self) -> shapes.Warnings:
        """The last hundred warnings of the daemon's log since it started."""
        return {"warnings": self._recent.all()}


class TorrentMethods(Namespace):
    """``bt.``: our own torrents."""

    def __init__(self, application: Bitween, folders: Folders) -> None:
        super().__init__()
        self._bitween = application
        self._folders = folders

    @reads
    def jsonrpc_get_torrents(
        self, fields: list[str] | None = None, hashes: list[InfoHash] | None = None
    ) -> Annotated[JsonObject, shapes.Torrents]:
        """
        Our torrents.

        :param fields: the keys wanted of each; all by default.
        :param hashes: only these, as far as they are there.
        """
        known = encoding.torrent_fields(self._bitween.waited_for)
        shown = known if fields is None else _chosen(known, fields)
        wanted = None if hashes is None else frozenset(hashes)
        rows = (
            {field: shown[field](torrent) for field in shown}
            for torrent in self._bitween.torrents()
            if wanted is None or torrent.info_hash in wanted
        )
        return JsonObject([("torrents", JsonArray(rows))])

    async def jsonrpc_browse(
        self, path: Path | None = None, offset: _Offset = 0, limit: _PageSize = 200
    ) -> shapes.Folder:
        """
        List a folder of the daemon's machine, to choose what to share; see ``--share-root``.

        :param path: absolute; by default the list of folders to begin in.
        :raises BadPath: if it is not within one of those, or no folder.
        :raises NoSuchPath: if nothing lies there.
        :raises UnreadablePath: if it may not be read.
        """
        page = await self._folders.page(path, offset, limit)
        shared = self._bitween.names_in(page.path) if page.path is not None else frozenset()
        return encoding.folder(page, shared)

    async def jsonrpc_add_path(
        self, path: Path, wait: bool = False, confirm: bool = False, strict: bool = False
    ) -> shapes.Started | shapes.Added:
        """
        Share a file or folder.

        What of a folder cannot be shared is left out, and the result tells what and why.

        :param path: absolute, on the daemon's machine, or from ``~/``, the home of its user, on.
        :param wait: answer when it is hashed, with its hash, name and size; else at once, with the
            job that hashes it.
        :param confirm: share it also if that is rarely meant: a home directory, folders that may
            hold keys or passwords, a .torrent file.
        :param strict: refuse a folder of which something has to be left out.
        :raises ConfirmationNeeded: if it is such a thing, and ``confirm`` is false; the error's
            ``detail`` tells which.
        :raises ForbiddenPath: if it is the daemon's own state directory, or lies in it; a folder
            that holds that is shared without it.
        :raises NoSuchPath: if nothing lies there.
        :raises UnreadablePath: if it may not be read.
        :raises EmptyFolder: if it holds no file.
        :raises BadPath: if it is neither a file nor a folder, not absolute, or not UTF-8; with
            ``strict``, if something of it has to be left out.
        :raises HashingFailed: with ``wait``, if that was cancelled, or files changed meanwhile.
        """
        job = await self._bitween.share_path(path, confirmed=confirm, strict=strict)
        if not wait:
            return {"job": job.id}
        job = await self._bitween.jobs.ended(job.id)
        if job.error is not None:
            raise job.error
        if job.state is JobState.CANCELLED or job.result is None:
            raise HashingFailed(f"hashing {path!r} was cancelled")
        return encoding.added(job.result)

    async def jsonrpc_add_torrent_by_hash(
        self,
        hash: Wanted,  # noqa: A002  # the parameter's name in the API
        save_path: Path | None = None,
        paused: bool = False,
    ) -> shapes.Requested:
        """
        Download what a contact shares; without a source, as soon as one appears.

        :param hash: of a magnet link only the info-hash counts: peers are contacts, never trackers.
        :param save_path: a folder, absolute or from ``~/`` on; the download directory by default.
        :param paused: fetch no more than the list of its files until ``bt.resume``.
        :raises BadPath: if the folder is no place to write to.
        :raises ForbiddenPath: if it is the daemon's own state directory, or lies in it.
        """
        info_hash = InfoHash(hash)
        sources = await self._bitween.download(info_hash, save_path, paused)
        return {"hash": info_hash, "sources": sources}

    async def jsonrpc_del_torrent(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
        delete_data: bool = False,
        originals: bool = False,
    ) -> shapes.Done | shapes.Deletion:
        """
        Stop sharing or downloading a torrent.

        Only the torrent's own files are deleted, and the folders that are empty then.  They go to
        the trash if the daemon's user has one; else they are gone.

        :param delete_data: delete its files as well; tells what was deleted.
        :param originals: delete them also if they were there before bitween, as ``bt.get_torrents``
            tells by the ``origin`` ``shared``.
        :raises UnknownTorrent: if no torrent of ours has the hash.
        :raises OriginalFiles: if they were, and ``originals`` is false; nothing is done then.
        :raises DeletionFailed: if files could not be deleted; the torrent is removed, and so are
            the others.
        """
        deletion = await self._bitween.remove(hash, delete_data, originals=originals)
        return True if deletion is None else encoding.deletion(deletion)

    @reads
    async def jsonrpc_get_deletion(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Deletion:
        """
        What ``bt.del_torrent`` would delete with ``delete_data``, to ask before.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        return encoding.deletion(await self._bitween.deletion(hash))

    async def jsonrpc_recheck(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Done:
        """
        Compare a torrent's files with its hashes, and go on from there.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.recheck(hash)
        return True

    async def jsonrpc_mend(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Done:
        """
        Do what would help a torrent that stands still; its ``trouble`` tells the ``remedy``.

        Nothing that lies there is deleted or written over.  ``recheck`` is what ``bt.recheck``
        does, ``fetch_again`` fetches the torrent once more, beside what lies there, and
        ``share_again`` shares what lies there now; what it was is forgotten when that is hashed.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        :raises NoSuchPath: if it is to be shared again, and nothing lies there.
        :raises BadPath: if it is to be shared again, and that is nothing to share.
        """
        await self._bitween.mend(hash)
        return True

    async def jsonrpc_pause(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Done:
        """
        Neither give nor fetch a torrent until it is resumed; contacts no longer see it.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.control.pause(hash)
        return True

    async def jsonrpc_resume(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Done:
        """
        Go on with a torrent; if the rules for seeding paused it, they no longer count for it.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.control.resume(hash)
        return True

    async def jsonrpc_prefer(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Done:
        """
        Put a download first in the queue.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.control.prefer(hash)
        return True

    @reads
    async def jsonrpc_get_files(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Files:
        """
        The files of a torrent, and how much of each is here; ``null`` until they are known.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        selection = self._bitween.torrent(hash).wishes.selection
        return encoding.files(await self._bitween.control.files(hash), selection)

    @reads
    def jsonrpc_get_peers(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Peers:
        """
        Who is connected for a torrent, by contact as far as that can be told.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        return {"peers": [encoding.peer(*known) for known in self._bitween.peers(hash)]}

    async def jsonrpc_set_files(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
        wanted: list[int] | None = None,
        first: list[int] | None = None,
        sequential: bool | None = None,
    ) -> shapes.Files:
        """
        Choose which files of a download to fetch, and in which order; see ``bt.get_files``.

        :param wanted: the indexes of the files to fetch; all others are left out.
        :param first: the indexes of those to ask for before the others, in this order.
        :param sequential: fetch the pieces in their order, to look at what has come.
        :raises UnknownTorrent: if no torrent of ours has the hash.
        :raises NoMetadata: if files are chosen that are not known yet.
        :raises BadPath: if something else lies where a file that was left out would be written.
        """
        await self._bitween.control.select(hash, wanted, first, sequential)
        return await self.jsonrpc_get_files(hash)

    async def jsonrpc_set_limits(
        self,
        hash: InfoHash | None = None,  # noqa: A002  # the parameter's name in the API
        upload: _Rate | None = None,
        download: _Rate | None = None,
    ) -> shapes.LimitsInForce | shapes.Limits:
        """
        Limit one torrent, or all together; tells the limits that hold.

        :param hash: all torrents together by default.
        :param upload: bytes/s, 0 for no limit; as it was by default.
        :param download: the same for the other direction.
        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        if hash is None:
            return encoding.limits(self._bitween.control.limit_all(upload, download))
        torrent = await self._bitween.control.limit(hash, upload, download)
        return encoding.rates(torrent.wishes.limits)

    @reads
    def jsonrpc_export(
        self,
        hash: InfoHash,  # noqa: A002  # the parameter's name in the API
    ) -> shapes.Exported:
        """
        A torrent for other programs: the .torrent file in base64, and a magnet link.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        return encoding.exported(self._bitween.control.export(hash))


class ContactMethods(Namespace):
    """``xmpp.``: contacts, and what they share."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    def jsonrpc_get_hashes(self) -> Annotated[JsonObject, shapes.Hashes]:
        """What contacts who are online share, and where to dial them for it."""
        return JsonObject([("hashes", encoding.reachable(self._bitween.catalogue))])

    @reads
    def jsonrpc_get_shares(self) -> Annotated[JsonObject, shapes.Shares]:
        """What every device of every contact shares."""
        return JsonObject(
            [
                (
                    "shares",
                    encoding.shares(self._bitween.catalogue, there=self._bitween.knows_presence),
                )
            ]
        )

    @reads
    async def jsonrpc_find(  # noqa: PLR0917  # parameters of the API go by position, too
        self,
        query: str = "",
        contact: Name | None = None,
        sort: Literal["name", "size", "largest", "online", "match"] = "name",
        offset: _Offset = 0,
        limit: _PageSize = 50,
        online: bool = False,
        min_size: _Size = 0,
        max_size: _Size = MAX_SIZE,
    ) -> shapes.FoundPage:
        """
        Search what contacts share.

        :param query: words that all stand in the name; or an info-hash, or how one begins.
        :param contact: a bare JID, to see only theirs.
        :param sort: ``size`` gives the smallest first; ``match`` the best matches: the whole name,
            how the name begins, how its words begin, anything else; of equal ones those that are
            online.
        :param online: leave out what nobody has who is online.
        :param min_size: bytes; leave out what is smaller.
        :param max_size: bytes; leave out what is larger.
        :raises UnknownContact: if ``contact`` is neither in the roster nor ourselves.
        """
        only = Filter(online, min_size, max_size)
        page = await self._bitween.find(query, contact, sort, offset, limit, only=only)
        return {
            "total": page.total,
            "items": [
                encoding.found(
                    item,
                    self._bitween.meetings.best_way(item.info_hash),
                    self._bitween.meetings.answering(item.info_hash),
                    there=self._bitween.knows_presence,
                )
                for item in page.items
            ],
        }

    @reads
    def jsonrpc_get_contacts(self) -> shapes.Contacts:
        """Everybody in the roster, and those who ask to be."""
        catalogue = self._bitween.catalogue
        contacts = self._bitween.contacts()
        traffic, meetings = self._bitween.traffic, self._bitween.meetings
        there = self._bitween.knows_presence
        return {
            "contacts": [
                encoding.contact(
                    *(contact, catalogue, traffic.of(contact.jid)),
                    *(meetings.way, meetings.answers),
                    there=there,
                )
                for contact in contacts
            ]
        }

    @reads
    def jsonrpc_invitation(self) -> shapes.Invitation:
        """What to give to somebody who is to become a contact: a link, also as a QR code."""
        link = self._bitween.invitation
        return {"uri": link, "qr": qr_rows(link)}

    async def jsonrpc_add_contact(self, jid: Name, nick: Name | None = None) -> shapes.Done:
        """
        Ask somebody to become a contact, and let their own request in when it comes.

        :param jid: a bare JID, or an ``xmpp:`` link that holds it.
        :raises AlreadyContact: if they are one, and have that name.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that; what their own server answers
            comes later, as ``error`` of ``xmpp.get_contacts``.
        """
        await self._bitween.add_contact(jid, nick or "")
        return True

    async def jsonrpc_accept_contact(self, jid: Name) -> shapes.Done:
        """
        Accept somebody's request, and ask back.

        :raises UnknownContact: if they do not ask.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.accept_contact(jid)
        return True

    async def jsonrpc_remove_contact(self, jid: Name) -> shapes.Done:
        """
        End it with a contact, in both directions, or refuse a request.

        :raises UnknownContact: if they are neither in the roster nor ask.
        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.remove_contact(jid)
        return True

    async def jsonrpc_forget_resource(self, jid: Name, resource: Name) -> shapes.Done:
        """
        Drop what is known of a device that is gone for good; our own account's is taken back too.

        :param jid: a contact, or our own bare JID.
        :raises UnknownContact: if that is neither a contact nor ourselves.
        :raises UnknownResource: if the device has announced nothing.
        :raises ResourceOnline: if it is there: it would be back at once.
        :raises NotConnected: if it is our own and there is no XMPP session.
        """
        await self._bitween.forget_resource(jid, resource)
        return True

    @reads
    def jsonrpc_get_blocked(self) -> shapes.Blocked:
        """Whom the server keeps away from us: bare JIDs and domains."""
        return {"blocked": list(self._bitween.blocked())}

    async def jsonrpc_block(self, jid: Name) -> shapes.Done:
        """
        Have the server keep somebody away from us, contact or not.

        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.block(jid)
        return True

    async def jsonrpc_unblock(self, jid: Name) -> shapes.Done:
        """
        Let somebody reach us again.

        :raises NotConnected: if there is no XMPP session.
        :raises RequestRefused: if the server does not want that.
        """
        await self._bitween.unblock(jid)
        return True


class NetMethods(Namespace):
    """``net.``: the way between us and our contacts."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._bitween = application

    @reads
    async def jsonrpc_diagnose(self) -> shapes.Diagnosis:
        """Look at log-in, server, addresses, ways to contacts and disk; say what would help."""
        return {"findings": [encoding.finding(f) for f in await self._bitween.diagnose()]}


class JobMethods(Namespace):
    """``jobs.``: things that take a while."""

    def __init__(self, application: Bitween) -> None:
        super().__init__()
        self._jobs = application.jobs

    @reads
    def jsonrpc_get(self, job: Name) -> shapes.Job:
        """
        How far a job is.

        :raises UnknownJob: if there is no such job, or it ended long ago.
        """
        return encoding.job(self._jobs.get(job))

    @reads
    def jsonrpc_list(self) -> shapes.Jobs:
        """Every job that runs, and the last ones that ended; oldest first."""
        return {"jobs": [encoding.job(job) for job in self._jobs.all()]}

    def jsonrpc_cancel(self, job: Name) -> shapes.Job:
        """
        Cancel a job; one that has ended stays as it is.

        :raises UnknownJob: if there is no such job, or it ended long ago.
        """
        return encoding.job(self._jobs.cancel(job))


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _chosen(known: encoding.Fields, names: list[str]) -> encoding.Fields:
    """
    :raises InvalidValue: naming the first one that is unknown.
    """
    for name in names:
        if name not in known:
            hint = f"known: {', '.join(known)}"
            raise InvalidValue(f"parameter 'fields': {name[:60]!r} is unknown", hint)
    return {name: known[name] for name in names}
