"""``upload.``: folders that clients send to the daemon's machine, file by file."""

from __future__ import annotations

from typing import Annotated

from bitween.api.files.upload import check_content, share
from bitween.api.methods.access import Expires
from bitween.api.results.shapes import sharing as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace
from bitween.api.rpc.params import Between, Name
from bitween.app.application import Bitween
from bitween.files.uploads.uploads import Uploads

_Size = Annotated[int, Between(0, 2**53)]


class UploadMethods(Namespace):
    """``upload.``: begin and end an upload; the files come by ``PUT /upload/PATH?upload=ID``."""

    def __init__(self, application: Bitween, uploads: Uploads) -> None:
        super().__init__()
        self._bitween = application
        self._uploads = uploads

    def jsonrpc_begin(
        self,
        name: Name,
        size: _Size | None = None,
        folder: bool = True,
        confirm: bool = False,
    ) -> shapes.UploadBegun:
        """
        Begin an upload; send each file by ``PUT /upload/PATH?upload=ID``.

        :param name: the name of the folder or file.  Characters that cannot be shown are replaced,
            and a number is added if the name is in use.
        :param size: the size of all files in bytes, to check at once whether they fit on the disk.
        :param folder: whether to send a folder.  False for a single file; its PATH is ignored.
        :param confirm: accept a .torrent file too, which only describes content.
        :raises ConfirmationNeeded: if it is a .torrent file, and ``confirm`` is false.
        :raises NoRoom: if there is not enough disk space.
        :raises UploadFailed: if there are too many uploads.
        """
        if not folder and not confirm:
            check_content(name)
        return {"upload": self._uploads.begin(name, size, is_folder=folder).id}

    async def jsonrpc_finish(
        self,
        upload: Name,
        access: list[str] | None = None,
        expires: Expires | None = None,
        listed: bool = False,
        introductions: bool = True,
    ) -> shapes.Uploaded:
        """
        Move the uploaded files to the download directory, and share them.

        :param upload: the id from ``upload.begin``.
        :param access: who may see and fetch it, as in ``bt.add_path``; also for the next three.
        :raises InvalidValue: if an entry of ``access`` is invalid, or the end has passed.
        :raises UnknownUpload: if there is no such upload.
        :raises UploadFailed: if a file is incomplete, or cannot be written.  The upload is removed.
        """
        chosen = self._bitween.access.chosen(access, expires, listed, introductions)
        return await share(self._bitween, self._uploads, self._uploads.get(upload), chosen)

    def jsonrpc_cancel(self, upload: Name) -> Done:
        """
        Cancel an upload, and delete the files that were sent.

        :param upload: the id from ``upload.begin``.
        :raises UnknownUpload: if there is no such upload.
        :raises UploadFailed: if the upload has ended already; the error says why.
        """
        cancelled = self._uploads.get(upload)
        if cancelled.error is not None:
            raise cancelled.error
        cancelled.cancel()
        return True
