"""``bt.``: our own torrents."""

from __future__ import annotations

from typing import Annotated

from bitween.api.http.json_stream import JsonArray, JsonObject
from bitween.api.results.encoding import torrents as encoding
from bitween.api.results.encoding.sharing import added, folder
from bitween.api.results.shapes import sharing
from bitween.api.results.shapes import torrents as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace, reads
from bitween.api.rpc.params import Between, Offset, PageSize, Path, Wanted
from bitween.app.application import Bitween
from bitween.errors import InvalidValue
from bitween.files.browse import Folders
from bitween.model.torrent import InfoHash

_Rate = Annotated[int, Between(0, 2**31 - 1)]


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
        known = encoding.torrent_fields(self._bitween.downloads.waiting_for)
        shown = known if fields is None else _chosen(known, fields)
        wanted = None if hashes is None else frozenset(hashes)
        rows = (
            {field: shown[field](torrent) for field in shown}
            for torrent in self._bitween.torrents.all()
            if wanted is None or torrent.info_hash in wanted
        )
        return JsonObject([("torrents", JsonArray(rows))])

    async def jsonrpc_browse(
        self, path: Path | None = None, offset: Offset = 0, limit: PageSize = 200
    ) -> sharing.Folder:
        """
        List a folder of the daemon's machine, to choose what to share; see ``--share-root``.

        :param path: absolute; by default the list of folders to begin in.
        :raises BadPath: if it is not within one of those, or no folder.
        :raises NoSuchPath: if nothing lies there.
        :raises UnreadablePath: if it may not be read.
        """
        page = await self._folders.page(path, offset, limit)
        shared = self._bitween.sharing.names_in(page.path) if page.path is not None else frozenset()
        return folder(page, shared)

    async def jsonrpc_add_path(
        self, path: Path, wait: bool = False, confirm: bool = False, strict: bool = False
    ) -> sharing.Started | sharing.Added:
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
        job = await self._bitween.sharing.share_path(path, confirmed=confirm, strict=strict)
        if not wait:
            return {"job": job.id}
        ended = await self._bitween.jobs.ended(job.id)
        return added(ended.outcome())

    async def jsonrpc_add_torrent_by_hash(
        self,
        hash: Wanted,
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
        sources = await self._bitween.downloads.start(info_hash, save_path, paused)
        return {"hash": info_hash, "sources": sources}

    async def jsonrpc_del_torrent(
        self,
        hash: InfoHash,
        delete_data: bool = False,
        originals: bool = False,
    ) -> Done | shapes.Deletion:
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
        deletion = await self._bitween.torrents.remove(hash, delete_data, originals=originals)
        return True if deletion is None else encoding.deletion(deletion)

    @reads
    async def jsonrpc_get_deletion(self, hash: InfoHash) -> shapes.Deletion:
        """
        What ``bt.del_torrent`` would delete with ``delete_data``, to ask before.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        return encoding.deletion(await self._bitween.torrents.deletion(hash))

    async def jsonrpc_recheck(self, hash: InfoHash) -> Done:
        """
        Compare a torrent's files with its hashes, and go on from there.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.torrents.recheck(hash)
        return True

    async def jsonrpc_mend(self, hash: InfoHash) -> Done:
        """
        Do what would help a torrent that stands still; its ``trouble`` tells the ``remedy``.

        Nothing that lies there is deleted or written over.  ``recheck`` is what ``bt.recheck``
        does, ``fetch_again`` fetches the torrent once more, beside what lies there, and
        ``share_again`` shares what lies there now; what it was is forgotten when that is hashed.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        :raises NoSuchPath: if it is to be shared again, and nothing lies there.
        :raises BadPath: if it is to be shared again, and that is nothing to share.
        """
        await self._bitween.repair.apply(hash)
        return True

    async def jsonrpc_pause(self, hash: InfoHash) -> Done:
        """
        Neither give nor fetch a torrent until it is resumed; contacts no longer see it.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.torrents.pause(hash)
        return True

    async def jsonrpc_resume(self, hash: InfoHash) -> Done:
        """
        Go on with a torrent; if the rules for seeding paused it, they no longer count for it.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.torrents.resume(hash)
        return True

    async def jsonrpc_prefer(self, hash: InfoHash) -> Done:
        """
        Put a download first in the queue.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        await self._bitween.torrents.move_to_top(hash)
        return True

    @reads
    async def jsonrpc_get_files(self, hash: InfoHash) -> shapes.Files:
        """
        The files of a torrent, and how much of each is here; ``null`` until they are known.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        selection = self._bitween.torrents.get(hash).wishes.selection
        return encoding.files(await self._bitween.torrents.files(hash), selection)

    @reads
    def jsonrpc_get_peers(self, hash: InfoHash) -> shapes.Peers:
        """
        Who is connected for a torrent, by contact as far as that can be told.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        return {"peers": [encoding.peer(*known) for known in self._bitween.peers.of(hash)]}

    async def jsonrpc_set_files(
        self,
        hash: InfoHash,
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
        await self._bitween.torrents.select(hash, wanted, first, sequential)
        return await self.jsonrpc_get_files(hash)

    async def jsonrpc_set_limits(
        self,
        hash: InfoHash | None = None,
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
            return encoding.limits(self._bitween.limits.set(upload, download))
        torrent = await self._bitween.torrents.limit(hash, upload, download)
        return encoding.rates(torrent.wishes.limits)

    @reads
    def jsonrpc_export(self, hash: InfoHash) -> shapes.Exported:
        """
        A torrent for other programs: the .torrent file in base64, and a magnet link.

        :raises UnknownTorrent: if no torrent of ours has the hash.
        """
        return encoding.exported(self._bitween.torrents.export(hash))


def _chosen(known: encoding.Fields, names: list[str]) -> encoding.Fields:
    """
    :raises InvalidValue: naming the first one that is unknown.
    """
    for name in names:
        if name not in known:
            hint = f"known: {', '.join(known)}"
            raise InvalidValue(f"parameter 'fields': {name[:60]!r} is unknown", hint)
    return {name: known[name] for name in names}
