"""``upload.``: folders that are sent to the daemon's machine, one file after the other."""

from __future__ import annotations

from typing import Annotated

from bitween.api.files.upload import check_content, share
from bitween.api.results.shapes import sharing as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace
from bitween.api.rpc.params import Between, Name
from bitween.app.application import Bitween
from bitween.files.uploads.uploads import Uploads

_Size = Annotated[int, Between(0, 2**53)]


class UploadMethods(Namespace):
    """Begin and end an upload, whose files come by ``PUT /upload/PATH?upload=ID``."""

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
        Begin to send a folder; each file of it is sent by ``PUT /upload/PATH?upload=ID``.

        :param name: of the folder; made fit for any disk, and another one if it is taken.
        :param size: bytes of all files together, to be told at once if they have no room.
        :param folder: false for a single file; its path is not looked at.
        :param confirm: take also a .torrent file, which only describes some content.
        :raises ConfirmationNeeded: if it is one, and ``confirm`` is false.
        :raises NoRoom: if the disk has less room than that.
        :raises UploadFailed: if there are too many uploads.
        """
        if not folder and not confirm:
            check_content(name)
        return {"upload": self._uploads.begin(name, size, is_folder=folder).id}

    async def jsonrpc_finish(self, upload: Name) -> shapes.Uploaded:
        """
        Put what was sent into the download directory, and share it.

        :param upload: as ``upload.begin`` told it.
        :raises UnknownUpload: if there is no such upload.
        :raises UploadFailed: if some of it did not come or cannot be written; it is gone then.
        """
        return await share(self._bitween, self._uploads, self._uploads.get(upload))

    def jsonrpc_cancel(self, upload: Name) -> Done:
        """
        Give an upload up, and remove what was sent.

        :param upload: as ``upload.begin`` told it.
        :raises UnknownUpload: if there is no such upload.
        :raises UploadFailed: if it is at an end already, with the reason.
        """
        cancelled = self._uploads.get(upload)
        if cancelled.error is not None:
            raise cancelled.error
        cancelled.cancel()
        return True
