"""``bt.``: your torrents, and what to share."""

from __future__ import annotations

from typing import Annotated

from bitween.api.http.json_stream import JsonArray, JsonObject
from bitween.api.methods.access import Expires
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
from bitween.model.text import printable
from bitween.model.torrent import InfoHash

_Rate = Annotated[int, Between(0, 2**31 - 1)]


class TorrentMethods(Namespace):
    """``bt.``: torrents that you share or download."""

    def __init__(self, application: Bitween, folders: Folders) -> None:
        super().__init__()
        self._bitween = application
        self._folders = folders

    @reads
    def jsonrpc_get_torrents(
        self, fields: list[str] | None = None, hashes: list[InfoHash] | None = None
    ) -> Annotated[JsonObject, shapes.Torrents]:
        """
        List your torrents.

        :param fields: the keys to return of each torrent; all keys by default.
        :param hashes: return only these torrents; hashes that you do not have are ignored.
        :raises InvalidValue: if a field is unknown.
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
        List a folder on the daemon's machine, to choose what to share.

        The option ``--share-root`` sets which folders can be listed.

        :param path: an absolute path; by default, the list of folders to start from.
        :param offset: how many entries to skip.
        :param limit: how many entries to return at most.
        :raises BadPath: if the path is not in one of the folders to start from, or is not a folder.
        :raises NoSuchPath: if the path does not exist.
        :raises UnreadablePath: if the daemon's user may not read the folder.
        """
        page = await self._folders.page(path, offset, limit)
        shared = self._bitween.sharing.names_in(page.path) if page.path is not None else frozenset()
        return folder(page, shared)

    async def jsonrpc_add_path(  # noqa: PLR0917  # parameters of the API go by position, too
        self,
        path: Path,
        wait: bool = False,
        confirm: bool = False,
        strict: bool = False,
        access: list[str] | None = None,
        expires: Expires | None = None,
        listed: bool = False,
        introductions: bool = True,
    ) -> sharing.Started | sharing.Added:
        """
        Share a file or folder.

        Files in a folder that cannot be shared are left out.  The result lists them, with the
        reasons.

        :param path: a path on the daemon's machine, either absolute or below ``~/``, the home
            directory of the daemon's user.
        :param wait: answer when the files are hashed, with the torrent's hash, name and size.  By
            default, the answer comes at once, and names the job that hashes.
        :param confirm: share the path even if that is probably a mistake: a home directory, a
            folder that may hold keys or passwords, a .torrent file.
        :param strict: fail if files of the folder have to be left out.
        :param access: who may see and fetch it, as in ``access.set``; by default, as before if this
            path is shared already, otherwise as the setting ``share-with`` says.
        :param expires: when the access ends, as in ``access.set``.
        :param listed: whether other contacts see the name and the size, with a lock.
        :param introductions: whether contacts that fetch it at the same time are introduced to each
            other.
        :raises ConfirmationNeeded: if sharing the path is probably a mistake, and ``confirm`` is
            false. The error's ``detail`` says why.
        :raises ForbiddenPath: if the path is the daemon's state directory, or lies in it.  A folder
            that contains the state directory is shared without it.
        :raises NoSuchPath: if the path does not exist.
        :raises UnreadablePath: if the daemon's user may not read the path.
        :raises EmptyFolder: if the folder contains no files.
        :raises BadPath: if the path is neither a file nor a folder, is not absolute or is not
            UTF-8; with ``strict``, if files have to be left out.
        :raises InvalidValue: if an entry of ``access`` is invalid, or the end has passed.
        :raises HashingFailed: with ``wait``, if the job was cancelled, or files changed meanwhile.
        """
        chosen = self._bitween.access.chosen(access, expires, listed, introductions)
        job = await self._bitween.sharing.share_path(
            path, confirmed=confirm, strict=strict, access=chosen
        )
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
        Download a torrent that contacts share.

        Without a source, the download starts when a contact who has the torrent comes online.

        :param hash: an info-hash or a magnet link.  Trackers in a magnet link are ignored: all
            peers are contacts.
        :param save_path: the folder for the download, either absolute or below ``~/``; by default,
            the download directory.
        :param paused: fetch only the list of files until ``bt.resume``.
        :raises BadPath: if the daemon cannot write to the folder.
        :raises ForbiddenPath: if the folder is the daemon's state directory, or lies in it.
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

        With ``delete_data``, the torrent's own files are deleted, and folders that are empty
        afterwards. They go to the trash if the daemon's user has one; otherwise they are gone for
        good.

        :param hash: the torrent's info-hash.
        :param delete_data: also delete the files; the result says what was deleted.
        :param originals: also delete files that existed before bitween shared them; see ``origin``
            in the result of ``bt.get_torrents``.
        :raises UnknownTorrent: if you have no torrent with this hash.
        :raises OriginalFiles: if the files existed before bitween shared them, and ``originals`` is
            false. Nothing is removed.
        :raises DeletionFailed: if some files could not be deleted.  The torrent and the other files
            are removed.
        """
        deletion = await self._bitween.torrents.remove(hash, delete_data, originals=originals)
        return True if deletion is None else encoding.deletion(deletion)

    @reads
    async def jsonrpc_get_deletion(self, hash: InfoHash) -> shapes.Deletion:
        """
        Show what ``bt.del_torrent`` with ``delete_data`` would delete.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        return encoding.deletion(await self._bitween.torrents.deletion(hash))

    async def jsonrpc_recheck(self, hash: InfoHash) -> Done:
        """
        Compare a torrent's files with its hashes, and continue with what is valid.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        await self._bitween.torrents.recheck(hash)
        return True

    async def jsonrpc_mend(self, hash: InfoHash) -> Done:
        """
        Repair a torrent that stopped with an error.

        The ``remedy`` of the torrent's ``trouble`` says how: ``recheck`` does what ``bt.recheck``
        does, ``fetch_again`` downloads the torrent again beside the existing files, and
        ``share_again`` shares the files as they are now, and drops the old torrent when they are
        hashed.  No file is deleted or overwritten.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        :raises NoSuchPath: if the files to share again do not exist.
        :raises BadPath: if the path to share again is neither a file nor a folder.
        """
        await self._bitween.repair.apply(hash)
        return True

    async def jsonrpc_pause(self, hash: InfoHash) -> Done:
        """
        Pause a torrent, both uploading and downloading, until ``bt.resume``.

        Contacts no longer see a paused torrent.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        await self._bitween.torrents.pause(hash)
        return True

    async def jsonrpc_resume(self, hash: InfoHash) -> Done:
        """
        Resume a torrent.

        If a seeding limit paused it, the seeding limits no longer apply to it.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        await self._bitween.torrents.resume(hash)
        return True

    async def jsonrpc_prefer(self, hash: InfoHash) -> Done:
        """
        Move a download to the top of the queue.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        await self._bitween.torrents.move_to_top(hash)
        return True

    @reads
    async def jsonrpc_get_files(self, hash: InfoHash) -> shapes.Files:
        """
        List the files of a torrent, and how much of each is downloaded.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        selection = self._bitween.torrents.get(hash).options.selection
        return encoding.files(await self._bitween.torrents.files(hash), selection)

    @reads
    def jsonrpc_get_peers(self, hash: InfoHash) -> shapes.Peers:
        """
        List the peers that are connected for a torrent, each with its contact if that is known,
        and otherwise with the contact that has introduced it.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        return {"peers": [encoding.peer(known) for known in self._bitween.peers.of(hash)]}

    async def jsonrpc_set_files(
        self,
        hash: InfoHash,
        wanted: list[int] | None = None,
        first: list[int] | None = None,
        sequential: bool | None = None,
    ) -> shapes.Files:
        """
        Choose which files of a download to fetch, and in which order.

        ``bt.get_files`` tells the indexes.  A parameter that is left out changes nothing.

        :param hash: the torrent's info-hash.
        :param wanted: the indexes of the files to fetch; all others are skipped.
        :param first: the indexes of the files to fetch before the others, in this order.
        :param sequential: fetch the pieces in order, to play or read the file during the download.
        :raises UnknownTorrent: if you have no torrent with this hash.
        :raises NoMetadata: if the list of files is not known yet.
        :raises BadPath: if another file exists where a file that was skipped would be written.
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
        Limit the rates of one torrent, or of all torrents together, and return the limits.

        Without ``upload`` and ``download``, the limits stay as they are.

        :param hash: the torrent's info-hash; all torrents together by default.
        :param upload: bytes/s; 0 for no limit.
        :param download: bytes/s; 0 for no limit.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        if hash is None:
            return encoding.limits(self._bitween.limits.set(upload, download))
        torrent = await self._bitween.torrents.limit(hash, upload, download)
        return encoding.rates(torrent.options.limits)

    async def jsonrpc_set_note(
        self, hash: InfoHash, note: str | None = None, tags: list[str] | None = None
    ) -> shapes.Annotation:
        """
        Set the note and the tags of a torrent, and return both.

        Contacts see them with the share, and find it by ``tag:NAME`` in a search.  A parameter that
        is left out changes nothing.

        :param hash: the torrent's info-hash.
        :param note: one line of up to 1,000 printable characters; an empty one removes it.
        :param tags: up to 16 tags of up to 32 printable characters without commas; they replace
            all tags of the torrent.
        :raises UnknownTorrent: if you have no torrent with this hash.
        :raises InvalidValue: if the note or a tag is not valid.
        """
        torrent = await self._bitween.torrents.annotate(hash, note, tags)
        return encoding.annotation(torrent.options.annotation)

    @reads
    def jsonrpc_export(self, hash: InfoHash) -> shapes.Exported:
        """
        Export a torrent for other programs, as a .torrent file and a magnet link.

        :param hash: the torrent's info-hash.
        :raises UnknownTorrent: if you have no torrent with this hash.
        """
        return encoding.exported(self._bitween.torrents.export(hash))


def _chosen(known: encoding.Fields, names: list[str]) -> encoding.Fields:
    """
    :raises InvalidValue: naming the first one that is unknown.
    """
    for name in names:
        if name not in known:
            raise InvalidValue.of(
                "invalid_value.unknown_name",
                parameter="fields",
                name=printable(name, 60),
                known=", ".join(known),
            )
    return {name: known[name] for name in names}
